//! Information for the operator beside figures: conformity, notices to copy, arrivals. Must show no hit, and a token
//! for some sites nothing about the others.

use hyper::StatusCode;
use hyper::header::{ACCEPT_LANGUAGE, HeaderValue, VARY};
use hyper::http::request::Parts;
use serde_json::{Map, Value, json};

use crate::compliance::audit;
use crate::compliance::bilingual::Lang;
use crate::compliance::notice;
use crate::config::Protection;
use crate::console::access::{token_digest, with_token};
use crate::console::reply::{self, ConsoleResponse};
use crate::console::state::ConsoleState;
use crate::console::tokens::AccessToken;
use crate::outcome::Outcome;
use crate::store::last_release::LastReleaseRow;

/// `GET /api/conformity`: the current audit in the language of `lang=` or of the browser, and the notices to copy. Both
/// are about every site.
pub(super) async fn conformity(console: &ConsoleState, head: &Parts) -> ConsoleResponse {
    match with_token(console, &console.access.load(), &head.headers, AccessToken::reads_all) {
        None => return reply::unknown_token(),
        Some(false) => {
            let sentence = "the audit covers all sites; use a token for `*`";
            return reply::error(StatusCode::FORBIDDEN, sentence);
        }
        Some(true) => {}
    }
    let now = console.clock.now();
    let Ok(evidence) = audit::gather(&console.config, &console.store, now).await else { return reply::no_database() };
    let audit = audit::Audit::of(&evidence);
    let accepted = head.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let report = audit.json(&evidence, Lang::of_request(head.uri.query().unwrap_or_default(), accepted));
    let texts: Map<String, Value> =
        notice::texts(&console.config, now).into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
    let mut reply = reply::json(StatusCode::OK, &json!({ "audit": report, "texts": texts }));
    reply.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Language"));
    reply
}

/// `GET /api/arrivals`: hits of the last half hour by site, minute and outcome, for the operator only, not for shared
/// pages. Also the published figures of that time.
pub(super) fn arrivals(console: &ConsoleState, head: &Parts) -> ConsoleResponse {
    if token_digest(console, &head.headers).is_none() {
        return reply::unknown_token();
    }
    let access = console.access.load_full();
    let names: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.label()).collect();
    let listed = with_token(console, &access, &head.headers, |token| {
        let arrivals = &console.meters.hits.arrivals;
        let written = |name: Option<&str>| {
            let report = arrivals.report(name);
            json!({ "last": report.last, "minutes": report.minutes, "now": name.map(|name| console.now_of(name)) })
        };
        let readable = access.sites.iter().filter(|site| token.reads(&site.name));
        let mut sites: Map<String, Value> =
            readable.map(|site| (site.name.to_string(), written(Some(&site.name)))).collect();
        if token.reads_all() {
            sites.insert(String::new(), written(None));
        }
        sites
    });
    listed.map_or_else(reply::unknown_token, |sites| {
        let answer = json!({ "now": console.clock.now().as_second(), "outcomes": names, "sites": sites });
        reply::json(StatusCode::OK, &answer)
    })
}

/// `GET /api/releases`: of each kind of period the last that was released, and when. A release is of all sites.
pub(super) async fn releases(console: &ConsoleState, head: &Parts) -> ConsoleResponse {
    if token_digest(console, &head.headers).is_none_or(|token| console.access.load().tokens.find(&token).is_none()) {
        return reply::unknown_token();
    }
    let Ok(rows) = console.store.last_releases().await else { return reply::no_database() };
    let released = |row: LastReleaseRow| json!({ "kind": row.kind, "period": row.period, "at": row.at });
    let rows: Vec<Value> = rows.into_iter().map(released).collect();
    let protection = if console.kept.protection == Protection::Tens { "tens" } else { "exact" };
    reply::json(StatusCode::OK, &json!({ "protection": protection, "releases": rows }))
}

/// Facts about a site beside its figures: for `GET /api/sites`.
pub(super) fn site_facts(site: &crate::sites::Site) -> Value {
    let goals: Vec<Value> = site
        .shown
        .goals
        .iter()
        .map(|goal| json!({ "name": goal.name, "action": goal.action, "page": goal.page }))
        .collect();
    let groups: Vec<Value> =
        site.shown.groups.iter().map(|group| json!({ "name": group.name, "paths": group.paths })).collect();
    let mut properties: Vec<&String> = site.properties.iter().collect();
    properties.sort();
    json!({
        "name": &*site.name,
        "timezone": site.timezone.iana_name(),
        "public": site.shown.public,
        "goals": goals,
        "groups": groups,
        "properties": properties,
        "search": !site.search_parameter.is_empty(),
        "problems": site.problems,
    })
}
