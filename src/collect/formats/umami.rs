//! Umami's `POST /api/send` and `/api/batch`: `{"type": "event", "payload": {…}}`, or a list of such objects.
//! `docs/formats.md` describes the use of every field.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::collect::formats::foreign::{ClientFields, ForeignContext, absolute, width};
use crate::collect::formats::native::{ForeignAction, ForeignPage, NativeEvent, scalars};
use crate::event::TimingMetric;

const MALFORMED: &str = "the body is not an Umami event";

/// Longest event name in characters, as in Umami.
const NAME_CHARS_MAX: usize = 50;

#[derive(Deserialize)]
struct UmamiMessage<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    payload: UmamiPayload<'a>,
}

/// Used fields of a payload; all others are ignored.
#[derive(Deserialize)]
struct UmamiPayload<'a> {
    #[serde(borrow)]
    website: Option<Cow<'a, str>>,
    #[serde(borrow)]
    hostname: Option<Cow<'a, str>>,
    #[serde(borrow)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow)]
    referrer: Option<Cow<'a, str>>,
    #[serde(borrow)]
    screen: Option<Cow<'a, str>>,
    #[serde(borrow)]
    language: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(default)]
    data: Value,
    // Of these three nothing is looked at without a proven server, not even their kind.
    #[serde(default)]
    ip: Value,
    #[serde(default, rename = "userAgent")]
    user_agent: Value,
    #[serde(default)]
    timestamp: Value,
    lcp: Option<f64>,
    inp: Option<f64>,
    fcp: Option<f64>,
    ttfb: Option<f64>,
    cls: Option<f64>,
}

/// Parses a body of `/api/send`; an `identify` gives no event.
///
/// # Errors
/// The fault, without any input text.
pub(crate) fn send<'a>(body: &'a [u8], context: &ForeignContext<'_>) -> Result<Vec<NativeEvent<'a>>, &'static str> {
    let message: UmamiMessage<'a> = serde_json::from_slice(body).map_err(|_| MALFORMED)?;
    event(message, context).map(|event| event.into_iter().collect())
}

/// Parses a body of `/api/batch`, which is accepted whole or rejected.
///
/// # Errors
/// Same as [`send`].
pub(crate) fn batch<'a>(body: &'a [u8], context: &ForeignContext<'_>) -> Result<Vec<NativeEvent<'a>>, &'static str> {
    let messages: Vec<UmamiMessage<'a>> = serde_json::from_slice(body).map_err(|_| MALFORMED)?;
    let events: Result<Vec<_>, _> = messages.into_iter().map(|message| event(message, context)).collect();
    events.map(|events| events.into_iter().flatten().collect())
}

fn event<'a>(message: UmamiMessage<'a>, context: &ForeignContext<'_>) -> Result<Option<NativeEvent<'a>>, &'static str> {
    let payload = message.payload;
    let (ip, agent, time) = (payload.ip, payload.user_agent, payload.timestamp);
    let client = |mut event: NativeEvent<'a>| -> Result<NativeEvent<'a>, &'static str> {
        let time = time.as_i64().map(|seconds| seconds.to_string());
        let fields = ClientFields { address: ip.as_str(), agent: agent.as_str(), time: time.as_deref() };
        event.client = context.client(context.server.clone(), &fields)?;
        Ok(event)
    };
    let site = payload.website.ok_or("payload.website: missing")?;
    let host = payload.hostname.as_deref().filter(|host| !host.is_empty()).map(str::to_owned);
    let host = host.or_else(|| context.page_host(Some(&site)));
    let url = payload.url.unwrap_or(Cow::Borrowed("/"));
    let page = ForeignPage {
        site: Some(site),
        url: absolute(&url, host.as_deref()).into_owned().into(),
        referrer: payload.referrer.map(|referrer| match referrer.starts_with('/') {
            true => absolute(&referrer, host.as_deref()).into_owned().into(),
            false => referrer,
        }),
        width: payload.screen.as_deref().and_then(width),
        language: payload.language,
    };
    match &*message.kind {
        "event" => match payload.name.filter(|name| !name.is_empty()) {
            None => client(NativeEvent::foreign_pageview(page)?).map(Some),
            Some(name) => {
                let properties = match payload.data {
                    Value::Object(object) => scalars(object),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                        scalars(Map::new())
                    }
                };
                let name = name.chars().take(NAME_CHARS_MAX).collect::<String>().into();
                client(NativeEvent::action(page, ForeignAction { name, interactive: true, properties })?).map(Some)
            }
        },
        "performance" => {
            // Umami sends the shift as a fraction of the viewport; here it is in thousandths.
            let cls = payload.cls.map(|shift| shift * 1_000.0);
            let times = [
                (TimingMetric::Lcp, payload.lcp),
                (TimingMetric::Inp, payload.inp),
                (TimingMetric::Fcp, payload.fcp),
                (TimingMetric::Ttfb, payload.ttfb),
                (TimingMetric::Cls, cls),
            ];
            let times = times.into_iter().filter_map(|(metric, ms)| Some((metric, ms?))).collect();
            NativeEvent::timing(page, times)?.map(client).transpose()
        }
        "identify" => Ok(None),
        _ => Err("type: event, performance or identify"),
    }
}
