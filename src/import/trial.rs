//! `--check`: reads the files and shows how each field of their lines was parsed, without counting. Addresses are
//! truncated and agents named by their family: the output may be pasted into a bug report.

use std::fmt::Write;
use std::net::IpAddr;

use crate::import::job::ImportJob;
use crate::import::judge::{Judgement, LineJudge};
use crate::import::lines::{LineReader, progress_bar};
use crate::import::log_line::{LineReading, LogLine, LoggedAgent};
use crate::import::survey::text;
use crate::import::tally::Summary;
use crate::privacy::hit::UserAgent;
use crate::privacy::lookup::agent::Agents;

/// Number of lines that are shown.
const SHOWN_LINES: usize = 3;

/// Reads the files; returns the classes of their lines, and the fields of three of them.
///
/// # Errors
/// When a file cannot be read.
pub fn trial(import: &ImportJob, agents: &Agents) -> std::io::Result<String> {
    let mut out = String::new();
    for file in &import.files {
        let mut lines = LineReader::open(file, &progress_bar(&[], "", false))?;
        let mut judge = LineJudge::new(import.format, import.site.clone(), import.reader.clone());
        let mut reader = import.reader.clone();
        let (mut line, mut number, mut tally, mut pages) = (Vec::new(), 0_u64, Summary::default(), 0_u64);
        let mut shown: Vec<String> = Vec::new();
        while lines.read(&mut line)? {
            number += 1;
            tally.lines += 1;
            let line = text(&line);
            let read = if shown.len() < SHOWN_LINES { reader.read(&line) } else { LineReading::Part };
            match judge.judge(&line) {
                Judgement::Request(_) | Judgement::Event(..) => pages += 1,
                Judgement::NoPage => tally.not_pages += 1,
                Judgement::ForeignHost => tally.foreign_hosts += 1,
                Judgement::NoAgent => tally.no_agent += 1,
                Judgement::NotUnderstood(fault) => {
                    if tally.faults() == 0 {
                        tally.notes.push(format!("line {number} is the first that could not be parsed"));
                    }
                    tally.note_fault(fault);
                }
                Judgement::Part => {}
            }
            if let LineReading::Request(line) = read {
                shown.push(fields(number, &line, agents));
            }
        }
        let format = judge.format_name().unwrap_or("no known format");
        writeln!(out, "{}: {format}", file.display()).map_err(std::io::Error::other)?;
        shown.iter().for_each(|text| out.push_str(text));
        out.push_str(&counts(&tally, pages));
    }
    Ok(out)
}

fn counts(tally: &Summary, pages: u64) -> String {
    let mut out = String::new();
    for (number, what) in [
        (tally.lines, "lines"),
        (pages, "pages of the site, including robots and objections"),
        (tally.not_pages, "requests for other files"),
        (tally.foreign_hosts, "requests to other hosts"),
        (tally.no_agent, "requests without a user agent"),
        (tally.no_address, "requests without a client address"),
        (tally.no_time, "requests without a readable time (date, hour and minute); a visit needs one"),
        (tally.not_understood, "lines that could not be parsed"),
    ] {
        if number > 0 {
            out.push_str(&format!("{number:>10} {what}\n"));
        }
    }
    tally.notes.iter().for_each(|note| out.push_str(&format!("  note: {note}\n")));
    out
}

/// The parsed fields of a line.
fn fields(number: u64, line: &LogLine<'_>, agents: &Agents) -> String {
    let host_of = |url: &str| url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or("-").to_owned();
    let agent = match &line.agent {
        LoggedAgent::Missing => "none".to_owned(),
        LoggedAgent::NotLogged => "not in this log".to_owned(),
        LoggedAgent::Sent(agent) => {
            let known = agents.look_up(&UserAgent::new(agent));
            if known.bot {
                "a robot".to_owned()
            } else {
                format!("{} on {}", or_unknown(&known.browser), or_unknown(&known.system))
            }
        }
    };
    let mut objections = Vec::new();
    if line.signals.gpc {
        objections.push("Sec-GPC");
    }
    if line.signals.dnt {
        objections.push("DNT");
    }
    if line.signals.prefetch {
        objections.push("prefetch");
    }
    let path = line.target.split(['?', '#']).next().unwrap_or_default();
    let shown = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let rows = [
        ("client", cut(line.address)),
        ("time", line.time.to_string()),
        ("request", format!("{} {path}{}", line.method, if line.target.contains('?') { " (and a query)" } else { "" })),
        ("host", shown(line.host.as_deref())),
        ("status", line.status.to_string()),
        ("referrer", line.referrer.as_deref().map_or("-".to_owned(), host_of)),
        ("agent", agent),
        ("language", shown(line.language.as_deref())),
        ("objections", if objections.is_empty() { "-".to_owned() } else { objections.join(", ") }),
    ];
    let rows = rows.map(|(name, value)| format!("    {name:<10} {value}\n"));
    format!("  line {number}\n{}", rows.concat())
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}

/// An address truncated to three octets of IPv4 or 48 bits of IPv6.
fn cut(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, third, _] = v4.octets();
            format!("{first}.{second}.{third}.…")
        }
        IpAddr::V6(v6) => {
            let [first, second, third, ..] = v6.segments();
            format!("{first:x}:{second:x}:{third:x}:…")
        }
    }
}
