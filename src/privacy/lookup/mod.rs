//! Coarse values looked up for a hit: place, agent, bot, language, screen class. Must never keep what they were looked
//! up from.

pub mod agent;
pub(crate) mod bot;
pub mod language;
pub mod place;
pub(crate) mod place_record;
pub mod screen;
