//! `POST /api/view`: all queries of one view in one request, some of them answered side by side. Each is a query
//! of `POST /api/v2/query` under a name of its own; must never answer one that the token could not ask there.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::http::request::Parts;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::console::access::{no_such_site, readable_figures};
use crate::console::query::{self, QueryDraft, QueryError};
use crate::console::reply::{self, ConsoleResponse};
use crate::console::state::ConsoleState;
use crate::console::{annotations, published};
use crate::sites::Site;
use crate::store::reports::Reports;

/// Most queries of a view: the console's largest view asks 24, its page of all sites two per site.
const QUERIES_MAX: usize = 120;

/// Queries of one view that are answered at once: the engine has a thread for each of a few, and other readers ask
/// beside it. The others wait for their turn within the request.
const RUNNING_MAX: usize = 4;

/// Answer to one query of a view while the database is away.
const UNAVAILABLE: &str = "database query failed; retry later";

/// A query, with the name that its answer gets.
type NamedQuery = (String, Map<String, Value>);

/// A query with the site that it is about.
struct ViewQuery {
    name: String,
    site: Arc<Site>,
    reports: Reports,
    query: Map<String, Value>,
}

/// Answers all queries in `body`.
pub(super) async fn answer(console: &ConsoleState, head: &Parts, body: &[u8]) -> ConsoleResponse {
    let access = console.access.load_full();
    let queries = match read(body) {
        Ok(queries) => queries,
        Err(sentence) => return reply::error(StatusCode::BAD_REQUEST, sentence),
    };
    let mut view_queries = Vec::new();
    let mut sites: Vec<Arc<Site>> = Vec::new();
    for (name, query) in queries {
        let site = query.get("site_id").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        let Some((site, reports)) = readable_figures(console, &access, &head.headers, &site) else {
            return no_such_site();
        };
        if !sites.iter().any(|known| known.name == site.name) {
            sites.push(site.clone());
        }
        view_queries.push(ViewQuery { name, site, reports, query });
    }
    // Told before the queries are answered: an answer is never older than the state that it is kept under.
    let state = console.reports.table_state().await;
    view_queries.iter_mut().for_each(|query| query.reports = query.reports.at(state));
    let reports = console.reports.at(state);
    let (answers, notes) = tokio::join!(answers(console, view_queries), annotations::of_sites(&reports, &sites));
    let Some(answers) = answers else { return reply::no_database() };
    let now: Map<String, Value> =
        sites.iter().map(|site| (site.name.to_string(), json!(console.now_of(&site.name)))).collect();
    let filling = console.health.filling();
    let view = json!({ "answers": answers, "annotations": notes, "now": now, "filling": filling });
    reply::json(StatusCode::OK, &view)
}

/// The answers by their names; nothing where none was found.
async fn answers(console: &ConsoleState, asked: Vec<ViewQuery>) -> Option<Map<String, Value>> {
    let room = Arc::new(Semaphore::new(RUNNING_MAX));
    let mut running = JoinSet::new();
    for ViewQuery { name, site, reports, query } in asked {
        let (kept, now, room) = (console.kept, console.clock.now(), room.clone());
        running.spawn(async move {
            let _turn = room.acquire_owned().await;
            let answer = match query.get("table").and_then(Value::as_str).map(str::to_owned) {
                Some(table) => published::answer(&table, &query, &site, now, &reports).await,
                None => query::answer(&QueryDraft::of(query), &site, now, &reports, kept).await,
            };
            (name, answer)
        });
    }
    let mut answers = Map::new();
    let mut answered = false;
    while let Some(ended) = running.join_next().await {
        let (name, answer) = ended.ok()?;
        let answer = match answer {
            Ok(answer) => {
                answered = true;
                answer
            }
            Err(QueryError::Bad(bad)) => json!({ "error": bad.0 }),
            Err(QueryError::Unavailable) => json!({ "error": UNAVAILABLE, "unavailable": true }),
        };
        answers.insert(name, answer);
    }
    answered.then_some(answers)
}

/// The queries, with their names.
fn read(body: &[u8]) -> Result<Vec<NamedQuery>, &'static str> {
    let sentence = "write {\"queries\": {name: query, …}}, each a body of POST /api/v2/query";
    let body: Value = serde_json::from_slice(body).map_err(|_| sentence)?;
    let queries = body.get("queries").and_then(Value::as_object).ok_or(sentence)?;
    if queries.len() > QUERIES_MAX {
        return Err("a view has at most 120 queries");
    }
    let named = |(name, query): (&String, &Value)| Some((name.clone(), query.as_object()?.clone()));
    queries.iter().map(named).collect::<Option<Vec<_>>>().ok_or(sentence)
}
