//! Counter rows to bytes and back, in the format of [`crate::spool::batch`]. Reading never panics and never invents
//! values; written rows come back unchanged, in their order.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::event::{Dimension, RobotKind, TimingMetric};
use crate::outcome::Outcome;
use crate::rollup::counters::{ActionsRow, Batch, BreakdownsRow, OutcomesRow, PagesRow, RobotsRow, TimingsRow};
use crate::spool::codec_error::CodecError;
use crate::spool::varint;
use crate::spool::varint::ByteReader;

/// The first format with hits of robots and of outcomes.
const TALLIES_FROM: u16 = 3;

/// Encodes the body of a batch's file.
pub(super) fn write(events: u64, batch: &Batch) -> Vec<u8> {
    let mut out = Vec::new();
    varint::put(&mut out, events);
    let texts = texts(batch);
    varint::put(&mut out, texts.len() as u64);
    let mut numbers = HashMap::with_capacity(texts.len());
    for (text, number) in texts.into_iter().zip(0i64..) {
        varint::put(&mut out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
        numbers.insert(text, number);
    }
    let n = |text: &str| numbers.get(text).copied().unwrap_or_default(); // all texts are in the map
    let (day, hour) = (|day: u16| i64::from(day), |hour: u32| i64::from(hour));
    put_table(&mut out, &batch.pages, |row| ([n(&row.site), day(row.day), hour(row.hour), n(&row.page)], row.sums()));
    put_table(&mut out, &batch.breakdowns, |row| {
        ([n(&row.site), n(row.dimension), day(row.day), n(&row.page), n(&row.value)], row.sums())
    });
    put_table(&mut out, &batch.actions, |row| {
        let named = [n(&row.action), n(&row.property), n(&row.value)];
        ([n(&row.site), day(row.day), named[0], named[1], named[2], n(&row.page)], [row.count, row.visitors])
    });
    put_table(&mut out, &batch.timings, |row| {
        let place = [n(&row.site), day(row.day), hour(row.hour), n(&row.page)];
        ([place[0], place[1], place[2], place[3], n(row.metric), i64::from(row.bucket)], [row.count])
    });
    put_table(&mut out, &batch.robots, |row| ([n(&row.site), n(row.kind), day(row.day), n(&row.page)], [row.hits]));
    put_table(&mut out, &batch.outcomes, |row| ([n(&row.site), n(row.outcome), day(row.day)], [row.hits]));
    out
}

/// Events and rows from the body of a batch's file of this format.
pub(super) fn read(body: &[u8], format: u16) -> Result<(u64, Batch), CodecError> {
    let mut input = ByteReader::new(body);
    let events = input.varint()?;
    let texts = BatchTexts::read(&mut input)?;
    let pages = read_table(&mut input, |[site, day, hour, page], figures| {
        let (site, page) = (texts.of(site)?, texts.of(page)?);
        Ok(PagesRow::of((site, whole(day)?, whole(hour)?, page), figures))
    })?;
    let breakdowns = read_table(&mut input, |[site, dimension, day, page, value], figures| {
        let dimension = texts.of(dimension)?;
        let dimension = Dimension::ALL.into_iter().find(|known| *known.name() == *dimension);
        let dimension = dimension.ok_or(CodecError::Unknown)?.name();
        let (site, page, value) = (texts.of(site)?, texts.of(page)?, texts.of(value)?);
        Ok(BreakdownsRow::of((site, whole(day)?, dimension, page, value), figures))
    })?;
    let actions = read_table(&mut input, |[site, day, action, property, value, page], [count, visitors]| {
        let (site, action, property) = (texts.of(site)?, texts.of(action)?, texts.of(property)?);
        let (day, page, value) = (whole(day)?, texts.of(page)?, texts.of(value)?);
        Ok(ActionsRow { site, day, page, action, property, value, count, visitors })
    })?;
    let timings = read_table(&mut input, |[site, day, hour, page, metric, bucket], [count]| {
        let metric = texts.of(metric)?;
        let metric = TimingMetric::ALL.into_iter().find(|known| *known.name() == *metric);
        let metric = metric.ok_or(CodecError::Unknown)?.name();
        let (site, page, bucket) = (texts.of(site)?, texts.of(page)?, whole(bucket)?);
        Ok(TimingsRow { site, day: whole(day)?, hour: whole(hour)?, page, metric, bucket, count })
    })?;
    let (mut robots, mut outcomes) = (Vec::new(), Vec::new());
    if format >= TALLIES_FROM {
        robots = read_table(&mut input, |[site, kind, day, page], [hits]| {
            let kind = texts.of(kind)?;
            let kind = RobotKind::ALL.into_iter().find(|known| *known.name() == *kind).ok_or(CodecError::Unknown)?;
            let (site, page) = (texts.of(site)?, texts.of(page)?);
            Ok(RobotsRow { site, day: whole(day)?, page, kind: kind.name(), hits })
        })?;
        outcomes = read_table(&mut input, |[site, outcome, day], [hits]| {
            let outcome = texts.of(outcome)?;
            let outcome = Outcome::ALL.into_iter().find(|known| *known.label() == *outcome);
            let outcome = outcome.ok_or(CodecError::Unknown)?.label();
            Ok(OutcomesRow { site: texts.of(site)?, day: whole(day)?, outcome, hits })
        })?;
    }
    if input.left() > 0 {
        return Err(CodecError::Long);
    }
    Ok((events, Batch { pages, breakdowns, actions, timings, robots, outcomes, ..Batch::default() }))
}

/// Every distinct text of the batch.
fn texts(batch: &Batch) -> BTreeSet<&str> {
    let mut texts = BTreeSet::new();
    for row in &batch.pages {
        texts.extend([&*row.site, &*row.page]);
    }
    for row in &batch.breakdowns {
        texts.extend([&*row.site, row.dimension, &*row.page, &*row.value]);
    }
    for row in &batch.actions {
        texts.extend([&*row.site, &*row.page, &*row.action, &*row.property, &*row.value]);
    }
    for row in &batch.timings {
        texts.extend([&*row.site, &*row.page, row.metric]);
    }
    for row in &batch.robots {
        texts.extend([&*row.site, &*row.page, row.kind]);
    }
    for row in &batch.outcomes {
        texts.extend([&*row.site, row.outcome]);
    }
    texts
}

/// Appends the rows; `split` gives each row's key columns and figures.
fn put_table<R, const K: usize, const F: usize>(
    out: &mut Vec<u8>,
    rows: &[R],
    split: impl Fn(&R) -> ([i64; K], [i64; F]),
) {
    varint::put(out, rows.len() as u64);
    let mut before = [0; K];
    let mut known: HashMap<[i64; F], u64> = HashMap::new();
    for row in rows {
        let (key, figures) = split(row);
        let same = key.iter().zip(&before).take(K - 1).take_while(|(now, before)| now == before).count();
        let next = known.len() as u64;
        let number = *known.entry(figures).or_insert(next);
        varint::put(out, number * K as u64 + same as u64);
        for (now, before) in key.iter().zip(&before).skip(same) {
            varint::put_signed(out, now - before);
        }
        if number == next {
            let mask = figures.iter().rev().fold(0, |mask, figure| mask << 1 | u64::from(*figure != 0));
            varint::put(out, mask);
            figures.iter().filter(|figure| **figure != 0).for_each(|figure| varint::put_signed(out, *figure));
        }
        before = key;
    }
}

fn read_table<R, const K: usize, const F: usize>(
    input: &mut ByteReader<'_>,
    row: impl Fn([i64; K], [i64; F]) -> Result<R, CodecError>,
) -> Result<Vec<R>, CodecError> {
    let count = count(input)?;
    let mut rows = Vec::with_capacity(count);
    let mut key = [0i64; K];
    let mut known = Vec::new();
    for _ in 0..count {
        let head = input.varint()?;
        let same = usize::try_from(head % K as u64).map_err(|_| CodecError::Range)?;
        for column in key.iter_mut().skip(same) {
            *column = column.checked_add(input.signed()?).ok_or(CodecError::Range)?;
        }
        let number = usize::try_from(head / K as u64).map_err(|_| CodecError::Range)?;
        if number == known.len() {
            known.push(read_figures(input)?);
        }
        rows.push(row(key, *known.get(number).ok_or(CodecError::Undefined)?)?);
    }
    Ok(rows)
}

fn read_figures<const F: usize>(input: &mut ByteReader<'_>) -> Result<[i64; F], CodecError> {
    let mask = input.varint()?;
    if mask >> F != 0 {
        return Err(CodecError::Unknown);
    }
    let mut figures = [0; F];
    for (index, figure) in figures.iter_mut().enumerate() {
        if mask >> index & 1 == 1 {
            *figure = input.signed()?;
        }
    }
    Ok(figures)
}

/// A count of items of at least one byte each.
fn count(input: &mut ByteReader<'_>) -> Result<usize, CodecError> {
    let count = usize::try_from(input.varint()?).map_err(|_| CodecError::Range)?;
    if count > input.left() { Err(CodecError::Short) } else { Ok(count) }
}

fn whole<T: TryFrom<i64>>(column: i64) -> Result<T, CodecError> {
    T::try_from(column).map_err(|_| CodecError::Range)
}

/// Texts of a batch by number.
struct BatchTexts(Vec<Arc<str>>);

impl BatchTexts {
    fn read(input: &mut ByteReader<'_>) -> Result<Self, CodecError> {
        let count = count(input)?;
        let mut texts = Vec::with_capacity(count);
        for _ in 0..count {
            let length = crate::spool::batch_codec::count(input)?;
            let text = std::str::from_utf8(input.take(length)?).map_err(|_| CodecError::Text)?;
            texts.push(text.into());
        }
        Ok(Self(texts))
    }

    fn of(&self, number: i64) -> Result<Arc<str>, CodecError> {
        let text = usize::try_from(number).ok().and_then(|number| self.0.get(number));
        text.cloned().ok_or(CodecError::Undefined)
    }
}
