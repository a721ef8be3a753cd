//! HTTP shared by both listeners. Must never see a hit.

pub(crate) mod asset;
