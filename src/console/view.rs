//! `POST /api/view`: all questions of one view in one request, some of them answered side by side. Each is a question
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

/// Most questions of a view: the console's largest view asks 24, its page of all sites two per site.
const QUESTIONS_MAX: usize = 120;

/// Questions of one view that are answered at once: the engine has a thread for each of a few, and other readers ask
/// beside it. The others wait for their turn within the request.
const RUNNING_MAX: usize = 4;

/// Answer to one question of a view while the database is away.
const UNAVAILABLE: &str = "database query failed; retry later";

/// A question, with the name that its answer gets.
type NamedQuestion = (String, Map<String, Value>);

/// A question with the site that it is about.
struct ViewQuestion {
    name: String,
    site: Arc<Site>,
    reports: Reports,
    question: Map<String, Value>,
}

/// Answers all questions in `body`.
pub(super) async fn answer(console: &ConsoleState, head: &Parts, body: &[u8]) -> ConsoleResponse {
    let access = console.access.load_full();
    let questions = match read(body) {
        Ok(questions) => questions,
        Err(sentence) => return reply::error(StatusCode::BAD_REQUEST, sentence),
    };
    let mut view_questions = Vec::new();
    let mut sites: Vec<Arc<Site>> = Vec::new();
    for (name, question) in questions {
        let site = question.get("site_id").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        let Some((site, reports)) = readable_figures(console, &access, &head.headers, &site) else {
            return no_such_site();
        };
        if !sites.iter().any(|known| known.name == site.name) {
            sites.push(site.clone());
        }
        view_questions.push(ViewQuestion { name, site, reports, question });
    }
    // Told before the questions are answered: an answer is never older than the state that it is kept under.
    let state = console.reports.table_state().await;
    view_questions.iter_mut().for_each(|question| question.reports = question.reports.at(state));
    let reports = console.reports.at(state);
    let (answers, notes) = tokio::join!(answers(console, view_questions), annotations::of_sites(&reports, &sites));
    let Some(answers) = answers else { return reply::no_database() };
    let now: Map<String, Value> =
        sites.iter().map(|site| (site.name.to_string(), json!(console.now_of(&site.name)))).collect();
    let filling = console.health.filling();
    let view = json!({ "answers": answers, "annotations": notes, "now": now, "filling": filling });
    reply::json(StatusCode::OK, &view)
}

/// The answers by their names; nothing where none was found.
async fn answers(console: &ConsoleState, asked: Vec<ViewQuestion>) -> Option<Map<String, Value>> {
    let room = Arc::new(Semaphore::new(RUNNING_MAX));
    let mut running = JoinSet::new();
    for ViewQuestion { name, site, reports, question } in asked {
        let (kept, now, room) = (console.kept, console.clock.now(), room.clone());
        running.spawn(async move {
            let _turn = room.acquire_owned().await;
            let answer = match question.get("table").and_then(Value::as_str).map(str::to_owned) {
                Some(table) => published::answer(&table, &question, &site, now, &reports).await,
                None => query::answer(&QueryDraft::of(question), &site, now, &reports, kept).await,
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

/// The questions, with their names.
fn read(body: &[u8]) -> Result<Vec<NamedQuestion>, &'static str> {
    let sentence = "write {\"questions\": {name: query, …}}, each a body of POST /api/v2/query";
    let body: Value = serde_json::from_slice(body).map_err(|_| sentence)?;
    let questions = body.get("questions").and_then(Value::as_object).ok_or(sentence)?;
    if questions.len() > QUESTIONS_MAX {
        return Err("a view has at most 120 queries");
    }
    let question = |(name, question): (&String, &Value)| Some((name.clone(), question.as_object()?.clone()));
    questions.iter().map(question).collect::<Option<Vec<_>>>().ok_or(sentence)
}
