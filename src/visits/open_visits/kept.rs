//! Encoding of open visits for the journal's snapshot: little-endian, concatenated, in the order of expiry checks.
//! Field by field through a serialiser, they would take most of the time of a snapshot, during which hits wait.
//!
//! ```text
//! tag u64 · last seen u32 · entry, current and previous page: page u32, hours before u16, days before u8, marks u8
//! · 13 values u16 · weight u32 · seven values of marketing u16, if the entry's marks say so
//! ```

use crate::visits::open_visits::{
    GONE, HAS_MARKETING, MarketingIds, NONE, OpenVisits, PLAIN, PackedView, VisitRecord, VisitWeight, halves, split,
    whole,
};

impl OpenVisits {
    /// Numbers of all records that hold a visit.
    pub(in crate::visits) fn numbers(&self) -> impl Iterator<Item = u32> + Clone {
        let next = |number: &u32| self.at(*number).map(|record| record.next);
        let holds = |number: &u32| self.at(*number).is_some_and(|record| record.entry.marks & GONE == 0);
        std::iter::successors(Some(self.first), next).filter(holds)
    }

    /// Appends a visit to `out`.
    pub(in crate::visits) fn put(&self, number: u32, out: &mut Vec<u8>) {
        let Some(record) = self.at(number) else { return };
        out.extend_from_slice(&whole(record.tag).to_le_bytes());
        out.extend_from_slice(&record.last_seen.to_le_bytes());
        for view in [record.entry, record.current, record.previous] {
            let ([a, b, c, d], [e, f]) = (view.page.to_le_bytes(), view.hours_before.to_le_bytes());
            out.extend_from_slice(&[a, b, c, d, e, f, view.days_before, view.marks]);
        }
        record.values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
        out.extend_from_slice(&record.weight.0.to_le_bytes());
        if record.entry.marks & HAS_MARKETING != 0 {
            let (chunk, place) = split(number);
            let values = self.marketing.get(chunk).and_then(|values| values.get(place)).copied();
            values.unwrap_or_default().iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
        }
    }

    /// Restores the visits of `bytes`, up to the first incomplete one.
    pub(in crate::visits) fn recall(&mut self, mut bytes: &[u8]) {
        while let Some((record, marketing)) = read(&mut bytes) {
            let number = self.add(record);
            if let Some(marketing) = marketing {
                self.put_marketing(number, marketing);
            }
        }
    }
}

fn read(bytes: &mut &[u8]) -> Option<(VisitRecord, Option<MarketingIds>)> {
    let tag = halves(u64::from_le_bytes(take(bytes)?));
    let last_seen = u32::from_le_bytes(take(bytes)?);
    let mut view = || {
        let ([a, b, c, d], [e, f], [days_before, marks]) = (take(bytes)?, take(bytes)?, take(bytes)?);
        let (page, hours_before) = (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([e, f]));
        Some(PackedView { page, hours_before, days_before, marks })
    };
    let (entry, current, previous) = (view()?, view()?, view()?);
    let values: [u16; PLAIN] = numbers(bytes)?;
    let weight = VisitWeight(u32::from_le_bytes(take(bytes)?));
    let marketing = if entry.marks & HAS_MARKETING == 0 { None } else { Some(numbers(bytes)?) };
    let (next, looked_at_before) = (NONE, 0);
    Some((VisitRecord { tag, last_seen, next, entry, current, previous, looked_at_before, values, weight }, marketing))
}

fn take<const BYTES: usize>(bytes: &mut &[u8]) -> Option<[u8; BYTES]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn numbers<const MANY: usize>(bytes: &mut &[u8]) -> Option<[u16; MANY]> {
    let mut numbers = [0; MANY];
    for number in &mut numbers {
        *number = u16::from_le_bytes(take(bytes)?);
    }
    Some(numbers)
}
