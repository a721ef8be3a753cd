//! Where identity dies.

pub mod agent;
pub mod event;
pub mod hit;
pub mod page;
pub mod place;
