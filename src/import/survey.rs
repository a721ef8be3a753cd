//! The first reading of an import's files: which days they hold, in which order they belong, and what they are.

use std::collections::BTreeSet;
use std::path::PathBuf;

use indicatif::ProgressBar;
use jiff::Timestamp;

use super::{Format, Import, access_log, events, lines};
use crate::privacy::event::Day;

/// What the first reading found.
pub(super) struct Survey {
    /// The files, earliest first.
    pub(super) files: Vec<PathBuf>,
    /// Site-local days that something may be counted on.
    pub(super) days: BTreeSet<Day>,
    /// Lines in all.
    pub(super) lines: u64,
    /// Lines with a time.
    pub(super) understood: u64,
    /// Hash of the files' lines and of what is asked with them, hexadecimal.
    pub(super) hash: String,
}

impl Survey {
    pub(super) fn of(import: &Import) -> std::io::Result<Self> {
        let progress = match import.progress {
            true => lines::progress_bar(&import.files, "looking"),
            false => ProgressBar::hidden(),
        };
        let (mut days, mut lines_read, mut understood) = (BTreeSet::new(), 0, 0);
        let mut files = Vec::new();
        for file in &import.files {
            let (mut first, mut hasher) = (None, blake3::Hasher::new());
            lines::for_each(std::slice::from_ref(file), &progress, |line| {
                lines_read += 1;
                hasher.update(line);
                hasher.update(b"\n");
                let Some(time) = time(import.format, line) else { return Ok(()) };
                understood += 1;
                first = first.or(Some(time));
                let day = import.day(time);
                if day >= import.keep_from {
                    days.insert(day);
                }
                Ok(())
            })?;
            files.push((first, hasher.finalize(), file.clone()));
        }
        progress.finish_and_clear();
        files.sort_by_key(|(first, _, _)| *first);
        let mut whole = blake3::Hasher::new();
        for (_, hash, _) in &files {
            whole.update(hash.as_bytes());
        }
        whole.update(&import.shift_days.to_le_bytes());
        whole.update(import.site.name.as_bytes());
        let hash = whole.finalize().to_hex().as_str().to_owned();
        let files = files.into_iter().map(|(_, _, file)| file).collect();
        Ok(Self { files, days, lines: lines_read, understood, hash })
    }
}

impl Import {
    /// A line's time as it is counted.
    pub(super) fn shifted(&self, time: Timestamp) -> Timestamp {
        let seconds = time.as_second().saturating_add(self.shift_days.saturating_mul(86_400));
        Timestamp::from_second(seconds).unwrap_or(time)
    }

    pub(super) fn day(&self, time: Timestamp) -> Day {
        self.site.day(self.shifted(time))
    }
}

fn time(format: Format, line: &[u8]) -> Option<Timestamp> {
    match format {
        Format::AccessLog => access_log::Line::parse(std::str::from_utf8(line).ok()?).map(|line| line.time),
        Format::Events => events::Line::parse(line).map(|line| line.time),
    }
}
