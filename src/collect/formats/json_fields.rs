//! Fields of JSON as trackers write them: numbers in quotes, flags as numbers. A field of another kind than it should
//! be must never quote its value.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A text, or a number written without quotes; borrowed where it needs no unescaping.
pub(super) struct JsonText<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for JsonText<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = JsonText<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<JsonText<'de>, E> {
                Ok(JsonText(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<JsonText<'de>, E> {
                Ok(JsonText(Cow::Owned(text.to_owned())))
            }
            fn visit_u64<E>(self, number: u64) -> Result<JsonText<'de>, E> {
                Ok(JsonText(Cow::Owned(number.to_string())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<JsonText<'de>, E> {
                Ok(JsonText(Cow::Owned(number.to_string())))
            }
        }
        from.deserialize_any(Reader)
    }
}

/// `true`, `1`, `"true"` or `"1"`, and their opposites.
pub(super) struct JsonFlag(pub(super) bool);

impl<'de> Deserialize<'de> for JsonFlag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match JsonScalar::deserialize(from)? {
            JsonScalar::Flag(flag) => Ok(JsonFlag(flag)),
            JsonScalar::Number(number) => Ok(JsonFlag(number != 0.0)),
            JsonScalar::Text(text) if matches!(&*text, "true" | "1") => Ok(JsonFlag(true)),
            JsonScalar::Text(text) if matches!(&*text, "false" | "0") => Ok(JsonFlag(false)),
            JsonScalar::Text(_) | JsonScalar::Other => Err(D::Error::custom("no flag")),
        }
    }
}

/// `true`, `1`, `"true"` or `"1"`; any other value means no consent and does not reject the event.
pub(super) struct ConsentFlag(pub(super) bool);

/// A `null` is one too: nothing here is a reason to refuse.
pub(super) fn consent<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ConsentFlag>, D::Error> {
    ConsentFlag::deserialize(from).map(Some)
}

impl<'de> Deserialize<'de> for ConsentFlag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(ConsentFlag(match JsonScalar::deserialize(from)? {
            JsonScalar::Flag(given) => given,
            JsonScalar::Number(number) => number.to_bits() == 1.0_f64.to_bits(),
            JsonScalar::Text(text) => matches!(&*text, "true" | "1"),
            JsonScalar::Other => false,
        }))
    }
}

/// A number, or a text that holds one; anything else is not a number.
pub(super) struct JsonNumber(pub(super) f64);

impl JsonNumber {
    /// The number, if it lies in `from..to`.
    pub(super) fn within(&self, from: f64, to: f64) -> Option<f64> {
        (from <= self.0 && self.0 < to).then_some(self.0)
    }
}

impl<'de> Deserialize<'de> for JsonNumber {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(JsonNumber(match JsonScalar::deserialize(from)? {
            JsonScalar::Number(number) => number,
            JsonScalar::Text(text) => text.trim().parse().unwrap_or(f64::NAN),
            JsonScalar::Flag(_) | JsonScalar::Other => f64::NAN,
        }))
    }
}

/// A flag, a number or a text; a null, a list or an object is read to its end and kept as nothing.
enum JsonScalar<'a> {
    Flag(bool),
    Number(f64),
    Text(Cow<'a, str>),
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for JsonScalar<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

#[allow(clippy::cast_precision_loss, reason = "a number beyond 2^53 is out of every range here")]
impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = JsonScalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<JsonScalar<'de>, E> {
        Ok(JsonScalar::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<JsonScalar<'de>, E> {
        Ok(JsonScalar::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<JsonScalar<'de>, E> {
        Ok(JsonScalar::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<JsonScalar<'de>, E> {
        Ok(JsonScalar::Number(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<JsonScalar<'de>, E> {
        Ok(JsonScalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<JsonScalar<'de>, E> {
        Ok(JsonScalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<JsonScalar<'de>, E> {
        Ok(JsonScalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<JsonScalar<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(JsonScalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<JsonScalar<'de>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(JsonScalar::Other)
    }
}
