//! Why a spool cannot be used: noun, state, remedy.

use std::io;

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process holds the folder.
    #[error("the spool's folder is in use by another process; stop it, or give this one a folder of its own")]
    Locked,
    /// The folder's name is damaged.
    #[error("the spool's file `node` does not hold 32 hexadecimal digits; put back what it held")]
    Node,
    /// Written by a later release.
    #[error("segment {number} has format {version}, which a later release wrote; start that one to empty the spool")]
    Version {
        /// Number of the segment.
        number: u64,
        /// Its format.
        version: u16,
    },
    /// From another folder: its token would not be this one's.
    #[error(
        "segment {number} belongs to the spool whose file `node` holds {node}; ship it there, or put back that file"
    )]
    Foreign {
        /// Number of the segment.
        number: u64,
        /// Its node.
        node: String,
    },
    /// Not a segment that waits to be shipped.
    #[error("segment {0} is not sealed, or cannot be read as one")]
    Segment(u64),
    /// A batch alone, without the events that it was made of.
    #[error("batch {0} is damaged, and its figures are lost; it is kept in quarantine for a week")]
    Damaged(u64),
    /// The disk refuses.
    #[error("the spool's disk: {0}")]
    Disk(#[from] io::Error),
}
