//! The hit's answer: clock and outcome.

use hyper::HeaderMap;
use jiff::Timestamp;

use crate::doctor::finding::DoctorFinding;
use crate::doctor::script::header;
use crate::http::client::WholeAnswer;

/// Largest accepted clock difference, in seconds: a larger one moves hits to another hour or day.
const CLOCK_SECONDS_MAX: i64 = 60;

/// Compares the answer's date with this machine's clock.
pub(super) fn clock(headers: &HeaderMap, now: Timestamp) -> DoctorFinding {
    let date = headers.get("date").and_then(|date| date.to_str().ok());
    let Some(date) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else {
        return DoctorFinding::note("clock: the answer has no date");
    };
    let seconds = (now.as_second() - date.timestamp().as_second()).abs();
    match seconds {
        0..=CLOCK_SECONDS_MAX => DoctorFinding::ok(format!("clock: {seconds} s apart")),
        _ => DoctorFinding::problem(format!(
            "clock: {seconds} s apart; days and hours are wrong until the clocks are synchronised (NTP)"
        )),
    }
}

/// The outcome of the hit for `site`; `is_configured` where this machine's configuration has the site.
pub(super) fn outcome(answer: &WholeAnswer, site: &str, is_configured: bool, page: &str) -> DoctorFinding {
    let dropped = answer.headers.get("x-sillage-dropped").and_then(|reason| reason.to_str().ok());
    let why = match (answer.status.as_u16(), dropped) {
        (202, None) => return DoctorFinding::ok(format!("hit: counted for {site}, on the page {page}")),
        (202, Some("unknown_site")) if is_configured => {
            format!("the running collector does not know `{site}`; reload it (SIGHUP), or check where the proxy leads")
        }
        (202, Some("unknown_site")) => format!("no [[site]] has the name or host `{site}`"),
        (202, Some("foreign_host")) => "the page's host is not the site's; add it to the site's hosts".to_owned(),
        (202, Some("excluded")) => {
            "this machine is in the site's exclude_addresses, or the page in exclude_paths".to_owned()
        }
        (202, Some("bot")) => "counted as a robot; the proxy may replace the User-Agent header".to_owned(),
        (202, Some("opted_out")) => "counted as an objection; the proxy may add Sec-GPC or DNT".to_owned(),
        (202, Some("prefetch")) => "taken for a prefetch; the proxy may add Sec-Purpose or Purpose".to_owned(),
        (202, Some("no_consent")) => "dropped without consent; the proxy may change the body".to_owned(),
        (202, Some("flood")) => {
            "over limits.hits_per_address; all visitors may have one address, see the line `address`".to_owned()
        }
        (202, Some(reason)) => format!("not counted: {reason}"),
        (301 | 302 | 303 | 307 | 308, _) => format!(
            "answered {} to {}; browsers do not send it again: let the tag's script come from that address",
            answer.status,
            header(answer, "location")
        ),
        (401 | 403, _) => "rejected by the proxy (password, firewall); let POST /api/event pass without it".to_owned(),
        (404 | 405, _) => "forward POST /api/event in the proxy".to_owned(),
        (408, _) => "the body did not arrive; check the proxy's buffering and timeouts".to_owned(),
        (411, _) => "the proxy wants a Content-Length; let POST /api/event pass as it is".to_owned(),
        (413, _) => "body rejected by the proxy or by collect.max_body_bytes".to_owned(),
        (429, _) => "limited by the proxy; let POST /api/event pass".to_owned(),
        (502 | 504, _) => {
            "the proxy does not reach the collector; check that it runs and that collect.listen is its address"
                .to_owned()
        }
        (503, _) => "the collector does not accept hits now; see its log".to_owned(),
        (200..=299, _) => format!(
            "answered {} by another server than the collector; forward POST /api/event in the proxy",
            answer.status
        ),
        _ => format!("answered {}", answer.status),
    };
    DoctorFinding::problem(format!("hit: {why}"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::StatusCode;

    use super::*;

    fn answered(status: u16, headers: &[(&'static str, &str)]) -> WholeAnswer {
        let pair = |(name, value): &(&'static str, &str)| {
            (hyper::header::HeaderName::from_static(name), value.parse().unwrap())
        };
        let status = StatusCode::from_u16(status).unwrap();
        WholeAnswer { status, headers: headers.iter().map(pair).collect(), body: Bytes::new() }
    }

    #[test]
    fn a_clock_an_hour_off_is_a_problem_and_one_without_date_a_note() {
        let date = answered(202, &[("date", "Sat, 28 Nov 2026 14:00:00 GMT")]);
        assert!(!clock(&date.headers, "2026-11-28T14:00:59Z".parse().unwrap()).is_problem());
        assert!(clock(&date.headers, "2026-11-28T15:00:00Z".parse().unwrap()).is_problem());
        assert!(!clock(&answered(202, &[]).headers, Timestamp::UNIX_EPOCH).is_problem());
    }

    #[test]
    fn each_outcome_but_a_counted_hit_is_a_problem_with_its_remedy() {
        assert!(!outcome(&answered(202, &[]), "shop.example", true, "/").is_problem());
        for (status, dropped, says) in [
            (202, "unknown_site", "SIGHUP"),
            (202, "foreign_host", "hosts"),
            (202, "flood", "hits_per_address"),
            (200, "", "by another server"),
            (301, "", "browsers do not send it again"),
            (403, "", "firewall"),
            (404, "", "forward POST /api/event"),
            (429, "", "limited by the proxy"),
            (502, "", "collect.listen"),
        ] {
            let finding = outcome(&answered(status, &[("x-sillage-dropped", dropped)]), "shop.example", true, "/");
            assert!(finding.is_problem() && finding.text.contains(says), "{status} {dropped}: {finding}");
        }
        let unknown = answered(202, &[("x-sillage-dropped", "unknown_site")]);
        assert!(outcome(&unknown, "other.example", false, "/").text.contains("no [[site]]"));
    }
}
