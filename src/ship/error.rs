//! Reasons why a flush stopped. Must never hold a text of the database or of a visitor.

use crate::spool::SpoolError;
use crate::store::StoreError;

/// Reason why a flush stopped before the spool was empty. The segments stay in the spool.
#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    /// A segment cannot be read or sealed.
    #[error("the spool: {0}")]
    Spool(#[from] SpoolError),
    /// The database rejected or interrupted an insert.
    #[error("the database: {0}")]
    Store(#[from] StoreError),
}
