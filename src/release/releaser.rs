//! Runs releases: finds due periods, in order and one at a time, and takes each through its states. Must only run while
//! this collector has no insert in progress.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config::Protection;
use crate::event::Day;
use crate::lock::lock;
use crate::release::calendar::{closes_at, date_of, hour_closes_at, sunday_of};
use crate::release::draw::DrawKey;
use crate::release::late::WaitingRows;
use crate::release::periods::{self, ClosedPeriods, OriginReleases, ReleaseKind, ReleaseName, ReleaseState};
use crate::release::rounds::round_of;
use crate::release::rules::{BATCHES_WAITED_FOR, CONTINUED, CONTINUED_WAITS, OTHERS_WAITED_FOR};
use crate::release::statements::{self, TableNames};
use crate::rollup::counters::Batch;
use crate::sites::Sites;
use crate::store::{ServerError, SqlQuery, Store, StoreError};

/// Waiting tables whose partitions are days.
const DAILY_TABLES: [&str; 6] =
    ["waiting_pages", "waiting_breakdowns", "waiting_actions", "waiting_timings", "waiting_robots", "waiting_outcomes"];
/// Table of other tools' figures, whose partitions are weeks.
pub(crate) const WAITING_FIGURES: &str = "waiting_figures";
/// Seconds between checks for due periods: they end at quarter hours at the finest.
pub(super) const CHECK_SECONDS: i64 = 900;
/// A collector without a sign of life for this long counts as stopped, and another one releases.
const ALIVE_FOR: SignedDuration = SignedDuration::from_mins(5);

/// Inputs of a [`Releaser`].
pub struct ReleaserOptions {
    /// Database of the tables.
    pub store: Arc<Store>,
    /// Name of this collector among those that write to the same database.
    pub collector: String,
    /// Start time of this collector.
    pub started: Timestamp,
    /// `exact`: waiting rows are published unchanged.
    pub protection: Protection,
    /// For tests: called before every writing statement; `true` aborts there.
    pub aborts_before: Option<StepCheck>,
    /// For tests: bits of every draw's key; otherwise each release has random ones.
    pub draws: Option<[u64; 2]>,
}

/// Decides by a step's name whether to abort before it.
pub type StepCheck = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// Releases the periods that are due.
pub struct Releaser {
    pub(super) options: ReleaserOptions,
    pub(super) zones: Arc<Mutex<Vec<TimeZone>>>,
    /// Number of the quarter hour in which all due periods were released.
    pub(super) checked_quarter: AtomicI64,
}

impl Releaser {
    /// A releaser for these sites; their zones decide the ends of days.
    pub fn new(options: ReleaserOptions, sites: &Sites) -> Self {
        let releaser = Self { options, zones: Arc::default(), checked_quarter: AtomicI64::new(-1) };
        releaser.set_sites(sites);
        releaser
    }

    /// Applies a new list of sites.
    pub fn set_sites(&self, sites: &Sites) {
        let mut zones: Vec<TimeZone> = Vec::new();
        for site in sites.iter().filter(|site| !zones.contains(&site.timezone)).collect::<Vec<_>>() {
            zones.push(site.timezone.clone());
        }
        *lock(&self.zones) = zones;
    }

    /// Writes a batch to the waiting tables; rows of closed days go to their open buckets. Idempotent.
    ///
    /// # Errors
    /// As [`Store::insert`].
    pub async fn insert(&self, batch: &Batch, now: Timestamp) -> Result<(), StoreError> {
        let closed = ClosedPeriods::read(self.store(), &batch.origin).await?;
        insert_waiting(self.store(), batch, &closed, now).await
    }

    /// Batches of this collector are on their way from `until` on: until [`Releaser::shipped`], others wait for it
    /// longer.
    ///
    /// # Errors
    /// The database's: nothing is to be inserted before this is noted.
    pub async fn announce(&self, until: Timestamp) -> Result<(), StoreError> {
        let sql = "SELECT toInt64(max(shipped_until)) FROM {database:Identifier}.{collectors:Identifier} \
                   WHERE collector = {collector:String}";
        let own = self.ask(sql).param("collector", &self.options.collector).rows::<i64>().await?;
        self.note(until, own.first().copied().unwrap_or_default()).await
    }

    /// Records that everything of this collector up to `until` is in the database, and releases due periods.
    ///
    /// # Errors
    /// The database's error; the next call resumes.
    pub async fn shipped(&self, until: Timestamp) -> Result<(), StoreError> {
        self.note(until, until.as_second()).await?;
        let quarter = until.as_second().div_euclid(CHECK_SECONDS);
        if self.checked_quarter.load(Ordering::Relaxed) == quarter {
            return Ok(());
        }
        let all = self.release_due(until).await?;
        if all {
            self.checked_quarter.store(quarter, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Releases every period of measured figures that is over at `now`. Returns false if another collector releases, or
    /// has to be waited for.
    ///
    /// # Errors
    /// The database's error; the next call resumes.
    pub async fn release_due(&self, now: Timestamp) -> Result<bool, StoreError> {
        if !self.leads(now).await? {
            return Ok(false);
        }
        let complete_until = self.complete_until(now).await?;
        while let Some(name) = self.next_due("", complete_until).await? {
            self.release(&name, now).await?;
        }
        if self.store().shard_name().is_empty() {
            self.release_continued(now).await?;
        }
        Ok(complete_until >= now)
    }

    /// If nightly imports have stopped, their open days do not wait for the next one.
    pub(super) async fn release_continued(&self, now: Timestamp) -> Result<(), StoreError> {
        let waited_until = now.saturating_sub(CONTINUED_WAITS).unwrap_or(now);
        for origin in self.continued_origins().await? {
            self.release_origin(&origin, waited_until, now, &mut |_| ()).await?;
        }
        Ok(())
    }

    /// Whether every measured period that was over by `until` is published.
    ///
    /// # Errors
    /// When the database fails or does not answer.
    pub async fn has_released(&self, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        if until > now || self.complete_until(now).await? < until {
            return Ok(false);
        }
        Ok(self.next_due("", until).await?.is_none())
    }

    /// Releases all rows of an import: each day as if it had just closed, then its weeks and months. `progress` is
    /// called for each release; returns their number.
    ///
    /// # Errors
    /// The database's error; the next call resumes.
    pub async fn release_import(
        &self,
        origin: &str,
        now: Timestamp,
        progress: &mut (dyn FnMut(&ReleaseName) + Send),
    ) -> Result<u64, StoreError> {
        self.release_origin(origin, Timestamp::MAX, now, progress).await
    }

    /// Releases every period of this origin that is over at `until`, as [`Releaser::release_import`] does.
    ///
    /// # Errors
    /// The database's; the next call goes on from there.
    pub async fn release_origin(
        &self,
        origin: &str,
        until: Timestamp,
        now: Timestamp,
        progress: &mut (dyn FnMut(&ReleaseName) + Send),
    ) -> Result<u64, StoreError> {
        let mut releases = 0;
        while let Some(name) = self.next_due(origin, until).await? {
            self.release(&name, now).await?;
            progress(&name);
            releases += 1;
        }
        Ok(releases)
    }

    pub(super) fn store(&self) -> &Store {
        &self.options.store
    }

    pub(super) fn ask(&self, sql: &str) -> SqlQuery {
        let (store, local) = (self.store(), self.store().read_suffix());
        let query = store.ask_as_owner(sql).param("database", store.database()).param("site", store.shard_name());
        query.param("collectors", format!("collectors{local}"))
    }

    /// A waiting table by its name where it is read.
    fn waiting(&self, table: &str) -> String {
        format!("{table}{}", self.store().read_suffix())
    }

    pub(super) fn table_names(&self) -> TableNames<'_> {
        TableNames { database: self.store().database(), local: self.store().read_suffix() }
    }

    /// Says that this collector is alive at `seen`, and until when everything of it is in the database.
    async fn note(&self, seen: Timestamp, shipped_until: i64) -> Result<(), StoreError> {
        let sql = "INSERT INTO {database:Identifier}.collectors (site, collector, started, seen, shipped_until, day) \
                   SELECT {site:String}, {collector:String}, fromUnixTimestamp64Milli({started:Int64}), toDateTime({seen:Int64}), \
                   toDateTime({until:Int64}), toDate(toDateTime({seen:Int64}))";
        let note = self.ask(sql).param("collector", &self.options.collector);
        let note = note.param("started", self.options.started.as_millisecond()).param("seen", seen.as_second());
        note.param("until", shipped_until).execute().await
    }

    /// Whether this collector releases: of the live collectors, the one that started first does.
    pub(super) async fn leads(&self, now: Timestamp) -> Result<bool, StoreError> {
        let alive_since = now.saturating_sub(ALIVE_FOR).unwrap_or(now).as_second();
        let sql = "SELECT collector FROM (SELECT collector, argMax(started, seen) AS since, max(seen) AS seen_last \
                   FROM {database:Identifier}.{collectors:Identifier} GROUP BY collector) \
                   WHERE seen_last >= toDateTime({alive_since:Int64}) ORDER BY since, collector LIMIT 1";
        let first = self.ask(sql).param("alive_since", alive_since).rows::<String>().await?;
        Ok(first.first().is_none_or(|first| *first == self.options.collector))
    }

    /// Until when everything of every collector is in the database; one that was not seen for an hour is not waited
    /// for, one that was seen last within a batch is for a day.
    async fn complete_until(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let since = |waited: SignedDuration| now.saturating_sub(waited).unwrap_or(now).as_second();
        let sql = "SELECT toInt64(min(until)) FROM (SELECT max(shipped_until) AS until, max(seen) AS seen_last \
                   FROM {database:Identifier}.{collectors:Identifier} WHERE collector != {collector:String} \
                   GROUP BY collector, site) \
                   WHERE seen_last >= toDateTime(if(seen_last > until, {batches:Int64}, {others:Int64})) HAVING count() > 0";
        let others = self.ask(sql).param("collector", &self.options.collector);
        let others = others.param("others", since(OTHERS_WAITED_FOR)).param("batches", since(BATCHES_WAITED_FOR));
        let others = others.rows::<i64>().await?.first().and_then(|until| Timestamp::from_second(*until).ok());
        Ok(others.map_or(now, |until| until.min(now)))
    }

    /// The next release of this origin: begun releases first, then hours, days, weeks, months.
    async fn next_due(&self, origin: &str, until: Timestamp) -> Result<Option<ReleaseName>, StoreError> {
        let begun = OriginReleases::read(self.store(), origin).await?;
        if let Some(interrupted) = begun.interrupted() {
            return Ok(Some(interrupted));
        }
        let zones = lock(&self.zones).clone();
        let is_over = |day: &Day| closes_at(date_of(*day), &zones) <= until;
        let days = self.waiting_days(origin).await?.into_iter().filter(|(day, _)| is_over(day));
        if let Some((first, last)) = round_of(days) {
            return Ok(Some(begun.next_of(ReleaseKind::Day, first, last)));
        }
        for kind in [ReleaseKind::Week, ReleaseKind::Month] {
            let due: Vec<Day> = self.waiting_buckets(origin, kind).await?.into_iter().filter(is_over).collect();
            if let (Some(first), Some(last)) = (due.first(), due.last()) {
                return Ok(Some(begun.next_of(kind, *first, *last)));
            }
        }
        Ok(begun.next_hour(self.waiting_hours(origin).await?, |hour| hour_closes_at(hour) <= until))
    }

    async fn continued_origins(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut origins = BTreeSet::new();
        for table in DAILY_TABLES.iter().chain(&["waiting_cells"]) {
            let sql = "SELECT DISTINCT toString(origin) FROM {database:Identifier}.{table:Identifier} \
                       WHERE position(origin, {continued:String}) > 0";
            origins.extend(self.ask(sql).param("table", table).param("continued", CONTINUED).rows::<String>().await?);
        }
        Ok(origins)
    }

    async fn waiting_hours(&self, origin: &str) -> Result<BTreeSet<u32>, StoreError> {
        let sql = "SELECT DISTINCT toUInt32(hour) FROM {database:Identifier}.{waiting_pages:Identifier} WHERE origin = {origin:String}";
        let query = self.ask(sql).param("waiting_pages", self.waiting("waiting_pages")).param("origin", origin);
        Ok(query.rows::<u32>().await?.into_iter().collect())
    }

    /// Days with waiting rows, and the number of these.
    async fn waiting_days(&self, origin: &str) -> Result<BTreeMap<Day, u64>, StoreError> {
        let mut days = BTreeMap::new();
        for table in DAILY_TABLES.into_iter().chain([WAITING_FIGURES]) {
            let sql = "SELECT toUInt16(day) AS number, count() FROM {database:Identifier}.{table:Identifier} \
                       WHERE origin = {origin:String} GROUP BY number";
            let found = self.ask(sql).param("table", self.waiting(table)).param("origin", origin);
            for (day, rows) in found.rows::<(u16, u64)>().await? {
                *days.entry(Day(day)).or_default() += rows;
            }
        }
        Ok(days)
    }

    async fn waiting_buckets(&self, origin: &str, kind: ReleaseKind) -> Result<BTreeSet<Day>, StoreError> {
        let sql = "SELECT DISTINCT toUInt16(day) FROM {database:Identifier}.{waiting_cells:Identifier} \
                   WHERE origin = {origin:String} AND scope = {scope:String}";
        let query = self.ask(sql).param("waiting_cells", self.waiting("waiting_cells")).param("origin", origin);
        let days = query.param("scope", kind.word()).rows::<u16>().await?;
        Ok(days.into_iter().map(Day).collect())
    }

    /// Takes one release through its remaining states.
    async fn release(&self, name: &ReleaseName, now: Timestamp) -> Result<(), StoreError> {
        let started = periods::begun(self.store()).await?;
        let state = started.iter().find(|(started, _)| started == name).map(|(_, state)| *state);
        if state.is_none() {
            self.stage(name).await?;
            self.record(name, ReleaseState::Staged, now).await?;
        }
        if state.is_none_or(|state| state < ReleaseState::Published) {
            self.publish(name).await?;
            self.record(name, ReleaseState::Published, now).await?;
        }
        self.forget(name).await?;
        self.record(name, ReleaseState::Done, now).await?;
        tracing::info!(kind = name.kind.word(), day = %date_of(name.day), "release: period published");
        Ok(())
    }

    /// Draws every cell once, with random keys from the operating system that are dropped on return.
    async fn stage(&self, name: &ReleaseName) -> Result<(), StoreError> {
        self.drop_partitions("staged_cells", &[quoted(&name.to_string())]).await?;
        let no_bits = |_| StoreError::Retryable(ServerError { code: 0, name: "no random bits" });
        let key = self.options.draws.map_or_else(DrawKey::random, |bits| Ok(DrawKey::of(bits))).map_err(no_bits)?;
        let [first, second] = key.halves();
        let released = periods::begun(self.store()).await?.into_iter();
        let hours = released.filter(|(of, _)| of.origin == name.origin && of.kind == ReleaseKind::Hour);
        let hours: Vec<u32> = hours.map(|(of, _)| of.hour).collect();
        for (text, timings) in statements::stage(self.table_names(), self.options.protection, name.kind) {
            self.before("stage")?;
            let query = self.about(&text, name).param("k1", first).param("k2", second);
            let query = query.param("timings", timings).param("hours", &hours);
            // ClickHouse's query log would store the keys.
            query.with_setting("log_queries", "0").execute().await?;
        }
        Ok(())
    }

    /// Deletes the exact figures of a release and its staged cells.
    async fn forget(&self, name: &ReleaseName) -> Result<(), StoreError> {
        let origin = quoted(&name.origin);
        match name.kind {
            ReleaseKind::Hour => {}
            ReleaseKind::Day => {
                let partitions = |dates: &mut dyn Iterator<Item = Date>| -> Vec<String> {
                    dates.map(|date| format!("('{date}', {origin})")).collect()
                };
                let mut sundays: Vec<Date> = name.dates().map(sunday_of).collect();
                sundays.dedup();
                let days = partitions(&mut name.dates());
                let weeks = partitions(&mut sundays.into_iter());
                for table in DAILY_TABLES {
                    self.drop_partitions(table, &days).await?;
                }
                self.drop_partitions(WAITING_FIGURES, &weeks).await?;
            }
            ReleaseKind::Week | ReleaseKind::Month => {
                let scope = name.kind.word();
                let is_end = |date: &Date| match name.kind {
                    ReleaseKind::Month => *date == date.last_of_month(),
                    ReleaseKind::Hour | ReleaseKind::Day | ReleaseKind::Week => *date == sunday_of(*date),
                };
                let ends = name.dates().filter(is_end).map(|date| format!("('{scope}', '{date}', {origin})"));
                self.drop_partitions("waiting_cells", &ends.collect::<Vec<_>>()).await?;
            }
        }
        self.drop_partitions("staged_cells", &[quoted(&name.to_string())]).await
    }

    pub(super) async fn drop_partitions(&self, table: &str, partitions: &[String]) -> Result<(), StoreError> {
        self.before("drop")?;
        self.store().drop_partitions(table, partitions).await
    }

    async fn record(&self, name: &ReleaseName, state: ReleaseState, now: Timestamp) -> Result<(), StoreError> {
        self.before("record")?;
        let sql = "INSERT INTO {database:Identifier}.releases (site, kind, first, day, hour, origin, state, at) \
                   SELECT {site:String}, {kind:String}, {first:Date}, {day:Date}, toDateTime({hour:UInt32}), {origin:String}, {state:String}, \
                   toDateTime({at:Int64})";
        let query = self.about(sql, name);
        query.param("state", state.word()).param("at", now.as_second()).execute().await?;
        Ok(())
    }

    pub(super) fn about(&self, sql: &str, name: &ReleaseName) -> SqlQuery {
        let query = self.ask(sql).param("release", name.to_string()).param("kind", name.kind.word());
        let query = query.param("first", date_of(name.first).to_string());
        query.param("day", date_of(name.day).to_string()).param("hour", name.hour).param("origin", &name.origin)
    }

    pub(super) fn before(&self, step: &str) -> Result<(), StoreError> {
        let aborts_before = self.options.aborts_before.as_ref().is_some_and(|aborts_before| aborts_before(step));
        let broken = StoreError::Retryable(ServerError { code: 0, name: "broken off" });
        if aborts_before { Err(broken) } else { Ok(()) }
    }
}

/// Writes a batch to the waiting tables under the batch's token.
async fn insert_waiting(
    store: &Store,
    batch: &Batch,
    closed: &ClosedPeriods,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = WaitingRows::of(batch, closed);
    store.insert_waiting(&rows.open).await?;
    store.insert_rows("waiting_cells", &batch.token, &rows.late_cells(closed, now)).await
}

/// Quotes a text of ours as an SQL literal, where parameters are not allowed.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
