//! The public listener: accept, limits, routing, drain. Has no way to read any figure.

pub(crate) mod asset;
pub mod demo;
pub mod tracker;
