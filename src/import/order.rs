//! The lines of several files in the order of their times, as live hits would have come. Logs are not: a server writes
//! a line when its request ends, several servers write a file each, and rotated files come in any order. Every open
//! file has some lines in memory, and the earliest of all goes first; a file is opened when its time has come. Lines
//! that are further out of order than that count when their turn comes, as live hits with a late clock would.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::path::PathBuf;

use indicatif::ProgressBar;
use jiff::Timestamp;

use crate::import::lines::LineReader;

/// Lines of one file in memory: a busy server's half minute, a small one's days. Some 200 bytes each.
const AHEAD: usize = 4_096;

/// Lines in order.
pub(super) struct SortedLines {
    waiting: VecDeque<(Timestamp, PathBuf)>,
    open: Vec<Option<LineReader>>,
    /// Lines in memory of each opened file.
    ahead: Vec<usize>,
    held: BinaryHeap<Reverse<BufferedLine>>,
    numbered: u64,
    spare: Vec<Vec<u8>>,
    progress: ProgressBar,
}

/// A line in memory; ordered by its time, then by where it was read.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct BufferedLine {
    second: i64,
    number: u64,
    file: usize,
    line: Vec<u8>,
}

impl SortedLines {
    /// Of `files`, each with its earliest time, the earliest first.
    pub(super) fn new(files: Vec<(Timestamp, PathBuf)>, progress: ProgressBar) -> Self {
        Self {
            waiting: files.into(),
            open: Vec::new(),
            ahead: Vec::new(),
            held: BinaryHeap::new(),
            numbered: 0,
            spare: Vec::new(),
            progress,
        }
    }

    /// The next line. Every line is shown to `look` once when it is read, out of order; only those that it gives a time
    /// come out here.
    pub(super) fn next(&mut self, mut look: impl FnMut(&[u8]) -> Option<Timestamp>) -> io::Result<Option<Vec<u8>>> {
        loop {
            let earliest = self.held.peek().map(|Reverse(held)| held.second);
            let due = |(from, _): &(Timestamp, PathBuf)| earliest.is_none_or(|second| from.as_second() <= second);
            let Some((_, path)) = self.waiting.pop_front_if(|file| due(file)) else { break };
            let progress = self.progress.clone();
            self.open.push(Some(LineReader::open(&path, |file| progress.wrap_read(file))?));
            self.ahead.push(0);
            self.read_ahead(self.open.len() - 1, &mut look)?;
        }
        let Some(Reverse(first)) = self.held.pop() else { return Ok(None) };
        if let Some(ahead) = self.ahead.get_mut(first.file) {
            *ahead -= 1;
        }
        self.read_ahead(first.file, &mut look)?;
        Ok(Some(first.line))
    }

    /// Takes a line's memory back.
    pub(super) fn reuse(&mut self, line: Vec<u8>) {
        self.spare.push(line);
    }

    fn read_ahead(&mut self, file: usize, mut look: impl FnMut(&[u8]) -> Option<Timestamp>) -> io::Result<()> {
        let (Some(open), Some(ahead)) = (self.open.get_mut(file), self.ahead.get_mut(file)) else { return Ok(()) };
        while let Some(lines) = open
            && *ahead < AHEAD
        {
            let mut line = self.spare.pop().unwrap_or_default();
            if !lines.read(&mut line)? {
                *open = None;
            } else if let Some(time) = look(&line) {
                self.numbered += 1;
                *ahead += 1;
                self.held.push(Reverse(BufferedLine { second: time.as_second(), number: self.numbered, file, line }));
                continue;
            }
            self.spare.push(line);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(line: &[u8]) -> Option<Timestamp> {
        Timestamp::from_second(std::str::from_utf8(line).ok()?.split(' ').next()?.parse().ok()?).ok()
    }

    fn in_order(files: &[&[&str]]) -> (Vec<String>, usize) {
        let folder = tempfile::tempdir().unwrap();
        let mut paths = Vec::new();
        for (number, lines) in files.iter().enumerate() {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, lines.join("\n")).unwrap();
            paths.push((lines.iter().filter_map(|line| time(line.as_bytes())).min().unwrap(), path));
        }
        paths.sort();
        let mut order = SortedLines::new(paths, ProgressBar::hidden());
        let (mut out, mut looked_at) = (Vec::new(), 0);
        loop {
            let look = |line: &[u8]| {
                looked_at += 1;
                time(line)
            };
            let Some(line) = order.next(look).unwrap() else { break };
            out.push(String::from_utf8(line.clone()).unwrap());
            order.reuse(line);
        }
        (out, looked_at)
    }

    #[test]
    fn lines_of_overlapping_files_come_in_the_order_of_their_times() {
        let (out, looked_at) =
            in_order(&[&["30 a", "10 b", "nothing", "50 c"], &["20 d", "30 e", "40 f"], &["5 g", "5 h"], &["60 i"]]);
        assert_eq!(out, ["5 g", "5 h", "10 b", "20 d", "30 a", "30 e", "40 f", "50 c", "60 i"]);
        assert_eq!(looked_at, 10);
    }

    #[test]
    fn a_file_longer_than_what_is_held_comes_out_whole() {
        let lines: Vec<String> = (0..3 * AHEAD as u64).map(|n| format!("{} x", n ^ 7)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (out, _) = in_order(&[&lines]);
        let seconds: Vec<u64> = out.iter().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
        assert!(seconds.is_sorted() && seconds.len() == lines.len());
    }
}
