//! Certificates of servers that the program itself asks: the authorities that it knows, and the fault of a certificate
//! that it refuses. Must never quote a certificate: its names are the server's own text.

use std::error::Error;
use std::fmt;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

use crate::config;
use crate::http::tls::certificates;

/// Why a server's certificate is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFault {
    /// No known authority signed it.
    UnknownIssuer,
    /// It is an authority's own certificate, shown as a server's.
    Authority,
    /// Its last day is over.
    Expired,
    /// Its first day is to come.
    NotYetValid,
    /// It names other servers.
    OtherName,
    /// Its authority revoked it.
    Revoked,
    /// Any other fault.
    Invalid,
}

impl CertificateFault {
    /// The fault in an error or in any of its causes.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(found) = certificate_error(error) {
                return Some(Self::named(found));
            }
            cause = error.source();
        }
        None
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "the library may add faults")]
    fn named(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::OtherName,
            CertificateError::Revoked => Self::Revoked,
            // The library names this fault in no variant of its own.
            CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => Self::Authority,
            _ => Self::Invalid,
        }
    }

    /// Fault and remedy as a sentence.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::UnknownIssuer => {
                "the server's certificate is not signed by a known authority (self-signed, or of a private one); nothing \
                 was sent: install one of a public authority there, or name the authority's PEM file in SSL_CERT_FILE"
            }
            Self::Authority => {
                "the server's certificate is an authority's own (self-signed with CA:TRUE); nothing was sent: install one \
                 that the authority signed"
            }
            Self::Expired => "the server's certificate has expired; nothing was sent: renew it there",
            Self::NotYetValid => {
                "the server's certificate is not valid yet; nothing was sent: compare the clocks of both machines"
            }
            Self::OtherName => {
                "the server's certificate is for another name; nothing was sent: write the name that it is for, or renew \
                 it for this one"
            }
            Self::Revoked => "the server's certificate was revoked; nothing was sent: renew it there",
            Self::Invalid => "the server's certificate is not valid; nothing was sent: install a valid one there",
        }
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str(self.sentence())
    }
}

/// The fault of a certificate within one error. An `io::Error` skips its own content when it is asked for its source.
fn certificate_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e CertificateError> {
    if let Some(rustls::Error::InvalidCertificate(fault)) = error.downcast_ref() {
        return Some(fault);
    }
    certificate_error(error.downcast_ref::<std::io::Error>()?.get_ref()?)
}

/// The authorities that the program knows: the public ones, and those of the file that `SSL_CERT_FILE` names.
pub(crate) fn authorities() -> RootCertStore {
    let mut known = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(file) = config::authorities_file() {
        match certificates(&file) {
            Ok(private) => {
                let (added, ignored) = known.add_parsable_certificates(private);
                if added == 0 || ignored > 0 {
                    tracing::warn!(added, ignored, "http: SSL_CERT_FILE holds certificates that cannot be used");
                }
            }
            Err(error) => tracing::warn!(%error, "http: SSL_CERT_FILE not readable as PEM; public authorities alone"),
        }
    }
    known
}

/// A connector for `http` and `https` that knows `authorities`.
pub(crate) fn connector(authorities: RootCertStore) -> HttpsConnector<HttpConnector> {
    let config = ClientConfig::builder().with_root_certificates(authorities).with_no_client_auth();
    HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build()
}
