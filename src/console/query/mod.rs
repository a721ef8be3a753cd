//! `POST /api/v2/query`: a query in the format of Plausible's Stats API v2, read strictly. Misspelt, unmeasured and
//! never combined names are rejected with a sentence; nothing is silently left out.

mod answer;
mod compare;
mod countries;
mod dates;
mod dictionary;
pub mod export;
mod fields;
mod filters;
mod parsed;
mod plan;
mod stats;
mod vocabulary;

pub use self::answer::StorageProfile;
pub(super) use self::answer::{QueryError, answer, days};
pub(super) use self::parsed::QueryDraft;
pub(super) use self::stats::{StatsContext, StatsParameters, aggregate, breakdown, timeseries};
pub(super) use self::vocabulary::QueryRefusal;
