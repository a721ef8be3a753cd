//! Everything that enters through a real listener.

fn main() {}
