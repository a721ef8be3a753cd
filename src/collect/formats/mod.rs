//! Wire formats of hits: each turns a request into the hits it reports. Must never echo input in an error, nor read
//! what says who somebody is.

pub(crate) mod fathom;
pub(crate) mod foreign;
pub(crate) mod goatcounter;
pub(crate) mod goatcounter_api;
mod json_fields;
pub(crate) mod matomo;
pub mod native;
pub mod pixel;
pub(crate) mod umami;

/// Formats whose hits stand in the query of a request for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImageFormat {
    Pixel,
    GoatCounter,
    Matomo,
    Fathom,
}

/// Formats of other tools whose hits stand in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFormat {
    Umami,
    UmamiBatch,
    Matomo,
    GoatCounterApi,
}
