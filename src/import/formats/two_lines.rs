//! Requests that a server logs in two lines: the request first, its status later, with lines of other requests between
//! them. Both lines carry the same tags or number.
//!
//! ```text
//! I, [2026-11-10T13:55:36.12 #12]  INFO -- : [8ad1f2] Started GET "/a" for 192.0.2.1 at 2026-11-10 13:55:36 +0000
//! I, [2026-11-10T13:55:36.13 #12]  INFO -- : [8ad1f2] Completed 200 OK in 10ms                              (Rails)
//! {"level":30,"time":1794318936000,"reqId":"req-1","req":{"method":"GET","url":"/a","remoteAddress":"192.0.2.1"}}
//! {"level":30,"time":1794318936010,"reqId":"req-1","res":{"statusCode":200},"msg":"request completed"}    (Fastify)
//! 13:55:36.123 request_id=FxYz [info] GET /a                                    (Phoenix: without client, refused)
//! ```

use std::borrow::Cow;
use std::collections::VecDeque;
use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::Value;

use crate::import::client_list;
use crate::import::escapes::quoted;
use crate::import::formats::combined::split_target;
use crate::import::log_line::{LineFault, LineReading, LogLine, LoggedAgent, host_of};
use crate::import::log_time;
use crate::privacy::hit::ObjectionSignals;

/// Most requests that wait for their status: as many as a server has in progress.
const OPEN_MAX: usize = 512;

/// Further lines that Rails writes about a request.
const RAILS_WORDS: [&str; 11] = [
    "Processing by ",
    "Parameters: ",
    "Rendering ",
    "Rendered ",
    "Redirected to ",
    "Filter chain halted ",
    "Sent file ",
    "Sent data ",
    "Unpermitted parameter",
    "Can't verify CSRF token",
    "ActionController::RoutingError ",
];

/// A request without its status.
#[derive(Clone)]
struct OpenRequest {
    key: String,
    address: IpAddr,
    time: Timestamp,
    method: String,
    target: String,
    host: Option<String>,
    agent: Option<String>,
    referrer: Option<String>,
}

/// Requests that wait for their second line.
#[derive(Clone, Default)]
pub(super) struct TwoLineRequests {
    open: VecDeque<OpenRequest>,
}

impl TwoLineRequests {
    /// Reads a line that no format of one line knows; `fault` is their verdict.
    pub(super) fn read<'l>(&mut self, line: &str, fault: LineFault) -> LineReading<'l> {
        if line.starts_with('{') {
            return self.fastify(line).unwrap_or(LineReading::NotUnderstood(fault));
        }
        if let Some((head, started)) = message(line, "Started ") {
            return match started_request(key(head), started) {
                Ok(request) => self.begin(request),
                Err(fault) => LineReading::NotUnderstood(fault),
            };
        }
        if let Some((head, completed)) = message(line, "Completed ") {
            let status = completed.get(..3).and_then(|status| status.parse().ok());
            return match status {
                Some(status) => self.end(&key(head), status),
                None => LineReading::NotUnderstood(fault),
            };
        }
        if RAILS_WORDS.iter().any(|words| message(line, words).is_some()) {
            return LineReading::Part;
        }
        match without_client(line) {
            Some(reading) => reading,
            None => LineReading::NotUnderstood(fault),
        }
    }

    fn begin<'l>(&mut self, request: OpenRequest) -> LineReading<'l> {
        // A request of the same key never got a status: a server ended, or answers it elsewhere.
        self.open.retain(|open| open.key != request.key);
        if self.open.len() >= OPEN_MAX {
            self.open.pop_front();
        }
        self.open.push_back(request);
        LineReading::Part
    }

    fn end<'l>(&mut self, key: &str, status: u16) -> LineReading<'l> {
        let Some(request) = self.open.iter().position(|open| open.key == key).and_then(|at| self.open.remove(at))
        else {
            // Its first line is in the log before.
            return LineReading::Part;
        };
        let (absolute, target) = split_target(Cow::Owned(request.target));
        LineReading::Request(LogLine {
            address: request.address,
            time: request.time,
            method: Cow::Owned(request.method),
            target: Cow::Owned(target.into_owned()),
            host: absolute.map(Cow::into_owned).or(request.host).map(Cow::Owned),
            status,
            referrer: request.referrer.map(Cow::Owned),
            agent: request.agent.map_or(LoggedAgent::NotLogged, |agent| LoggedAgent::Sent(Cow::Owned(agent))),
            language: None,
            signals: ObjectionSignals::default(),
        })
    }

    /// A line of Fastify's logger, by the number of its request.
    fn fastify<'l>(&mut self, line: &str) -> Option<LineReading<'l>> {
        let whole: Value = serde_json::from_str(line).ok()?;
        let key = whole.get("reqId").map(Value::to_string)?;
        if let Some(status) = whole.pointer("/res/statusCode").and_then(Value::as_u64) {
            return Some(self.end(&key, u16::try_from(status).ok()?));
        }
        let Some(request) = whole.get("req") else { return Some(LineReading::Part) };
        let text = |name: &str| request.get(name).and_then(Value::as_str).map(str::to_owned);
        let header = |name: &str| request.pointer(&format!("/headers/{name}")).and_then(Value::as_str);
        let address = text("remoteAddress").as_deref().and_then(client_list::client);
        let Some(address) = address else { return Some(LineReading::NotUnderstood(LineFault::Address)) };
        let time = whole.get("time").map(|time| time.as_str().map_or_else(|| time.to_string(), str::to_owned));
        let Some(time) = time.as_deref().and_then(log_time::any) else {
            return Some(LineReading::NotUnderstood(LineFault::Time));
        };
        let host = text("host").or_else(|| text("hostname"));
        Some(self.begin(OpenRequest {
            key,
            address,
            time,
            method: text("method")?,
            target: text("url")?,
            host: host.as_deref().and_then(host_of).map(str::to_owned),
            agent: header("user-agent").map(str::to_owned),
            referrer: header("referer").map(str::to_owned),
        }))
    }
}

/// The texts before and behind `words`, where they begin a message.
fn message<'l>(line: &'l str, words: &str) -> Option<(&'l str, &'l str)> {
    let (head, rest) = line.split_once(words)?;
    (head.is_empty() || head.ends_with([' ', '\t'])).then_some((head, rest))
}

/// Tags before a message; without tags, the number of the process.
fn key(head: &str) -> String {
    let tags = head.rsplit(" : ").next().unwrap_or_default();
    let tags: Vec<&str> = tags
        .split('[')
        .skip(1)
        .filter_map(|tag| tag.split_once(']').map(|(tag, _)| tag))
        .filter(|tag| log_time::any(tag).is_none())
        .collect();
    if !tags.is_empty() {
        return tags.join(" ");
    }
    let process = head.split_once('#').and_then(|(_, process)| process.split_once(']'));
    process.map_or("", |(process, _)| process).to_owned()
}

/// `GET "/a" for 192.0.2.1 at 2026-11-10 13:55:36 +0000`, behind `Started `.
fn started_request(key: String, started: &str) -> Result<OpenRequest, LineFault> {
    let (method, rest) = started.split_once(' ').ok_or(LineFault::Shape)?;
    let (target, rest) = quoted(rest).ok_or(LineFault::Shape)?;
    let rest = rest.trim_start().strip_prefix("for ").ok_or(LineFault::Shape)?;
    let (address, time) = rest.split_once(" at ").ok_or(LineFault::Shape)?;
    let address = client_list::client(address.trim()).ok_or(LineFault::Address)?;
    let time = log_time::any(time.trim()).ok_or(LineFault::Time)?;
    let (method, target) = (method.to_owned(), target.into_owned());
    Ok(OpenRequest { key, address, time, method, target, host: None, agent: None, referrer: None })
}

/// A line of a server that logs no client: Phoenix, ASP.NET, koa-logger.
fn without_client<'l>(line: &str) -> Option<LineReading<'l>> {
    if let Some((_, sent)) = line.split_once("[info] Sent ").or_else(|| line.split_once("[info] Chunked ")) {
        return sent.get(..3)?.parse::<u16>().ok().map(|_| LineReading::Part);
    }
    let behind = |words: &str| line.split_once(words).map(|(_, rest)| rest);
    let request = behind("[info] ")
        .or_else(|| behind("Request starting HTTP/").and_then(|rest| rest.split_once(' ').map(|(_, rest)| rest)));
    let request = request.or_else(|| line.trim_start().strip_prefix("<-- "))?;
    let (method, target) = request.split_once(' ')?;
    let is_request = method.bytes().all(|byte| byte.is_ascii_uppercase())
        && !method.is_empty()
        && (target.starts_with('/') || target.starts_with("http"));
    is_request.then_some(LineReading::NotUnderstood(LineFault::Address))
}
