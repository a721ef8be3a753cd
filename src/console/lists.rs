//! `GET /lists`: the figures of a site as plain tables, for browsers without JavaScript. Must show nothing that `POST
//! /api/v2/query` would not answer to the same token.

use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use maud::{DOCTYPE, Markup, html};
use serde_json::{Value, json};

use crate::compliance::bilingual::{Lang, text};
use crate::console::access::{query_value, readable_figures, with_token};
use crate::console::query::{self, QueryDraft, QueryError};
use crate::console::reply::{self, ConsoleResponse};
use crate::console::state::ConsoleState;
use crate::event::Dimension;
use crate::localized;

/// Most rows of a table.
const ROWS: u32 = 20;

/// Date ranges of the query API, with their labels in English and French.
const RANGES: [(&str, [&str; 2]); 6] = [
    ("day", ["Today", "Aujourd’hui"]),
    ("7d", ["7 days", "7 jours"]),
    ("28d", ["28 days", "28 jours"]),
    ("91d", ["91 days", "91 jours"]),
    ("12mo", ["12 months", "12 mois"]),
    ("all", ["All", "Tout"]),
];

/// A table: title, dimension (empty for the whole site), metrics.
type ListPlan = ([&'static str; 2], &'static str, &'static [(&'static str, [&'static str; 2])]);

const VISITORS: (&str, [&str; 2]) = ("visitors", ["Visitors", "Visiteurs"]);
const ENTRIES: (&str, [&str; 2]) = ("visits", ["Entries", "Entrées"]);
const VISITS: (&str, [&str; 2]) = ("visits", ["Visits", "Visites"]);
const PAGEVIEWS: (&str, [&str; 2]) = ("pageviews", ["Pageviews", "Pages vues"]);
const EVENTS: (&str, [&str; 2]) = ("events", ["Uses", "Utilisations"]);
const BOUNCES: (&str, [&str; 2]) = ("bounce_rate", ["Bounce rate", "Taux de rebond"]);

const LISTS: [ListPlan; 10] = [
    (["Whole site", "Tout le site"], "", &[VISITORS, VISITS, PAGEVIEWS, BOUNCES]),
    (["Days", "Jours"], "time:day", &[VISITORS, VISITS, PAGEVIEWS]),
    (["Pages", "Pages"], "event:page", &[PAGEVIEWS, VISITORS]),
    (["Entry pages", "Pages d’entrée"], "visit:entry_page", &[ENTRIES, BOUNCES]),
    (["Referrers", "Sites référents"], "visit:referrer", &[VISITS, BOUNCES]),
    (["Countries", "Pays"], "visit:country", &[VISITORS, PAGEVIEWS]),
    (["Devices", "Appareils"], "visit:device", &[VISITORS, PAGEVIEWS]),
    (["Browsers", "Navigateurs"], "visit:browser", &[VISITORS, PAGEVIEWS]),
    (["Languages", "Langues"], "visit:language", &[VISITORS, PAGEVIEWS]),
    (["Actions", "Actions"], "event:name", &[EVENTS, VISITORS]),
];

/// The page with all tables of a site.
pub(super) async fn page(console: &ConsoleState, head: &Parts) -> ConsoleResponse {
    let access = console.access.load_full();
    let names: Option<Vec<String>> = with_token(console, &access, &head.headers, |token| {
        access.sites.iter().filter(|site| token.reads(&site.name)).map(|site| site.name.to_string()).collect()
    });
    let Some(names) = names else { return reply::see_other("/sign-in", None) };
    let name = query_value(head, "site").filter(|name| names.contains(name)).or_else(|| names.first().cloned());
    let found = name.and_then(|name| readable_figures(console, &access, &head.headers, &name));
    let Some((site, reports)) = found else {
        return reply::error(StatusCode::FORBIDDEN, "this token cannot read any site");
    };
    let range = query_value(head, "range").unwrap_or_default();
    let range = RANGES.iter().map(|(name, _)| *name).find(|name| *name == range).unwrap_or("28d");
    let lang = query_value(head, "lang").and_then(|code| Lang::of_code(&code)).unwrap_or(Lang::En);
    let mut tables = Vec::new();
    for plan in &LISTS {
        let query = QueryDraft::of(query_of(plan, range));
        match query::answer(&query, &site, console.clock.now(), &reports, console.kept).await {
            Ok(answer) => tables.push(table(plan, &answer, lang)),
            // A table that cannot be answered is left out; the others are shown.
            Err(QueryError::Bad(_)) => {}
            Err(QueryError::Unavailable) => return reply::no_database(),
        }
    }
    let page = document(&names, &site.name, range, lang, &tables);
    let mut reply = Response::new(reply::whole(page.into_string()));
    let html = hyper::header::HeaderValue::from_static("text/html; charset=utf-8");
    reply.headers_mut().insert(hyper::header::CONTENT_TYPE, html);
    reply
}

fn query_of((_, dimension, metrics): &ListPlan, range: &str) -> serde_json::Map<String, Value> {
    let metrics: Vec<&str> = metrics.iter().map(|(name, _)| *name).collect();
    let dimensions: Vec<&str> = Some(*dimension).filter(|name| !name.is_empty()).into_iter().collect();
    let limit = if *dimension == "time:day" { 400 } else { ROWS };
    let query =
        json!({ "metrics": metrics, "date_range": range, "dimensions": dimensions, "pagination": { "limit": limit } });
    query.as_object().cloned().unwrap_or_default()
}

fn table((title, dimension, metrics): &ListPlan, answer: &Value, lang: Lang) -> Markup {
    let word = |words: &[&'static str; 2]| pick(*words, lang);
    let rows = answer.get("results").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_rate = |at: usize| metrics.get(at).is_some_and(|(metric, _)| *metric == "bounce_rate");
    let cells = |row: &Value| -> Vec<String> {
        let list = row.get("metrics").and_then(Value::as_array).cloned().unwrap_or_default();
        list.iter().enumerate().map(|(at, value)| figure(value, is_rate(at), lang)).collect()
    };
    let label =
        |row: &Value| name(dimension, row.pointer("/dimensions/0").and_then(Value::as_str).unwrap_or_default(), lang);
    html! {
        section class="card desk" {
            h2 { (word(title)) }
            table {
                thead { tr {
                    th scope="col" { (word(title)) }
                    @for (_, words) in *metrics { th scope="col" { (word(words)) } }
                } }
                tbody { @for row in rows { tr {
                    th scope="row" { @if dimension.is_empty() { (word(&["All", "Total"])) } @else { (label(row)) } }
                    @for cell in cells(row) { td { (cell) } }
                } } }
            }
        }
    }
}

fn pick([english, french]: [&'static str; 2], lang: Lang) -> &'static str {
    match lang {
        Lang::En => english,
        Lang::Fr => french,
    }
}

/// A figure as the language writes it; a dash for a withheld one.
fn figure(value: &Value, is_rate: bool, lang: Lang) -> String {
    let text = value.as_i64().map(|figure| localized::count(figure, lang));
    match text.or_else(|| value.as_f64().map(|figure| figure.to_string())) {
        None => "–".to_owned(),
        Some(text) if is_rate => localized::percent(&text, lang),
        Some(text) => text,
    }
}

/// The name of a row for readers.
fn name(dimension: &str, value: &str, lang: Lang) -> String {
    match dimension {
        "time:day" => localized::moment(value, lang),
        "visit:country" => localized::value(Dimension::Country, value, lang),
        "visit:device" => localized::value(Dimension::Device, value, lang),
        "visit:referrer" => localized::value(Dimension::Referrer, value, lang),
        _ => value.to_owned(),
    }
}

fn document(names: &[String], site: &str, range: &str, lang: Lang, tables: &[Markup]) -> Markup {
    let word = |words: [&'static str; 2]| pick(words, lang);
    let title = text!("Audience figures: {site}", "Mesure d'audience : {site}").text(lang);
    html! {
        (DOCTYPE)
        html lang=(lang.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (site) " – Sillage" }
                link rel="stylesheet" href="/assets/console.css";
            }
            body { main class="desk-page" {
                h1 { (title) }
                form method="get" action="/lists" class="controls" {
                    label { (word(["Site", "Site"])) " " select name="site" {
                        @for name in names { option selected[name == site] { (name) } }
                    } }
                    label { (word(["Period", "Période"])) " " select name="range" {
                        @for (name, words) in RANGES { option value=(name) selected[name == range] { (word(words)) } }
                    } }
                    label { (word(["Language", "Langue"])) " " select name="lang" {
                        option value="en" selected[lang == Lang::En] { "English" }
                        option value="fr" lang="fr" selected[lang == Lang::Fr] { "Français" }
                    } }
                    button type="submit" { (word(["Show", "Afficher"])) }
                }
                @for table in tables { (table) }
            } }
        }
    }
}
