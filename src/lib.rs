//! Sillage is an anonymising web-analytics collector: identity ends with the request, only counters go on. The name is
//! French for the wake that passing leaves behind; the wake, never the swimmer.
//!
//! # The flow
//! A request comes to [`collect`], which reads it, within limits, as a [`Hit`](privacy::hit::Hit): address, agent and
//! URL, in memory alone. [`privacy`] is the only way on. It drops what must not be counted, takes page and coarse
//! values from what is left, makes the visitor's tag under a key that is random, per site and day, and lets address and
//! agent go: a [`Sighting`](privacy::Sighting). [`visits`] compares the tag with the tags of the day and of the visits
//! in progress, all in memory, and says what changes: an [`Event`](event::Event), which holds no identity. The
//! [`ledger`] appends it to the [`spool`] under the same lock, so that the spool's order is the order in which visits
//! moved; a note in a journal, in a folder in memory, lets a restart know what memory knew. When a sync of the disk has
//! it, the [`Receipt`](spool::Receipt) resolves, and only then the sender is told `202`. That is the first hand-off.
//!
//! Beside this, at every flush, [`ship`] seals the segment that was written to, [`rollup`] folds its events into
//! counter rows, the same rows whenever it is done, and [`store`] inserts them into ClickHouse with the segment's
//! token, which makes a second insert of the same batch void. Then the segment is deleted. That is the second hand-off.
//!
//! The [`console`] reads figures through views that round inside the database, and never sees a hit. [`import`] sends
//! lines of logs the same way as hits, in the order of their times, with keys and visits of its own, and folds without
//! the spool; [`simulate`] makes such lines, with known truth; [`audit`] looks whether the rules are held. [`notice`]
//! tells people what is measured, from the rules and the running configuration. [`house`] forgets what is past, every
//! second. [`app`] starts and stops all of it, in order.
//!
//! # Words
//! - **hit**: what arrived, raw. Lives for the length of one request; cannot be printed, cloned or written out.
//! - **visitor tag**: a keyed hash of address, agent and site: "the same as before", within one site and day.
//! - **sighting**: a hit whose identity is down to its tag. Never leaves memory.
//! - **event**: what a hit changes, with the identity gone. May be written anywhere.
//! - **visit**: hits of one tag with no gap over 30 minutes.
//! - **outcome**: what became of a hit; every hit ends in exactly one.
//! - **receipt**: the promise that an event will be durable; it resolves to a proof, without which nobody is told
//!   `202`.
//! - **segment**: the events between two flushes, one file of the spool.
//! - **batch**: the counter rows of a segment, with its token.
//! - **counter row**: sums under a key of site, day or hour, page, and at most one dimension.
//! - **report**: a rounded answer of the database's views; the only figures that leave.
//! - **flag, correction**: 0/1 and signed numbers by which events add up to visitors, visits, bounces and exits.
//!
//! # Modules
//! Declared below in the order of their dependencies: a group needs those above it and its own neighbours, and no group
//! below; only [`sites`] borrows the words for day and hour from [`privacy`]. `ARCHITECTURE.md` says more.

// What everything leans on.
pub mod clock;
pub mod config;
pub mod event;
pub mod ffi;
mod hex;
mod lock;
mod mix;
pub mod outcome;
mod priority;
mod runtime_dir;
pub mod sites;

// Where identity ends, and what is counted of it in memory.
pub mod privacy;
pub mod visits;

// Where events become durable, in the order in which visits moved.
pub mod ledger;
pub mod spool;

// What the process says about itself.
pub mod observe;

// From events to figures in the database, and back.
pub mod rollup;
pub mod ship;
pub mod store;

// What comes in, what goes out.
pub mod collect;
pub mod console;
pub(crate) mod http;
pub mod import;
pub mod simulate;

// What keeps all of it in order, and shows that it is.
pub mod app;
pub mod backup;
pub mod commands;
pub mod compliance;
pub mod demo;
pub mod housekeeping;
pub mod sizing;
pub mod slot;
