//! Where identity dies.

pub mod agent;
mod bot;
pub mod event;
pub mod hit;
pub mod language;
pub mod page;
mod percent;
pub mod place;
mod redact;
pub mod screen;
