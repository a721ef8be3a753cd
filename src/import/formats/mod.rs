//! The formats of access logs, one file each, and the reader that detects the format of a file.
//!
//! A reader tries the format of the previous line first, then all others, then the line without the prefix of a
//! container or syslog, then the words of an application server, then requests that take two lines. It never prints a
//! line.

mod application;
mod bunny;
mod combined;
mod console;
pub mod custom;
mod elb;
mod envoy;
mod haproxy;
mod json;
mod logfmt;
mod ltsv;
mod named;
mod nginx_proxy_manager;
mod prefix;
mod squid;
mod two_lines;
mod w3c;

use std::borrow::Cow;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::Timestamp;

use crate::import::escapes;
use crate::import::formats::custom::CustomFormat;
use crate::import::formats::two_lines::TwoLineRequests;
use crate::import::formats::w3c::FieldNames;
use crate::import::log_line::{LineFault, LineReading};

/// Format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// The format string of `--format`.
    Custom,
    /// Common and combined formats, optionally with a virtual host or a list of addresses first; S3.
    Combined,
    /// One JSON object per entry.
    Json,
    /// Caddy's console: a time, then a JSON object.
    Console,
    /// Nginx Proxy Manager's own format.
    NginxProxyManager,
    /// W3C extended format with a `#Fields` line, or comma-separated values with a line of names.
    W3c,
    /// AWS load balancers, classic and application.
    Elb,
    /// HAProxy's format for HTTP.
    Haproxy,
    /// Bunny's pipes, separated by `|`.
    Bunny,
    /// Envoy's and Istio's texts.
    Envoy,
    /// Squid's native format.
    Squid,
    /// `name=value` pairs.
    Logfmt,
    /// Labelled values, separated by tabs.
    Ltsv,
    /// Lines of application servers, or with every field in quotes.
    Application,
}

impl LogFormat {
    const DETECTED: [Self; 12] = [
        Self::Combined,
        Self::Json,
        Self::NginxProxyManager,
        Self::W3c,
        Self::Bunny,
        Self::Elb,
        Self::Haproxy,
        Self::Console,
        Self::Envoy,
        Self::Squid,
        Self::Ltsv,
        Self::Logfmt,
    ];

    /// Name of the format, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Custom => "the format of --format",
            Self::Combined => "common or combined",
            Self::Json => "JSON",
            Self::Console => "Caddy console",
            Self::NginxProxyManager => "Nginx Proxy Manager",
            Self::W3c => "W3C extended or comma-separated",
            Self::Elb => "AWS load balancer",
            Self::Haproxy => "HAProxy",
            Self::Bunny => "Bunny",
            Self::Envoy => "Envoy",
            Self::Squid => "Squid",
            Self::Logfmt => "logfmt",
            Self::Ltsv => "LTSV",
            Self::Application => "application server",
        }
    }
}

/// A line, the time of its prefix, and whether it had one.
type StrippedLine<'l> = (&'l str, Option<Timestamp>, bool);

/// Longest JSON object that spans several lines, in bytes.
const PRETTY_BYTES_MAX: usize = 64 * 1024;

/// Reader of the lines of one file.
#[derive(Clone)]
pub struct LogReader {
    custom: Option<Arc<CustomFormat>>,
    /// Networks of proxies that are trusted to name the client, beside local ones.
    trusted: Arc<[IpNet]>,
    /// Format of the previous line.
    format: Option<LogFormat>,
    /// Whether the previous line had a prefix.
    prefixed: bool,
    fields: Option<Arc<FieldNames>>,
    /// Start of a JSON object that is not complete yet.
    pretty: String,
    /// Requests whose status comes on a later line.
    two_lines: TwoLineRequests,
}

impl LogReader {
    /// A reader for a file in the format of `--format`, or in a known one.
    pub fn new(custom: Option<Arc<CustomFormat>>) -> Self {
        Self {
            custom,
            trusted: Arc::default(),
            format: None,
            prefixed: false,
            fields: None,
            pretty: String::new(),
            two_lines: TwoLineRequests::default(),
        }
    }

    /// The same, for a log behind proxies of these networks: their word on the client is trusted, as that of a peer in
    /// a local network is.
    #[must_use]
    pub fn behind(self, trusted: &[IpNet]) -> Self {
        Self { trusted: trusted.into(), ..self }
    }

    /// The format of the previous line.
    pub fn format(&self) -> Option<LogFormat> {
        self.format
    }

    /// Whether the reader is between two entries: another reader may continue from here.
    pub(super) fn is_between_entries(&self) -> bool {
        self.pretty.is_empty()
    }

    /// Reads the next line of the file.
    pub fn read<'l>(&mut self, line: &'l str) -> LineReading<'l> {
        let line = line.trim_start_matches('\u{feff}');
        if line.contains("\u{1b}[") {
            return into_owned(self.read(&escapes::without_colours(line)));
        }
        if line.trim().is_empty() {
            return LineReading::Part;
        }
        if let Some(whole) = self.pretty_json(line) {
            return whole;
        }
        if let Some(custom) = self.custom.clone() {
            self.format = Some(LogFormat::Custom);
            return custom.read(line, &self.trusted);
        }
        if let Some(names) = w3c::header(line) {
            if let Some(names) = names {
                self.fields = Some(Arc::new(names));
            }
            return LineReading::Part;
        }
        if prefix::is_file_name(line) {
            return LineReading::Part;
        }
        let plain = (line, None, false);
        let stripped = || prefix::without(line).map(|(rest, time)| (rest, time, true));
        let ways = if self.prefixed { [stripped(), Some(plain)] } else { [Some(plain), stripped()] };
        let mut fault = LineFault::Shape;
        for (text, time, prefixed) in ways.into_iter().flatten() {
            let reading = self.read_known(text, time);
            let LineReading::NotUnderstood(why) = reading else {
                self.prefixed = prefixed;
                return reading;
            };
            fault = fault.max(why);
        }
        self.application(line, ways, fault)
    }

    /// The last attempt, at a line that no other format knows.
    fn application<'l>(
        &mut self,
        line: &str,
        ways: [Option<StrippedLine<'l>>; 2],
        fault: LineFault,
    ) -> LineReading<'l> {
        let mut fault = fault;
        for (text, time, prefixed) in ways.into_iter().flatten() {
            let reading = self.read_as(LogFormat::Application, text, time);
            let LineReading::NotUnderstood(why) = reading else {
                self.prefixed = prefixed;
                self.format = Some(LogFormat::Application);
                return reading;
            };
            fault = fault.max(why);
        }
        let reading = self.two_lines.read(line, fault);
        if !matches!(reading, LineReading::NotUnderstood(_)) {
            self.format = Some(LogFormat::Application);
        }
        reading
    }

    /// Tries the format of the previous line, then all others. `time` comes from a prefix.
    fn read_known<'l>(&mut self, line: &'l str, time: Option<Timestamp>) -> LineReading<'l> {
        let mut fault = LineFault::Shape;
        let others = LogFormat::DETECTED.into_iter().filter(|format| Some(*format) != self.format);
        let previous = self.format.filter(|format| *format != LogFormat::Application);
        for format in previous.into_iter().chain(others) {
            let reading = self.read_as(format, line, time);
            let LineReading::NotUnderstood(why) = reading else {
                self.format = Some(format);
                return reading;
            };
            fault = fault.max(why);
        }
        LineReading::NotUnderstood(fault)
    }

    fn read_as<'l>(&self, format: LogFormat, line: &'l str, time: Option<Timestamp>) -> LineReading<'l> {
        let shape = LineReading::NotUnderstood(LineFault::Shape);
        match format {
            LogFormat::Custom => shape,
            LogFormat::Application => application::read(line, time, &self.trusted),
            LogFormat::Ltsv => ltsv::read(line, time, &self.trusted),
            LogFormat::Combined if line.starts_with('{') => shape,
            LogFormat::Combined => combined::read(line, &self.trusted),
            LogFormat::Json if line.trim_start().starts_with(['{', '[']) => self.json(line, time),
            LogFormat::Json => shape,
            LogFormat::Console => console::read(line, &self.trusted),
            LogFormat::NginxProxyManager => nginx_proxy_manager::read(line),
            LogFormat::W3c => self.fields.as_ref().map_or(shape, |fields| fields.read(line, &self.trusted)),
            LogFormat::Elb => elb::read(line),
            LogFormat::Haproxy => haproxy::read(line),
            LogFormat::Bunny => bunny::read(line),
            LogFormat::Envoy => envoy::read(line),
            LogFormat::Squid => squid::read(line),
            LogFormat::Logfmt => logfmt::read(line, time, &self.trusted),
        }
    }

    /// Reads an object that is an entry, or that wraps another line as a text.
    fn json<'l>(&self, line: &str, time: Option<Timestamp>) -> LineReading<'l> {
        match json::read(line, time, &self.trusted) {
            json::JsonReading::Line(reading) => reading,
            json::JsonReading::Wraps(inner) => {
                let mut reader = Self::new(None).behind(&self.trusted);
                reader.fields = self.fields.clone();
                into_owned(reader.read(inner.trim_end()))
            }
        }
    }

    /// Collects an object that spans several lines; returns its reading when complete, `None` where there is none.
    fn pretty_json<'l>(&mut self, line: &str) -> Option<LineReading<'l>> {
        if self.pretty.is_empty() && !matches!(line.trim(), "{" | "[{" | "[") {
            return None;
        }
        if matches!(line.trim(), "[" | "]" | ",") && self.pretty.is_empty() {
            return Some(LineReading::Part);
        }
        self.pretty.push_str(line);
        self.pretty.push('\n');
        if self.pretty.len() > PRETTY_BYTES_MAX {
            self.pretty.clear();
            return Some(LineReading::NotUnderstood(LineFault::Shape));
        }
        if !json::is_whole(&self.pretty) {
            return Some(LineReading::Part);
        }
        let object = std::mem::take(&mut self.pretty);
        self.format = Some(LogFormat::Json);
        Some(self.json(&object, None))
    }
}

/// The same reading with owned texts.
fn into_owned<'l>(reading: LineReading<'_>) -> LineReading<'l> {
    use crate::import::log_line::{LogLine, LoggedAgent};
    let owned = |text: Cow<'_, str>| -> Cow<'l, str> { Cow::Owned(text.into_owned()) };
    match reading {
        LineReading::NoPage => LineReading::NoPage,
        LineReading::Part => LineReading::Part,
        LineReading::NotUnderstood(why) => LineReading::NotUnderstood(why),
        LineReading::Request(line) => LineReading::Request(LogLine {
            address: line.address,
            time: line.time,
            method: owned(line.method),
            target: owned(line.target),
            host: line.host.map(owned),
            status: line.status,
            referrer: line.referrer.map(owned),
            agent: match line.agent {
                LoggedAgent::Sent(agent) => LoggedAgent::Sent(owned(agent)),
                LoggedAgent::Missing => LoggedAgent::Missing,
                LoggedAgent::NotLogged => LoggedAgent::NotLogged,
            },
            language: line.language.map(owned),
            signals: line.signals,
        }),
    }
}

#[cfg(test)]
mod server_tests;
#[cfg(test)]
mod tests;
