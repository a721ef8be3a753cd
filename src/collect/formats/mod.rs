//! Wire formats of hits: each turns a request into the hits it reports. Must never echo input in an error, nor read what says
//! who somebody is.

pub(crate) mod fathom;
pub(crate) mod foreign;
pub(crate) mod goatcounter;
pub(crate) mod matomo;
pub mod native;
pub mod pixel;
pub(crate) mod umami;
