//! The native event: one JSON object in the shape of Plausible's `POST /api/event`, with additional fields `w`, `c`,
//! `dm`, `t` and `sb`. Unknown fields are ignored; an error names the field and never quotes its value.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::collect::formats::json_fields::{ConsentFlag, JsonFlag, JsonNumber, JsonText, consent};
use crate::collect::server_tokens::ReportedClient;
use crate::event::TimingMetric;
use crate::privacy::hit::HitKind;

const NO_OBJECT: &str = "the body is not a JSON object";
const NAME_CHARS_MAX: usize = 120;
const URL_BYTES_MAX: usize = 2_000;
const PROPERTIES_MAX: usize = 30;
const SITES_MAX: usize = 8;
/// Longest reading time: 30 days, milliseconds.
const ENGAGED_MS_MAX: f64 = 2_592_000_000.0;

/// Fields of the body, unchecked.
#[derive(Default, Deserialize)]
pub(super) struct NativeFields<'a> {
    #[serde(borrow, alias = "name")]
    n: Option<JsonText<'a>>,
    #[serde(borrow, alias = "url")]
    u: Option<JsonText<'a>>,
    #[serde(borrow, alias = "domain")]
    d: Option<JsonText<'a>>,
    #[serde(borrow, alias = "referrer")]
    r: Option<JsonText<'a>>,
    #[serde(alias = "hashMode")]
    h: Option<JsonFlag>,
    #[serde(alias = "interactive")]
    i: Option<JsonFlag>,
    e: Option<JsonNumber>,
    sd: Option<JsonNumber>,
    sb: Option<JsonNumber>,
    w: Option<JsonNumber>,
    #[serde(borrow)]
    dm: Option<JsonText<'a>>,
    #[serde(default, deserialize_with = "consent")]
    c: Option<ConsentFlag>,
    t: Option<Value>,
    m: Option<Value>,
    meta: Option<Value>,
    p: Option<Value>,
    props: Option<Value>,
}

/// One event with checked fields.
pub struct NativeEvent<'a> {
    /// Comma-separated site names; `None`: the page's host decides.
    pub sites: Option<Cow<'a, str>>,
    /// Full URL of the page, at most 2 000 bytes.
    pub url: Cow<'a, str>,
    /// Full URL of the referrer, cut to 2 000 bytes.
    pub referrer: Option<Cow<'a, str>>,
    /// The fragment is part of the page.
    pub fragment_is_page: bool,
    /// Viewport width in CSS pixels.
    pub width: Option<u32>,
    /// The visitor consented to the measurement of channels, campaigns and the device model.
    pub consent: bool,
    /// Model of the device, as the browser told the tracker.
    pub model: Option<Cow<'a, str>>,
    /// `Accept-Language` from another tool's fields, for requests without the header.
    pub language: Option<Cow<'a, str>>,
    /// The client that a server speaks for, in another tool's fields; boxed, since browsers send none.
    pub(in crate::collect) client: Option<Box<ReportedClient<'a>>>,
    what: NativeKind<'a>,
}

/// Page context of another tool's event.
#[derive(Clone)]
pub(super) struct ForeignPage<'a> {
    /// Id or name of the site.
    pub(super) site: Option<Cow<'a, str>>,
    pub(super) url: Cow<'a, str>,
    pub(super) referrer: Option<Cow<'a, str>>,
    pub(super) width: Option<u32>,
    pub(super) language: Option<Cow<'a, str>>,
}

/// Action of another tool's event.
pub(super) struct ForeignAction<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) interactive: bool,
    pub(super) properties: Vec<(String, String)>,
}

enum NativeKind<'a> {
    Pageview,
    Engagement { engaged_ms: Option<u32>, scroll_percent: Option<u8>, reported_percent: Option<u8> },
    Timing(Vec<(TimingMetric, f64)>),
    Action(Cow<'a, str>, bool, Vec<(String, String)>),
}

impl<'a> NativeEvent<'a> {
    /// Parses a body with one event.
    ///
    /// # Errors
    /// The fault, without any input text.
    pub fn parse(body: &'a [u8]) -> Result<Self, &'static str> {
        // Serde would also accept an array, with fields in this order.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(NO_OBJECT);
        }
        let fields: NativeFields<'a> = serde_json::from_slice(body).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => "a field has the wrong type, or there twice",
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => NO_OBJECT,
        })?;
        Self::check(fields)
    }

    /// Parses a body with one event or a list; a list is accepted whole or rejected.
    ///
    /// # Errors
    /// Same as [`NativeEvent::parse`].
    pub fn parse_all(body: &'a [u8]) -> Result<Vec<Self>, &'static str> {
        if !body.trim_ascii_start().starts_with(b"[") {
            return Self::parse(body).map(|event| vec![event]);
        }
        let listed: Vec<&'a RawValue> = serde_json::from_slice(body).map_err(|_| NO_OBJECT)?;
        if listed.is_empty() {
            return Err(NO_OBJECT);
        }
        listed.into_iter().map(|event| Self::parse(event.get().as_bytes())).collect()
    }

    /// A pageview from its parts, for senders without a script.
    ///
    /// # Errors
    /// Same as [`NativeEvent::parse`].
    pub fn pageview(
        url: Cow<'a, str>,
        sites: Option<Cow<'a, str>>,
        referrer: Option<Cow<'a, str>>,
    ) -> Result<Self, &'static str> {
        Self::around(NativeKind::Pageview, Some(url), sites, referrer)
    }

    /// An action from another tool's parts; a name that is too long is cut.
    ///
    /// # Errors
    /// Same as [`NativeEvent::parse`].
    pub(super) fn action(page: ForeignPage<'a>, action: ForeignAction<'a>) -> Result<Self, &'static str> {
        let name: String = action.name.trim().chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
        if name.is_empty() {
            return Err("the name of an action is empty");
        }
        let properties = action.properties.into_iter().take(PROPERTIES_MAX);
        let properties = properties.filter(|(_, value)| !value.trim().is_empty()).collect();
        Self::foreign(NativeKind::Action(name.into(), action.interactive, properties), page)
    }

    /// A pageview from another tool's parts.
    ///
    /// # Errors
    /// Same as [`NativeEvent::parse`].
    pub(super) fn foreign_pageview(page: ForeignPage<'a>) -> Result<Self, &'static str> {
        Self::foreign(NativeKind::Pageview, page)
    }

    /// Load times from another tool's parts; `None` if there are none.
    ///
    /// # Errors
    /// Same as [`NativeEvent::parse`].
    pub(super) fn timing(
        page: ForeignPage<'a>,
        timings: Vec<(TimingMetric, f64)>,
    ) -> Result<Option<Self>, &'static str> {
        let timings: Vec<_> = timings.into_iter().filter(|(_, ms)| ms.is_finite() && *ms >= 0.0).collect();
        if timings.is_empty() {
            return Ok(None);
        }
        Self::foreign(NativeKind::Timing(timings), page).map(Some)
    }

    fn foreign(what: NativeKind<'a>, page: ForeignPage<'a>) -> Result<Self, &'static str> {
        let mut event = Self::around(what, Some(page.url), page.site, page.referrer)?;
        event.width = page.width;
        event.language = page.language;
        Ok(event)
    }

    fn check(fields: NativeFields<'a>) -> Result<Self, &'static str> {
        let name = fields.n.ok_or("n: missing")?.0;
        let refusal = match &*name {
            "pageview" => NativeKind::Pageview,
            "engagement" => engagement(fields.e, fields.sd, fields.sb)?,
            "timing" => NativeKind::Timing(timings(fields.t)?),
            action => {
                if action.trim().is_empty() || action.chars().count() > NAME_CHARS_MAX {
                    return Err("n: 1 to 120 characters");
                }
                if action.chars().any(char::is_control) {
                    return Err("n: control characters");
                }
                let written = fields.m.or(fields.meta).or(fields.p).or(fields.props);
                NativeKind::Action(name, fields.i.is_none_or(|flag| flag.0), properties(written)?)
            }
        };
        let text = |field: Option<JsonText<'a>>| field.map(|text| text.0);
        let mut message = Self::around(refusal, text(fields.u), text(fields.d), text(fields.r))?;
        message.consent = fields.c.is_some_and(|consent| consent.0);
        message.model = fields.dm.map(|model| model.0);
        message.fragment_is_page = fields.h.is_some_and(|flag| flag.0);
        message.width = fields.w.and_then(|width| width.within(1.0, 100_000.0)).map(whole);
        Ok(message)
    }

    fn around(
        what: NativeKind<'a>,
        url: Option<Cow<'a, str>>,
        sites: Option<Cow<'a, str>>,
        referrer: Option<Cow<'a, str>>,
    ) -> Result<Self, &'static str> {
        let url = url.ok_or("u: missing")?;
        // A long query is accepted here; the URL parser cuts it.
        let is_long = url.len() > URL_BYTES_MAX && url.find(['?', '#']).unwrap_or(url.len()) > URL_BYTES_MAX;
        if url.is_empty() || is_long {
            return Err("u: 1 to 2000 bytes");
        }
        if let Some(names) = &sites {
            if names.split(',').any(|name| name.trim().is_empty()) {
                return Err("d: blank");
            }
            if names.bytes().filter(|byte| *byte == b',').count() >= SITES_MAX {
                return Err("d: at most 8 sites");
            }
        }
        let referrer = referrer.filter(|text| !text.is_empty()).map(|text| cut(text, URL_BYTES_MAX));
        Ok(Self {
            sites,
            url,
            referrer,
            fragment_is_page: false,
            width: None,
            consent: false,
            model: None,
            language: None,
            client: None,
            what,
        })
    }

    /// Kind of the hit with its fields.
    pub fn kind(&self) -> HitKind<'_> {
        match &self.what {
            NativeKind::Pageview => HitKind::Pageview { not_found: false },
            NativeKind::Engagement { engaged_ms, scroll_percent, reported_percent } => HitKind::Engagement {
                engaged_ms: *engaged_ms,
                scroll_percent: *scroll_percent,
                reported_percent: *reported_percent,
            },
            NativeKind::Timing(timings) => HitKind::Timing(timings.clone()),
            NativeKind::Action(name, interactive, properties) => HitKind::Action {
                name: Cow::Borrowed(name.trim()),
                interactive: *interactive,
                properties: properties.iter().map(|(name, value)| (&**name, Cow::Borrowed(&**value))).collect(),
            },
        }
    }

    /// Site names in the event; one `None` if it names none.
    pub fn site_names(&self) -> impl Iterator<Item = Option<&str>> {
        let names = self.sites.as_deref().map(|names| names.split(',').map(|name| Some(name.trim())));
        let unnamed = self.sites.is_none().then_some(None);
        names.into_iter().flatten().chain(unnamed)
    }
}

fn engagement<'a>(
    engaged: Option<JsonNumber>,
    depth: Option<JsonNumber>,
    reported: Option<JsonNumber>,
) -> Result<NativeKind<'a>, &'static str> {
    let percent = |number: Option<JsonNumber>| {
        let percent = number?.within(0.0, f64::MAX)?;
        u8::try_from(whole(percent.min(100.0))).ok()
    };
    let engaged_ms = engaged.and_then(|ms| ms.within(0.0, ENGAGED_MS_MAX)).map(whole);
    let scroll_percent = percent(depth);
    if engaged_ms.is_none() && scroll_percent.is_none() {
        return Err("engagement: e or sd is required");
    }
    Ok(NativeKind::Engagement { engaged_ms, scroll_percent, reported_percent: percent(reported) })
}

fn timings(written: Option<Value>) -> Result<Vec<(TimingMetric, f64)>, &'static str> {
    let Some(Value::Object(written)) = written else { return Err("t: must be an object of metrics and milliseconds") };
    let timings: Vec<_> = TimingMetric::ALL
        .into_iter()
        .filter_map(|metric| {
            let ms = written.get(metric.name())?.as_f64()?;
            (ms.is_finite() && ms >= 0.0).then_some((metric, ms))
        })
        .collect();
    if timings.is_empty() { Err("t: no known metric") } else { Ok(timings) }
}

/// The scalar values of an object as texts.
pub(super) fn scalars(object: serde_json::Map<String, Value>) -> Vec<(String, String)> {
    let scalar = |value| match value {
        Value::String(text) => Some(text),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    object.into_iter().filter_map(|(name, value)| scalar(value).map(|value| (name, value))).collect()
}

/// Properties as an object or as a string that holds one. Other types give no properties and do not reject the event;
/// lists, objects and blank values are ignored.
fn properties(written: Option<Value>) -> Result<Vec<(String, String)>, &'static str> {
    let object = match written {
        Some(Value::Object(object)) => object,
        Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or_default(),
        None | Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) => serde_json::Map::new(),
    };
    if object.len() > PROPERTIES_MAX {
        return Err("p: at most 30 properties");
    }
    Ok(scalars(object).into_iter().filter(|(_, value)| !value.trim().is_empty()).collect())
}

/// Cuts a text to at most `bytes_max` bytes, between characters.
fn cut(text: Cow<'_, str>, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max {
        return text;
    }
    let end = text.floor_char_boundary(bytes_max);
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(..end).unwrap_or_default()),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}

/// A number clamped to `0..=u32::MAX`, without its fraction.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "float casts saturate")]
fn whole(number: f64) -> u32 {
    number as u32
}
