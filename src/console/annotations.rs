//! `GET|POST /api/annotations`: notes on the days of a site. Must store none that the token could not read back.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::http::request::Parts;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::config::{AnnotationConfig, SiteConfig};
use crate::console::access::{no_such_site, query_value, readable};
use crate::console::reply::{self, ConsoleResponse};
use crate::console::state::ConsoleState;
use crate::sites::Site;
use crate::store::Store;
use crate::store::annotations::AnnotationRow;
use crate::store::reports::Reports;

/// Longest text, in characters: a line of a chart's tooltip.
const TEXT_MAX: usize = 200;

/// The notes of a site: `GET /api/annotations?site_id=NAME`.
pub(super) async fn list(console: &ConsoleState, head: &Parts) -> ConsoleResponse {
    let access = console.access.load_full();
    let name = query_value(head, "site_id").unwrap_or_default().to_ascii_lowercase();
    let Some(site) = readable(console, &access, &head.headers, &name) else { return no_such_site() };
    let mut found = of_sites(&console.reports, std::slice::from_ref(&site)).await;
    reply::json(StatusCode::OK, &json!({ "annotations": found.remove(&*site.name).unwrap_or_else(|| json!([])) }))
}

/// Stores a note: `POST /api/annotations` with `site_id`, `day` and `text`.
pub(super) async fn post(console: &ConsoleState, head: &Parts, body: &[u8]) -> ConsoleResponse {
    let access = console.access.load_full();
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text_of = |key: &str| body.get(key).and_then(Value::as_str).map(str::trim);
    let name = text_of("site_id").unwrap_or_default().to_ascii_lowercase();
    let Some(site) = readable(console, &access, &head.headers, &name) else { return no_such_site() };
    let day = text_of("day").and_then(|day| day.parse::<Date>().ok()).and_then(days_since_1970);
    let text = text_of("text").filter(|text| (1..=TEXT_MAX).contains(&text.chars().count()));
    let (Some(day), Some(text)) = (day, text) else {
        let sentence = "write {\"site_id\", \"day\": \"YYYY-MM-DD\", \"text\": 1 to 200 characters}";
        return reply::error(StatusCode::BAD_REQUEST, sentence);
    };
    match console.store.annotate(AnnotationRow::posted(&site.name, day, text)).await {
        Ok(()) => reply::json(StatusCode::CREATED, &json!({ "day": date_text(day), "text": text, "origin": "api" })),
        Err(error) => {
            tracing::warn!(%error, "annotations: note not stored");
            reply::no_database()
        }
    }
}

/// Stores the configuration's annotations. Without them the start goes on.
pub(crate) async fn sync(store: &Store, sites: &[SiteConfig]) {
    if let Err(error) = store.sync_annotations(configured(sites)).await {
        tracing::warn!(%error, "annotations: notes of the configuration not stored");
    }
}

/// The notes of some sites by their names; all are without notes where these cannot be read.
pub(super) async fn of_sites(reports: &Reports, sites: &[Arc<Site>]) -> Map<String, Value> {
    let names: Vec<&str> = sites.iter().map(|site| &*site.name).collect();
    let mut found: BTreeMap<String, Vec<Value>> = names.iter().map(|name| ((*name).to_owned(), Vec::new())).collect();
    for row in reports.annotations(&names).await.unwrap_or_default() {
        let note = json!({ "day": date_text(row.day), "text": row.text, "origin": row.origin });
        found.entry(row.site).or_default().push(note);
    }
    found.into_iter().map(|(site, notes)| (site, Value::Array(notes))).collect()
}

/// The configuration's notes as rows.
fn configured(sites: &[SiteConfig]) -> Vec<AnnotationRow> {
    let of_site = |site: &SiteConfig| {
        let row = |note: &AnnotationConfig| {
            Some(AnnotationRow::configured(&site.name, note.day.and_then(days_since_1970)?, &note.text))
        };
        site.annotation.iter().filter_map(row).collect::<Vec<_>>()
    };
    sites.iter().flat_map(of_site).collect()
}

fn days_since_1970(date: Date) -> Option<u16> {
    let days = date.since(Date::constant(1970, 1, 1)).ok()?.get_days();
    u16::try_from(days).ok()
}

fn date_text(day: u16) -> String {
    Date::constant(1970, 1, 1).saturating_add(i64::from(day).days()).to_string()
}
