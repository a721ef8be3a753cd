//! The visitor tag and its keys. Must never let a key or a tag leave memory.

pub mod day_key;
pub mod trial;
pub mod visitor_tag;
