//! Lines of native events from a site's own server: the native event plus `time` (RFC 3339), `address`, `user_agent`
//! and `accept_language`.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::collect::formats::native::NativeEvent;
use crate::privacy::hit::ObjectionSignals;

/// One event with the fields that a live request would have.
pub struct EventLine<'l> {
    /// The native event itself.
    pub message: NativeEvent<'l>,
    /// Time of the event.
    pub time: Timestamp,
    /// Address of the client.
    pub address: IpAddr,
    /// `User-Agent` of the client.
    pub agent: Cow<'l, str>,
    /// `Accept-Language` of the client, if given.
    pub accept_language: Option<Cow<'l, str>>,
    /// Its objections: `sec_gpc`, `dnt`, `sec_purpose`, each as the header's text, a number or a boolean.
    pub signals: ObjectionSignals,
}

#[derive(Deserialize)]
struct EventLineContext<'l> {
    #[serde(borrow)]
    time: Cow<'l, str>,
    #[serde(borrow)]
    address: Cow<'l, str>,
    #[serde(borrow, default)]
    user_agent: Cow<'l, str>,
    #[serde(borrow)]
    accept_language: Option<Cow<'l, str>>,
    #[serde(default)]
    sec_gpc: Value,
    #[serde(default)]
    dnt: Value,
    #[serde(default)]
    sec_purpose: Value,
}

impl<'l> EventLine<'l> {
    /// Parses a line; `None` when it is not an event with a time and an address.
    pub fn parse(line: &'l [u8]) -> Option<Self> {
        let beside: EventLineContext<'l> = serde_json::from_slice(line).ok()?;
        Some(Self {
            message: NativeEvent::parse(line).ok()?,
            time: beside.time.parse().ok()?,
            address: beside.address.parse().ok()?,
            agent: beside.user_agent,
            accept_language: beside.accept_language,
            signals: ObjectionSignals {
                gpc: is_set(&beside.sec_gpc),
                dnt: is_set(&beside.dnt),
                prefetch: beside.sec_purpose.as_str().is_some_and(|purpose| purpose.contains("prefetch")),
            },
        })
    }
}

fn is_set(value: &Value) -> bool {
    value.as_bool() == Some(true) || value.as_u64() == Some(1) || value.as_str().is_some_and(|text| text.trim() == "1")
}

/// The time of a line that looks like an event, without parsing its other fields.
pub fn time(line: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct TimeField<'l> {
        #[serde(borrow)]
        time: Cow<'l, str>,
    }
    serde_json::from_slice::<TimeField<'_>>(line).ok()?.time.parse().ok()
}
