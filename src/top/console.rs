//! Asks the console: the token's sites once, then one view per refresh. The token is sent in a header and stands in no
//! error.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde_json::{Map, Value, json};

use crate::http::client::{HttpClient, TokenAddressError, token_address};
use crate::top::figures::{LISTS, TopFigures, TopListPlan};
use crate::top::hours::EndedHours;
use crate::top::range::TopRange;

/// Longest wait for an answer: a query to the database ends after 20 seconds.
const ANSWER_WAIT: Duration = Duration::from_secs(25);
/// Largest answer that is read, in bytes: a view with every list full is some 20 KB.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Rows of a list: more than a high terminal shows.
const ROWS: u32 = 100;

/// Why the console gave no figures.
#[derive(Debug, thiserror::Error)]
pub enum TopError {
    /// The address is not one of a console.
    #[error("--url: `{0}` is not an address; write one such as http://127.0.0.1:8081")]
    Address(String),
    /// A token must not be sent to the address.
    #[error("--url: {0}")]
    InClear(TokenAddressError),
    /// The token is not text that a header takes.
    #[error("token: not readable as a token; write the line that `sillage token new` printed")]
    Token,
    /// The console does not know the token.
    #[error("token: rejected by the console at {0}; make one with `sillage token new` and reload the configuration")]
    Rejected(String),
    /// The connection failed or timed out.
    #[error("console at {0}: not reachable ({1}); check that it runs, and console.listen")]
    Unreachable(String, String),
    /// The console answered with an error.
    #[error("console at {0}: {2} (status {1})")]
    Refused(String, u16, String),
    /// The answer is not a console's.
    #[error("console at {0}: answer not understood; check that the address is a console's of this version")]
    Foreign(String),
    /// The token reads no such site.
    #[error("site `{0}`: not read by this token; it reads: {1}")]
    NoSite(String, String),
}

/// Sites that the token reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopSites {
    /// Names, in the order of the configuration.
    pub names: Vec<String>,
    /// Whether sources and channels are measured.
    pub marketing: bool,
    /// Whether figures are drawn to tens.
    pub in_tens: bool,
}

/// A console at an address, with a token.
#[derive(Clone)]
pub struct TopConsole {
    client: HttpClient,
    origin: String,
    bearer: HeaderValue,
}

impl TopConsole {
    /// A console at `url`, asked with `token`.
    ///
    /// # Errors
    /// When the address or the token is not one, or the token would travel in clear.
    pub fn new(url: &str, token: &str) -> Result<Self, TopError> {
        let wrong = || TopError::Address(url.to_owned());
        let uri = token_address(url).map_err(|error| match error {
            TokenAddressError::Malformed => wrong(),
            TokenAddressError::InClear => TopError::InClear(error),
        })?;
        let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or_else(wrong)?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.trim())).map_err(|_| TopError::Token)?;
        bearer.set_sensitive(true);
        Ok(Self { client: HttpClient::new(), origin: format!("{scheme}://{authority}"), bearer })
    }

    /// Asks for the sites that the token may read.
    ///
    /// # Errors
    /// See [`TopError`] for the causes.
    pub async fn sites(&self) -> Result<TopSites, TopError> {
        let answer = self.ask(Method::GET, "/api/sites", Bytes::new()).await?;
        let listed = answer.get("sites").and_then(Value::as_array);
        let listed = listed.ok_or_else(|| TopError::Foreign(self.origin.clone()))?;
        let name = |site: &Value| Some(site.get("name")?.as_str()?.to_owned());
        Ok(TopSites {
            names: listed.iter().filter_map(name).collect(),
            marketing: answer.get("marketing").and_then(Value::as_bool).unwrap_or(false),
            in_tens: answer.get("protection").and_then(Value::as_str) != Some("exact"),
        })
    }

    /// The figures of `site` in `range`.
    ///
    /// # Errors
    /// See [`TopError`] for the causes.
    pub async fn figures(&self, site: &str, range: TopRange, marketing: bool) -> Result<TopFigures, TopError> {
        let body = json!({ "queries": queries(site, range, marketing) }).to_string();
        let mut answer = self.ask(Method::POST, "/api/view", body.into()).await?;
        if range == TopRange::Today
            && let Some(hours) = EndedHours::of(&answer)
        {
            let body = json!({ "queries": hours.queries(site) }).to_string();
            let ended = self.ask(Method::POST, "/api/view", body.into()).await?;
            answer.as_object_mut().map(|answer| answer.insert("ended".into(), ended));
        }
        TopFigures::of(&answer, site, range, marketing).ok_or_else(|| TopError::Foreign(self.origin.clone()))
    }

    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Value, TopError> {
        let origin = || self.origin.clone();
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.origin))
            .header(AUTHORIZATION, &self.bearer)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|_| TopError::Address(origin()))?;
        let answer = self.client.ask(request, ANSWER_WAIT, ANSWER_BYTES_MAX).await;
        let answer = answer.map_err(|error| TopError::Unreachable(origin(), error.to_string()))?;
        let value: Option<Value> = serde_json::from_slice(&answer.body).ok();
        match answer.status {
            StatusCode::OK => value.ok_or_else(|| TopError::Foreign(origin())),
            StatusCode::UNAUTHORIZED => Err(TopError::Rejected(origin())),
            status => {
                let sentence = value.and_then(|value| Some(value.get("error")?.as_str()?.to_owned()));
                let sentence = sentence.ok_or_else(|| TopError::Foreign(origin()))?;
                Err(TopError::Refused(origin(), status.as_u16(), sentence))
            }
        }
    }
}

/// The queries of one view, by the names that [`TopFigures::of`] reads.
fn queries(site: &str, range: TopRange, marketing: bool) -> Map<String, Value> {
    let mut total = json!({
        "site_id": site, "date_range": range.name(),
        "metrics": ["visitors", "visits", "pageviews", "bounce_rate", "visit_duration"],
    });
    // A day under way is compared by its hours.
    if !matches!(range, TopRange::All | TopRange::Today)
        && let Some(total) = total.as_object_mut()
    {
        total.insert("include".into(), json!({ "comparisons": { "mode": "previous_period" } }));
    }
    let series = json!({
        "site_id": site, "date_range": range.name(), "metrics": ["visitors"], "dimensions": ["time"],
        "include": { "time_labels": true, "trim_relative_date_range": true },
        "pagination": { "limit": 10_000 },
    });
    let list = |plan: &TopListPlan| {
        let query = json!({
            "site_id": site, "date_range": range.name(), "metrics": [plan.metric],
            "dimensions": [plan.dimension(marketing)], "pagination": { "limit": ROWS },
        });
        (plan.title.to_owned(), query)
    };
    let first = json!({ "site_id": site, "table": "first_day", "date_range": "all" });
    let named = [("total".to_owned(), total), ("series".to_owned(), series), ("first".to_owned(), first)];
    named.into_iter().chain(LISTS.iter().map(list)).collect()
}
