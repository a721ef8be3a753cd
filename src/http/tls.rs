//! TLS of a listener: certificate and key from PEM files, read again on SIGHUP; HTTP/2 where the client offers it. Must
//! never serve a certificate without its own key, nor print one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, ServerConfig};

use crate::config::{ConfigError, TlsConfig};

/// Protocols that a listener offers by ALPN, in order of preference.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The certificate that a listener shows, which may be replaced while it runs.
#[derive(Debug)]
pub(crate) struct ServerCertificate(ArcSwap<CertifiedKey>);

impl ServerCertificate {
    /// Reads the files of `section`'s `tls`; `None` where it has none.
    ///
    /// # Errors
    /// Names the key and the file that cannot be used.
    pub(crate) fn read(section: &str, tls: &TlsConfig) -> Result<Option<Arc<Self>>, ConfigError> {
        let certified = tls.is_set().then(|| certified_key(section, tls)).transpose()?;
        Ok(certified.map(|certified| Arc::new(Self(ArcSwap::new(certified)))))
    }

    /// Takes over the certificate of `fresh`; connections in progress keep the one that they began with.
    pub(crate) fn replace(&self, fresh: &Self) {
        self.0.store(fresh.0.load_full());
    }

    /// The acceptor of TLS connections.
    ///
    /// # Errors
    /// When the cryptography of this build offers no version of TLS.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// The cryptography of both listeners.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The certificates of a PEM file, the listener's own first.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    CertificateDer::pem_file_iter(file)?.collect()
}

fn certified_key(section: &str, tls: &TlsConfig) -> Result<Arc<CertifiedKey>, ConfigError> {
    let wrong = |name: &str, file: &PathBuf, why: String| ConfigError::Value {
        key: format!("{section}.tls.{name}"),
        why: format!("{}: {why}", file.display()),
    };
    let (certificate, key_file) = (&tls.certificate, &tls.key);
    let chain = certificates(certificate)
        .map_err(|error| wrong("certificate", certificate, reason(&error, "a certificate")))?;
    if chain.is_empty() {
        return Err(wrong("certificate", certificate, reason(&pem::Error::NoItemsFound, "a certificate")));
    }
    let key = PrivateKeyDer::from_pem_file(key_file)
        .map_err(|error| wrong("key", key_file, reason(&error, "a private key")))?;
    #[allow(clippy::wildcard_enum_match_arm, reason = "the library's errors grow; all others are of the key")]
    CertifiedKey::from_der(chain, key, &provider()).map(Arc::new).map_err(|error| match error {
        Error::InconsistentKeys(_) => {
            wrong("key", key_file, format!("not the key of the certificate in {}", certificate.display()))
        }
        Error::InvalidCertificate(_) => wrong("certificate", certificate, "not an X.509 certificate".into()),
        _ => {
            wrong("key", key_file, "not a key that TLS can sign with; use RSA, ECDSA (P-256, P-384) or Ed25519".into())
        }
    })
}

/// Why a PEM file cannot be used. Of a key file not a byte is quoted.
#[allow(clippy::wildcard_enum_match_arm, reason = "the library's errors grow; all others are of the form")]
fn reason(error: &pem::Error, wanted: &str) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => format!("holds no {}; write one in PEM", wanted.trim_start_matches("a ")),
        _ => format!("not PEM; write {wanted} that begins with -----BEGIN"),
    }
}
