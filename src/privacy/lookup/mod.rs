//! Coarse values looked up for a hit: place, agent, bot, language, screen class. Must never keep what they were looked
//! up from.

pub mod agent;
mod bot;
mod corrections;
pub mod language;
pub mod place;
mod place_record;
pub mod robot;
pub mod screen;
pub(in crate::privacy) mod spam;
