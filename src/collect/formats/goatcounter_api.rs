//! GoatCounter's `POST /api/v0/count`: up to 500 hits that a site's own server reports, each with the address and the
//! agent of its client. `docs/formats.md` lists every field. A wrong hit is reported by its position; the others
//! are accepted.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::collect::client_address::address;
use crate::collect::formats::foreign::{ForeignContext, absolute, width};
use crate::collect::formats::goatcounter::{PATH_BYTES_MAX, ROBOT};
use crate::collect::formats::json_fields::{JsonFlag, JsonNumber, JsonText};
use crate::collect::formats::native::{ForeignAction, ForeignPage, NativeEvent};
use crate::collect::server_tokens::{ReportedAgent, ReportedClient, ServerToken, is_recent};

/// Hits of one request.
const HITS_MAX: usize = 500;

/// One hit of a request.
pub(crate) enum ApiHit<'a> {
    Event(Box<NativeEvent<'a>>),
    /// The server found that a robot came.
    Robot,
    /// Reason of the rejection.
    Wrong(&'static str),
}

#[derive(Deserialize)]
struct ApiRequest<'a> {
    #[serde(default)]
    no_sessions: bool,
    #[serde(default)]
    filter: Option<Vec<String>>,
    #[serde(borrow)]
    hits: Vec<&'a RawValue>,
}

/// Fields that are read of a hit; others are ignored.
#[derive(Deserialize)]
struct ApiFields<'a> {
    #[serde(borrow)]
    path: Option<JsonText<'a>>,
    event: Option<JsonFlag>,
    #[serde(borrow, rename = "ref")]
    referrer: Option<JsonText<'a>>,
    #[serde(default)]
    size: Value,
    #[serde(borrow)]
    query: Option<JsonText<'a>>,
    bot: Option<JsonNumber>,
    #[serde(borrow)]
    user_agent: Option<JsonText<'a>>,
    #[serde(borrow)]
    language: Option<JsonText<'a>>,
    #[serde(borrow)]
    ip: Option<JsonText<'a>>,
    #[serde(borrow)]
    created_at: Option<JsonText<'a>>,
}

/// Reads a body that comes from `server`.
///
/// # Errors
/// Reason to reject the whole request, without any of its text.
pub(crate) fn count<'a>(
    body: &'a [u8],
    server: &Arc<ServerToken>,
    context: &ForeignContext<'_>,
) -> Result<Vec<ApiHit<'a>>, &'static str> {
    let request: ApiRequest<'a> = serde_json::from_slice(body).map_err(|_| "the body is not a list of hits")?;
    if request.filter.is_some_and(|filter| filter.iter().any(|name| name != "ip")) {
        return Err("filter: must be ip");
    }
    match request.hits.len() {
        0 => return Err("hits: none"),
        1..=HITS_MAX => {}
        _ => return Err("hits: at most 500"),
    }
    let site = context.site_of_host().or_else(|| server.only_site().map(str::to_owned));
    let site = site.ok_or("site unknown; use the site's host, or a token for one site")?;
    let host = context.page_host(Some(&site));
    let hit = |written: &'a RawValue| {
        let fields: ApiFields<'a> = serde_json::from_str(written.get()).map_err(|_| "a field has the wrong type")?;
        fields.hit(&site, host.as_deref(), request.no_sessions, server, context.now)
    };
    Ok(request.hits.into_iter().map(|written| hit(written).unwrap_or_else(ApiHit::Wrong)).collect())
}

impl<'a> ApiFields<'a> {
    fn hit(
        self,
        site: &str,
        host: Option<&str>,
        no_sessions: bool,
        server: &Arc<ServerToken>,
        now: Timestamp,
    ) -> Result<ApiHit<'a>, &'static str> {
        match self.bot {
            None => {}
            Some(JsonNumber(0.0)) => {}
            Some(JsonNumber(hint)) if hint >= f64::from(ROBOT) => return Ok(ApiHit::Robot),
            Some(JsonNumber(_)) => return Err("bot: must be 0, or 150 or more"),
        }
        let path = self.path.map(|path| path.0).unwrap_or_default();
        if path.is_empty() || path.len() > PATH_BYTES_MAX {
            return Err("path: 1 to 2048 bytes");
        }
        let text = |field: Option<JsonText<'a>>| field.map(|text| text.0).filter(|text| !text.trim().is_empty());
        if let Some(time) = text(self.created_at) {
            let time: Timestamp = time.parse().map_err(|_| "created_at: not a time of RFC 3339")?;
            if !is_recent(time, now) {
                return Err("created_at: more than an hour from now; import such hits with `sillage import events`");
            }
        }
        let address = text(self.ip).map(|ip| address(&ip).ok_or("ip: not an address")).transpose()?;
        let agent = match text(self.user_agent) {
            Some(agent) => ReportedAgent::Named(agent),
            None => ReportedAgent::Unknown,
        };
        if !no_sessions && (address.is_none() || matches!(agent, ReportedAgent::Unknown)) {
            return Err("ip and user_agent: both are required, or no_sessions; session is ignored");
        }
        let page = |url: String| ForeignPage {
            site: Some(Cow::Owned(site.to_owned())),
            url: url.into(),
            referrer: text(self.referrer),
            width: screen(&self.size),
            language: text(self.language),
        };
        let mut event = if self.event.is_some_and(|flag| flag.0) {
            let action = ForeignAction { name: path, interactive: true, properties: Vec::new() };
            NativeEvent::action(page(absolute("/", host).into_owned()), action)?
        } else {
            let mut url = absolute(&path, host).into_owned();
            if let Some(query) = text(self.query) {
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(query.trim_start_matches('?'));
            }
            url::Url::parse(&url).map_err(|_| "path: not a path")?;
            NativeEvent::foreign_pageview(page(url))?
        };
        event.client = Some(Box::new(ReportedClient { server: server.clone(), address, agent }));
        Ok(ApiHit::Event(Box::new(event)))
    }
}

/// The width of a screen, written as a list of numbers or as a text of them.
fn screen(size: &Value) -> Option<u32> {
    match size {
        Value::Array(sides) => width(&sides.first()?.to_string()),
        Value::String(sides) => width(sides),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}
