//! One site's visits in progress: 72 bytes each in chunks that never move, found by their tags, and looked at in turn
//! to see whether they have ended. Nothing here grows by copying its content.
//!
//! Hand-written because a map of visits and a queue of their ends stalled and took more than twice the memory: a
//! visitor of a day of a million took 341 bytes, now 156 with all visits open (`make bench BENCH=memory`). Tests
//! compare it with a plain map and a queue.

use crate::clock::DAY_SECONDS;
use crate::event::{DIMENSIONS, Day, Dimension, Hour};
use crate::privacy::tag::day_key::VISIT_GAP_SECONDS;
use crate::visits::tag_set::TagSet;
use crate::visits::visit::{View, Visit, VisitWeight};

/// Number of non-marketing dimensions; most visits have no marketing values.
const PLAIN: usize = Dimension::Source as usize;
type MarketingIds = [u16; DIMENSIONS - PLAIN];

/// Bytes of a visit: its record, its marketing values, its index entry.
pub(super) const VISIT_BYTES: u64 =
    (size_of::<VisitRecord>() + size_of::<MarketingIds>()) as u64 + crate::visits::tag_set::NUMBER_BYTES_MAX;

/// Records per chunk: the most that an allocation of 64 KiB holds.
const CHUNK: usize = (64 << 10) / size_of::<VisitRecord>();

/// Absence of a record number.
const NONE: u32 = u32::MAX;

const HOURS_A_DAY: u32 = 24;
/// Days before a day's UTC date at which its visits were last seen, at the earliest (one carried over from the previous
/// day, in a zone far to the east); its hours lie within as many days after it.
const SLACK_DAYS: u16 = 2;

/// A page view; its day and hour are stored as distances to the visit's day.
#[derive(Clone, Copy)]
struct PackedView {
    page: u32,
    hours_before: u16,
    days_before: u8,
    /// For the entry: [`BOUNCE`] and others. For the last two views: [`TIMED`], and the depth or [`NO_DEPTH`].
    marks: u8,
}

const TIMED: u8 = 1 << 7;
const NO_DEPTH: u8 = TIMED - 1;

const BOUNCE: u8 = 1;
const HAS_PREVIOUS: u8 = 2;
const HAS_MARKETING: u8 = 4;
/// The visit was carried into the next day: the record is freed at its turn.
const GONE: u8 = 8;

#[derive(Clone, Copy)]
struct VisitRecord {
    /// The tag in two halves, to avoid alignment padding.
    tag: [u32; 2],
    /// Last hit, seconds since [`RecordBase::second`].
    last_seen: u32,
    /// The next record in turn, or the next free one.
    next: u32,
    entry: PackedView,
    current: PackedView,
    previous: PackedView,
    /// Seconds between the last check of this record and `last_seen`.
    looked_at_before: u16,
    values: [u16; PLAIN],
    weight: VisitWeight,
}

/// Base of a record's relative times.
#[derive(Clone, Copy)]
struct RecordBase {
    day: Day,
    second: i64,
    /// Every packed hour lies before this one.
    hour: u32,
}

impl RecordBase {
    fn of(day: Day) -> Self {
        let begin = i64::from(day.0) * DAY_SECONDS;
        Self {
            day,
            second: begin - i64::from(SLACK_DAYS) * DAY_SECONDS,
            hour: (u32::from(day.0) + u32::from(SLACK_DAYS) + 1) * HOURS_A_DAY,
        }
    }

    /// `None` if it cannot be encoded: a view of a visit of more than 255 days.
    fn packed(self, view: View) -> Option<PackedView> {
        Some(PackedView {
            page: view.page,
            hours_before: self.hour.checked_sub(view.hour.0)?.try_into().ok()?,
            days_before: self.day.0.checked_sub(view.day.0)?.try_into().ok()?,
            marks: view.scrolled.map_or(NO_DEPTH, |depth| depth.min(NO_DEPTH - 1)) | if view.timed { TIMED } else { 0 },
        })
    }

    fn view(self, packed: PackedView) -> View {
        let depth = packed.marks & !TIMED;
        View {
            day: Day(self.day.0 - u16::from(packed.days_before)),
            hour: Hour(self.hour - u32::from(packed.hours_before)),
            page: packed.page,
            timed: packed.marks & TIMED != 0,
            scrolled: (depth != NO_DEPTH).then_some(depth),
        }
    }

    fn seconds(self, at: i64) -> u32 {
        u32::try_from((at - self.second).max(0)).unwrap_or(u32::MAX)
    }
}

/// All visits of a day.
pub(super) struct OpenVisits {
    base: RecordBase,
    /// Entries of the upper half of each visit's tag and its record number plus one.
    index: TagSet,
    chunks: Vec<Vec<VisitRecord>>,
    /// Marketing values per chunk, empty until one of its visits has any.
    marketing: Vec<Vec<MarketingIds>>,
    /// List of all used records, in the order of their last check.
    first: u32,
    last: u32,
    free: u32,
}

impl OpenVisits {
    pub(super) fn new(day: Day) -> Self {
        Self {
            base: RecordBase::of(day),
            index: TagSet::default(),
            chunks: Vec::new(),
            marketing: Vec::new(),
            first: NONE,
            last: NONE,
            free: NONE,
        }
    }

    /// Bytes of all records and indexes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let records: usize = self.chunks.iter().map(|chunk| chunk.capacity() * size_of::<VisitRecord>()).sum();
        let marketing: usize = self.marketing.iter().map(|chunk| chunk.capacity() * size_of::<MarketingIds>()).sum();
        records + marketing + self.index.bytes()
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The visit of this tag, and its record number while it lasts.
    pub(super) fn find(&self, tag: u64) -> Option<(u32, Visit)> {
        let number = self.number(tag)?;
        Some((number, self.visit(number)?))
    }

    /// Begins a visit; it replaces an ended one of the same tag.
    pub(super) fn begin(&mut self, tag: u64, visit: &Visit) {
        // A visit that lasts most of a year is dropped at midnight: its next pageview opens another.
        let Some(mut record) = self.record(tag, visit) else { return };
        let number = match self.number(tag) {
            Some(number) => {
                if let Some(before) = self.at(number) {
                    record.next = before.next;
                    record.looked_at_before = later_by(record.last_seen, looked_at(before));
                }
                number
            }
            None => {
                let number = self.add(record);
                self.keep_marketing(number, visit);
                return;
            }
        };
        if let Some(place) = self.at_mut(number) {
            *place = record;
        }
        self.keep_marketing(number, visit);
    }

    /// Adds a record for a tag without one; returns its number.
    fn add(&mut self, record: VisitRecord) -> u32 {
        let number = self.room();
        self.index.insert(entry(whole(record.tag), number));
        if let Some(place) = self.at_mut(number) {
            *place = record;
        }
        self.wait(number);
        number
    }

    /// Updates a visit after a hit. Its entry and the entry's values stay.
    pub(super) fn go_on(&mut self, number: u32, visit: &Visit) {
        let base = self.base;
        let seconds = base.seconds(visit.last_seen);
        let (current, previous) = (base.packed(visit.current), visit.previous.and_then(|view| base.packed(view)));
        if let (Some(record), Some(current)) = (self.at_mut(number), current) {
            record.looked_at_before = later_by(seconds, looked_at(record));
            record.last_seen = seconds;
            record.weight = visit.weight;
            record.current = current;
            record.previous = previous.unwrap_or(current);
            record.entry.marks &= !(BOUNCE | HAS_PREVIOUS);
            record.entry.marks |= marks(visit.bounce, previous.is_some());
        }
    }

    /// Removes the visit of this tag.
    pub(super) fn take(&mut self, tag: u64) {
        if let Some(number) = self.number(tag) {
            self.index.remove(entry(tag, number));
            if let Some(record) = self.at_mut(number) {
                record.entry.marks |= GONE;
            }
        }
    }

    /// Removes visits that ended before `now`.
    pub(super) fn expire(&mut self, now: i64) {
        while let Some(record) = self.at(self.first).copied() {
            let base = self.base;
            if base.second + i64::from(looked_at(&record)) + VISIT_GAP_SECONDS >= now {
                break;
            }
            let number = std::mem::replace(&mut self.first, record.next);
            if self.first == NONE {
                self.last = NONE;
            }
            let is_gone = record.entry.marks & GONE != 0;
            if !is_gone && base.second + i64::from(record.last_seen) + VISIT_GAP_SECONDS >= now {
                self.wait(number);
                if let Some(record) = self.at_mut(number) {
                    record.looked_at_before = 0;
                }
                continue;
            }
            if !is_gone {
                self.index.remove(entry(whole(record.tag), number));
            }
            let free = std::mem::replace(&mut self.free, number);
            if let Some(record) = self.at_mut(number) {
                record.next = free;
            }
        }
    }

    /// All visits with their tags.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, Visit)> + Clone {
        self.index.iter().filter_map(|entry| {
            let number = number_of(entry)?;
            Some((whole(self.at(number)?.tag), self.visit(number)?))
        })
    }

    fn number(&self, tag: u64) -> Option<u32> {
        let mut numbers = self.index.alike(tag).filter_map(number_of);
        numbers.find(|number| self.at(*number).is_some_and(|record| whole(record.tag) == tag))
    }

    fn visit(&self, number: u32) -> Option<Visit> {
        let (record, base) = (self.at(number)?, self.base);
        let mut entry_values = [0; DIMENSIONS];
        let (plain, marketing) = entry_values.split_at_mut(PLAIN);
        plain.copy_from_slice(&record.values);
        if record.entry.marks & HAS_MARKETING != 0 {
            let (chunk, place) = split(number);
            marketing.copy_from_slice(self.marketing.get(chunk)?.get(place)?);
        }
        let has_previous = record.entry.marks & HAS_PREVIOUS != 0;
        Some(Visit {
            entry: View { timed: false, scrolled: None, ..base.view(record.entry) },
            entry_values,
            last_seen: base.second + i64::from(record.last_seen),
            bounce: record.entry.marks & BOUNCE != 0,
            current: base.view(record.current),
            previous: has_previous.then(|| base.view(record.previous)),
            weight: record.weight,
        })
    }

    fn record(&self, tag: u64, visit: &Visit) -> Option<VisitRecord> {
        let (base, [plain @ .., _, _, _, _, _, _, _, _]) = (self.base, visit.entry_values);
        let current = base.packed(visit.current)?;
        let previous = visit.previous.and_then(|view| base.packed(view));
        let marks = marks(visit.bounce, previous.is_some()) | if has_marketing(visit) { HAS_MARKETING } else { 0 };
        Some(VisitRecord {
            tag: halves(tag),
            last_seen: base.seconds(visit.last_seen),
            next: NONE,
            entry: PackedView { marks, ..base.packed(visit.entry)? },
            current,
            previous: previous.unwrap_or(current),
            looked_at_before: 0,
            values: plain,
            weight: visit.weight,
        })
    }

    fn keep_marketing(&mut self, number: u32, visit: &Visit) {
        if has_marketing(visit) {
            let [.., a, b, c, d, e, f, g, h] = visit.entry_values;
            self.put_marketing(number, [a, b, c, d, e, f, g, h]);
        }
    }

    fn put_marketing(&mut self, number: u32, marketing: MarketingIds) {
        let (chunk, place) = split(number);
        if self.marketing.len() <= chunk {
            self.marketing.resize_with(chunk + 1, Vec::new);
        }
        if let Some(values) = self.marketing.get_mut(chunk) {
            if values.len() <= place {
                values.resize(place + 1, MarketingIds::default());
            }
            values.iter_mut().skip(place).take(1).for_each(|values| *values = marketing);
        }
    }

    /// The number of a free record.
    fn room(&mut self) -> u32 {
        if let Some(next) = self.at(self.free).map(|record| record.next) {
            return std::mem::replace(&mut self.free, next);
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            // The first chunk grows with its day: most sites are small.
            self.chunks.push(if self.chunks.is_empty() { Vec::new() } else { Vec::with_capacity(CHUNK) });
        }
        let before = (self.chunks.len() - 1) * CHUNK;
        let Some(chunk) = self.chunks.last_mut() else { return NONE };
        let nothing = PackedView { page: 0, hours_before: 0, days_before: 0, marks: 0 };
        let (entry, current, previous) = (nothing, nothing, nothing);
        let empty = VisitRecord {
            tag: [0; 2],
            last_seen: 0,
            next: NONE,
            entry,
            current,
            previous,
            looked_at_before: 0,
            values: [0; PLAIN],
            weight: VisitWeight::default(),
        };
        if chunk.len() == chunk.capacity() {
            chunk.reserve_exact(chunk.len().clamp(4, CHUNK - chunk.len()));
        }
        chunk.push(empty);
        u32::try_from(before + chunk.len() - 1).unwrap_or(NONE)
    }

    /// Appends a record to the list of checks.
    fn wait(&mut self, number: u32) {
        let last = std::mem::replace(&mut self.last, number);
        match self.at_mut(last) {
            Some(record) => record.next = number,
            None => self.first = number,
        }
        if let Some(record) = self.at_mut(number) {
            record.next = NONE;
        }
    }

    fn at(&self, number: u32) -> Option<&VisitRecord> {
        let (chunk, place) = split(number);
        self.chunks.get(chunk)?.get(place)
    }

    fn at_mut(&mut self, number: u32) -> Option<&mut VisitRecord> {
        let (chunk, place) = split(number);
        self.chunks.get_mut(chunk)?.get_mut(place)
    }
}

fn split(number: u32) -> (usize, usize) {
    (number as usize / CHUNK, number as usize % CHUNK)
}

fn entry(tag: u64, number: u32) -> u64 {
    (tag >> 32 << 32) | (u64::from(number) + 1)
}

fn number_of(entry: u64) -> Option<u32> {
    let [a, b, c, d, ..] = entry.to_le_bytes();
    u32::from_le_bytes([a, b, c, d]).checked_sub(1)
}

fn halves(tag: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = tag.to_le_bytes();
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
}

fn whole([lower, upper]: [u32; 2]) -> u64 {
    u64::from(upper) << 32 | u64::from(lower)
}

fn looked_at(record: &VisitRecord) -> u32 {
    record.last_seen.saturating_sub(u32::from(record.looked_at_before))
}

/// Seconds between the two, saturated: a saturated visit waits longer for its next check.
fn later_by(last_seen: u32, looked_at: u32) -> u16 {
    u16::try_from(last_seen.saturating_sub(looked_at)).unwrap_or(u16::MAX)
}

fn marks(bounce: bool, has_previous: bool) -> u8 {
    (u8::from(bounce) * BOUNCE) | (u8::from(has_previous) * HAS_PREVIOUS)
}

fn has_marketing(visit: &Visit) -> bool {
    visit.entry_values.iter().skip(PLAIN).any(|value| *value != 0)
}

pub(in crate::visits) mod kept;
#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
