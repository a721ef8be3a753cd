//! The release of figures: each sum is rounded at random and published once, after its period. Exact sums wait in
//! tables that reading users cannot read until their period is over. Then each cell is drawn to tens once, and
//! published if enough visitors are in it. The remainder goes to the bucket of its week, then of its month, and is then
//! deleted.
//!
//! A release is drawn once into the staging table; from there it is published and its remainder handed on, each insert
//! under the release's own token. A crash at any point repeats the same numbers. Must never draw a sum twice, and never
//! keep the keys of a draw.
//!
//! Imports of whole days wait in no table: [`ImportRelease`] draws them in memory by the same rules and hashes.

pub mod calendar;
mod draw;
mod import_release;
mod imported;
mod late;
pub mod periods;
mod publication;
pub mod releaser;
mod rounds;
pub mod rules;
mod shard;
mod statements;
pub mod upgrade;

pub use draw::DrawKey;
pub use import_release::ImportRelease;
pub use periods::{ClosedPeriods, ReleaseKind, ReleaseName, ReleaseState};
pub use releaser::{Releaser, ReleaserOptions, StepCheck};
