//! One event to bytes and back, in the format of [`super`]. Reading never panics, never allocates more than the given
//! bytes could hold, and never invents values.

use crate::event::{
    DIMENSIONS, Day, DimensionValues, EntryCorrection, Event, EventKind, Hour, LeftPage, Property, RobotKind, Term,
    Timing, TimingMetric,
};
use crate::outcome::Outcome;
use crate::spool::codec_error::CodecError;
use crate::spool::dictionary::{DictionaryReader, DictionaryWriter};
use crate::spool::varint;
use crate::spool::varint::ByteReader;

const HAS_ENTRY: u8 = 1 << 3;
const HAS_LEFT: u8 = 1 << 4;
const UNBOUNCE: u64 = 1;
const TIME_DIFFERS: u64 = 1 << 1;
const PAGE_DIFFERS: u64 = 1 << 2;
/// First mask bit of the dimensions.
const VALUES_FROM: usize = 3;
/// Number of dimensions in format 1.
const DIMENSIONS_1: usize = 13;
/// Number of dimensions in formats 2 to 4.
const DIMENSIONS_4: usize = 20;
/// The first format with hits of robots and of outcomes, added up.
const TALLIES_FROM: u16 = 4;

/// Appends `event` without its definitions, which are collected in `texts`. `base` is the hour of the segment's header.
pub(super) fn write(event: &Event<'_>, base: Hour, texts: &mut DictionaryWriter, out: &mut Vec<u8>) {
    let (kind, flags) = head(&event.kind);
    let entry = if event.entry.is_some() { HAS_ENTRY } else { 0 };
    let left_bit = if event.left.is_some() { HAS_LEFT } else { 0 };
    out.extend([kind | entry | left_bit, flags]);
    put_text(out, texts, event.site);
    varint::put_signed(out, i64::from(event.hour.0) - i64::from(base.0));
    varint::put_signed(out, i64::from(event.day.0) - i64::from(event.hour.0 / 24));
    put_text(out, texts, event.page);
    write_values(&event.values, texts, out);
    write_kind(&event.kind, texts, out);
    if let Some(entry) = &event.entry {
        write_entry(entry, event, texts, out);
    }
    if let Some(left) = event.left {
        let differs = (left.day, left.hour) != (event.day, event.hour);
        out.push(u8::from(differs));
        if differs {
            put_time(out, (left.day, left.hour), event);
        }
        put_text(out, texts, left.page);
    }
}

fn put_text(out: &mut Vec<u8>, texts: &mut DictionaryWriter, term: Term<'_>) {
    varint::put(out, u64::from(texts.number(term)));
}

fn put_time(out: &mut Vec<u8>, (day, hour): (Day, Hour), event: &Event<'_>) {
    varint::put_signed(out, i64::from(hour.0) - i64::from(event.hour.0));
    varint::put_signed(out, i64::from(day.0) - i64::from(event.day.0));
}

fn bits<const N: usize>(flags: [bool; N]) -> u8 {
    flags.into_iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(flag))
}

fn head(kind: &EventKind<'_>) -> (u8, u8) {
    match *kind {
        EventKind::Pageview { new_visitor, new_page_visitor, opens_visit, exit, not_found, beyond } => {
            (0, bits([new_visitor, new_page_visitor, opens_visit, exit, not_found, beyond]))
        }
        EventKind::Action { new_action_visitor, not_found, .. } => (1, bits([new_action_visitor, not_found])),
        EventKind::Engagement { engaged_view, scroll_view, .. } => (2, bits([engaged_view, scroll_view])),
        EventKind::Timing { .. } => (3, 0),
        EventKind::Robots { .. } => (4, 0),
        EventKind::Outcomes { .. } => (5, 0),
    }
}

fn write_values(values: &DimensionValues<'_>, texts: &mut DictionaryWriter, out: &mut Vec<u8>) {
    let mask = values.iter().rev().fold(0, |mask, value| mask << 1 | u64::from(value.is_some()));
    varint::put(out, mask);
    for value in values.iter().flatten() {
        put_text(out, texts, *value);
    }
}

fn write_kind(kind: &EventKind<'_>, texts: &mut DictionaryWriter, out: &mut Vec<u8>) {
    match kind {
        EventKind::Pageview { .. } => {}
        EventKind::Action { name, properties, .. } => {
            put_text(out, texts, *name);
            varint::put(out, properties.len() as u64);
            for property in properties {
                put_text(out, texts, property.name);
                let value = u64::from(texts.number(property.value));
                varint::put(out, value << 1 | u64::from(property.new_visitor));
            }
        }
        EventKind::Engagement { engaged_ms, scroll_percent, .. } => {
            varint::put(out, u64::from(*engaged_ms));
            out.push(*scroll_percent);
        }
        EventKind::Timing { timings } => {
            varint::put(out, timings.len() as u64);
            for timing in timings {
                out.extend([timing.metric as u8, timing.bucket]);
            }
        }
        EventKind::Robots { kind, hits } => {
            out.push(*kind as u8);
            varint::put(out, u64::from(*hits));
        }
        EventKind::Outcomes { outcome, hits } => {
            varint::put(out, outcome.number() as u64);
            varint::put(out, u64::from(*hits));
        }
    }
}

fn write_entry(entry: &EntryCorrection<'_>, event: &Event<'_>, texts: &mut DictionaryWriter, out: &mut Vec<u8>) {
    let time_differs = (entry.day, entry.hour) != (event.day, event.hour);
    let page_differs = entry.page.id != event.page.id;
    let mut mask = [(entry.unbounce, UNBOUNCE), (time_differs, TIME_DIFFERS), (page_differs, PAGE_DIFFERS)]
        .into_iter()
        .fold(0, |mask, (holds, bit)| if holds { mask | bit } else { mask });
    for (dimension, (value, own)) in entry.values.iter().zip(&event.values).enumerate() {
        if differ(value, own) {
            mask |= 1 << (VALUES_FROM + dimension);
        }
    }
    varint::put(out, mask);
    if time_differs {
        put_time(out, (entry.day, entry.hour), event);
    }
    if page_differs {
        put_text(out, texts, entry.page);
    }
    for (value, own) in entry.values.iter().zip(&event.values) {
        if differ(value, own) {
            varint::put(out, value.map_or(0, |term| u64::from(texts.number(term)) + 1));
        }
    }
    varint::put(out, u64::from(entry.visit_seconds));
}

fn differ(value: &Option<Term<'_>>, own: &Option<Term<'_>>) -> bool {
    value.map(|term| term.id) != own.map(|term| term.id)
}

/// Takes one event of a segment of this format from `input`, which must end with it.
pub(super) fn read<'k>(
    mut input: ByteReader<'_>,
    format: u16,
    base: Hour,
    known: &'k DictionaryReader,
) -> Result<Event<'k>, CodecError> {
    let head = input.u8()?;
    let flags = input.u8()?;
    if head >> 5 != 0 {
        return Err(CodecError::Unknown);
    }
    let site = text(&mut input, known)?;
    let hour = Hour(moved(base.0, input.signed()?)?);
    let day = Day(moved(hour.0 / 24, input.signed()?)?);
    let page = text(&mut input, known)?;
    let values = read_values(&mut input, format, known)?;
    let kind = match head & 7 {
        4 | 5 if format < TALLIES_FROM => return Err(CodecError::Unknown),
        kind => read_kind(kind, flags, &mut input, known)?,
    };
    let mut event = Event { site, day, hour, page, values, kind, entry: None, left: None };
    if head & HAS_ENTRY != 0 {
        event.entry = Some(read_entry(&mut input, format, &event, known)?);
    }
    if head & HAS_LEFT != 0 {
        let (day, hour) = match input.u8()? {
            0 => (day, hour),
            1 => time(&mut input, &event)?,
            _ => return Err(CodecError::Unknown),
        };
        event.left = Some(LeftPage { day, hour, page: text(&mut input, known)? });
    }
    if input.left() == 0 { Ok(event) } else { Err(CodecError::Long) }
}

fn text<'k>(input: &mut ByteReader<'_>, known: &'k DictionaryReader) -> Result<Term<'k>, CodecError> {
    known.term(input.u32()?)
}

/// `from` moved by `by`, if the result is in range.
fn moved<N: TryFrom<i64>>(from: impl Into<i64>, by: i64) -> Result<N, CodecError> {
    from.into().checked_add(by).and_then(|sum| N::try_from(sum).ok()).ok_or(CodecError::Range)
}

fn time(input: &mut ByteReader<'_>, event: &Event<'_>) -> Result<(Day, Hour), CodecError> {
    let hour = Hour(moved(event.hour.0, input.signed()?)?);
    let day = Day(moved(event.day.0, input.signed()?)?);
    Ok((day, hour))
}

fn flags<const N: usize>(bits: u8) -> Result<[bool; N], CodecError> {
    if u32::from(bits) >> N != 0 {
        return Err(CodecError::Unknown);
    }
    Ok(std::array::from_fn(|bit| bits >> bit & 1 == 1))
}

fn read_values<'k>(
    input: &mut ByteReader<'_>,
    format: u16,
    known: &'k DictionaryReader,
) -> Result<DimensionValues<'k>, CodecError> {
    let mask = if format == 1 { u64::from(input.u16()?) } else { input.varint()? };
    if mask >> dimensions_of(format) != 0 {
        return Err(CodecError::Unknown);
    }
    let mut values = DimensionValues::default();
    for dimension in ones(mask) {
        let term = text(input, known)?;
        if let Some(value) = values.get_mut(dimension) {
            *value = Some(term);
        }
    }
    Ok(values)
}

/// Number of dimensions in a format.
fn dimensions_of(format: u16) -> usize {
    match format {
        1 => DIMENSIONS_1,
        2..=4 => DIMENSIONS_4,
        _ => DIMENSIONS,
    }
}

/// Indices of the set bits, from the lowest.
fn ones(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        (place < u64::BITS).then_some(place as usize)
    })
}

fn read_kind<'k>(
    kind: u8,
    bits: u8,
    input: &mut ByteReader<'_>,
    known: &'k DictionaryReader,
) -> Result<EventKind<'k>, CodecError> {
    match kind {
        0 => {
            let [new_visitor, new_page_visitor, opens_visit, exit, not_found, beyond] = flags(bits)?;
            Ok(EventKind::Pageview { new_visitor, new_page_visitor, opens_visit, exit, not_found, beyond })
        }
        1 => {
            let [new_action_visitor, not_found] = flags(bits)?;
            let name = text(input, known)?;
            let count = count(input)?;
            let mut properties = Vec::with_capacity(count);
            for _ in 0..count {
                let name = text(input, known)?;
                let value = input.varint()?;
                let number = u32::try_from(value >> 1).map_err(|_| CodecError::Range)?;
                properties.push(Property { name, value: known.term(number)?, new_visitor: value & 1 == 1 });
            }
            Ok(EventKind::Action { name, new_action_visitor, not_found, properties })
        }
        2 => {
            let [engaged_view, scroll_view] = flags(bits)?;
            Ok(EventKind::Engagement {
                engaged_ms: input.u32()?,
                engaged_view,
                scroll_percent: input.u8()?,
                scroll_view,
            })
        }
        3 => {
            let [] = flags(bits)?;
            let count = count(input)?;
            let mut timings = Vec::with_capacity(count);
            for _ in 0..count {
                let metric = TimingMetric::ALL.get(usize::from(input.u8()?)).ok_or(CodecError::Unknown)?;
                timings.push(Timing { metric: *metric, bucket: input.u8()? });
            }
            Ok(EventKind::Timing { timings })
        }
        4 => {
            let [] = flags(bits)?;
            let kind = RobotKind::ALL.get(usize::from(input.u8()?)).ok_or(CodecError::Unknown)?;
            Ok(EventKind::Robots { kind: *kind, hits: input.u32()? })
        }
        5 => {
            let [] = flags(bits)?;
            let outcome = Outcome::ALL.get(input.u32()? as usize).ok_or(CodecError::Unknown)?;
            Ok(EventKind::Outcomes { outcome: *outcome, hits: input.u32()? })
        }
        _ => Err(CodecError::Unknown),
    }
}

/// A count of items of at least two bytes each.
fn count(input: &mut ByteReader<'_>) -> Result<usize, CodecError> {
    let count = input.u32()? as usize;
    if count > input.left() / 2 { Err(CodecError::Short) } else { Ok(count) }
}

fn read_entry<'k>(
    input: &mut ByteReader<'_>,
    format: u16,
    event: &Event<'k>,
    known: &'k DictionaryReader,
) -> Result<EntryCorrection<'k>, CodecError> {
    let mask = if format == 1 { entry_mask_1(input.u16()?) } else { input.varint()? };
    if mask >> (VALUES_FROM + dimensions_of(format)) != 0 {
        return Err(CodecError::Unknown);
    }
    let (day, hour) = if mask & TIME_DIFFERS != 0 { time(input, event)? } else { (event.day, event.hour) };
    let page = if mask & PAGE_DIFFERS != 0 { text(input, known)? } else { event.page };
    let mut values = event.values;
    for dimension in ones(mask >> VALUES_FROM) {
        let read = match input.u32()?.checked_sub(1) {
            Some(number) => Some(known.term(number)?),
            None => None,
        };
        if let Some(value) = values.get_mut(dimension) {
            *value = read;
        }
    }
    Ok(EntryCorrection { day, hour, page, values, unbounce: mask & UNBOUNCE != 0, visit_seconds: input.u32()? })
}

/// The mask of a format 1 entry with its bits moved to the current positions.
fn entry_mask_1(mask: u16) -> u64 {
    let (values, flags) = (mask & ((1 << DIMENSIONS_1) - 1), mask >> DIMENSIONS_1);
    let moved = [(0, PAGE_DIFFERS), (1, TIME_DIFFERS), (2, UNBOUNCE)]
        .into_iter()
        .filter(|(bit, _)| flags >> bit & 1 == 1)
        .map(|(_, flag)| flag);
    u64::from(values) << VALUES_FROM | moved.sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_of_a_format_1_entry_keeps_its_meaning() {
        let dimensions = (0..DIMENSIONS_1).map(|dimension| (1u16 << dimension, 1 << (VALUES_FROM + dimension)));
        let flags = [(1 << 13, PAGE_DIFFERS), (1 << 14, TIME_DIFFERS), (1 << 15, UNBOUNCE)];
        for (then, now) in dimensions.chain(flags) {
            assert_eq!(entry_mask_1(then), now, "{then:016b}");
            assert_eq!(entry_mask_1(!then) & now, 0, "{then:016b}");
        }
    }
}
