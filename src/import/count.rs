//! The second reading: every line to a hit, and from there the way of every hit.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use indicatif::ProgressBar;
use jiff::Timestamp;
use tokio::sync::mpsc::Sender;

use super::{Format, Import, Summary, access_log, events, lines};
use crate::config::Limits;
use crate::outcome::Dropped;
use crate::privacy::event::{Day, Event, Kind};
use crate::privacy::hit::{ClientIp, Hit, HitKind, Signals, UserAgent};
use crate::privacy::{Anonymiser, NotCounted};
use crate::rollup::Rollup;
use crate::store::rows::Batch;
use crate::visits::{Bounds, Visits};

/// Rows after which a batch is written: some 100 MB in memory.
const BATCH_ROWS: usize = 250_000;

/// Lines after which what is past is forgotten.
const FORGET_LINES: u64 = 4_096;

/// Counts an import's lines into batches.
pub(super) struct Counting {
    import: Arc<Import>,
    files: Vec<PathBuf>,
    anonymiser: Anonymiser,
    visits: Visits,
    rollup: Rollup,
    source: String,
    batches: u64,
    to_store: Sender<Batch>,
    latest: Timestamp,
    days: BTreeSet<Day>,
    summary: Summary,
}

impl Counting {
    pub(super) fn new(
        import: Arc<Import>,
        files: Vec<PathBuf>,
        anonymiser: Anonymiser,
        limits: &Limits,
        source: String,
        to_store: Sender<Batch>,
    ) -> Self {
        let bounds = Bounds { pages: limits.pages_per_site_day, values: limits.values_per_dimension };
        Self {
            import,
            files,
            anonymiser,
            visits: Visits::new(bounds, limits.tags),
            rollup: Rollup::default(),
            source,
            batches: 0,
            to_store,
            latest: Timestamp::MIN,
            days: BTreeSet::new(),
            summary: Summary::default(),
        }
    }

    /// Reads all lines; gives what they came to. The keys are destroyed with this.
    pub(super) fn run(mut self) -> std::io::Result<Summary> {
        let files = std::mem::take(&mut self.files);
        let progress = match self.import.progress {
            true => lines::progress_bar(&files, "counting"),
            false => ProgressBar::hidden(),
        };
        lines::for_each(&files, &progress, |line| self.line(line))?;
        self.write_batch()?;
        progress.finish_and_clear();
        self.summary.days = self.days.len() as u64;
        Ok(self.summary)
    }

    fn line(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.summary.lines += 1;
        let understood = match self.import.format {
            Format::AccessLog => self.logged(line),
            Format::Events => self.event(line),
        };
        if understood.is_none() {
            self.summary.not_understood += 1;
        }
        if self.summary.lines.is_multiple_of(FORGET_LINES) {
            self.visits.forget_past(self.latest);
            self.anonymiser.destroy_past_keys(self.latest);
        }
        if self.rollup.rows() >= BATCH_ROWS { self.write_batch() } else { Ok(()) }
    }

    fn logged(&mut self, line: &[u8]) -> Option<()> {
        let line = access_log::Line::parse(std::str::from_utf8(line).ok()?)?;
        if !line.is_pageview() && !line.is_not_found() {
            self.summary.not_pages += 1;
            return Some(());
        }
        let url = format!("https://{}{}", self.import.site.primary_host, line.target);
        self.hit(Hit {
            received: line.time,
            address: ClientIp::new(line.address),
            agent: UserAgent::new(line.agent.as_deref().unwrap_or_default()),
            accept_language: None,
            signals: Signals::default(),
            site: Some(&self.import.site.name.clone()),
            url: &url,
            referrer: line.referrer.as_deref(),
            fragment_is_page: false,
            width: None,
            kind: HitKind::Pageview { not_found: line.is_not_found() },
        });
        Some(())
    }

    fn event(&mut self, line: &[u8]) -> Option<()> {
        let line = events::Line::parse(line)?;
        let Some(kind) = line.message.kind() else {
            self.summary.left_out += 1;
            return Some(());
        };
        self.hit(Hit {
            received: line.time,
            address: ClientIp::new(line.address),
            agent: UserAgent::new(&line.agent),
            accept_language: line.accept_language.as_deref(),
            signals: Signals::default(),
            site: Some(&self.import.site.name.clone()),
            url: &line.message.url,
            referrer: line.message.referrer.as_deref(),
            fragment_is_page: line.message.fragment_is_page,
            width: line.message.width,
            kind,
        });
        Some(())
    }

    fn hit(&mut self, mut hit: Hit<'_>) {
        hit.received = self.import.shifted(hit.received);
        if self.import.site.day(hit.received) < self.import.keep_from {
            self.summary.too_old += 1;
            return;
        }
        self.latest = self.latest.max(hit.received);
        match self.anonymiser.anonymise(hit) {
            Ok(sighting) => {
                let counted = self.visits.count(&sighting);
                self.rollup.add(&counted.event);
                self.days.insert(counted.event.day);
                self.summary.note(&counted.event);
            }
            Err(ended) => match ended.why {
                NotCounted::Dropped(Dropped::Bot) => self.summary.bots += 1,
                NotCounted::Dropped(_) | NotCounted::Refused(..) => self.summary.left_out += 1,
            },
        }
    }

    fn write_batch(&mut self) -> std::io::Result<()> {
        let batch = std::mem::take(&mut self.rollup).finish(format!("import-{}-{}", self.source, self.batches));
        self.batches += 1;
        let rows = batch.pages.len() + batch.breakdowns.len() + batch.actions.len() + batch.timings.len();
        self.summary.rows += rows as u64;
        self.to_store.blocking_send(batch).map_err(|_| std::io::Error::other("the database does not take the rows"))
    }
}

impl Summary {
    fn note(&mut self, event: &Event<'_>) {
        match &event.kind {
            Kind::Pageview { new_visitor, opens_visit, not_found, .. } => {
                self.pageviews += 1;
                self.visitors += u64::from(*new_visitor);
                self.visits += u64::from(*opens_visit);
                self.not_found += u64::from(*not_found);
            }
            Kind::Action { .. } | Kind::Engagement { .. } | Kind::Timing { .. } => self.others += 1,
        }
    }
}
