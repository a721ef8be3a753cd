//! Lookups of coarse values: place, agent, bot, language, screen class. Must never store their inputs.

pub mod agent;
mod bot;
mod corrections;
mod device;
pub mod language;
pub(in crate::privacy) mod model;
pub mod place;
mod place_record;
pub mod robot;
pub mod screen;
pub(in crate::privacy) mod spam;
mod words;

#[cfg(test)]
mod families_tests;
