//! `POST /api/v2/query`: a question in the shape of Plausible's Stats API v2, read strictly. What is misspelt, not
//! measured or never stored together is refused with a sentence that says so; nothing is quietly left out.

mod answer;
mod compare;
mod countries;
mod dates;
mod dictionary;
pub mod export;
mod fields;
mod filters;
mod plan;
mod question;
mod stats;
mod vocabulary;

pub use self::answer::StorageProfile;
pub(super) use self::answer::{QueryError, answer, days};
pub(super) use self::question::{QueryDraft, QuestionError};
pub(super) use self::stats::{StatsContext, StatsParameters, aggregate, breakdown, timeseries};
