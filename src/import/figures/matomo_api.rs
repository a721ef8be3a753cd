//! Asks Matomo's Reporting API for a site's figures, method by method and month by month. The token goes in the body of
//! a request and must never stand in an address, an error, a log or the database.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::{Request, StatusCode, Uri};
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::http::client::{HttpClient, RequestError, token_address};
use crate::import::figures::archive::ExportPart;
use crate::import::figures::cells::FigureSet;
use crate::import::figures::job::FigureError;
use crate::import::figures::matomo::{self, METHODS};

/// Most requests for one answer.
const ATTEMPTS_MAX: u32 = 6;
/// Pause before the second request of an answer; each further one is twice as long.
pub const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// Longest pause that an answer's `Retry-After` may ask for.
const PAUSE_MAX: Duration = Duration::from_secs(120);
/// Longest wait for an answer: Matomo may have to process a month first.
const ANSWER_WAIT: Duration = Duration::from_secs(180);
/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A Matomo server, and the days to ask it for. Derives no `Debug`: it holds a secret.
pub struct MatomoSource {
    /// Address of its `index.php`.
    address: Uri,
    token: Zeroizing<String>,
    /// Number of the site in Matomo.
    id_site: u32,
    first: Date,
    last: Date,
    first_pause: Duration,
}

/// A month, or the part of it that is asked for: its first and last day.
pub(super) type MonthSpan = (Date, Date);

/// Why one request brought nothing.
enum AskFailure {
    /// It may succeed later; with the pause that the server asked for.
    Retryable(String, Option<Duration>),
    Final(String),
}

impl MatomoSource {
    /// The site `id_site` of the Matomo at `address`, from `days.0` to `days.1`.
    ///
    /// # Errors
    /// For an address that is not HTTPS (or HTTP on this machine), an empty token, or days in the wrong order.
    pub fn new(
        address: &str,
        token: Zeroizing<String>,
        id_site: u32,
        days: MonthSpan,
        first_pause: Duration,
    ) -> Result<Self, FigureError> {
        let wrong = |what: &str| FigureError::Api(what.to_owned());
        let whole = match address.split('?').next().unwrap_or_default() {
            named if named.ends_with(".php") => named.to_owned(),
            folder => format!("{}/index.php", folder.trim_end_matches('/')),
        };
        let address = token_address(&whole).map_err(|error| FigureError::Api(format!("--from-url: {error}")))?;
        if token.is_empty() {
            return Err(wrong("the token is empty"));
        }
        if days.0 > days.1 {
            return Err(wrong("--from is after --to"));
        }
        Ok(Self { address, token, id_site, first: days.0, last: days.1, first_pause })
    }

    /// Hash of what is asked for, hexadecimal: an interrupted import goes on under it.
    pub(super) fn hash(&self) -> String {
        let asked = format!("matomo {} {} {} {}", self.address, self.id_site, self.first, self.last);
        blake3::hash(asked.as_bytes()).to_hex().to_string()
    }

    /// The months to ask for, the first and the last as far as they are wanted.
    pub(super) fn months(&self) -> Vec<MonthSpan> {
        let mut months = Vec::new();
        let mut first = self.first;
        while first <= self.last {
            months.push((first, first.last_of_month().min(self.last)));
            first = first.last_of_month().saturating_add(1.day());
        }
        months
    }

    /// The last day to ask for.
    pub(super) fn last(&self) -> Date {
        self.last
    }
}

/// Asks one Matomo.
pub(super) struct MatomoClient<'s> {
    source: &'s MatomoSource,
    client: HttpClient,
}

impl<'s> MatomoClient<'s> {
    /// A client that checks certificates against the public authorities.
    pub(super) fn new(source: &'s MatomoSource) -> Self {
        Self { source, client: HttpClient::new() }
    }

    /// Adds the figures of a month to `set`.
    ///
    /// # Errors
    /// [`FigureError::Api`] when Matomo refuses, or does not answer after some attempts.
    pub(super) async fn read_month(&self, month: MonthSpan, set: &mut FigureSet) -> Result<(), FigureError> {
        for method in METHODS {
            let bytes = self.ask(method, month).await?;
            let part = ExportPart { name: method.to_owned(), bytes: bytes.to_vec() };
            match serde_json::from_slice(&part.bytes) {
                Ok(Value::Array(days)) if days.is_empty() => {}
                Ok(Value::Object(_)) if matomo::is_days(&part) => matomo::read(&part, method, set)?,
                // A report of a plugin that is switched off, or a right that the token lacks.
                Ok(Value::Object(answer)) if answer.get("result").and_then(Value::as_str) == Some("error") => {
                    if method == METHODS[0] {
                        return Err(FigureError::Api(
                            "refuses: the token has no right to view this site, or there is no such site".into(),
                        ));
                    }
                    set.leave(&format!("{method}: Matomo refuses this report"));
                }
                Ok(_) | Err(_) => return Err(FigureError::Api(format!("{method}: the answer is not a report"))),
            }
        }
        Ok(())
    }

    async fn ask(&self, method: &str, month: MonthSpan) -> Result<Bytes, FigureError> {
        let mut pause = self.source.first_pause;
        for attempt in 1.. {
            let (why, wanted) = match self.ask_once(method, month).await {
                Ok(answer) => return Ok(answer),
                Err(AskFailure::Final(why)) => return Err(FigureError::Api(format!("{method}: {why}"))),
                Err(AskFailure::Retryable(why, wanted)) => (why, wanted),
            };
            if attempt >= ATTEMPTS_MAX {
                return Err(FigureError::Api(format!("{method}: {why}; run the same import again to go on")));
            }
            tracing::warn!(method, attempt, "import: request to be repeated");
            tokio::time::sleep(wanted.map_or(pause, |wanted| wanted.min(PAUSE_MAX))).await;
            pause *= 2;
        }
        Err(FigureError::Api(format!("{method}: no answer")))
    }

    async fn ask_once(&self, method: &str, (first, last): MonthSpan) -> Result<Bytes, AskFailure> {
        let body = Zeroizing::new(
            url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("module", "API"), ("method", method), ("period", "day"), ("format", "JSON")])
                .extend_pairs([("flat", "1"), ("filter_limit", "-1"), ("language", "en")])
                .append_pair("idSite", &self.source.id_site.to_string())
                .append_pair("date", &format!("{first},{last}"))
                .append_pair("token_auth", &self.source.token)
                .finish(),
        );
        let request = Request::post(&self.source.address).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes())));
        let request = request.map_err(|_| AskFailure::Final("the address cannot be asked".into()))?;
        let answer = self.client.ask(request, ANSWER_WAIT, ANSWER_BYTES_MAX).await;
        let answer = answer.map_err(|error| match error {
            RequestError::TooLarge(_) | RequestError::Certificate(_) => AskFailure::Final(error.to_string()),
            RequestError::Late(_) | RequestError::Connection(_) => AskFailure::Retryable(error.to_string(), None),
        })?;
        let status = answer.status;
        let wanted = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            let why = format!("HTTP {}", status.as_u16());
            return Err(AskFailure::Retryable(why, wanted.map(Duration::from_secs)));
        }
        if !status.is_success() {
            let hint = if status.is_redirection() { "; name the address that it redirects to" } else { "" };
            return Err(AskFailure::Final(format!("HTTP {}{hint}", status.as_u16())));
        }
        Ok(answer.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str) -> Result<MatomoSource, FigureError> {
        let days = ("2026-01-15".parse().unwrap(), "2026-03-02".parse().unwrap());
        MatomoSource::new(address, Zeroizing::new("secret".into()), 1, days, FIRST_PAUSE)
    }

    #[test]
    fn a_token_travels_over_tls_or_on_this_machine_alone() {
        for address in ["https://stats.example", "https://stats.example/m/index.php?module=API", "http://127.0.0.1:80/"]
        {
            let source = source(address).map_err(|error| error.to_string()).unwrap();
            assert!(source.address.path().ends_with("/index.php"), "{}", source.address);
        }
        for address in ["http://stats.example", "stats.example", "ftp://stats.example", "https://"] {
            let error = source(address).err().unwrap().to_string();
            assert!(!error.contains("secret") && error.contains("--from-url"), "{error}");
        }
    }

    #[test]
    fn days_are_asked_for_by_month() {
        let source = source("https://stats.example").map_err(|error| error.to_string()).unwrap();
        let months: Vec<String> = source.months().iter().map(|(first, last)| format!("{first} {last}")).collect();
        assert_eq!(months, ["2026-01-15 2026-01-31", "2026-02-01 2026-02-28", "2026-03-01 2026-03-02"]);
    }
}
