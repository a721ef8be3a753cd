//! `sillage doctor`: sends a hit through a site's public address, as a browser would, and reports problems.

use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{HeaderMap, Request, StatusCode, Uri};
use jiff::Timestamp;

use crate::clock::{Clock as _, SystemClock};
use crate::commands::config_file::ConfigFile;
use crate::commands::terminal::{CommandError, print};
use crate::config::Config;
use crate::http::client::{HttpClient, RequestError, WholeAnswer};

/// Longest wait for an answer through the proxy.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Largest answer that is read, in bytes: a page with inline scripts fits.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Largest accepted clock difference, in seconds: a larger one moves hits to another hour or day.
const CLOCK_SECONDS_MAX: i64 = 60;
/// Page of the hit, to be told apart from visitors' pages in the figures.
const PAGE: &str = "/sillage-doctor";
/// User agent of a browser that is not on a list of robots.
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Send a test hit to a site's public address and report problems on the way; exits 1 if there are any.
#[derive(Debug, clap::Args)]
pub struct DoctorCommand {
    #[command(flatten)]
    config: ConfigFile,
    /// Public address of the site, as visitors' browsers see it, such as https://shop.example
    #[arg(long, value_name = "URL")]
    url: Uri,
    /// Name of the site; the host of the URL by default.
    #[arg(long, value_name = "SITE")]
    site: Option<String>,
}

/// Result of one check.
#[derive(Debug, PartialEq, Eq)]
struct DoctorFinding {
    holds: bool,
    text: String,
}

impl DoctorFinding {
    fn good(text: impl Into<String>) -> Self {
        Self { holds: true, text: text.into() }
    }

    fn bad(text: impl Into<String>) -> Self {
        Self { holds: false, text: text.into() }
    }
}

impl DoctorCommand {
    /// Prints the findings; exits 1 if one is a problem.
    ///
    /// # Errors
    /// When the configuration cannot be read or the address is not one.
    pub async fn run(&self) -> Result<ExitCode, CommandError> {
        let config = self.config.load()?;
        let authority = self.url.authority().ok_or("--url: write a URL such as https://shop.example")?;
        let site = self.site.clone().unwrap_or_else(|| authority.host().to_ascii_lowercase());
        let origin = format!("{}://{authority}", self.url.scheme_str().unwrap_or("http"));
        let client = HttpClient::new();
        let mut findings = vec![proxy(&config, &self.url)];
        findings.push(tracker(get(&client, &format!("{origin}{}", config.collect.tracker_path)).await));
        let page = get(&client, &self.url.to_string()).await;
        findings.extend(page.ok().map(|page| snippet(&page, &config.collect.tracker_path)));
        match hit(&client, &origin, &site).await {
            Ok(answer) => {
                findings.push(clock(&answer.headers, SystemClock.now()));
                findings.push(outcome(&answer, &site));
            }
            Err(error) => findings.push(DoctorFinding::bad(format!("hit: no answer: {error}"))),
        }
        let lines: Vec<String> = findings
            .iter()
            .map(|finding| format!("{} {}", if finding.holds { "ok     " } else { "problem" }, finding.text))
            .collect();
        print(&lines.join("\n"))?;
        let healthy = findings.iter().all(|finding| finding.holds);
        Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

async fn get(client: &HttpClient, address: &str) -> Result<WholeAnswer, CommandError> {
    ask(client, Request::get(address).header("user-agent", BROWSER).body(Full::default())?).await
}

async fn hit(client: &HttpClient, origin: &str, site: &str) -> Result<WholeAnswer, CommandError> {
    let event = serde_json::json!({ "n": "pageview", "d": site, "u": format!("{origin}{PAGE}") });
    let request = Request::post(format!("{origin}/api/event"))
        .header("user-agent", BROWSER)
        .header("content-type", "text/plain")
        .header("origin", origin)
        .header("referer", format!("{origin}{PAGE}"))
        .body(Full::from(event.to_string()))?;
    ask(client, request).await
}

async fn ask(client: &HttpClient, request: Request<Full<Bytes>>) -> Result<WholeAnswer, CommandError> {
    let answer: Result<WholeAnswer, RequestError> = client.ask(request, ANSWER_WAIT, ANSWER_BYTES_MAX).await;
    Ok(answer?)
}

/// Whether the collector would see visitors' addresses behind the server at `url`.
fn proxy(config: &Config, url: &Uri) -> DoctorFinding {
    let (listen, trusted) = (config.collect.listen, &config.collect.trusted_proxies);
    let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("https") { 443 } else { 80 });
    let is_https = url.scheme_str() == Some("https");
    if port == listen.port() && is_https == config.collect.tls.is_set() {
        return DoctorFinding::good("proxy: none; direct connection to the collector");
    }
    if trusted.is_empty() {
        return DoctorFinding::bad(
            "proxy: not trusted, so all visitors have its address and count as few; set collect.trusted_proxies to \
             the address that it connects from",
        );
    }
    DoctorFinding::good(format!(
        "proxy: {} is read from {} network(s)",
        config.collect.client_address_header,
        trusted.len()
    ))
}

fn tracker(answer: Result<WholeAnswer, CommandError>) -> DoctorFinding {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return DoctorFinding::bad(format!("script: no answer: {error}")),
    };
    let kind = answer.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match (answer.status, kind.contains("javascript")) {
        (StatusCode::OK, true) => DoctorFinding::good("script: served"),
        (StatusCode::OK, false) => {
            DoctorFinding::bad(format!("script: answered as `{kind}`; forward collect.tracker_path in the proxy"))
        }
        (status, _) => DoctorFinding::bad(format!("script: {status}; forward collect.tracker_path in the proxy")),
    }
}

/// Whether a page loads the script, and its policy allows it.
fn snippet(page: &WholeAnswer, tracker_path: &str) -> DoctorFinding {
    let policy = page.headers.get("content-security-policy").and_then(|policy| policy.to_str().ok());
    let blocks = |directive: &str| {
        let policy = policy.unwrap_or_default();
        let written = |name: &str| policy.split(';').find_map(|part| part.trim().strip_prefix(name));
        written(directive).or_else(|| written("default-src")).is_some_and(|sources| {
            let sources = sources.to_ascii_lowercase();
            !sources.split_whitespace().any(|source| source == "'self'" || source == "*" || source.starts_with("http"))
        })
    };
    if !String::from_utf8_lossy(&page.body).contains(tracker_path) {
        return DoctorFinding::bad(format!("page: does not load {tracker_path}; add the snippet of `sillage snippet`"));
    }
    for directive in ["script-src", "connect-src"] {
        if blocks(directive) {
            return DoctorFinding::bad(format!(
                "page: Content-Security-Policy blocks the script; add 'self' to \
                                               {directive}"
            ));
        }
    }
    DoctorFinding::good("page: loads the script")
}

fn clock(headers: &HeaderMap, now: Timestamp) -> DoctorFinding {
    let date = headers.get("date").and_then(|date| date.to_str().ok());
    let Some(date) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else {
        return DoctorFinding::good("clock: the answer has no date");
    };
    let seconds = (now.as_second() - date.timestamp().as_second()).abs();
    match seconds {
        0..=CLOCK_SECONDS_MAX => DoctorFinding::good(format!("clock: {seconds} s apart")),
        _ => DoctorFinding::bad(format!(
            "clock: {seconds} s apart; days and hours are wrong until the clocks are synchronised (NTP)"
        )),
    }
}

/// The outcome of the hit.
fn outcome(answer: &WholeAnswer, site: &str) -> DoctorFinding {
    let dropped = answer.headers.get("x-sillage-dropped").and_then(|reason| reason.to_str().ok());
    let why = match (answer.status.as_u16(), dropped) {
        (202, None) => return DoctorFinding::good(format!("hit: counted for {site}, on the page {PAGE}")),
        (202, Some("unknown_site")) => format!("no [[site]] has the name or host `{site}`"),
        (202, Some("foreign_host")) => "the page's host is not the site's; add it to the site's hosts".to_owned(),
        (202, Some("excluded")) => {
            "this machine is in the site's exclude_addresses, or the page in exclude_paths".to_owned()
        }
        (202, Some("bot")) => "counted as a robot; the proxy may replace the User-Agent header".to_owned(),
        (202, Some("opted_out")) => "counted as an objection; the proxy may add Sec-GPC or DNT".to_owned(),
        (202, Some(reason)) => format!("not counted: {reason}"),
        (404 | 405, _) => "forward POST /api/event in the proxy".to_owned(),
        (413, _) => "body rejected by the proxy or by collect.max_body_bytes".to_owned(),
        (502 | 504, _) => {
            "the proxy does not reach the collector; check that it runs and that collect.listen is its address"
                .to_owned()
        }
        (503, _) => "the collector does not accept hits now; see its log".to_owned(),
        (status, _) => format!("answered {status}"),
    };
    DoctorFinding::bad(format!("hit: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, headers: &[(&'static str, &str)], body: &str) -> WholeAnswer {
        let pair = |(name, value): &(&'static str, &str)| {
            (hyper::header::HeaderName::from_static(name), value.parse().unwrap())
        };
        let status = StatusCode::from_u16(status).unwrap();
        WholeAnswer {
            status,
            headers: headers.iter().map(pair).collect(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn each_thing_that_can_be_wrong_is_named_with_what_to_do() {
        let mut config = Config::default();
        let https = "https://shop.example".parse().unwrap();
        assert!(proxy(&config, &https).text.contains("collect.trusted_proxies"));
        config.collect.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        assert!(proxy(&config, &https).holds);
        assert!(proxy(&Config::default(), &"http://127.0.0.1:8080".parse().unwrap()).holds);
        assert!(tracker(Ok(answered(200, &[("content-type", "text/javascript")], ""))).holds);
        assert!(!tracker(Ok(answered(200, &[("content-type", "text/html")], ""))).holds);
        let page = r#"<script src="/js/sillage.js"></script>"#;
        assert!(snippet(&answered(200, &[], page), "/js/sillage.js").holds);
        assert!(!snippet(&answered(200, &[], "<p>"), "/js/sillage.js").holds);
        for (policy, holds) in [
            ("script-src 'self'; connect-src 'self'", true),
            ("default-src 'self'", true),
            ("default-src 'none'; script-src 'self'", false),
            ("script-src 'nonce-1'", false),
        ] {
            let page = answered(200, &[("content-security-policy", policy)], page);
            assert_eq!(snippet(&page, "/js/sillage.js").holds, holds, "{policy}");
        }
        let date = answered(202, &[("date", "Sat, 28 Nov 2026 14:00:00 GMT")], "");
        assert!(clock(&date.headers, "2026-11-28T14:00:59Z".parse().unwrap()).holds);
        assert!(!clock(&date.headers, "2026-11-28T15:00:00Z".parse().unwrap()).holds);
        assert!(outcome(&answered(202, &[], ""), "shop.example").holds);
        for (status, dropped, says) in [
            (202, "unknown_site", "[[site]]"),
            (202, "foreign_host", "hosts"),
            (404, "", "forward POST /api/event"),
            (502, "", "collect.listen"),
        ] {
            let answer = answered(status, &[("x-sillage-dropped", dropped)], "");
            assert!(outcome(&answer, "shop.example").text.contains(says), "{status} {dropped}");
        }
    }
}
