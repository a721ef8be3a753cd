//! Why a spool cannot be used: noun, state, remedy.

use std::io;

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process holds the folder.
    #[error("spool folder in use by another process; stop that process, or set another spool.dir")]
    Locked,
    /// The folder's name is damaged.
    #[error("spool file `node` malformed: expected 32 hexadecimal digits; restore the file")]
    Node,
    /// Written by a later release.
    #[error(
        "segment {number}: written by a newer release (format {version}); start that release once to drain the spool"
    )]
    Version {
        /// Number of the segment.
        number: u64,
        /// Its format.
        version: u16,
    },
    /// From another folder: its token would not be this one's.
    #[error("segment {number}: belongs to the spool with node {node}; ship it there, or restore the file `node`")]
    Foreign {
        /// Number of the segment.
        number: u64,
        /// Its node.
        node: String,
    },
    /// Not a segment that waits to be shipped.
    #[error("segment {0}: not sealed, or unreadable")]
    Segment(u64),
    /// A batch alone, without the events that it was made of.
    #[error("batch {0}: damaged, its figures are lost; kept in quarantine for seven days")]
    Damaged(u64),
    /// The disk refuses.
    #[error("spool disk: {0}")]
    Disk(#[from] io::Error),
}
