//! The release: what is kept is what may be seen. Exact sums wait, unreadable for every reading user, until their
//! period is over; then each cell is drawn to tens once and published if enough people are in it. What is left goes to
//! the bucket of its week, then of its month, then is forgotten.
//!
//! A release is drawn once into the staging table; from there it is published and handed on, each insert with the
//! release's own token. A crash anywhere repeats the same numbers. Must never draw a sum twice, and never keep the keys
//! of a draw.

pub mod calendar;
pub mod late;
pub mod periods;
pub mod releaser;
pub mod rules;
mod statements;
pub mod upgrade;

pub use periods::{ClosedPeriods, ReleaseKind, ReleaseName, ReleaseState};
pub use releaser::{Releaser, ReleaserOptions, StepCheck};
