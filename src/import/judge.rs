//! Classifies each line of a file to import, before anything is counted: a hit of the site, or the reason why not.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use crate::import::events::EventLine;
use crate::import::formats::LogReader;
use crate::import::job::ImportFormat;
use crate::import::log_line::{LineFault, LineReading, LogLine, LoggedAgent};
use crate::sites::Site;

/// Class of one line.
pub(super) enum Judgement<'l> {
    /// A request for a page of the site.
    Request(LogLine<'l>),
    /// A native event of the site, with its time.
    Event(Timestamp, &'l str),
    /// A request for something that is not a page.
    NoPage,
    /// A part of an entry that continues, or an empty line.
    Part,
    /// A page of another host.
    ForeignHost,
    /// A request without an agent, in a log that has a field for it.
    NoAgent,
    /// A line that could not be parsed.
    NotUnderstood(LineFault),
}

/// Judges the lines of one file, in their order.
#[derive(Clone)]
pub(super) struct LineJudge {
    format: ImportFormat,
    site: Arc<Site>,
    reader: LogReader,
}

impl LineJudge {
    pub(super) fn new(format: ImportFormat, site: Arc<Site>, reader: LogReader) -> Self {
        Self { format, site, reader }
    }

    /// Whether another judge may continue from here.
    pub(super) fn is_between_entries(&self) -> bool {
        self.reader.is_between_entries()
    }

    /// Name of the previous line's format, for people.
    pub(super) fn format_name(&self) -> Option<&'static str> {
        match self.format {
            ImportFormat::AccessLog => self.reader.format().map(|format| format.name()),
            ImportFormat::Events => Some("native events"),
        }
    }

    /// Judges the next line.
    pub(super) fn judge<'l>(&mut self, line: &'l str) -> Judgement<'l> {
        match self.format {
            ImportFormat::AccessLog => self.request(line),
            ImportFormat::Events => self.event(line),
        }
    }

    fn request<'l>(&mut self, line: &'l str) -> Judgement<'l> {
        let line = match self.reader.read(line) {
            LineReading::Request(line) => line,
            LineReading::NoPage => return Judgement::NoPage,
            LineReading::Part => return Judgement::Part,
            LineReading::NotUnderstood(fault) => return Judgement::NotUnderstood(fault),
        };
        if !line.is_pageview() && !line.is_not_found() {
            return Judgement::NoPage;
        }
        if let Some(host) = &line.host
            && !self.serves(host)
        {
            return Judgement::ForeignHost;
        }
        if matches!(line.agent, LoggedAgent::Missing) {
            return Judgement::NoAgent;
        }
        Judgement::Request(line)
    }

    fn event<'l>(&self, line: &'l str) -> Judgement<'l> {
        if line.trim().is_empty() {
            return Judgement::Part;
        }
        let Some(event) = EventLine::parse(line.as_bytes()) else { return Judgement::NotUnderstood(LineFault::Shape) };
        match event.message.sites.as_deref() {
            Some(sites) if !sites.split(',').any(|site| self.is_site(site.trim())) => Judgement::ForeignHost,
            Some(_) | None => Judgement::Event(event.time, line),
        }
    }

    /// Whether an event names this site.
    fn is_site(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(&self.site.name) || self.serves(name)
    }

    fn serves(&self, host: &str) -> bool {
        let lower: Cow<'_, str> = if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            host.to_ascii_lowercase().into()
        } else {
            host.into()
        };
        self.site.is_own(&lower, &lower)
    }
}
