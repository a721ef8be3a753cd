//! The second reading: every line to a hit, in order, and from there the way of every hit.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc::Sender;

use crate::config::LimitsConfig;
use crate::event::{Day, Event, EventKind};
use crate::import::job::{ImportFormat, ImportJob, Summary};
use crate::import::log_line::LogLine;
use crate::import::order::SortedLines;
use crate::import::{events, lines};
use crate::outcome::Dropped;
use crate::privacy::hit::{ClientIp, Hit, HitKind, ObjectionSignals, UserAgent};
use crate::privacy::{Anonymiser, EndReason, Sighting};
use crate::rollup::Rollup;
use crate::rollup::counters::Batch;
use crate::visits::{VisitBounds, Visits};

/// Hits after which what is past is forgotten.
const FORGET_HITS: u64 = 4_096;

/// Counts an import's lines into batches.
pub(super) struct ImportCounter {
    import: Arc<ImportJob>,
    keep_from: Day,
    anonymiser: Anonymiser,
    visits: Visits,
    rollup: Rollup,
    token: String,
    to_store: Sender<(u64, Batch)>,
    parts: u64,
    hits: u64,
    latest: Timestamp,
    days: BTreeSet<Day>,
    url: String,
    summary: Summary,
}

impl ImportCounter {
    /// Of an import whose parts go to the database under `token` and their number.
    pub(super) fn new(
        import: Arc<ImportJob>,
        keep_from: Day,
        anonymiser: Anonymiser,
        limits: &LimitsConfig,
        token: String,
        to_store: Sender<(u64, Batch)>,
    ) -> Self {
        Self {
            import,
            keep_from,
            anonymiser,
            visits: Visits::new(VisitBounds::from(limits)),
            rollup: Rollup::default(),
            token,
            to_store,
            parts: 0,
            hits: 0,
            latest: Timestamp::MIN,
            days: BTreeSet::new(),
            url: String::new(),
            summary: Summary::default(),
        }
    }

    /// Reads all lines; gives what they came to. The keys are destroyed with this.
    pub(super) fn run(mut self, files: Vec<(Timestamp, PathBuf)>) -> std::io::Result<Summary> {
        let paths: Vec<PathBuf> = files.iter().map(|(_, path)| path.clone()).collect();
        let progress = lines::progress_bar(&paths, "counting", self.import.progress);
        let mut lines = SortedLines::new(files, progress.clone());
        while let Some(line) = lines.next(|line| self.look(line))? {
            match self.import.format {
                ImportFormat::AccessLog => self.logged(&line),
                ImportFormat::Events => self.event(&line),
            }
            lines.reuse(line);
            self.hits += 1;
            if self.hits.is_multiple_of(FORGET_HITS) {
                self.visits.forget_past(self.latest);
                self.anonymiser.destroy_past_keys(self.latest);
            }
            if self.rollup.rows() >= self.import.part_rows {
                self.send_part()?;
            }
        }
        self.send_part()?;
        progress.finish_and_clear();
        self.summary.days = self.days.len() as u64;
        Ok(self.summary)
    }

    /// Looks at a line as soon as it is read: its time, if it is one to count when its turn comes.
    fn look(&mut self, line: &[u8]) -> Option<Timestamp> {
        self.summary.lines += 1;
        let time = match self.import.format {
            ImportFormat::AccessLog => {
                let text = text(line);
                let read = LogLine::parse(&text);
                read.map(|line| (line.is_pageview() || line.is_not_found()).then_some(line.time))
            }
            ImportFormat::Events => events::time(line).map(Some),
        };
        let Some(time) = time else {
            self.summary.not_understood += 1;
            return None;
        };
        let Some(time) = time else {
            self.summary.not_pages += 1;
            return None;
        };
        if self.import.day(time) < self.keep_from {
            self.summary.too_old += 1;
            return None;
        }
        Some(time)
    }

    fn logged(&mut self, line: &[u8]) {
        let text = text(line);
        let Some(line) = LogLine::parse(&text) else { return };
        let mut url = std::mem::take(&mut self.url);
        url.clear();
        url.push_str("https://");
        url.push_str(&self.import.site.primary_host);
        url.push_str(&line.target);
        let site = self.import.site.clone();
        self.hit(Hit {
            received: line.time,
            address: ClientIp::new(line.address),
            agent: UserAgent::new(line.agent.as_deref().unwrap_or_default()),
            accept_language: None,
            signals: ObjectionSignals::default(),
            site: Some(&site.name),
            url: &url,
            referrer: line.referrer.as_deref(),
            fragment_is_page: false,
            width: None,
            consent: false,
            kind: HitKind::Pageview { not_found: line.is_not_found() },
        });
        self.url = url;
    }

    fn event(&mut self, line: &[u8]) {
        let Some(line) = events::EventLine::parse(line) else {
            self.summary.not_understood += 1;
            return;
        };
        let site = self.import.site.clone();
        self.hit(Hit {
            received: line.time,
            address: ClientIp::new(line.address),
            agent: UserAgent::new(&line.agent),
            accept_language: line.accept_language.as_deref(),
            signals: line.signals,
            site: Some(&site.name),
            url: &line.message.url,
            referrer: line.message.referrer.as_deref(),
            fragment_is_page: line.message.fragment_is_page,
            width: line.message.width,
            consent: line.message.consent,
            kind: line.message.kind(),
        });
    }

    fn hit(&mut self, mut hit: Hit<'_>) {
        hit.received = self.import.shifted(hit.received);
        self.latest = self.latest.max(hit.received);
        match self.anonymiser.anonymise(hit) {
            Ok(sighting) => {
                self.count(&sighting);
                if let Some(search) = sighting.search() {
                    self.count(&search);
                }
            }
            Err(ended) => match ended.why {
                EndReason::Dropped(Dropped::Bot) => self.summary.bots += 1,
                EndReason::Dropped(_) | EndReason::Refused(..) => self.summary.left_out += 1,
            },
        }
    }

    fn count(&mut self, sighting: &Sighting<'_>) {
        let counted = self.visits.count(sighting);
        self.rollup.add(&counted.event);
        self.days.insert(counted.event.day);
        self.summary.note(&counted.event);
    }

    fn send_part(&mut self) -> std::io::Result<()> {
        let number = self.parts;
        self.parts += 1;
        let batch = std::mem::take(&mut self.rollup).finish(format!("{} {number}", self.token));
        let rows = batch.pages.len() + batch.breakdowns.len() + batch.actions.len() + batch.timings.len();
        self.summary.rows += rows as u64;
        let sent = self.to_store.blocking_send((number, batch));
        sent.map_err(|_| std::io::Error::other("the database does not take the rows"))
    }
}

/// A line as text; the lossy reading, at twice the price, is for those that are none.
fn text(line: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(line).map_or_else(|_| String::from_utf8_lossy(line), Cow::Borrowed)
}

impl Summary {
    fn note(&mut self, event: &Event<'_>) {
        match &event.kind {
            EventKind::Pageview { new_visitor, opens_visit, not_found, .. } => {
                self.pageviews += 1;
                self.visitors += u64::from(*new_visitor);
                self.visits += u64::from(*opens_visit);
                self.bounces += i64::from(*opens_visit);
                self.not_found += u64::from(*not_found);
            }
            EventKind::Action { .. } | EventKind::Engagement { .. } | EventKind::Timing { .. } => self.others += 1,
        }
        self.bounces -= event.entry.as_ref().map_or(0, |entry| i64::from(entry.unbounce));
    }
}
