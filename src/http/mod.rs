//! HTTP shared by both listeners. Must never see a hit.

pub(crate) mod asset;

/// `Content-Security-Policy` of our own pages: their own files, pictures written into them, nothing from elsewhere.
pub(crate) const OWN_FILES_ONLY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                                         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
