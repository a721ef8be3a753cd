//! Figures for people without a token: the page of a public site, links that expire, the counter. A link is signed with
//! the hash of the token that made it, so it ends with that token; nothing is stored. Must never open more than one
//! site, and only for reading.

use hyper::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use crate::clock::DAY_SECONDS;
use crate::compliance::bilingual::Lang;
use crate::console::access::{no_such_site, query_value, readable, token_digest};
use crate::console::reply::{self, ConsoleResponse};
use crate::console::share_key::{key, opened};
use crate::console::state::ConsoleState;
use crate::console::{assets, query};
use crate::localized::{count, noun};
use crate::store::uncounted::PublishedQuery;

/// Longest life of a link, in days.
const DAYS_MAX: i64 = 90;

/// Makes a link: `POST /api/share` with `site_id` and `days`.
pub(super) fn make(console: &ConsoleState, head: &Parts, body: &[u8]) -> ConsoleResponse {
    let access = console.access.load_full();
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let name = body.get("site_id").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let Some(site) = readable(console, &access, &head.headers, &name) else { return no_such_site() };
    let days = body.get("days").and_then(Value::as_i64).filter(|days| (1..=DAYS_MAX).contains(days));
    let (Some(days), Some(token)) = (days, token_digest(console, &head.headers)) else {
        return reply::error(StatusCode::BAD_REQUEST, "write {\"site_id\", \"days\": 1 to 90}");
    };
    let until = console.clock.now().as_second() + days * DAY_SECONDS;
    let path = format!("/share/{}?key={}", site.name, key(&token, &site.name, until));
    reply::json(StatusCode::CREATED, &json!({ "path": path, "until": until }))
}

/// The page of `/share/SITE`: the console's own, whose requests then carry the header of the share.
pub(super) fn page(console: &ConsoleState, head: &Parts) -> ConsoleResponse {
    let access = console.access.load_full();
    let name = head.uri.path().trim_start_matches("/share/").to_ascii_lowercase();
    let key = query_value(head, "key").unwrap_or_default();
    let Some(site) = opened(&access, &name, &key, console.clock.now()) else { return no_link() };
    let Some(mut reply) = assets::answer("/", &HeaderMap::new()) else { return no_link() };
    let ancestors = if site.shown.embed_on.is_empty() { "'none'".into() } else { site.shown.embed_on.join(" ") };
    let policy = reply::policy(&ancestors);
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        reply.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// `GET /counter/SITE.svg` and `.json`: all published pageviews of a public site; with `lang=fr`, the picture is in
/// French.
pub(super) async fn counter(console: &ConsoleState, head: &Parts) -> ConsoleResponse {
    let access = console.access.load_full();
    let file = head.uri.path().trim_start_matches("/counter/");
    let Some((name, form)) = file.rsplit_once('.').filter(|(_, form)| matches!(*form, "svg" | "json")) else {
        return no_link();
    };
    let Some(site) = access.sites.find(&name.to_ascii_lowercase()).filter(|site| site.shown.public) else {
        return no_link();
    };
    let Ok(days) = query::days(&json!("all"), site, console.clock.now()) else { return reply::no_database() };
    let Ok(rows) = console.reports.published(PublishedQuery::Total, &site.name, days, "").await else {
        return reply::no_database();
    };
    let pageviews = rows.first().and_then(|row| row.get("pageviews")).and_then(Value::as_i64).unwrap_or(0);
    let (content_type, text) = match form {
        "svg" => ("image/svg+xml", picture(pageviews, Lang::of_request(head.uri.query().unwrap_or_default(), None))),
        _ => ("application/json", json!({ "site": &*site.name, "pageviews": pageviews }).to_string()),
    };
    let mut reply = Response::new(reply::whole(text));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    reply
}

fn picture(pageviews: i64, lang: Lang) -> String {
    let noun = noun(pageviews, ["pageview", "pageviews"], ["page vue", "pages vues"]).in_plain_text(lang);
    let text = format!("{} {noun}", count(pageviews, lang));
    let width = 20 + 7 * text.chars().count();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"22\" role=\"img\" aria-label=\"{text}\"><rect width=\"{width}\" height=\"22\" rx=\"4\" fill=\"#0b5c7a\"/><text x=\"8\" y=\"15\" \
         fill=\"#fff\" font-family=\"system-ui,sans-serif\" font-size=\"12\">{text}</text></svg>"
    )
}

fn no_link() -> ConsoleResponse {
    reply::error(StatusCode::NOT_FOUND, "the link has expired, or the site is not public")
}
