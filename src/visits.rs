//! Open visits and seen tags: flags and corrections.
