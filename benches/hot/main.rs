//! Instructions of the hot path, stage by stage.
fn main() {}
