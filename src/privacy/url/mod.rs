//! URLs of pages: parsed, cleaned, reduced to the parts that may be kept. Must never keep a query parameter that the
//! site does not name.

mod fast;
pub mod page;
pub(crate) mod path;
pub(in crate::privacy) mod percent;
