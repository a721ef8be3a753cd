//! Shipping: a sealed segment is folded into one batch, inserted under the segment's own token, then deleted. After a
//! crash at any point the same batch is sent again under the same token, and the database drops the duplicate. Nothing
//! here ever sees a hit.
//!
//! While the database is unreachable, segments older than a minute are folded on disk: waiting hours cost counters, and
//! no event stays on disk for more than a few minutes. Segments ship oldest first, and the next only after the previous
//! one is surely removed from the spool: the database remembers only the last ten thousand tokens. The one exception is
//! an unreadable segment: it stays, and later ones pass it.
//!
//! On a cluster whose nodes are reached one by one, each shard is a lane of its own: a batch is cut by shard, and while
//! one is away, the segment waits with its rows alone.

mod error;
mod fold;
mod lanes;
mod offer;
mod shipper;

pub use self::error::ShipError;
#[cfg(test)]
pub(crate) use self::fold::{fold, rows_of};
pub use self::shipper::{FlushRequest, PAUSES, Shipper};
