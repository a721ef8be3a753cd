//! The program's own requests to addresses that its operator names. Bounded in time and bytes; follows no redirect.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Why a request got no whole answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// Nothing answered within the time.
    #[error("no answer within {} s", .0.as_secs())]
    Late(Duration),
    /// The connection failed.
    #[error("{0}")]
    Connection(String),
    /// The answer is larger than its bound.
    #[error("answer larger than {0} bytes")]
    TooLarge(usize),
}

/// A whole answer.
pub(crate) struct WholeAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A client for `http` and `https`; it knows the public authorities.
#[derive(Clone)]
pub(crate) struct HttpClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl HttpClient {
    pub(crate) fn new() -> Self {
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        Self(Client::builder(TokioExecutor::new()).build(connector))
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
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    RequestError::Connection(cause.to_string())
}
