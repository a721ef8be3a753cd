//! The program's own requests to addresses that its operator names. Bounded in time and bytes; follows no redirect. A
//! token must never travel in clear, nor to a server without a valid certificate.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::{HeaderMap, Request, Response, StatusCode, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio_rustls::rustls::RootCertStore;

use crate::http::certificate::{self, CertificateFault};

/// Why a request got no whole answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// Nothing answered within the time.
    #[error("no answer within {} s", .0.as_secs())]
    Late(Duration),
    /// The connection failed.
    #[error("{0}")]
    Connection(String),
    /// The server's certificate is not valid: the request was not sent.
    #[error("{0}")]
    Certificate(CertificateFault),
    /// The answer is larger than its bound.
    #[error("answer larger than {0} bytes")]
    TooLarge(usize),
}

/// Why a token is not sent to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenAddressError {
    /// The text is not an address with a scheme and a host.
    #[error("not an address; write one such as https://stats.example")]
    Malformed,
    /// Plain HTTP to another machine.
    #[error(
        "the token would travel in clear; write https://, or http:// of this machine alone (127.0.0.1, [::1], localhost), \
         such as the near end of an SSH tunnel"
    )]
    InClear,
}

/// The address that is written, if a token may be sent there: by HTTPS, or by HTTP to this machine.
///
/// # Errors
/// See [`TokenAddressError`] for the causes.
pub(crate) fn token_address(written: &str) -> Result<Uri, TokenAddressError> {
    let address: Uri = written.parse().map_err(|_| TokenAddressError::Malformed)?;
    let host = address.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match address.scheme_str() {
        Some("https" | "http") if host.is_empty() => Err(TokenAddressError::Malformed),
        Some("https") => Ok(address),
        Some("http") if is_local => Ok(address),
        Some("http") => Err(TokenAddressError::InClear),
        _ => Err(TokenAddressError::Malformed),
    }
}

/// A whole answer.
pub(crate) struct WholeAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A client for `http` and `https`; it knows the public authorities, and those of `SSL_CERT_FILE`.
#[derive(Clone)]
pub(crate) struct HttpClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl HttpClient {
    pub(crate) fn new() -> Self {
        Self::trusting(certificate::authorities())
    }

    /// The same, which knows these authorities in place of the public ones.
    fn trusting(authorities: RootCertStore) -> Self {
        Self(Client::builder(TokioExecutor::new()).build(certificate::connector(authorities)))
    }

    /// Sends `request` and reads at most `bytes_max` of its answer within `wait`.
    ///
    /// # Errors
    /// See [`RequestError`] for the causes.
    pub(crate) async fn ask(
        &self,
        request: Request<Full<Bytes>>,
        wait: Duration,
        bytes_max: usize,
    ) -> Result<WholeAnswer, RequestError> {
        let answered = async {
            let (head, body) = self.0.request(request).await.map_err(connection)?.into_parts();
            let body = Limited::new(body, bytes_max).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    RequestError::TooLarge(bytes_max)
                } else {
                    RequestError::Connection(error.to_string())
                }
            })?;
            Ok(WholeAnswer { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(wait, answered).await.unwrap_or(Err(RequestError::Late(wait)))
    }

    /// Sends `request`; the caller reads the body. The head must arrive within `wait`.
    ///
    /// # Errors
    /// See [`RequestError`] for the causes.
    pub(crate) async fn stream(
        &self,
        request: Request<Full<Bytes>>,
        wait: Duration,
    ) -> Result<Response<Incoming>, RequestError> {
        let answer = tokio::time::timeout(wait, self.0.request(request)).await;
        answer.map_err(|_| RequestError::Late(wait))?.map_err(connection)
    }
}

/// The innermost cause: the layers above it only say that the request failed.
fn connection(error: hyper_util::client::legacy::Error) -> RequestError {
    if let Some(fault) = CertificateFault::of(&error) {
        return RequestError::Certificate(fault);
    }
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    RequestError::Connection(cause.to_string())
}

#[cfg(test)]
#[path = "client_tests.rs"]
pub(crate) mod tests;
