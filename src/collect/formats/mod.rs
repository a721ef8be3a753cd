//! Wire formats: each turns a request into the hits it reports. Must never echo input in an error, nor read fields that
//! identify a visitor.

pub(crate) mod fathom;
pub(crate) mod foreign;
pub(crate) mod goatcounter;
pub(crate) mod goatcounter_api;
mod json_fields;
pub(crate) mod matomo;
pub mod native;
pub mod pixel;
pub(crate) mod umami;

/// Formats whose hits are in the query of an image request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImageFormat {
    Pixel,
    GoatCounter,
    Matomo,
    Fathom,
}

/// Formats of other tools whose hits are in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFormat {
    Umami,
    UmamiBatch,
    Matomo,
    GoatCounterApi,
}
