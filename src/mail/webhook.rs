//! Alerts as JSON to a URL of the operator's. The URL may hold a secret: it is read from a file and stands in no error.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Uri};
use serde_json::Value;

use crate::http::client::{HttpClient, RequestError};
use crate::mail::smtp::{MailSetupError, secret};

/// Longest wait for the answer.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Why a webhook's server did not take an alert. Holds no part of the URL.
#[derive(Debug, thiserror::Error)]
pub(super) enum WebhookError {
    /// A request cannot be made to the URL.
    #[error("URL that cannot be asked; check the file of mail.alert.webhook_file")]
    Address,
    /// The number of an answer that is not a success.
    #[error("answered {0}; check the URL in the file of mail.alert.webhook_file")]
    Status(u16),
    /// No answer.
    #[error(transparent)]
    Unanswered(#[from] RequestError),
}

/// HTTPS client for webhooks; follows no redirect.
pub(super) struct WebhookSender(HttpClient);

impl WebhookSender {
    /// Knows the public authorities.
    pub(super) fn new() -> Self {
        Self(HttpClient::new())
    }

    /// Posts `content`. Redirects are not followed.
    ///
    /// # Errors
    /// See [`WebhookError`].
    pub(super) async fn post(&self, url: &Uri, content: &Value) -> Result<(), WebhookError> {
        let request = Request::post(url).header(CONTENT_TYPE, "application/json");
        let request = request.body(Full::new(Bytes::from(content.to_string()))).map_err(|_| WebhookError::Address)?;
        match self.0.stream(request, ANSWER_WAIT).await? {
            answer if answer.status().is_success() => Ok(()),
            answer => Err(WebhookError::Status(answer.status().as_u16())),
        }
    }
}

/// The URL in `file`.
///
/// # Errors
/// When it cannot be read, or holds no URL.
pub(super) fn url_in(file: &str) -> Result<Uri, MailSetupError> {
    let wrong = |_| MailSetupError::Value("mail.alert.webhook_file");
    let url: Uri = secret("mail.alert.webhook_file", file)?.parse().map_err(wrong)?;
    let known = matches!(url.scheme_str(), Some("https" | "http")) && url.host().is_some();
    if known { Ok(url) } else { Err(MailSetupError::Value("mail.alert.webhook_file")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::client::tests::server;

    #[tokio::test]
    async fn a_refused_certificate_is_named_and_the_alert_is_not_sent() {
        for (certificate, fault) in [
            ("client-self-signed.pem", "not signed by a known authority"),
            ("client-expired.pem", "has expired"),
            ("client-valid.pem", "name the authority's PEM file in SSL_CERT_FILE"),
        ] {
            let (address, arrived) = server(certificate).await;
            let url = format!("https://{address}/hook/secret").parse().unwrap();
            let error = WebhookSender::new().post(&url, &Value::Null).await.unwrap_err().to_string();
            assert!(error.contains(fault) && !error.contains("secret"), "{error}");
            assert_eq!(arrived.await.unwrap(), 0);
        }
    }

    #[tokio::test]
    async fn a_closed_port_is_told_as_such_and_not_as_status_zero() {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let url = format!("http://{closed}/hook/secret").parse().unwrap();
        let error = WebhookSender::new().post(&url, &Value::Null).await.unwrap_err().to_string();
        assert!(error.contains("refused") && !error.contains("secret"), "{error}");
    }
}
