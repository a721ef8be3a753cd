//! Wire formats of hits: each turns a request into the hits it reports. Must never echo input in an error.

pub mod native;
pub mod pixel;
