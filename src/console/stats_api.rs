//! Plausible's older API: `/api/v1/stats/*` and `/api/v1/sites`. Must answer nothing that `POST /api/v2/query` would
//! refuse to the same token.

use hyper::StatusCode;
use hyper::http::request::Parts;
use serde_json::{Value, json};

use crate::console::access::{no_such_site, readable, readable_figures, with_token};
use crate::console::query::{self, QueryError, StatsContext, StatsParameters};
use crate::console::reply;
use crate::console::reply::ConsoleResponse;
use crate::console::state::{AccessRules, ConsoleState};
use crate::sites::Site;

const STATS: &str = "/api/v1/stats/";
const SITES: &str = "/api/v1/sites";

/// Most sites on one page of `/api/v1/sites`.
const SITES_MAX: usize = 100;

/// Whether a path belongs to this API.
pub(super) fn serves(path: &str) -> bool {
    let stats = path.strip_prefix(STATS);
    stats.is_some_and(|name| ["aggregate", "timeseries", "breakdown", "realtime/visitors"].contains(&name))
        || path == SITES
        || path.strip_prefix(SITES).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
}

/// Answers a request to this API.
pub(super) async fn answer(console: &ConsoleState, head: &Parts) -> ConsoleResponse {
    let access = console.access.load_full();
    if with_token(console, &access, &head.headers, |_| ()).is_none() {
        return reply::unknown_token();
    }
    let query = head.uri.query().unwrap_or_default();
    let parameters: StatsParameters = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    match head.uri.path().strip_prefix(STATS) {
        Some(what) => stats(console, &access, head, what, &parameters).await,
        None => sites(console, &access, head, &parameters),
    }
}

async fn stats(
    console: &ConsoleState,
    access: &AccessRules,
    head: &Parts,
    what: &str,
    asked: &StatsParameters,
) -> ConsoleResponse {
    let Some(name) = asked.get("site_id") else {
        return reply::error(StatusCode::BAD_REQUEST, "`site_id` is missing: write the name of a site");
    };
    let Some((site, reports)) = readable_figures(console, access, &head.headers, &name.to_ascii_lowercase()) else {
        return no_such_site();
    };
    let context = StatsContext { site: &site, now: console.clock.now(), reports: &reports, kept: console.kept };
    let answered = match what {
        "aggregate" => query::aggregate(asked, context).await,
        "timeseries" => query::timeseries(asked, context).await,
        "breakdown" => query::breakdown(asked, context).await,
        _ => Ok(Value::from(console.now_of(&site.name).visitors)),
    };
    match answered {
        Ok(answer) => reply::json(StatusCode::OK, &answer),
        Err(QueryError::Bad(bad)) => reply::error(StatusCode::BAD_REQUEST, &bad.0),
        Err(QueryError::Unavailable) => reply::no_database(),
    }
}

fn sites(console: &ConsoleState, access: &AccessRules, head: &Parts, asked: &StatsParameters) -> ConsoleResponse {
    match head.uri.path().strip_prefix(SITES).map(|rest| rest.trim_start_matches('/')) {
        None | Some("") => list(console, access, head, asked),
        // Every action counts as a goal: goals are not configured one by one.
        Some("goals") => {
            let name = asked.get("site_id").map(|name| name.to_ascii_lowercase()).unwrap_or_default();
            match readable(console, access, &head.headers, &name) {
                Some(_) => reply::json(StatusCode::OK, &json!({ "goals": [], "meta": whole_page() })),
                None => no_such_site(),
            }
        }
        Some(name) => match readable(console, access, &head.headers, &name.to_ascii_lowercase()) {
            Some(site) => reply::json(StatusCode::OK, &described(&site)),
            None => no_such_site(),
        },
    }
}

fn list(console: &ConsoleState, access: &AccessRules, head: &Parts, asked: &StatsParameters) -> ConsoleResponse {
    let limit = asked.get("limit").map_or(Ok(SITES_MAX), |limit| limit.parse());
    let Some(limit) = limit.ok().filter(|limit| (1..=SITES_MAX).contains(limit)) else {
        return reply::error(StatusCode::BAD_REQUEST, "`limit` must be a whole number from 1 to 100");
    };
    let listed = with_token(console, access, &head.headers, |token| {
        let mut sites: Vec<_> = access.sites.iter().filter(|site| token.reads(&site.name)).collect();
        sites.sort_by(|one, other| one.name.cmp(&other.name));
        let after = asked.get("after").map(String::as_str).unwrap_or_default();
        let mut page = sites.into_iter().filter(|site| after.is_empty() || &*site.name > after);
        let shown: Vec<_> = page.by_ref().take(limit).collect();
        let next = page.next().and(shown.last()).map(|site| site.name.to_string());
        let meta = json!({ "after": next, "before": null, "limit": limit });
        json!({ "sites": shown.iter().map(|site| described(site)).collect::<Vec<_>>(), "meta": meta })
    });
    listed.map_or_else(reply::unknown_token, |sites| reply::json(StatusCode::OK, &sites))
}

fn described(site: &Site) -> Value {
    json!({ "domain": &*site.name, "timezone": site.timezone.iana_name(), "custom_properties": [] })
}

fn whole_page() -> Value {
    json!({ "after": null, "before": null, "limit": SITES_MAX })
}
