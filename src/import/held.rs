//! The hits of a log in memory, in the order of their times, in whatever order the lines came. They hold addresses and
//! agents: they live for the length of an import and must never reach a disk.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};
use jiff::Timestamp;

use crate::import::log_line::{LogLine, LoggedAgent};
use crate::privacy::hit::ObjectionSignals;

/// Number of an interned text; 0 means none.
type LineTextId = u32;

/// Hits of an import, held in memory.
#[derive(Default)]
pub(super) struct HeldHits {
    hits: Vec<HeldHit>,
    texts: Texts,
}

/// One hit. Ordered by its time, then by its line.
struct HeldHit {
    /// Time in milliseconds since 1970.
    at: i64,
    order: u64,
    body: HeldBody,
}

enum HeldBody {
    Request(HeldRequest),
    /// A native event: the whole line.
    Event(LineTextId),
}

struct HeldRequest {
    address: IpAddr,
    target: LineTextId,
    host: LineTextId,
    referrer: LineTextId,
    agent: LineTextId,
    language: LineTextId,
    not_found: bool,
    agent_is_logged: bool,
    signals: ObjectionSignals,
}

/// Borrowed view of a held hit.
pub(super) enum HitView<'h> {
    /// A request of an access log.
    Request(RequestView<'h>),
    /// A line of native events.
    Event(&'h str),
}

/// A request of an access log.
pub(super) struct RequestView<'h> {
    pub(super) address: IpAddr,
    /// Path and query of the request.
    pub(super) target: &'h str,
    pub(super) host: Option<&'h str>,
    pub(super) referrer: Option<&'h str>,
    /// `None` where the log's format has no such field.
    pub(super) agent: Option<&'h str>,
    pub(super) language: Option<&'h str>,
    pub(super) not_found: bool,
    pub(super) signals: ObjectionSignals,
}

/// Position of a line: the number of its file, then its own.
pub(super) fn order(source: usize, line: u64) -> u64 {
    (source as u64) << 40 | line
}

fn source(order: u64) -> usize {
    usize::try_from(order >> 40).unwrap_or(usize::MAX)
}

impl HeldHits {
    /// Keeps a request until all lines are read; `order` is its place among lines of one time.
    pub(super) fn request(&mut self, order: u64, line: &LogLine<'_>) {
        let agent = match &line.agent {
            LoggedAgent::Sent(agent) => Some(agent),
            LoggedAgent::Missing | LoggedAgent::NotLogged => None,
        };
        let texts = &mut self.texts;
        let mut id_of = |text: Option<&Cow<'_, str>>| text.map_or(0, |text| texts.intern(text));
        let body = HeldRequest {
            address: line.address,
            target: id_of(Some(&line.target)),
            host: id_of(line.host.as_ref()),
            referrer: id_of(line.referrer.as_ref()),
            agent: id_of(agent),
            language: id_of(line.language.as_ref()),
            not_found: line.is_not_found(),
            agent_is_logged: !matches!(line.agent, LoggedAgent::NotLogged),
            signals: line.signals,
        };
        self.hits.push(HeldHit { at: line.time.as_millisecond(), order, body: HeldBody::Request(body) });
    }

    /// Holds a line of native events.
    pub(super) fn event(&mut self, order: u64, time: Timestamp, line: &str) {
        let text = self.texts.push(line);
        self.hits.push(HeldHit { at: time.as_millisecond(), order, body: HeldBody::Event(text) });
    }

    /// Drops the hits of one file outside these lines.
    pub(super) fn keep(&mut self, of_source: usize, lines: &Range<u64>) {
        let orders = order(of_source, lines.start)..order(of_source, lines.end);
        self.hits.retain(|hit| source(hit.order) != of_source || orders.contains(&hit.order));
    }

    /// Memory that the hits take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.hits.capacity() * size_of::<HeldHit>() + self.texts.bytes()
    }

    /// Number of held hits.
    pub(super) fn len(&self) -> usize {
        self.hits.len()
    }

    /// Sorts the hits by time.
    pub(super) fn sort(&mut self) {
        let key = |hit: &HeldHit| (hit.at, hit.order);
        if !self.hits.is_sorted_by_key(key) {
            self.hits.sort_unstable_by_key(key);
        }
    }

    /// The hits, in their current order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Timestamp, HitView<'_>)> {
        let text = |id: LineTextId| self.texts.of(id);
        self.hits.iter().map(move |hit| {
            let at = Timestamp::from_millisecond(hit.at).unwrap_or_default();
            let view = match &hit.body {
                HeldBody::Event(line) => HitView::Event(text(*line).unwrap_or_default()),
                HeldBody::Request(request) => HitView::Request(RequestView {
                    address: request.address,
                    target: text(request.target).unwrap_or("/"),
                    host: text(request.host),
                    referrer: text(request.referrer),
                    agent: request.agent_is_logged.then(|| text(request.agent).unwrap_or_default()),
                    language: text(request.language),
                    not_found: request.not_found,
                    signals: request.signals,
                }),
            };
            (at, view)
        })
    }
}

/// Interned texts in one buffer. The hasher's random seed keeps visitors from choosing collisions.
#[derive(Default)]
struct Texts {
    bytes: String,
    ends: Vec<usize>,
    known: HashTable<LineTextId>,
    hasher: DefaultHashBuilder,
}

impl Texts {
    fn intern(&mut self, text: &str) -> LineTextId {
        let hash = self.hasher.hash_one(text);
        if let Some(id) = self.known.find(hash, |id| self.of(*id) == Some(text)) {
            return *id;
        }
        let id = self.push(text);
        let Self { bytes, ends, known, hasher } = self;
        known.insert_unique(hash, id, |id| hasher.hash_one(slice(bytes, ends, *id).unwrap_or_default()));
        id
    }

    fn push(&mut self, text: &str) -> LineTextId {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
        // The memory bound is reached far earlier.
        LineTextId::try_from(self.ends.len()).unwrap_or(LineTextId::MAX)
    }

    fn of(&self, id: LineTextId) -> Option<&str> {
        slice(&self.bytes, &self.ends, id)
    }

    fn bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>() + self.known.capacity() * 5
    }
}

fn slice<'t>(bytes: &'t str, ends: &[usize], id: LineTextId) -> Option<&'t str> {
    let at = usize::try_from(id).ok()?.checked_sub(1)?;
    let from = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    bytes.get(from..*ends.get(at)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_come_in_the_order_of_their_times_and_of_their_lines() {
        let mut held = HeldHits::default();
        for (source_number, line, second) in [(0, 1, 30), (0, 2, 10), (1, 1, 20), (1, 2, 10), (0, 3, 30)] {
            let text = format!("{source_number}.{line}");
            held.event(order(source_number, line), Timestamp::from_second(second).unwrap(), &text);
        }
        held.sort();
        let lines = |held: &HeldHits| -> Vec<String> {
            held.iter()
                .filter_map(|(_, view)| match view {
                    HitView::Event(line) => Some(line.to_owned()),
                    HitView::Request(_) => None,
                })
                .collect()
        };
        assert_eq!(lines(&held), ["0.2", "1.2", "1.1", "0.1", "0.3"]);
        held.keep(0, &(3..4));
        assert_eq!(lines(&held), ["1.2", "1.1", "0.3"]);
    }

    #[test]
    fn equal_texts_are_held_once() {
        let mut texts = Texts::default();
        let first = texts.intern("one");
        assert_eq!((texts.intern("two"), texts.intern("one")), (first + 1, first));
        assert_eq!((texts.of(first), texts.of(first + 1), texts.of(0)), (Some("one"), Some("two"), None));
    }
}
