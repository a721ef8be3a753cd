//! Matomo's `matomo.php`: parameters in the query or a form, or a bulk of them in JSON. `docs/formats.md` describes the
//! use of every parameter.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::collect::formats::foreign::{ClientFields, ForeignContext, absolute, width};
use crate::collect::formats::native::{ForeignAction, ForeignPage, NativeEvent, scalars};
use crate::event::TimingMetric;

/// Most requests in one bulk.
const BULK_MAX: usize = 1_000;

/// The parameters of one request that are used; all others are ignored.
#[derive(Default)]
struct MatomoRequest<'a> {
    values: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// Events of a request, and how to answer it.
pub(crate) struct MatomoEvents<'a> {
    pub(crate) events: Vec<NativeEvent<'a>>,
    /// `send_image=0` was sent: the response has no image.
    pub(crate) is_silent: bool,
}

/// Parses the parameters of one request.
///
/// # Errors
/// The fault, without any input text.
pub(crate) fn request<'a>(query: &'a [u8], context: &ForeignContext<'_>) -> Result<MatomoEvents<'a>, &'static str> {
    let values = form_urlencoded::parse(query.strip_prefix(b"?").unwrap_or(query)).collect();
    let request = MatomoRequest { values };
    Ok(MatomoEvents { is_silent: request.get("send_image") == Some("0"), events: request.events(context, None)? })
}

/// Parses a bulk, which is accepted whole or rejected.
///
/// # Errors
/// Same as [`request`].
pub(crate) fn bulk(body: &[u8], context: &ForeignContext<'_>) -> Result<Vec<NativeEvent<'static>>, &'static str> {
    #[derive(Deserialize)]
    struct Bulk {
        requests: Vec<Value>,
        #[serde(default)]
        token_auth: Value,
    }
    let bulk: Bulk = serde_json::from_slice(body).map_err(|_| "the body is not a bulk request")?;
    if bulk.requests.len() > BULK_MAX {
        return Err("requests: at most 1000");
    }
    let mut events = Vec::with_capacity(bulk.requests.len());
    for request in bulk.requests {
        let values = match request {
            Value::String(query) => {
                let pairs = form_urlencoded::parse(query.trim_start_matches('?').as_bytes());
                pairs.map(|(name, value)| (name.into_owned().into(), value.into_owned().into())).collect()
            }
            Value::Object(object) => {
                scalars(object).into_iter().map(|(name, value)| (name.into(), value.into())).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                return Err("requests: must be query strings or objects");
            }
        };
        events.extend(MatomoRequest { values }.events(context, bulk.token_auth.as_str())?);
    }
    Ok(events)
}

impl<'a> MatomoRequest<'a> {
    fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// Events of a request; empty if it is not to be recorded or is only a heartbeat.
    /// `token` is that of a whole bulk.
    fn events(self, context: &ForeignContext<'_>, token: Option<&str>) -> Result<Vec<NativeEvent<'a>>, &'static str> {
        let site = self.text("idsite").ok_or("idsite: missing")?.to_owned();
        if self.get("rec") != Some("1") || self.get("ping") == Some("1") {
            return Ok(Vec::new());
        }
        let host = context.page_host(Some(&site));
        let url = self.text("url").or(context.referer).unwrap_or("/");
        let page = ForeignPage {
            url: absolute(url, host.as_deref()).into_owned().into(),
            site: Some(site.into()),
            referrer: self.text("urlref").map(|referrer| referrer.to_owned().into()),
            width: self.text("res").and_then(width),
            language: self.text("lang").map(|language| language.to_owned().into()),
        };
        let mut events = match self.action() {
            Some(action) => vec![NativeEvent::action(page, action)?],
            None => {
                let timing = NativeEvent::timing(page.clone(), self.timings())?;
                std::iter::once(NativeEvent::foreign_pageview(page)?).chain(timing).collect()
            }
        };
        let server = self.text("token_auth").or(token).and_then(|secret| context.servers.find(secret, context.now));
        let server = server.or_else(|| context.server.clone());
        let client = ClientFields { address: self.text("cip"), agent: self.text("ua"), time: self.text("cdt") };
        for event in &mut events {
            event.client = context.client(server.clone(), &client)?;
        }
        Ok(events)
    }

    /// The action that a request reports, if any.
    fn action(&self) -> Option<ForeignAction<'a>> {
        let named = |name: &str, properties: Vec<(&str, Option<&str>)>| {
            let with_values =
                properties.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
            ForeignAction { name: name.to_owned().into(), interactive: true, properties: with_values.collect() }
        };
        if let Some(name) = self.text("e_a") {
            let properties =
                vec![("category", self.text("e_c")), ("name", self.text("e_n")), ("value", self.text("e_v"))];
            return Some(named(name, properties));
        }
        if let Some(file) = self.text("download") {
            return Some(named("Download", vec![("file", Some(file))]));
        }
        if let Some(target) = self.text("link") {
            return Some(named("Outbound", vec![("target", Some(target))]));
        }
        if let Some(query) = self.text("search") {
            let properties = vec![("query", Some(query)), ("category", self.text("search_cat"))];
            return Some(named("Search", properties));
        }
        // `0` is an order; any other number is a goal of the site.
        let goal = self.text("idgoal")?;
        Some(named(&format!("Goal {goal}"), Vec::new()))
    }

    /// Load times, from Matomo's separate measurements.
    fn timings(&self) -> Vec<(TimingMetric, f64)> {
        let part = |name: &str| self.text(name).and_then(|ms| ms.parse::<f64>().ok());
        let first_byte = part("pf_net").zip(part("pf_srv")).map(|(network, server)| network + server);
        let parts = ["pf_net", "pf_srv", "pf_tfr", "pf_dm1", "pf_dm2", "pf_onl"].map(part);
        let total = parts.into_iter().sum::<Option<f64>>();
        let times = [(TimingMetric::Ttfb, first_byte), (TimingMetric::Load, total)];
        times.into_iter().filter_map(|(metric, ms)| Some((metric, ms?))).collect()
    }
}
