//! Parses the time of a log line, in the notations of all known servers. A time without a zone is taken as UTC.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// Any time that a log may hold, with or without brackets around it: the common format, ISO 8601, seconds since 1970
/// and its finer units, `2026/11/10 13:55:36.815`, `2026-11-10 13:55:36`.
pub(super) fn any(text: &str) -> Option<Timestamp> {
    let text = text.trim().trim_start_matches('[').trim_end_matches(']');
    if text.as_bytes().get(2) == Some(&b'/') {
        return common(text);
    }
    if let Some(number) = since_1970(text) {
        return Some(number);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    civil(text)
}

/// `17/May/2015:10:05:03 +0000`; also with a fraction, a leap second, `+01:00`, without a zone, in lower case.
pub(super) fn common(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let number = |from: usize| -> Option<i8> {
        let (tens, ones) = (*bytes.get(from)?, *bytes.get(from + 1)?);
        let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        digits.then(|| i8::try_from((tens - b'0') * 10 + (ones - b'0')).ok()).flatten()
    };
    let month = match [*bytes.get(3)?, *bytes.get(4)?, *bytes.get(5)?].map(|letter| letter.to_ascii_lowercase()) {
        [b'j', b'a', b'n'] => 1,
        [b'f', b'e', b'b'] => 2,
        [b'm', b'a', b'r'] => 3,
        [b'a', b'p', b'r'] => 4,
        [b'm', b'a', b'y'] => 5,
        [b'j', b'u', b'n'] => 6,
        [b'j', b'u', b'l'] => 7,
        [b'a', b'u', b'g'] => 8,
        [b's', b'e', b'p'] => 9,
        [b'o', b'c', b't'] => 10,
        [b'n', b'o', b'v'] => 11,
        [b'd', b'e', b'c'] => 12,
        _ => return None,
    };
    let year = text.get(7..11)?.parse().ok()?;
    let second = number(18)?;
    // A leap second counts as the second before it, as on clocks without leap seconds.
    let local = DateTime::new(year, month, number(0)?, number(12)?, number(15)?, second.min(59), 0).ok();
    let local = local.filter(|_| second <= 60)?;
    let (fraction, zone) = fraction(text.get(20..)?);
    Some(offset(zone)?.to_timestamp(local).ok()? + fraction)
}

/// The fraction of a second at the start of `rest`, and the remaining text.
fn fraction(rest: &str) -> (SignedDuration, &str) {
    let Some(digits) = rest.strip_prefix(['.', ',']) else { return (SignedDuration::ZERO, rest) };
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = digits.split_at(length);
    let nanoseconds = digits.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanoseconds = nanoseconds.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    (SignedDuration::from_nanos(nanoseconds), rest)
}

/// ` +0000`, `+01:00`, `Z`; an empty text means UTC.
fn offset(zone: &str) -> Option<Offset> {
    let zone = zone.trim();
    let (sign, digits) = match zone.split_at_checked(1) {
        None | Some(("Z" | "z", "")) => return Some(Offset::UTC),
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        Some(_) if zone == "UTC" || zone == "GMT" => return Some(Offset::UTC),
        Some(_) => return None,
    };
    let (hours, minutes) = match digits.len() {
        2 => (digits, "0"),
        4 => digits.split_at_checked(2)?,
        5 => (digits.get(..2)?, digits.get(3..)?),
        _ => return None,
    };
    let seconds = hours.parse::<i32>().ok()? * 3_600 + minutes.parse::<i32>().ok()? * 60;
    Offset::from_seconds(sign * seconds).ok()
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, distinguished by their size; also seconds with a
/// fraction.
fn since_1970(text: &str) -> Option<Timestamp> {
    if text.contains(['e', 'E']) {
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
        return since_1970(&format!("{number:.3}"));
    }
    let (whole, parts) = text.split_once('.').unwrap_or((text, ""));
    if whole.len() < 9 || !whole.bytes().chain(parts.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    match whole.len() {
        ..=11 => {
            let fraction = if parts.is_empty() { SignedDuration::ZERO } else { fraction(text.get(whole.len()..)?).0 };
            Some(Timestamp::from_second(number).ok()? + fraction)
        }
        12..=14 => Timestamp::from_millisecond(number).ok(),
        15..=17 => Timestamp::from_microsecond(number).ok(),
        _ => Timestamp::from_nanosecond(i128::from(number)).ok(),
    }
}

/// `2026-11-10T13:55:36+0100`, `2026/11/10 13:55:36.815`, `2026-11-10 13:55:36 +0100`.
fn civil(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let separators = (bytes.get(4)?, bytes.get(7)?, bytes.get(10)?, bytes.get(13)?, bytes.get(16)?);
    if !matches!(separators, (b'-' | b'/', b'-' | b'/', b'T' | b' ' | b't' | b':', b':', b':')) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| -> Option<i8> { text.get(range)?.parse().ok() };
    let (year, second) = (text.get(..4)?.parse().ok()?, number(17..19)?);
    let local = DateTime::new(year, number(5..7)?, number(8..10)?, number(11..13)?, number(14..16)?, second.min(59), 0);
    let (fraction, zone) = fraction(text.get(19..)?);
    Some(offset(zone)?.to_timestamp(local.ok()?).ok()? + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_one_moment_is_that_moment() {
        let moment: Timestamp = "2026-11-10T13:55:36Z".parse().unwrap();
        for text in [
            "10/Nov/2026:13:55:36 +0000",
            "[10/nov/2026:14:55:36 +01:00]",
            "10/Nov/2026:13:55:36",
            "2026-11-10T14:55:36+01:00",
            "2026-11-10T14:55:36+0100",
            "2026-11-10T13:55:36Z",
            "2026-11-10 13:55:36",
            "2026/11/10 13:55:36",
            "1794318936",
            "1794318936.000",
            "1794318936000",
            "1794318936000000",
            "1794318936000000000",
            "1.794318936e9",
        ] {
            assert_eq!(any(text), Some(moment), "{text}");
        }
    }

    #[test]
    fn fractions_are_kept_and_a_leap_second_is_the_one_before() {
        let at = |text: &str| any(text).map(|time| time.to_string());
        assert_eq!(at("10/Nov/2026:13:55:36.123 +0000").as_deref(), Some("2026-11-10T13:55:36.123Z"));
        assert_eq!(at("1794318936.8155608").as_deref(), Some("2026-11-10T13:55:36.8155608Z"));
        assert_eq!(at("2026/11/10 13:55:36.815").as_deref(), Some("2026-11-10T13:55:36.815Z"));
        assert_eq!(at("10/Nov/2026:13:55:60 +0000").as_deref(), Some("2026-11-10T13:55:59Z"));
    }

    #[test]
    fn a_text_that_is_not_a_time_is_none() {
        for text in
            ["", "200", "10/Foo/2026:13:55:36 +0000", "31/Feb/2026:13:55:36 +0000", "1é/Nov/2026:13:55:36 +0000"]
        {
            assert_eq!(any(text), None, "{text}");
        }
    }
}
