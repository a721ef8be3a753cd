//! URLs of pages: parsed, cleaned, cut down to what may be kept. Must never let a query name through that the site does
//! not keep.

mod fast;
pub mod page;
pub(crate) mod path;
pub(in crate::privacy) mod percent;
