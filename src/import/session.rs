//! One run of an import: reads, checks the days, counts, writes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, LimitsConfig, Protection};
use crate::event::Day;
use crate::import::count::{ImportCounter, ImportPart, PartWriter};
use crate::import::days::{ImportNotes, StartedImport};
use crate::import::drawn::{DrawnImport, retried};
use crate::import::followed::FollowedLogs;
use crate::import::job::{ImportError, ImportJob};
use crate::import::marks::{KnownMarks, LogMark, MarkKey};
use crate::import::open_days::OpenDays;
use crate::import::ready_part::{ReadyPart, ReadyRows};
use crate::import::survey::{ImportSurvey, SurveyLimit};
use crate::import::tally::Summary;
use crate::import::{measured, window};
use crate::privacy::Anonymiser;
use crate::release::rules::CONTINUED;
use crate::release::{Releaser, ReleaserOptions};
use crate::sites::Site;
use crate::store::Store;

/// Changes when figures of the same files are written in another way: an import that an earlier release left
/// interrupted is not resumed.
const WRITING: u32 = 3;

/// State of one run of an import.
pub(super) struct ImportSession<'s> {
    import: Arc<ImportJob>,
    store: &'s Store,
    now: Timestamp,
    settings: String,
    key: Arc<MarkKey>,
    open_days: OpenDays,
    counter: Option<ImportCounter>,
    followed: FollowedLogs,
    protection: Protection,
    releaser: Releaser,
    summary: Summary,
    days: BTreeSet<Day>,
}

/// Lines of the files that are counted in one round.
enum Round {
    /// Lines that were not counted before.
    New,
    /// Lines of an interrupted import: its name, and the marks that it was to reach.
    Interrupted(String, Vec<LogMark>),
}

impl<'s> ImportSession<'s> {
    /// A session whose files were not read yet.
    pub(super) fn begin(
        import: ImportJob,
        anonymiser: Anonymiser,
        config: &Config,
        store: &'s Store,
        now: Timestamp,
    ) -> Result<Self, ImportError> {
        let limits: &LimitsConfig = &config.limits;
        let settings = settings(&import.site, config);
        let open_days = OpenDays::new(&config.runtime.dir, &import.site);
        let import = Arc::new(import);
        let mut counter = ImportCounter::new(import.clone(), anonymiser, limits);
        if import.continued {
            open_days.recall(&import.site, &counter.anonymiser, &mut counter.visits, now)?;
        }
        let key = Arc::new(MarkKey::of_spool(&config.spool.dir)?);
        let collector = format!("import {} {}", import.site.name, now.as_millisecond());
        let options = ReleaserOptions {
            store: Arc::new(store.clone()),
            collector,
            started: now,
            protection: store.protection(),
            aborts_before: None,
            draws: None,
        };
        let releaser = Releaser::new(options, &counter.anonymiser.sites());
        Ok(Self {
            import,
            store,
            now,
            settings,
            key,
            open_days,
            counter: Some(counter),
            followed: FollowedLogs::default(),
            protection: store.protection(),
            releaser,
            summary: Summary::default(),
            days: BTreeSet::new(),
        })
    }

    /// Runs the import until it completes.
    pub(super) async fn run(mut self) -> Result<Summary, ImportError> {
        self.resume_interrupted().await?;
        self.round(Round::New).await?;
        self.summary.days = self.days.len() as u64;
        Ok(self.summary)
    }

    /// Counts new lines of the files until `stop`; then counts the rest written by then.
    pub(super) async fn follow(
        mut self,
        clock: &dyn Clock,
        pause: Duration,
        stop: CancellationToken,
    ) -> Result<Summary, ImportError> {
        self.resume_interrupted().await?;
        loop {
            let stopped = stop.is_cancelled();
            self.now = clock.now();
            match self.round(Round::New).await {
                // A log may begin with lines of another kind.
                Ok(()) | Err(ImportError::NothingUnderstood { .. }) => {}
                Err(error) => return Err(error),
            }
            if self.protection == Protection::Tens {
                self.releaser.shipped(self.now).await?;
            }
            if stopped {
                self.summary.days = self.days.len() as u64;
                return Ok(self.summary);
            }
            // Waits for the next round, or for the end.
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Completes an interrupted import with `--continue`, as far as its lines still exist.
    async fn resume_interrupted(&mut self) -> Result<(), ImportError> {
        if !self.import.continued {
            return Ok(());
        }
        let notes = ImportNotes::of(self.store, &self.import.site.name).await?;
        match notes.interrupted() {
            Some((name, marks)) => self.round(Round::Interrupted(name, marks)).await,
            None => Ok(()),
        }
    }

    async fn round(&mut self, round: Round) -> Result<(), ImportError> {
        let notes = ImportNotes::of(self.store, &self.import.site.name).await?;
        let survey = self.survey(&notes, &round).await?;
        let understood = survey.sources.iter().any(|source| source.format.is_some());
        if let Round::New = round
            && survey.tally.lines > survey.tally.counted_before
            && !understood
        {
            let first = survey.tally.notes.first().map(|note| format!(" ({note})")).unwrap_or_default();
            let (lines, expected) = (survey.tally.lines, self.import.format.name());
            return Err(ImportError::NothingUnderstood { lines, first, expected });
        }
        let days = survey.days(&self.import);
        let started = match &round {
            Round::Interrupted(name, _) => StartedImport::resumed(name, &notes, &days),
            Round::New => {
                self.summary.add_lines(&survey.tally);
                if days.is_empty() {
                    return Ok(());
                }
                self.start(&survey, &notes, &days).await?
            }
        };
        self.count(survey, started).await
    }

    async fn survey(&mut self, notes: &ImportNotes, round: &Round) -> Result<ImportSurvey, ImportError> {
        let (import, key) = (self.import.clone(), self.key.clone());
        let counted = if import.continued { notes.counted_marks() } else { Vec::new() };
        let up_to = match round {
            Round::New => None,
            Round::Interrupted(_, marks) => Some(KnownMarks::new(marks.clone())),
        };
        let mut followed = std::mem::take(&mut self.followed);
        let surveyed = tokio::task::spawn_blocking(move || {
            let mut behind = KnownMarks::new(counted);
            let limit = match &up_to {
                Some(marks) => SurveyLimit::UpTo(marks),
                None => SurveyLimit::Behind(&mut behind),
            };
            let survey = ImportSurvey::of(&import, &key, limit, &mut followed)?;
            Ok::<_, std::io::Error>((survey, followed))
        });
        let (mut survey, followed) = surveyed.await.map_err(|_| ImportError::Stopped)??;
        self.followed = followed;
        if let Round::New = round {
            let read = survey.sources.iter_mut().filter_map(|source| source.followed.take());
            read.for_each(|log| self.followed.note(log));
        }
        Ok(survey)
    }

    async fn start(
        &mut self,
        survey: &ImportSurvey,
        notes: &ImportNotes,
        days: &BTreeSet<Day>,
    ) -> Result<StartedImport, ImportError> {
        let hash = survey.hash(&self.import, &self.settings);
        let marks: Vec<LogMark> = survey.sources.iter().map(|source| source.mark.clone()).collect();
        let context = (self.store, self.now);
        let started = StartedImport::begin(&self.import, notes, &hash, days, &marks, context).await?;
        let note = measured::note(&self.import, self.store, days, &notes.imported()).await?;
        self.summary.notes.extend(note);
        Ok(started)
    }

    async fn count(&mut self, survey: ImportSurvey, started: StartedImport) -> Result<(), ImportError> {
        let (to_store, mut parts) = tokio::sync::mpsc::channel(1);
        let origin = self.origin(&started);
        let mut writer = PartWriter {
            keep_from: started.keep_from,
            token: format!("import {} {}", started.name, self.import.site.name),
            origin: origin.as_str().into(),
            to_store,
            parts: 0,
            cut: None,
            days: BTreeSet::new(),
            tally: Summary::default(),
        };
        let mut counter = self.counter.take().ok_or(ImportError::Stopped)?;
        let memory_bytes = self.import.memory_bytes as u64;
        let counting = tokio::task::spawn_blocking(move || -> std::io::Result<_> {
            count_all(&mut counter, survey, memory_bytes, &mut writer)?;
            counter.send_part(&mut writer, None)?;
            counter.forget_past();
            let PartWriter { days, tally, .. } = writer;
            Ok((counter, days, tally))
        });
        let mut drawn = None;
        if self.is_drawn_in_memory() {
            let site = &self.import.site.name;
            let names = (format!("{} {site}", started.name).into(), origin.as_str().into());
            drawn = Some(DrawnImport::begin(&self.releaser, site, names, started.is_drawn).await?);
        }
        match &mut drawn {
            Some(drawn) => {
                while let Some(part) = parts.recv().await {
                    drawn.add(part).await?;
                }
            }
            None => self.write(parts, &started).await?,
        }
        let (counter, days, tally) = counting.await.map_err(|_| ImportError::Stopped)??;
        match &mut drawn {
            Some(drawn) => {
                drawn.stage_rest().await?;
                started.note_drawn(&self.import, self.store).await?;
                drawn.publish().await?;
            }
            None if self.comes_in_parts() && !origin.is_empty() => {
                // A day that comes in parts is over when its log has passed it.
                self.releaser.release_origin(&origin, counter.latest(), self.now, &mut |_| ()).await?;
            }
            None => {}
        }
        if self.import.continued {
            self.open_days.keep(&counter.visits, self.now)?;
        }
        started.note_end(&self.import, self.store, &days).await?;
        self.counter = Some(counter);
        self.days.extend(days);
        self.summary.add_counted(&tally);
        Ok(())
    }

    /// Origin of the rows of an import; rows of followed logs have that of measured ones. In tens, imports that
    /// continue each other have one origin, so that a shared day is drawn once.
    fn origin(&self, started: &StartedImport) -> String {
        let kind = self.import.format.kind();
        match (self.import.follow, self.comes_in_parts()) {
            (true, _) => String::new(),
            (false, true) => format!("{kind}{CONTINUED}{}", self.import.site.name),
            (false, false) => started.origin(kind),
        }
    }

    fn comes_in_parts(&self) -> bool {
        self.import.continued && self.protection == Protection::Tens
    }

    /// Whether each day comes whole, so that its exact sums need not wait in the database.
    fn is_drawn_in_memory(&self) -> bool {
        self.protection == Protection::Tens && !self.import.continued && !self.import.follow
    }

    /// Writes the parts that no interrupted run has written; retries while the database is away for some seconds.
    async fn write(&self, parts: Receiver<ImportPart>, started: &StartedImport) -> Result<(), ImportError> {
        let (to_store, mut ready) = tokio::sync::mpsc::channel(1);
        let protection = self.protection;
        let levelling = tokio::task::spawn_blocking(move || ReadyPart::make_ahead(parts, protection, &to_store));
        while let Some(part) = ready.recv().await {
            if started.has_part(part.number) {
                continue;
            }
            match &part.rows {
                ReadyRows::Waiting(batch) => retried!(self.releaser.insert(batch, self.now))?,
                ReadyRows::Published(token, rows) => retried!(self.store.publish(token, rows))?,
            }
            started.note_part(part.number, &self.import, self.store).await?;
        }
        levelling.await.map_err(|_| ImportError::Stopped)
    }
}

fn count_all(
    counter: &mut ImportCounter,
    mut survey: ImportSurvey,
    memory_bytes: u64,
    writer: &mut PartWriter,
) -> std::io::Result<()> {
    if let Some(mut held) = survey.held.take() {
        held.sort();
        return counter.count(&held, writer);
    }
    let windows = window::windows(&survey.hits_by_minute(), (memory_bytes / survey.hit_bytes.max(1)).max(1));
    windows.iter().try_for_each(|window| counter.count(&window::hits(&survey, window)?, writer))
}

/// All settings that decide the figures: an interrupted import resumes only under the same ones.
fn settings(site: &Site, config: &Config) -> String {
    let written = config.site.iter().find(|written| *written.name == *site.name);
    let proxies = &config.collect.trusted_proxies;
    let settings = (env!("CARGO_PKG_VERSION"), WRITING, written, proxies, &config.limits, &config.geo, &config.privacy);
    serde_json::to_string(&settings).unwrap_or_default()
}
