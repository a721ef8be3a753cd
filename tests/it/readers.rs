//! Any input is read or rejected, and nothing panics: the properties of the fuzz targets (fuzz/) on random, nearly
//! valid input, so that they hold without a nightly toolchain.

use proptest::prelude::*;
use serde_json::{Value, json};
use sillage::collect::formats::native::NativeEvent;
use sillage::collect::formats::pixel;
use sillage::import::events;
use sillage::import::formats::LogReader;
use sillage::import::log_line::LineReading;

/// Values of all kinds, valid ones among them.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("pageview".to_owned()),
        Just("engagement".to_owned()),
        Just("timing".to_owned()),
        Just("Signup".to_owned()),
        Just("https://a.example/pricing?x=1".to_owned()),
        Just("a.example,b.example, ,".to_owned()),
        Just("{\"plan\":\"pro\"}".to_owned()),
        Just("2026-03-10T10:00:00Z".to_owned()),
        Just("192.0.2.1".to_owned()),
        any::<String>(),
    ];
    let number = prop_oneof![Just(0.0), Just(-1.0), Just(45_000.0), Just(1e300), any::<f64>()];
    let leaf = prop_oneof![
        6 => text.prop_map(Value::from),
        2 => number.prop_map(|number| json!(number)),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("lcp|plan|x", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    const NAMES: &[&str] = &[
        "n",
        "name",
        "u",
        "url",
        "d",
        "domain",
        "r",
        "referrer",
        "h",
        "i",
        "e",
        "sd",
        "w",
        "t",
        "p",
        "m",
        "v",
        "time",
        "address",
        "user_agent",
        "accept_language",
    ];
    let fields = prop::collection::hash_map(prop::sample::select(NAMES), value(), 0..9);
    (fields, any::<prop::sample::Index>(), any::<u8>(), prop::bool::weighted(0.3)).prop_map(
        |(fields, at, byte, spoilt)| {
            let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
            let mut body = Value::Object(fields.collect()).to_string().into_bytes();
            if spoilt {
                let at = at.index(body.len());
                body[at] = byte;
            }
            body
        },
    )
}

fn log_line() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "192.0.2.1",
        "2001:db8::1",
        "a.example:443",
        " ",
        " - - ",
        "[10/Mar/2026:10:00:00 +0100]",
        "[31/Feb/2026:24:61:61 -9999]",
        "[",
        "]",
        "\"",
        "\\\"",
        "\\x22",
        "\"GET / HTTP/1.1\"",
        "\"GET /a b\"",
        " 200 ",
        " 404 ",
        " -",
        " 99999999999 ",
        "\"-\"",
        "\"https://news.example/\"",
        "{",
        "}",
        ":",
        ",",
        "\"ts\"",
        "\"request\"",
        "\"uri\"",
        "\"remote_ip\"",
        "1e300",
        "é",
    ];
    let pieces = prop::collection::vec(prop::sample::select(PIECES), 0..16).prop_map(|pieces| pieces.concat());
    let nearly = (0..9usize, prop::sample::select(PIECES)).prop_map(|(word, piece)| {
        let line = "192.0.2.1 - - [10/Mar/2026:10:00:00 +0100] \"GET /a HTTP/1.1\" 200 12 \"-\" \"Mozilla\"";
        let words = line.split(' ').enumerate();
        words.map(|(number, text)| if number == word { piece } else { text }).collect::<Vec<_>>().join(" ")
    });
    prop_oneof![pieces, nearly, any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_event_is_read_within_its_bounds_or_refused_without_a_word_of_it(body in body()) {
        match NativeEvent::parse(&body) {
            Ok(message) => {
                prop_assert!((1..=2_000).contains(&message.url.len()));
                prop_assert!(message.referrer.as_ref().is_none_or(|referrer| (1..=2_000).contains(&referrer.len())));
                prop_assert!((1..=8).contains(&message.site_names().count()));
                prop_assert!(message.site_names().flatten().all(|name| !name.is_empty()));
            }
            // One of our own sentences: its type shows that it existed before the body.
            Err(why) => prop_assert!(!why.is_empty()),
        }
        events::EventLine::parse(&body);
    }

    #[test]
    fn a_log_line_is_read_or_not_understood(line in log_line()) {
        let mut reader = LogReader::new(None);
        for _ in 0..2 {
            if let LineReading::Request(read) = reader.read(&line) {
                prop_assert!(!(read.is_pageview() && read.is_not_found()));
            }
        }
        if let Ok(message) = pixel::parse(&line, None) {
            prop_assert!((1..=2_000).contains(&message.url.len()));
        }
    }
}
