//! The visitor tag and the keys it is made with. Must never let a key or a tag leave memory.

pub mod day_key;
pub mod trial;
pub mod visitor_tag;
