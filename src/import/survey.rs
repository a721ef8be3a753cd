//! First reading of an import's files: their hits and days, and how far each was counted before. Hits are held in
//! memory as they are read; beyond the memory limit only their number per minute is kept, and the files are read again,
//! one [`window`](crate::import::window) of time after the other.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use indicatif::ProgressBar;
use jiff::Timestamp;

use crate::event::Day;
use crate::import::followed::{FollowedLog, FollowedLogs, OpenLog};
use crate::import::held::{HeldHits, order};
use crate::import::job::ImportJob;
use crate::import::judge::{Judgement, LineJudge};
use crate::import::lines::{LineReader, is_stream};
use crate::import::log_line::LineFault;
use crate::import::marks::{KnownMarks, LineDigest, LogMark, MarkKey};
use crate::import::read_ahead::{ReadAhead, ReadLine, ReadStart, ReadUntil};
use crate::import::tally::Summary;

/// Lines of a chunk: a second reading skips whole chunks.
const CHUNK_LINES: u64 = 16_384;

/// A time in minutes since 1970.
pub(super) type Minute = i64;

/// Result of the first reading of one file.
pub(super) struct SourceSurvey {
    pub(super) path: PathBuf,
    /// Lines to count now, numbered from 1.
    pub(super) lines: Range<u64>,
    /// Mark of the last line to count.
    pub(super) mark: LogMark,
    pub(super) chunks: Vec<ChunkSpan>,
    pub(super) tally: Summary,
    /// Name of the format, if any line was understood.
    pub(super) format: Option<&'static str>,
    /// State of a followed log after this reading.
    pub(super) followed: Option<FollowedLog>,
    hits_by_minute: BTreeMap<Minute, u64>,
}

/// A run of consecutive lines of a file.
pub(super) struct ChunkSpan {
    pub(super) first_line: u64,
    /// Judge in its state before the first line.
    pub(super) judge: LineJudge,
    pub(super) earliest: Minute,
    pub(super) latest: Minute,
}

/// Result of the first reading of all files.
pub(super) struct ImportSurvey {
    pub(super) sources: Vec<SourceSurvey>,
    /// All hits; `None` when they exceed the memory limit.
    pub(super) held: Option<HeldHits>,
    /// Memory of a hit in bytes, on average.
    pub(super) hit_bytes: u64,
    pub(super) tally: Summary,
}

/// Part of the files that is counted.
pub(super) enum SurveyLimit<'m> {
    /// All lines that these marks do not cover.
    Behind(&'m mut KnownMarks),
    /// The lines that these marks cover, and no more.
    UpTo(&'m KnownMarks),
}

impl ImportSurvey {
    /// Reads all files of the import once.
    pub(super) fn of(
        import: &ImportJob,
        key: &MarkKey,
        mut limit: SurveyLimit<'_>,
        followed: &mut FollowedLogs,
    ) -> io::Result<Self> {
        let progress = crate::import::lines::progress_bar(&import.files, "reading", import.progress);
        let mut held = Some(HeldHits::default());
        let (mut sources, mut tally, mut hit_bytes) = (Vec::new(), Summary::default(), 64);
        let logs = if import.follow { followed.open(&import.files, import, key)? } else { Vec::new() };
        let files = import.files.iter().map(|path| (path, None)).filter(|_| !import.follow);
        let files: Vec<_> = files.chain(logs.iter().map(|log| (&log.path, Some(log)))).collect();
        for (number, (path, log)) in files.into_iter().enumerate() {
            let reading = SourceReading { import, key, number, progress: &progress };
            let source = reading.survey(path, log, &mut held, &mut hit_bytes, &limit)?;
            if let SurveyLimit::Behind(known) = &mut limit
                && source.mark.lines > 0
            {
                known.add(source.mark.clone());
            }
            tally.add_lines(&source.tally);
            sources.push(source);
        }
        progress.finish_and_clear();
        Ok(Self { sources, held, hit_bytes, tally })
    }

    /// Site-local days with at least one hit.
    pub(super) fn days(&self, import: &ImportJob) -> BTreeSet<Day> {
        let minutes = self.sources.iter().flat_map(|source| source.hits_by_minute.keys());
        minutes.filter_map(|minute| Some(import.day(Timestamp::from_second(minute * 60).ok()?))).collect()
    }

    /// Number of hits in each minute.
    pub(super) fn hits_by_minute(&self) -> BTreeMap<Minute, u64> {
        let mut all = BTreeMap::new();
        for (minute, hits) in self.sources.iter().flat_map(|source| &source.hits_by_minute) {
            *all.entry(*minute).or_default() += hits;
        }
        all
    }

    /// A hash of the counted lines and of `settings`, the other inputs of the figures; hexadecimal.
    pub(super) fn hash(&self, import: &ImportJob, settings: &str) -> String {
        let line_of = |source: &SourceSurvey| format!("{} {}", source.lines.start, source.mark);
        let mut marks: Vec<String> = self.sources.iter().map(line_of).collect();
        marks.sort_unstable();
        let mut hasher = blake3::Hasher::new();
        hasher.update(marks.join("\n").as_bytes());
        hasher.update(&import.shift_days.to_le_bytes()).update(settings.as_bytes());
        hasher.finalize().to_hex().as_str().to_owned()
    }
}

/// First reading of one file, in progress.
struct SourceReading<'r> {
    import: &'r ImportJob,
    key: &'r MarkKey,
    number: usize,
    progress: &'r ProgressBar,
}

impl SourceReading<'_> {
    fn survey(
        &self,
        path: &std::path::Path,
        log: Option<&OpenLog>,
        held: &mut Option<HeldHits>,
        hit_bytes: &mut u64,
        limit: &SurveyLimit<'_>,
    ) -> io::Result<SourceSurvey> {
        let (lines, digest, mut judge) = match log {
            Some(log) => {
                (LineReader::following(log.file.try_clone()?, log.bytes)?, log.digest.clone(), log.judge.clone())
            }
            None => {
                let (format, site, reader) = (self.import.format, &self.import.site, &self.import.reader);
                let judge = LineJudge::new(format, site.clone(), reader.clone());
                (LineReader::open(path, self.progress)?, self.key.digest(), judge)
            }
        };
        let mut source = SourceSurvey::new(path, digest.mark());
        source.lines.start = digest.lines() + 1;
        let known = match limit {
            SurveyLimit::Behind(known) => &**known,
            SurveyLimit::UpTo(known) => *known,
        };
        let before = ReadUntil { bytes: log.map_or(0, |log| log.bytes), digest };
        let mut number = source.lines.start - 1;
        let mut matched: Option<(u64, LogMark)> = None;
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let read = std::thread::scope(|scope| {
            let start = ReadStart { lines, before, known, follow: self.import.follow };
            let ahead = ReadAhead::start(scope, start)?;
            while let Ok(chunk) = ahead.chunks.recv() {
                for line in chunk.iter() {
                    number += 1;
                    source.begin_chunk(number, &judge);
                    if let Some(minute) = self.hold(&mut source, &mut judge, &line, number, held) {
                        source.note_hit(minute);
                    }
                    self.bound(held, hit_bytes, path)?;
                    if let Some(mark) = line.counted {
                        matched = Some((number, mark.clone()));
                        if matches!(limit, SurveyLimit::Behind(_)) {
                            self.forget_counted(&mut source, number, held);
                        }
                    }
                }
            }
            ahead.end().map_err(named)
        })?;
        source.format = judge.format_name();
        source.followed = log.and_then(|log| log.read_to(read.bytes, &read.digest, &judge));
        source.end(&read.digest, limit, matched);
        if let Some(held) = held {
            held.keep(self.number, &source.lines);
        }
        Ok(source)
    }

    /// Judges a line and holds it if it is a hit; returns the minute of the hit.
    fn hold(
        &self,
        source: &mut SourceSurvey,
        judge: &mut LineJudge,
        line: &ReadLine<'_>,
        number: u64,
        held: &mut Option<HeldHits>,
    ) -> Option<Minute> {
        source.tally.lines += 1;
        if line.too_long {
            source.fault(LineFault::Shape, number);
            return None;
        }
        let line = text(line.text);
        let time = match judge.judge(&line) {
            Judgement::Request(line) => {
                if let Some(held) = held {
                    held.request(order(self.number, number), &line);
                }
                line.time
            }
            Judgement::Event(time, line) => {
                if let Some(held) = held {
                    held.event(order(self.number, number), time, line);
                }
                time
            }
            Judgement::NoPage => {
                source.tally.not_pages += 1;
                return None;
            }
            Judgement::ForeignHost => {
                source.tally.foreign_hosts += 1;
                return None;
            }
            Judgement::NoAgent => {
                source.tally.no_agent += 1;
                return None;
            }
            Judgement::NotUnderstood(fault) => {
                source.fault(fault, number);
                return None;
            }
            Judgement::Part => return None,
        };
        Some(time.as_second().div_euclid(60))
    }

    /// Drops the held hits when they exceed the memory limit. Input that can be read only once must fit.
    fn bound(&self, held: &mut Option<HeldHits>, hit_bytes: &mut u64, path: &std::path::Path) -> io::Result<()> {
        let Some(hits) = held.as_ref().filter(|hits| hits.bytes() > self.import.memory_bytes) else { return Ok(()) };
        if self.import.files.iter().any(|file| is_stream(file)) {
            let mebibytes = self.import.memory_bytes >> 20;
            return Err(io::Error::other(format!(
                "{}: pageviews of a pipe exceed {mebibytes} MiB, and a pipe can be read only once; write it to files \
                 and import those",
                path.display()
            )));
        }
        *hit_bytes = (hits.bytes() / hits.len().max(1)) as u64;
        *held = None;
        Ok(())
    }

    /// Forgets all lines so far: they were counted before.
    fn forget_counted(&self, source: &mut SourceSurvey, counted_before: u64, held: &mut Option<HeldHits>) {
        if let Some(held) = held {
            held.keep(self.number, &(counted_before + 1..u64::MAX >> 24));
        }
        let counted_now = counted_before + 1 - source.lines.start;
        let before = source.tally.counted_before + counted_now;
        source.tally = Summary { lines: before, counted_before: before, ..Summary::default() };
        source.lines.start = counted_before + 1;
        source.hits_by_minute.clear();
        source.chunks.clear();
    }
}

impl SourceSurvey {
    fn new(path: &std::path::Path, mark: LogMark) -> Self {
        Self {
            path: path.to_owned(),
            lines: 1..1,
            mark,
            chunks: Vec::new(),
            tally: Summary::default(),
            format: None,
            followed: None,
            hits_by_minute: BTreeMap::new(),
        }
    }

    fn begin_chunk(&mut self, line: u64, judge: &LineJudge) {
        let due = self.chunks.last().is_none_or(|chunk| line >= chunk.first_line + CHUNK_LINES);
        if due && judge.is_between_entries() {
            let judge = judge.clone();
            self.chunks.push(ChunkSpan { first_line: line, judge, earliest: Minute::MAX, latest: Minute::MIN });
        }
    }

    fn note_hit(&mut self, minute: Minute) {
        *self.hits_by_minute.entry(minute).or_default() += 1;
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.earliest = chunk.earliest.min(minute);
            chunk.latest = chunk.latest.max(minute);
        }
    }

    /// Counts a line that could not be parsed; the first of a file is named.
    fn fault(&mut self, fault: LineFault, line: u64) {
        if self.tally.faults() == 0 {
            let why = match fault {
                LineFault::Shape => "could not be parsed",
                LineFault::Address => "has no client address",
                LineFault::Time => "has no readable time",
            };
            self.tally.notes.push(format!("{}, line {line} {why}", self.path.display()));
        }
        self.tally.note_fault(fault);
    }

    /// Decides at the end of the file which of its lines are counted.
    fn end(&mut self, digest: &LineDigest, limit: &SurveyLimit<'_>, matched: Option<(u64, LogMark)>) {
        self.lines.end = digest.lines() + 1;
        self.mark = digest.mark();
        if matches!(limit, SurveyLimit::UpTo(_)) {
            let (last, mark) = matched.unwrap_or((0, self.mark.clone()));
            self.lines = self.lines.start..last.saturating_add(1).max(self.lines.start);
            if last > 0 {
                self.mark = mark;
            }
        }
    }
}

/// A line as text; the lossy conversion, at twice the price, runs only for invalid UTF-8.
pub(super) fn text(line: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(line).map_or_else(|_| String::from_utf8_lossy(line), Cow::Borrowed)
}
