//! The database: rows, batches and errors. All access is by HTTP, with the official client.
//!
//! [`Engine`] runs our own ClickHouse as a supervised child; [`Endpoint`] is the address of ours or a remote one;
//! [`Store`] is its client; [`migrate`] brings its tables to the schema in `schema/`, which [`expected_schema`] parses;
//! [`reports`] reads back the [`published`] tables, [`export`] as files. Nothing here ever sees a hit.

pub mod annotations;
pub mod answer_cache;
mod block;
pub mod client;
mod cluster_settings;
mod connector;
pub mod dump;
pub mod engine;
pub mod error;
pub mod expected_schema;
pub mod export;
pub mod failover;
pub mod former;
mod insertion;
pub mod last_release;
pub mod migrate;
mod nodes;
pub mod published;
pub mod query;
pub mod readers;
pub mod report;
pub mod reports;
pub mod scope;
pub mod shards;
mod statement;
mod table_form;
pub mod uncounted;

pub use crate::rollup::counters::Batch;
pub use crate::store::client::{Endpoint, Login, Store};
pub use crate::store::error::{ServerError, StoreError};
pub use crate::store::query::SqlQuery;
pub use engine::{Engine, EngineError};
