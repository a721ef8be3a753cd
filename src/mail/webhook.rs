//! Alerts as JSON to a URL of the operator's. The URL may hold a secret: it is read from a file and stands in no error.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Uri};
use serde_json::Value;

use crate::http::client::HttpClient;
use crate::mail::smtp::{MailSetupError, secret};

/// Longest wait for the answer.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// HTTPS client for webhooks; follows no redirect.
pub(super) struct WebhookSender(HttpClient);

impl WebhookSender {
    /// Knows the public authorities.
    pub(super) fn new() -> Self {
        Self(HttpClient::new())
    }

    /// Posts `content`; the number of an answer that is not a success, 0 without an answer. Redirects are not followed.
    pub(super) async fn post(&self, url: &Uri, content: &Value) -> Result<(), u16> {
        let request = Request::post(url).header(CONTENT_TYPE, "application/json");
        let request = request.body(Full::new(Bytes::from(content.to_string()))).map_err(|_| 0_u16)?;
        match self.0.stream(request, ANSWER_WAIT).await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(answer.status().as_u16()),
            Err(_) => Err(0),
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
