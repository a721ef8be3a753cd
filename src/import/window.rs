//! Hits in the order of their times, from files that hold more of them than fit in memory: one window of time after the
//! other. For each, the files that overlap it are read again. A file in order is decompressed up to its window and
//! judged within it; lines in any order cost one reading per window.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use crate::import::held::{HeldHits, order};
use crate::import::judge::Judgement;
use crate::import::lines::{LineReader, progress_bar};
use crate::import::survey::{ImportSurvey, Minute, SourceSurvey, text};

/// The windows of time, earliest first, each with at most `hits_max` hits, or a single minute.
pub(super) fn windows(hits_by_minute: &BTreeMap<Minute, u64>, hits_max: u64) -> Vec<Range<Minute>> {
    let mut windows: Vec<Range<Minute>> = Vec::new();
    let mut within = 0;
    for (minute, hits) in hits_by_minute {
        match windows.last_mut() {
            Some(window) if within + hits <= hits_max => {
                window.end = minute + 1;
                within += hits;
            }
            Some(_) | None => {
                windows.push(*minute..minute + 1);
                within = *hits;
            }
        }
    }
    windows
}

/// The hits of one window, sorted by time.
pub(super) fn hits(survey: &ImportSurvey, window: &Range<Minute>) -> io::Result<HeldHits> {
    let mut held = HeldHits::default();
    for (number, source) in survey.sources.iter().enumerate() {
        read(number, source, window, &mut held)?;
    }
    held.sort();
    Ok(held)
}

fn read(number: usize, source: &SourceSurvey, window: &Range<Minute>, held: &mut HeldHits) -> io::Result<()> {
    let mut chunks = source.chunks.iter().filter(|chunk| chunk.earliest < window.end && chunk.latest >= window.start);
    let Some(mut chunk) = chunks.next() else { return Ok(()) };
    let chunk_end = |first_line: u64| {
        let next = source.chunks.iter().find(|chunk| chunk.first_line > first_line);
        next.map_or(source.lines.end, |next| next.first_line)
    };
    let mut end = chunk_end(chunk.first_line);
    let mut judge = chunk.judge.clone();
    let mut lines = LineReader::open(&source.path, &progress_bar(&[], "", false))?;
    let (mut line, mut at) = (Vec::new(), 0);
    while lines.read(&mut line)? {
        at += 1;
        if at >= end {
            let Some(next) = chunks.next() else { break };
            chunk = next;
            end = chunk_end(chunk.first_line);
            judge = chunk.judge.clone();
        }
        if at < chunk.first_line || lines.is_too_long() || !source.lines.contains(&at) {
            continue;
        }
        let line = text(&line);
        match judge.judge(&line) {
            Judgement::Request(line) if window.contains(&line.time.as_second().div_euclid(60)) => {
                held.request(order(number, at), &line);
            }
            Judgement::Event(time, line) if window.contains(&time.as_second().div_euclid(60)) => {
                held.event(order(number, at), time, line);
            }
            Judgement::Request(_)
            | Judgement::Event(..)
            | Judgement::NoPage
            | Judgement::Part
            | Judgement::ForeignHost
            | Judgement::NoAgent
            | Judgement::NotUnderstood(_) => {}
        }
    }
    let named = |what: &str| io::Error::other(format!("{}: {what}", source.path.display()));
    // A log that is still written to has grown; one that has shrunk is another file.
    if at + 1 < source.lines.end.min(end) { Err(named("changed while it was read")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_hold_what_they_may_and_follow_each_other() {
        let minutes = BTreeMap::from([(1, 3), (2, 3), (5, 4), (9, 20), (10, 1)]);
        assert_eq!(windows(&minutes, 7), [1..3, 5..6, 9..10, 10..11]);
        assert_eq!(windows(&minutes, 100).as_slice(), std::slice::from_ref(&(1..11)));
        assert_eq!(windows(&BTreeMap::new(), 7), [0..0; 0]);
    }
}
