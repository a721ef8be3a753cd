//! Placeholders for what points at a person in a path.
