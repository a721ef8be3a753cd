//! The first reading of an import's files: which days they hold, when each begins, and what they are.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::PathBuf;
use std::rc::Rc;

use jiff::Timestamp;

use crate::event::Day;
use crate::import::job::{ImportFormat, ImportJob};
use crate::import::lines;
use crate::import::lines::LineReader;
use crate::import::{access_log, events};

/// What the first reading found.
pub(super) struct ImportSurvey {
    /// The files with their earliest times, the earliest first; those without any time are left out.
    pub(super) files: Vec<(Timestamp, PathBuf)>,
    /// Site-local days with any line.
    pub(super) days: BTreeSet<Day>,
    /// Lines in all.
    pub(super) lines: u64,
    /// Lines of files without any time.
    pub(super) lines_left_out: u64,
    /// Hash of the files' bytes and of all else that decides what is counted, hexadecimal.
    pub(super) hash: String,
}

impl ImportSurvey {
    /// Reads the files; `settings` is what else decides what is counted.
    pub(super) fn of(import: &ImportJob, settings: &str) -> io::Result<Self> {
        let progress = lines::progress_bar(&import.files, "looking", import.progress);
        let mut survey =
            Self { files: Vec::new(), days: BTreeSet::new(), lines: 0, lines_left_out: 0, hash: String::new() };
        let (mut hashes, mut line) = (Vec::new(), Vec::new());
        for file in &import.files {
            let hasher = Rc::new(RefCell::new(blake3::Hasher::new()));
            let hashed = hasher.clone();
            let mut lines = LineReader::open(file, |file| HashingReader(progress.wrap_read(file), hashed))?;
            let (mut earliest, mut here): (Option<Timestamp>, u64) = (None, 0);
            while lines.read(&mut line)? {
                here += 1;
                let Some(time) = time(import.format, &line) else { continue };
                earliest = Some(earliest.map_or(time, |known| known.min(time)));
                survey.days.insert(import.day(time));
            }
            survey.lines += here;
            match earliest {
                Some(earliest) => survey.files.push((earliest, file.clone())),
                None => survey.lines_left_out += here,
            }
            hashes.push(*hasher.borrow().finalize().as_bytes());
        }
        progress.finish_and_clear();
        survey.files.sort();
        hashes.sort_unstable();
        let mut whole = blake3::Hasher::new();
        for hash in &hashes {
            whole.update(hash);
        }
        whole.update(&import.shift_days.to_le_bytes()).update(settings.as_bytes());
        survey.hash = whole.finalize().to_hex().as_str().to_owned();
        Ok(survey)
    }
}

fn time(format: ImportFormat, line: &[u8]) -> Option<Timestamp> {
    match format {
        ImportFormat::AccessLog => access_log::time(line),
        ImportFormat::Events => events::time(line),
    }
}

/// Hashes what is read through it.
struct HashingReader<R>(R, Rc<RefCell<blake3::Hasher>>);

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.borrow_mut().update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
