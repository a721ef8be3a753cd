//! The database: rows, batches, and what may go wrong with them. One way to talk to it: HTTP, with the official client.

pub mod report;
pub mod reports;
pub mod rows;
