//! Checks of a site as visitors' browsers reach it: the page, its tag, its policy, the script, the proxy's address
//! header and a hit. Must never print an address, nor send the probe's key to an origin that the page does not name.

mod address;
mod finding;
mod hit;
mod markup;
mod page;
mod policy;
mod script;
mod visit;

pub(crate) use finding::DoctorFinding;
pub(crate) use visit::DoctorVisit;
