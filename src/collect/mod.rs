//! The public listener: accept, limits, routing, drain. Has no way to read any figure.
