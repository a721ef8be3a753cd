//! Sillage: an anonymising web-analytics collector. Identity ends with the request; only counters go on.

pub mod app;
pub mod clock;
pub mod collect;
pub mod commands;
pub mod config;
pub mod console;
pub mod demo;
pub mod house;
pub mod import;
pub mod ledger;
pub mod native;
pub mod observe;
pub mod outcome;
pub mod privacy;
pub mod rollup;
pub mod ship;
pub mod simulate;
pub mod sites;
pub mod spool;
pub mod store;
pub mod visits;
