//! One visit of the doctor: follows the way of a browser from the page to the counted hit.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::ACCEPT_ENCODING;
use jiff::Timestamp;
use url::Url;

use crate::collect::address_probe::{PROBE_HEADER, PROBE_KEY_FILE};
use crate::collect::address_report::CLAIMED_ADDRESS;
use crate::config::Config;
use crate::doctor::finding::DoctorFinding;
use crate::doctor::page::TrackerTag;
use crate::doctor::{address, hit, page, script};
use crate::http::client::{HttpClient, RequestError, WholeAnswer};
use crate::sites::Sites;

/// Longest wait for an answer through the proxy.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Largest answer that is read, in bytes: a page with inline scripts fits.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Most redirects from `--url` to the page.
const REDIRECTS_MAX: usize = 5;
/// Page of the hit, to be told apart from visitors' pages in the figures.
const PAGE: &str = "/sillage-doctor";
/// User agent of a browser that is not on a list of robots.
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A visit of one page.
pub(crate) struct DoctorVisit<'c> {
    pub(crate) config: &'c Config,
    /// Sites of `config`.
    pub(crate) sites: Sites,
    pub(crate) client: HttpClient,
    /// Site that the page should name; any known one if none is given.
    pub(crate) site: Option<&'c str>,
}

/// A request that got no answer.
struct UnansweredRequest(String);

impl DoctorVisit<'_> {
    /// Visits the page at `url`; gives the findings in the order of a browser's requests.
    pub(crate) async fn findings(&self, url: Url, now: Timestamp) -> Vec<DoctorFinding> {
        let mut findings = Vec::new();
        let (url, answer) = match self.page(url, &mut findings).await {
            Ok(reached) => reached,
            Err(UnansweredRequest(why)) => {
                findings.push(DoctorFinding::problem(format!("page: {why}")));
                return findings;
            }
        };
        let tracker_path = &self.config.collect.tracker_path;
        let (of_page, tag) = page::read(&url, &answer, tracker_path);
        findings.extend(of_page);
        let Some(tag) = tag.or_else(|| default_tag(&url, tracker_path)) else { return findings };
        let (of_site, site) = self.site(&tag, &url);
        findings.extend(of_site);
        match self.get(&tag.script, &[(ACCEPT_ENCODING.as_str(), "gzip")]).await {
            Ok(answer) => {
                let expected = script::content(tag.script.path(), tracker_path);
                findings.extend(script::judge(&answer, tag.script.path(), &tag.integrity, expected));
            }
            Err(UnansweredRequest(why)) => findings.push(DoctorFinding::problem(format!("script: {why}"))),
        }
        findings.push(self.address(&tag.api).await);
        match self.hit(&tag.api, &url, &site).await {
            Ok(answer) => {
                findings.push(hit::clock(&answer.headers, now));
                findings.push(hit::outcome(&answer, &site, self.configured(&site), PAGE));
                findings.extend(script::cookie(&answer, "hit"));
            }
            Err(UnansweredRequest(why)) => findings.push(DoctorFinding::problem(format!("hit: {why}"))),
        }
        findings
    }

    /// The page behind all redirects, each of them a finding.
    async fn page(
        &self,
        mut url: Url,
        findings: &mut Vec<DoctorFinding>,
    ) -> Result<(Url, WholeAnswer), UnansweredRequest> {
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.get(&url, &[("accept", "text/html")]).await?;
            let target = url.join(script::header(&answer, "location")).ok();
            let Some(target) = target.filter(|target| answer.status.is_redirection() && *target != url) else {
                return Ok((url, answer));
            };
            findings.push(DoctorFinding::note(format!(
                "page: {} redirects to {}; visitors are measured there",
                url.origin().ascii_serialization(),
                target.origin().ascii_serialization()
            )));
            url = target;
        }
        Err(UnansweredRequest(format!("redirected more than {REDIRECTS_MAX} times; name the last address with --url")))
    }

    /// Whether the tag names the right site; the name that the hit carries.
    fn site(&self, tag: &TrackerTag, page: &Url) -> (Vec<DoctorFinding>, String) {
        let host = page.host_str().unwrap_or_default().to_owned();
        let named = tag.site.clone();
        let mut findings = Vec::new();
        if let (Some(named), Some(wanted)) = (&named, self.site)
            && !named.split(',').any(|name| name.trim() == wanted)
        {
            findings.push(DoctorFinding::problem(format!("site: the tag names `{named}`, not `{wanted}`; change it")));
        }
        let site = self.site.map(str::to_owned).or(named).unwrap_or(host);
        let unknown = site.split(',').map(str::trim).find(|name| !self.configured(name));
        if let Some(unknown) = unknown {
            findings.push(DoctorFinding::problem(format!(
                "site: `{unknown}` is not in the configuration; add a [[site]] of that name, or change the tag's data-site"
            )));
        }
        (findings, site)
    }

    /// Whether the configuration has a site of this name, host or id.
    fn configured(&self, name: &str) -> bool {
        self.sites.find_id(name).is_some()
    }

    /// Whether the collector counts the client behind the proxy.
    async fn address(&self, api: &Url) -> DoctorFinding {
        let collect = &self.config.collect;
        let is_https = api.scheme() == "https";
        let is_direct = api.port_or_known_default() == Some(collect.listen.port()) && is_https == collect.tls.is_set();
        let Ok(key) = std::fs::read_to_string(self.config.runtime.dir.join(PROBE_KEY_FILE)) else {
            return DoctorFinding::note(
                "address: not checked; run this on the collector's machine, as its user, while it runs",
            );
        };
        let probe = PROBE_HEADER;
        let key = (probe.as_str(), key.trim());
        // The claim comes second: a proxy may reject it.
        let mut report = None;
        for claim in [None, Some((collect.client_address_header.as_str(), CLAIMED_ADDRESS))] {
            let headers: Vec<_> = std::iter::once(key).chain(claim).collect();
            let answer = self.get(api, &headers).await.ok();
            report = answer.and_then(|answer| serde_json::from_slice(&answer.body).ok()).or(report);
        }
        match report {
            Some(report) => address::judge(&report, &collect.client_address_header, is_direct),
            None => DoctorFinding::note(
                "address: not checked; GET /api/event does not reach the collector that this configuration starts",
            ),
        }
    }

    async fn hit(&self, api: &Url, page: &Url, site: &str) -> Result<WholeAnswer, UnansweredRequest> {
        let origin = page.origin().ascii_serialization();
        let address = format!("{origin}{PAGE}");
        let mut event = serde_json::json!({ "n": "pageview", "d": site, "u": address });
        if self.sites.find_id(site).is_some_and(|found| found.needs_consent)
            && let Some(event) = event.as_object_mut()
        {
            event.insert("c".into(), 1.into());
        }
        let request = Request::post(api.as_str())
            .header("user-agent", BROWSER)
            .header("content-type", "text/plain")
            .header("origin", origin)
            .header("referer", address)
            .body(Full::from(event.to_string()));
        self.ask(request).await
    }

    async fn get(&self, url: &Url, headers: &[(&str, &str)]) -> Result<WholeAnswer, UnansweredRequest> {
        let request = Request::get(url.as_str()).header("user-agent", BROWSER);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.ask(request.body(Full::default())).await
    }

    async fn ask(&self, request: hyper::http::Result<Request<Full<Bytes>>>) -> Result<WholeAnswer, UnansweredRequest> {
        let request = request.map_err(|error| UnansweredRequest(format!("address that cannot be asked: {error}")))?;
        let answer = self.client.ask(request, ANSWER_WAIT, ANSWER_BYTES_MAX).await;
        answer.map_err(|error| UnansweredRequest(unanswered(&error)))
    }
}

/// The tag that `sillage snippet` writes, for a page that was not read.
fn default_tag(page: &Url, tracker_path: &str) -> Option<TrackerTag> {
    let (script, api) = (page.join(tracker_path).ok()?, page.join("/api/event").ok()?);
    Some(TrackerTag { script, api, site: None, integrity: String::new() })
}

/// Why no answer came, and the remedy.
fn unanswered(error: &RequestError) -> String {
    match error {
        RequestError::Connection(cause) if cause.contains("lookup") || cause.contains("resolve") => {
            format!("the name does not resolve ({cause}); add its record at the DNS provider")
        }
        RequestError::Connection(cause) if cause.contains("refused") => {
            format!("no answer: {cause}; check that the proxy runs and listens at this port")
        }
        RequestError::Connection(cause) if cause.contains("invalid HTTP") || cause.contains("ApplicationProtocol") => {
            format!("no answer of HTTP/1.1 ({cause}); let the server offer HTTP/1.1 beside HTTP/2")
        }
        RequestError::Certificate(_) => {
            format!("{error}; browsers refuse it too: renew it, or name the server that --url means")
        }
        RequestError::Connection(_) | RequestError::Late(_) | RequestError::TooLarge(_) => {
            format!("no answer: {error}")
        }
    }
}
