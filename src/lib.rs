//! Sillage is a privacy-first web analytics collector: it keeps counters, never data about individual visitors. The
//! name is French for the wake of a ship.
//!
//! # The flow
//! [`collect`] reads a request, within limits, as a [`Hit`](privacy::hit::Hit): address, agent and URL, in memory only.
//! [`privacy`] drops hits that must not be counted. For the others it derives page and coarse values, computes the
//! visitor's tag under a random key of the site and day, and drops address and agent; the result is a
//! [`Sighting`](privacy::Sighting). [`visits`] compares the tag with the tags of the day and of the visits in progress,
//! all in memory, and returns an [`Event`](event::Event), which holds no identity. The [`ledger`] appends it to the
//! [`spool`] under the same lock, so that the spool's order is the order of visit changes; an entry in a journal, in a
//! folder in memory, lets a restart recover the state of memory. After the sync the [`Receipt`](spool::Receipt)
//! resolves, and only then the sender gets `202`. That is the first hand-off.
//!
//! At every flush, [`ship`] seals the open segment, [`rollup`] folds its events into counter rows (deterministically),
//! and [`store`] inserts them into ClickHouse under the segment's token, so that a second insert of the same batch has
//! no effect. Then the segment is deleted. That is the second hand-off.
//!
//! The [`console`] reads published figures and never sees a hit. [`import`] sends log lines the same way as hits,
//! ordered by time, with keys and visits of its own, and folds without the spool; [`simulate`] generates such lines,
//! with known totals. [`compliance`] holds the privacy rules, writes the notices from them and the running
//! configuration, and audits a running set-up. [`housekeeping`] drops expired state every second. [`app`] starts and
//! stops all components in order; [`commands`] is the command line.
//!
//! # Glossary
//!
//! | ours | meaning | elsewhere |
//! |---|---|---|
//! | hit | a request as it arrived, raw; lives for the length of one request; cannot be printed, cloned or written | raw event |
//! | visitor tag | a keyed hash of address, agent and site: "the same as before", within one site and day | daily visitor hash, user id |
//! | sighting | a hit whose identity is reduced to its tag; never leaves memory | pseudonymised event |
//! | event | the change that a hit makes, without identity; may be written anywhere | delta, change record |
//! | visit | hits of one tag with no gap over 30 minutes | session |
//! | outcome | the fate of a hit; every hit ends in exactly one | status, drop reason |
//! | receipt | a future that resolves to the proof that its event is on disk | commit future, ack |
//! | segment | the events between two flushes, one file of the spool | log segment, WAL file |
//! | batch | the counter rows of a segment, with its token | insert block with idempotency key |
//! | counter row | sums under a key of site, day or hour, page, and at most one dimension | aggregate, rollup row |
//! | fold | from a segment's events to counter rows | aggregate, roll up |
//! | ship | insert a batch and delete its segment | flush to the store |
//! | journal | snapshot and entries, in memory, from which a restart restores visits | state snapshot with a change log |
//! | report | an answer made of published figures; the only figures that leave | query result |
//! | flag, correction | 0/1 and signed numbers by which events add up to visitors, visits, bounces and exits | increment, retraction |
//! | deviation | a setting that leaves a rule | non-conformity |
//!
//! # Modules
//! Declared below in the order of their dependencies; files import each other in one direction only (checked by
//! `tests/structure`). See `ARCHITECTURE.md`.

// Ground floor: modules that all others depend on.
pub mod clock;
pub mod config;
pub mod event;
pub mod ffi;
pub mod health;
mod hex;
mod lock;
mod mix;
pub mod outcome;
mod priority;
pub mod runtime_dir;
pub mod sites;
mod system_calls;

// The end of identity, and visit counting in memory.
pub mod privacy;
pub mod visits;

// Durable events, in the order of visit changes.
pub mod hit_tally;
pub mod ledger;
pub mod spool;

// Logs and metrics.
pub mod observe;

// Counter rows, the database and published figures.
pub mod release;
pub mod rollup;
pub mod ship;
pub mod store;

// Inputs and outputs.
pub mod collect;
pub mod console;
pub mod http;
pub mod import;
pub mod localized;
pub mod mail;
pub mod simulate;

// Start, maintenance, commands and compliance.
pub mod app;
pub mod backup;
pub mod commands;
pub mod compliance;
pub mod demo;
mod doctor;
pub mod housekeeping;
pub mod listeners;
mod open_files;
mod service_manager;
pub mod sizing;
pub mod slot;
pub mod top;
