//! Lines of access logs and of logged events, queries of the pixel, languages. Nothing panics; parsed values keep their
//! bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sillage::collect::formats::pixel;
use sillage::import::events;
use sillage::import::formats::LogReader;
use sillage::import::log_line::LineReading;
use sillage::privacy::lookup::language::language;

fuzz_target!(|line: &[u8]| {
    if let Some(event) = events::EventLine::parse(line) {
        assert!(event.message.site_names().count() <= 8);
    }
    let Ok(line) = std::str::from_utf8(line) else { return };
    let mut reader = LogReader::new(None);
    for line in line.lines() {
        if let LineReading::Request(line) = reader.read(line) {
            assert!(!(line.is_pageview() && line.is_not_found()));
        }
    }
    if let Ok(message) = pixel::parse(line, Some("https://a.example/")) {
        assert!((1..=2_000).contains(&message.url.len()));
    }
    if let Some(language) = language(line) {
        let tag = language.as_str();
        assert!((2..=3).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_lowercase()), "{tag}");
    }
});
