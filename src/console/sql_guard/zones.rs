//! Time zones in a reader's SQL. The engine opens a zone's file by its name, also a `file:` path: so a zone must be a
//! quoted text with a known name, in every function or type that takes one.

use jiff::tz::TimeZone;

use super::tokens::{SqlRefusal, SqlToken};

/// Functions and types whose last argument may be a zone, with the number of arguments before it.
const TAKE_A_ZONE: [(&str, usize); 41] = [
    ("date_trunc", 2),
    ("datediff", 3),
    ("datetime", 0),
    ("datetime64", 1),
    ("formatdatetime", 2),
    ("fromunixtimestamp", 2),
    ("fromunixtimestamp64milli", 1),
    ("now", 0),
    ("now64", 1),
    ("parsedatetime", 2),
    ("parsedatetimebesteffort", 1),
    ("timeslot", 1),
    ("todate", 1),
    ("todate32", 1),
    ("todatetime", 1),
    ("todatetime64", 2),
    ("todayofmonth", 1),
    ("todayofweek", 2),
    ("todayofyear", 1),
    ("tohour", 1),
    ("tolastdayofmonth", 1),
    ("tominute", 1),
    ("tomonday", 1),
    ("tomonth", 1),
    ("toquarter", 1),
    ("tostartofday", 1),
    ("tostartoffifteenminutes", 1),
    ("tostartoffiveminutes", 1),
    ("tostartofhour", 1),
    ("tostartofinterval", 2),
    ("tostartofminute", 1),
    ("tostartofmonth", 1),
    ("tostartofquarter", 1),
    ("tostartofweek", 2),
    ("tostartofyear", 1),
    ("tostring", 1),
    ("totimezone", 1),
    ("tounixtimestamp", 1),
    ("toweek", 2),
    ("toyear", 1),
    ("toyyyymm", 1),
];

/// Most arguments of other functions of a time: a zone after them would be one too many.
const TAKE_NO_MORE: [(&str, usize); 3] = [("toyyyymmdd", 1), ("tounixtimestamp64milli", 1), ("timezone", 0)];

const UNKNOWN_ZONE: SqlRefusal = SqlRefusal("a time zone must be a known IANA name in quotes, such as 'Europe/Paris'");

/// Rejects a call whose zone is not a known name.
pub(super) fn check_call(function: &str, arguments: &[&[SqlToken]]) -> Result<(), SqlRefusal> {
    let function = function.to_ascii_lowercase();
    if let Some((_, most)) = TAKE_NO_MORE.iter().find(|(name, _)| *name == function) {
        return if arguments.len() > *most { Err(UNKNOWN_ZONE) } else { Ok(()) };
    }
    if function == "cast" {
        return check_cast(arguments);
    }
    let Some((_, before)) = TAKE_A_ZONE.iter().find(|(name, _)| *name == function) else { return Ok(()) };
    for argument in arguments.iter().skip(*before) {
        match argument {
            [SqlToken::Text(zone)] if is_known(zone) => {}
            _ => return Err(UNKNOWN_ZONE),
        }
    }
    Ok(())
}

/// `CAST(x, 'type')`: a quoted type may hold a zone, so it may hold letters, digits and parentheses only.
fn check_cast(arguments: &[&[SqlToken]]) -> Result<(), SqlRefusal> {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "(), ".contains(c));
    match arguments {
        [_] => Ok(()),
        [_, [SqlToken::Text(kind)]] if plain(kind) => Ok(()),
        _ => Err(SqlRefusal("`CAST` takes a type of letters, digits and parentheses; write `CAST(x AS type)`")),
    }
}

fn is_known(zone: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
    zone.chars().all(plain) && TimeZone::get(zone).is_ok()
}
