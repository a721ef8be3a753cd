//! Rows of an import's parts, made while the database takes the part before. Must keep the order of the parts.

use tokio::sync::mpsc::{Receiver, Sender};

use crate::config::Protection;
use crate::import::count::ImportPart;
use crate::rollup::counters::Batch;
use crate::rollup::levels::LevelRows;

/// A part that only has to be written.
pub(super) struct ReadyPart {
    /// Number within its import.
    pub(super) number: u64,
    pub(super) rows: ReadyRows,
}

/// Rows of the waiting tables, or with their token those of the published ones.
pub(super) enum ReadyRows {
    Waiting(Batch),
    Published(String, LevelRows),
}

impl ReadyPart {
    /// Makes the rows of each part until there are no more, or nothing takes them.
    pub(super) fn make_ahead(mut parts: Receiver<ImportPart>, protection: Protection, to_store: &Sender<Self>) {
        while let Some(ImportPart { number, batch, .. }) = parts.blocking_recv() {
            let rows = match protection {
                Protection::Tens => ReadyRows::Waiting(batch),
                Protection::Exact => {
                    let rows = LevelRows::of(&batch);
                    ReadyRows::Published(batch.token, rows)
                }
            };
            if to_store.blocking_send(Self { number, rows }).is_err() {
                return;
            }
        }
    }
}
