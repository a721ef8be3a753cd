//! `POST /api/view`: all questions of one view in one request, answered side by side. Each is a question of
//! `POST /api/v2/query` under a name of its own; must never answer one that the token could not ask there.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::http::request::Parts;
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use crate::console::access::{no_such_site, readable_figures};
use crate::console::query::{self, QueryDraft, QueryError};
use crate::console::reply::{self, ConsoleResponse};
use crate::console::state::ConsoleState;
use crate::console::{annotations, published};
use crate::sites::Site;

/// Most questions of a view: the console's fullest asks 24, its page of all sites two a site.
const QUESTIONS_MAX: usize = 120;

/// What stands where one question of a view found no answer.
const UNAVAILABLE: &str = "the database does not answer this now; try again in a moment";

/// A question under the name that its answer gets.
type NamedQuestion = (String, Map<String, Value>);

/// Answers all questions in `body`.
pub(super) async fn answer(console: &ConsoleState, head: &Parts, body: &[u8]) -> ConsoleResponse {
    let access = console.access.load_full();
    let questions = match read(body) {
        Ok(questions) => questions,
        Err(sentence) => return reply::error(StatusCode::BAD_REQUEST, sentence),
    };
    let mut running = JoinSet::new();
    for (name, question) in questions {
        let site = question.get("site_id").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        let Some((site, reports)) = readable_figures(console, &access, &head.headers, &site) else {
            return no_such_site();
        };
        let (kept, now) = (console.kept, console.clock.now());
        running.spawn(async move {
            let answer = match question.get("table").and_then(Value::as_str).map(str::to_owned) {
                Some(table) => published::answer(&table, &question, &site, now, &reports).await,
                None => query::answer(&QueryDraft::of(question), &site, now, &reports, kept).await,
            };
            (name, site, answer)
        });
    }
    let mut answers = Map::new();
    let mut answered = false;
    let mut sites: Vec<Arc<Site>> = Vec::new();
    while let Some(ended) = running.join_next().await {
        let Ok((name, site, answer)) = ended else { return reply::no_database() };
        match answer {
            Ok(answer) => {
                answered = true;
                answers.insert(name, answer)
            }
            Err(QueryError::Bad(bad)) => answers.insert(name, json!({ "error": bad.0 })),
            Err(QueryError::Unavailable) => answers.insert(name, json!({ "error": UNAVAILABLE })),
        };
        if !sites.iter().any(|known| known.name == site.name) {
            sites.push(site);
        }
    }
    if !answered {
        return reply::no_database();
    }
    let notes = annotations::of_sites(&console.reports, &sites).await;
    reply::json(StatusCode::OK, &json!({ "answers": answers, "annotations": notes }))
}

/// The questions by their names.
fn read(body: &[u8]) -> Result<Vec<NamedQuestion>, &'static str> {
    let sentence = "write {\"questions\": {name: question, …}}, each as POST /api/v2/query takes it";
    let body: Value = serde_json::from_slice(body).map_err(|_| sentence)?;
    let questions = body.get("questions").and_then(Value::as_object).ok_or(sentence)?;
    if questions.len() > QUESTIONS_MAX {
        return Err("a view has 120 questions at most");
    }
    let question = |(name, question): (&String, &Value)| Some((name.clone(), question.as_object()?.clone()));
    questions.iter().map(question).collect::<Option<Vec<_>>>().ok_or(sentence)
}
