//! The privacy rules as code: one table of rules, the audit that checks them, and the notices written from them.
//! Must never see a hit or a figure.

pub mod audit;
pub mod bilingual;
pub(crate) mod deviations;
pub mod facts;
pub mod notice;
pub mod rules;
