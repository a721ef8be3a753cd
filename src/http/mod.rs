//! HTTP shared by both listeners: their sockets, accept loop, idle limits, TLS and the PROXY header, and files. Must
//! never see a hit.

pub(crate) mod asset;
pub(crate) mod certificate;
pub(crate) mod client;
pub(crate) mod handshake;
pub(crate) mod idle;
pub mod listener;
pub(crate) mod pinned;
pub(crate) mod proxy_header;
pub(crate) mod serve;
pub(crate) mod stream;
pub(crate) mod tls;

/// `Content-Security-Policy` of our own pages: their own files, pictures written into them, nothing from elsewhere.
pub(crate) const OWN_FILES_ONLY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                                         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
