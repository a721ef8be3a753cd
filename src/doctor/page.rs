//! The page: whether it answers, holds one tag that runs, and lets the script load and send.

use url::Url;

use crate::doctor::finding::DoctorFinding;
use crate::doctor::markup::{self, PageTag};
use crate::doctor::policy::{PagePolicies, PolicyTag};
use crate::doctor::script;
use crate::http::client::WholeAnswer;

/// Attributes by which another tool's tag names its site; the tracker reads them.
const SITE_ATTRIBUTES: [&str; 4] = ["data-site", "data-domain", "data-website-id", "data-goatcounter"];

/// The tag that loads the script, with its addresses as a browser resolves them.
#[derive(Debug)]
pub(super) struct TrackerTag {
    pub(super) script: Url,
    /// Address that hits are sent to.
    pub(super) api: Url,
    /// Sites that the tag names, as written; the page's host where it names none.
    pub(super) site: Option<String>,
    /// Hashes of `integrity`; empty where it has none.
    pub(super) integrity: String,
}

/// Reads the answer of `page`: findings, and the tag if there is one.
pub(super) fn read(page: &Url, answer: &WholeAnswer, tracker_path: &str) -> (Vec<DoctorFinding>, Option<TrackerTag>) {
    let failed = |text: String| (vec![DoctorFinding::problem(text)], None);
    if !answer.status.is_success() {
        return failed(format!(
            "page: answered {}; name a page with --url that visitors see without signing in",
            answer.status
        ));
    }
    let kind = script::header(answer, "content-type");
    if !kind.contains("html") {
        return failed(format!("page: answered as `{kind}`, not as HTML; name a page of the site with --url"));
    }
    let Some(body) = script::decoded(answer) else {
        let encoding = script::header(answer, "content-encoding");
        return failed(format!("page: compressed as `{encoding}` for a client that did not ask; check the proxy"));
    };
    let tags = markup::tags(&String::from_utf8_lossy(&body));
    let base = tags.iter().find(|tag| tag.is("base")).and_then(|tag| page.join(tag.attribute("href")?).ok());
    let base = base.unwrap_or_else(|| page.clone());
    let loads = |tag: &&PageTag| tag.is("script") && is_tracker(tag, &base, tracker_path);
    let ours: Vec<&PageTag> = tags.iter().filter(loads).collect();
    let Some((tag, found)) = ours.first().and_then(|tag| Some((*tag, tracker_tag(tag, page, &base)?))) else {
        return failed(format!(
            "page: does not load {tracker_path}; add the snippet of `sillage snippet` (a tag that a tag manager inserts \
             is not seen)"
        ));
    };
    let mut policies = PagePolicies::default();
    answer.headers.get_all("content-security-policy").iter().filter_map(|line| line.to_str().ok()).for_each(|line| {
        policies.add(line);
    });
    let is_policy = |tag: &&PageTag| {
        tag.is("meta")
            && tag.attribute("http-equiv").is_some_and(|name| name.eq_ignore_ascii_case("content-security-policy"))
    };
    tags.iter().filter(is_policy).filter_map(|tag| tag.attribute("content")).for_each(|line| policies.add(line));
    let mut findings = of_tag(page, tag, &found, ours.len());
    findings.extend(of_policies(page, tag, &found, &policies));
    if !findings.iter().any(DoctorFinding::is_problem) {
        findings.insert(0, DoctorFinding::ok("page: loads the script"));
    }
    (findings, Some(found))
}

/// Whether a tag loads the tracker: by its own path, or by another tool's with that tool's attribute.
fn is_tracker(tag: &PageTag, base: &Url, tracker_path: &str) -> bool {
    let Some(source) = tag.attribute("src").and_then(|source| base.join(source).ok()) else { return false };
    let is_foreign = || SITE_ATTRIBUTES.iter().any(|name| tag.attribute(name).is_some());
    source.path() == tracker_path || (is_foreign() && script::content(source.path(), tracker_path).is_some())
}

fn tracker_tag(tag: &PageTag, page: &Url, base: &Url) -> Option<TrackerTag> {
    let script = base.join(tag.attribute("src")?.trim()).ok()?;
    let api = match tag.attribute("data-api").filter(|written| !written.is_empty()) {
        Some(written) => page.join(written).ok()?,
        None => script.join("/api/event").ok()?,
    };
    let named = SITE_ATTRIBUTES.iter().find_map(|name| tag.attribute(name));
    let site = named.map(str::to_owned).filter(|site| !site.is_empty());
    Some(TrackerTag { script, api, site, integrity: tag.attribute("integrity").unwrap_or_default().to_owned() })
}

fn of_tag(page: &Url, tag: &PageTag, found: &TrackerTag, count: usize) -> Vec<DoctorFinding> {
    let mut findings = Vec::new();
    if count > 1 {
        findings.push(DoctorFinding::problem(format!(
            "page: loads the script {count} times, so each view counts {count} times; keep one tag"
        )));
    }
    let kind = tag.attribute("type").unwrap_or_default().to_ascii_lowercase();
    if !kind.is_empty() && kind != "module" && !kind.contains("javascript") {
        findings.push(DoctorFinding::note(format!(
            "page: the tag's type is `{kind}`: the script runs only once a consent platform changes it"
        )));
    }
    if tag.attribute("nomodule").is_some() {
        findings.push(DoctorFinding::problem("page: the tag has `nomodule`: no current browser runs it; remove it"));
    }
    if page.scheme() == "https" && (found.script.scheme() == "http" || found.api.scheme() == "http") {
        findings.push(DoctorFinding::problem(
            "page: the tag names an address of http://, which browsers block on a page of https://; write https://",
        ));
    }
    findings
}

fn of_policies(page: &Url, tag: &PageTag, found: &TrackerTag, policies: &PagePolicies) -> Vec<DoctorFinding> {
    let policy_tag = PolicyTag { nonce: tag.attribute("nonce").unwrap_or_default(), integrity: &found.integrity };
    let source = |target: &Url| match target.origin() == page.origin() {
        true => "'self'".to_owned(),
        false => target.origin().ascii_serialization(),
    };
    let script = policies.blocking_script(page, &found.script, policy_tag).map(|directive| match directive.as_str() {
        "sandbox" => "page: Content-Security-Policy blocks all scripts; add allow-scripts to sandbox".to_owned(),
        directive => format!(
            "page: Content-Security-Policy blocks the script; add {} to {directive}, or the policy's nonce to the tag",
            source(&found.script)
        ),
    });
    let request = policies.blocking_request(page, &found.api).map(|directive| {
        let add = if directive == "connect-src" { "to connect-src" } else { "as connect-src" };
        format!("page: Content-Security-Policy blocks the hits; add {} {add}", source(&found.api))
    });
    script.into_iter().chain(request).map(DoctorFinding::problem).collect()
}
