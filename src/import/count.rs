//! Counts every hit, in the order of the times, by the code path of live hits; writes the events into batches.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc::Sender;

use crate::config::{LimitsConfig, Protection};
use crate::event::Day;
use crate::hit_tally::HitTally;
use crate::import::events;
use crate::import::held::{HeldHits, HitView, RequestView};
use crate::import::job::ImportJob;
use crate::import::tally::Summary;
use crate::outcome::{Dropped, Outcome};
use crate::privacy::hit::{ClientIp, Hit, HitKind, HitSender, UserAgent};
use crate::privacy::{Anonymiser, EndReason, Sighting};
use crate::release::calendar::{date_of, sunday_of};
use crate::rollup::Rollup;
use crate::rollup::counters::Batch;
use crate::visits::{VisitBounds, Visits};

/// Hits between two evictions of expired state.
const FORGET_HITS: u64 = 4_096;

/// Halves of a part's rows that an exact part may have.
const EXACT_HALVES: usize = 5;

/// A batch of an import.
pub(super) struct ImportPart {
    /// Number within its import.
    pub(super) number: u64,
    pub(super) batch: Batch,
    /// Days of which another part of the import has visitors.
    pub(super) cut: Vec<Day>,
}

/// Counts an import's hits into batches. Its keys are destroyed on drop.
pub(super) struct ImportCounter {
    import: Arc<ImportJob>,
    pub(super) anonymiser: Anonymiser,
    pub(super) visits: Visits,
    rollup: Rollup,
    tally: HitTally,
    hits: u64,
    latest: Timestamp,
    /// Day of the latest hit.
    latest_day: Day,
    url: String,
}

/// Destination of one import's batches, and its totals.
pub(super) struct PartWriter {
    /// Days before this one are past their retention.
    pub(super) keep_from: Day,
    /// Prefix of the parts' tokens; their number follows.
    pub(super) token: String,
    /// Origin written into the rows; empty: as measured.
    pub(super) origin: Arc<str>,
    pub(super) to_store: Sender<ImportPart>,
    pub(super) parts: u64,
    /// Day within which the previous part ended.
    pub(super) cut: Option<Day>,
    pub(super) days: BTreeSet<Day>,
    pub(super) tally: Summary,
}

impl ImportCounter {
    /// A counter without visits.
    pub(super) fn new(import: Arc<ImportJob>, anonymiser: Anonymiser, limits: &LimitsConfig) -> Self {
        Self {
            import,
            visits: Visits::new(VisitBounds::from(limits).weighed_for(anonymiser.protection())),
            anonymiser,
            rollup: Rollup::default(),
            tally: HitTally::default(),
            hits: 0,
            latest: Timestamp::MIN,
            latest_day: Day(0),
            url: String::new(),
        }
    }

    /// Counts hits, which must come in the order of their times.
    pub(super) fn count(&mut self, held: &HeldHits, writer: &mut PartWriter) -> std::io::Result<()> {
        for (time, view) in held.iter() {
            let received = self.import.shifted(time);
            let day = self.import.site.day(received);
            if day < writer.keep_from {
                writer.tally.too_old += 1;
                continue;
            }
            if day > self.latest_day && self.rollup.rows() >= self.rows_between(self.latest_day, day) {
                self.send_part(writer, None)?;
            }
            self.latest_day = day;
            self.latest = self.latest.max(received);
            match view {
                HitView::Request(request) => self.request(received, request, writer),
                HitView::Event(line) => self.event(received, line, writer),
            }
            self.hits += 1;
            if self.hits.is_multiple_of(FORGET_HITS) {
                self.forget_past();
                self.roll_up_tally();
            }
            if self.rollup.rows() >= self.rows_max() {
                self.send_part(writer, Some(day))?;
            }
        }
        Ok(())
    }

    /// Most rows of a part. A month of half a million rows is one part of the published tables, if its figures are not
    /// drawn in memory as well.
    fn rows_max(&self) -> usize {
        match self.anonymiser.protection() {
            Protection::Tens => self.import.part_rows,
            Protection::Exact => self.import.part_rows / 2 * EXACT_HALVES,
        }
    }

    /// Rows from which a part ends between two days. In tens: earlier at the end of a week, the partition of its table;
    /// later at the end of a day, since cells of a day that parts share are larger. Exact: earlier at the end of a
    /// month, the partition of published tables, whose parts are each read by themselves.
    fn rows_between(&self, day: Day, next: Day) -> usize {
        let week_of = |day: Day| sunday_of(date_of(day));
        let is_one_month = || date_of(day).first_of_month() == date_of(next).first_of_month();
        let eighths = match self.anonymiser.protection() {
            Protection::Tens if week_of(day) == week_of(next) => 6,
            Protection::Tens => 4,
            Protection::Exact if is_one_month() => return usize::MAX,
            Protection::Exact => 1,
        };
        self.import.part_rows / 8 * eighths
    }

    /// Time of the latest hit that was counted.
    pub(super) fn latest(&self) -> Timestamp {
        self.latest
    }

    /// Evicts state that has expired at the latest hit.
    pub(super) fn forget_past(&mut self) {
        self.visits.forget_past(self.latest);
        self.anonymiser.destroy_past_keys(self.latest);
    }

    fn request(&mut self, received: Timestamp, line: RequestView<'_>, writer: &mut PartWriter) {
        let mut url = std::mem::take(&mut self.url);
        let site = self.import.site.clone();
        url.clear();
        url.push_str("https://");
        url.push_str(line.host.unwrap_or(&site.primary_host));
        url.push_str(line.target);
        let counted = self.hit(
            Hit {
                received,
                address: ClientIp::new(line.address),
                agent: line.agent.map_or(UserAgent::not_logged(), UserAgent::new),
                accept_language: line.language,
                signals: line.signals,
                sender: HitSender::default(),
                site: Some(&site.name),
                url: &url,
                referrer: line.referrer,
                fragment_is_page: false,
                width: None,
                consent: false,
                model: None,
                kind: HitKind::Pageview { not_found: line.not_found },
            },
            writer,
        );
        writer.tally.agent_not_logged += u64::from(counted && line.agent.is_none());
        self.url = url;
    }

    fn event(&mut self, received: Timestamp, line: &str, writer: &mut PartWriter) {
        let Some(line) = events::EventLine::parse(line.as_bytes()) else {
            writer.tally.not_understood += 1;
            return;
        };
        let site = self.import.site.clone();
        self.hit(
            Hit {
                received,
                address: ClientIp::new(line.address),
                agent: UserAgent::new(&line.agent),
                accept_language: line.accept_language.as_deref(),
                signals: line.signals,
                sender: HitSender::default(),
                site: Some(&site.name),
                url: &line.message.url,
                referrer: line.message.referrer.as_deref(),
                fragment_is_page: line.message.fragment_is_page,
                width: line.message.width,
                consent: line.message.consent,
                model: line.message.model.as_deref(),
                kind: line.message.kind(),
            },
            writer,
        );
    }

    fn hit(&mut self, hit: Hit<'_>, writer: &mut PartWriter) -> bool {
        let day = self.import.site.day(hit.received);
        match self.anonymiser.anonymise(hit) {
            Ok(sighting) => {
                let tagged = self.sighting(&sighting, writer);
                self.ended(day, if tagged { Outcome::Counted } else { Outcome::Untagged });
                if let Some(search) = sighting.search() {
                    self.sighting(&search, writer);
                }
                true
            }
            Err(ended) => {
                self.ended(day, ended.outcome());
                if let Some(robot) = &ended.robot {
                    self.tally.robot(&self.import.site.name, day, robot);
                }
                match ended.why {
                    EndReason::Dropped(Dropped::Bot) => writer.tally.bots += 1,
                    EndReason::Dropped(Dropped::OptedOut) => writer.tally.objections += 1,
                    EndReason::Dropped(Dropped::NoConsent) => writer.tally.no_consent += 1,
                    EndReason::Dropped(_) | EndReason::Refused(..) => writer.tally.left_out += 1,
                }
                false
            }
        }
    }

    fn ended(&self, day: Day, outcome: Outcome) {
        self.tally.ended(&self.import.site.name, day, outcome);
    }

    /// Whether its visitor could be tagged.
    fn sighting(&mut self, sighting: &Sighting<'_>, writer: &mut PartWriter) -> bool {
        let counted = self.visits.count(sighting);
        self.rollup.add(&counted.event);
        writer.days.insert(counted.event.day);
        writer.tally.note(&counted.event);
        counted.tagged
    }

    /// Adds hits of robots and outcomes to the rows of the next part.
    fn roll_up_tally(&mut self) {
        for row in self.tally.take() {
            let (site, page) = (self.visits.fresh_term_id(), self.visits.fresh_term_id());
            self.rollup.add(&row.event(site, page));
        }
    }

    /// Sends the rows counted since the previous part; `cut` is the day that the next one may go on with.
    pub(super) fn send_part(&mut self, writer: &mut PartWriter, cut: Option<Day>) -> std::io::Result<()> {
        let number = writer.parts;
        writer.parts += 1;
        self.roll_up_tally();
        let mut batch = std::mem::take(&mut self.rollup).finish(format!("{} {number}", writer.token));
        batch.origin = writer.origin.clone();
        writer.tally.rows += batch.rows() as u64;
        let cut = std::mem::replace(&mut writer.cut, cut).into_iter().chain(cut).collect();
        let sent = writer.to_store.blocking_send(ImportPart { number, batch, cut });
        sent.map_err(|_| std::io::Error::other("the database rejects the rows"))
    }
}
