//! Errors of the spool: noun, state, remedy.

use std::io;

/// Reason why a spool or a segment cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process holds the folder's lock.
    #[error("spool folder in use by another process; stop that process, or set another spool.dir")]
    Locked,
    /// The file `node`, the spool's name, is malformed.
    #[error("spool file `node` malformed: expected 32 hexadecimal digits; restore the file")]
    Node,
    /// The segment was written by a newer release.
    #[error(
        "segment {number}: written by a newer release (format {version}); start that release once to drain the spool"
    )]
    Version {
        /// Number of the newer segment.
        number: u64,
        /// Format version of the segment.
        version: u16,
    },
    /// The segment belongs to another spool: its token would differ.
    #[error("segment {number}: belongs to the spool with node {node}; ship it there, or restore the file `node`")]
    Foreign {
        /// Number of the foreign segment.
        number: u64,
        /// Node name of its own spool.
        node: String,
    },
    /// The segment is not waiting to be shipped.
    #[error("segment {0}: not sealed, or unreadable")]
    Segment(u64),
    /// The batch is unreadable, and its events were already removed.
    #[error("batch {0}: damaged, its figures are lost; kept in quarantine for seven days")]
    Damaged(u64),
    /// A disk operation failed.
    #[error("spool disk: {0}")]
    Disk(#[from] io::Error),
}
