//! Cells as rows of the published tables: with `exact` unchanged; with `tens` each is drawn once, and those with too
//! few people are added to their week, then to their month, then dropped, by the rules of the release.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use siphasher::sip::SipHasher24;

use crate::event::Day;
use crate::import::days::date;
use crate::import::figures::cells::{FIGURES, Figure, FigureKey, Sums, day_of};
use crate::release::calendar::{month_end_of, sunday_of};
use crate::release::rules::{GATE, PAGE_OPENS_AT, STEP, TEXT_DIMENSIONS, TEXT_OPENS_AT, UNITS};
use crate::rollup::levels::LevelRows;
use crate::rollup::levels::rows::{
    ActionDaysRow, ActionPageDaysRow, DimensionDaysRow, PageDaysRow, Period, SiteDaysRow,
};

type Cells = BTreeMap<(Day, FigureKey), Sums>;

/// The cells of days, unchanged.
pub(super) fn exact(cells: &Cells, site: &Arc<str>, origin: &Arc<str>) -> LevelRows {
    let mut rows = LevelRows::default();
    cells.iter().for_each(|((day, key), sums)| push(&mut rows, (*day, Period::Day), key, sums, (site, origin)));
    rows
}

/// The cells drawn to tens, under a key that is made for this call and dropped.
///
/// # Errors
/// When no random bytes from the operating system.
pub(super) fn tens(cells: Cells, site: &Arc<str>, origin: &Arc<str>) -> std::io::Result<LevelRows> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).map_err(|_| std::io::Error::other("no random bytes from the operating system"))?;
    let draw = Draw(SipHasher24::new_with_key(&key));
    let mut rows = LevelRows::default();
    let mut waiting: BTreeMap<(Day, FigureKey), Bucket> =
        cells.into_iter().map(|(cell, sums)| (cell, Bucket { sums, published: 0, open: true })).collect();
    for period in [Period::Day, Period::Week, Period::Month] {
        let mut next: BTreeMap<(Day, FigureKey), Bucket> = BTreeMap::new();
        for ((day, cell), bucket) in waiting {
            let drawn: Sums = std::array::from_fn(|figure| draw.drawn((period, day, &cell, figure), &bucket.sums));
            let people = gate_figure(&bucket.sums, &drawn);
            let shown = bucket.open && bucket.published + people >= GATE && people > 0;
            if shown {
                push(&mut rows, (day, period), &cell, &drawn, (site, origin));
            }
            let Some(later) = later(day, period) else { continue };
            let opens = draw.opens((day, &cell), gate_figure(&bucket.sums, &bucket.sums));
            let rest = next.entry((later, cell)).or_default();
            rest.open |= if period == Period::Day { opens } else { bucket.open };
            rest.published += bucket.published + if shown { people } else { 0 };
            for (sum, (whole, out)) in rest.sums.iter_mut().zip(bucket.sums.iter().zip(drawn)) {
                *sum += whole - if shown { out } else { 0 };
            }
        }
        waiting = next;
    }
    Ok(rows)
}

/// Sums that wait for the end of their period.
#[derive(Default)]
struct Bucket {
    sums: Sums,
    /// People in the published rows of its days and weeks.
    published: i64,
    /// Whether enough people read any of its days for its name to be shown.
    open: bool,
}

/// The figure that decides whether a row is shown: people; visits where an export counts no people; else a tenth of the
/// pageviews, because one visit weighs that much at most.
fn gate_figure(exact: &Sums, drawn: &Sums) -> i64 {
    let sum_of = |sums: &Sums, figure: Figure| sums.get(figure as usize).copied().unwrap_or(0);
    [Figure::Visitors, Figure::Visits]
        .into_iter()
        .find(|figure| sum_of(exact, *figure) != 0)
        .map_or_else(|| sum_of(drawn, Figure::Pageviews) / STEP, |figure| sum_of(drawn, figure))
}

/// The Sunday of a day's week, or the last day of a week's month.
fn later(day: Day, period: Period) -> Option<Day> {
    match period {
        Period::Day => day_of(sunday_of(date(day))),
        Period::Week => day_of(month_end_of(date(day))),
        Period::Month => None,
    }
}

struct Draw(SipHasher24);

impl Draw {
    fn hash(&self, of: impl Hash) -> i64 {
        let mut hasher = self.0;
        of.hash(&mut hasher);
        i64::try_from(hasher.finish() >> 1).unwrap_or_default()
    }

    /// One figure of a cell, drawn to a multiple of ten units: unbiased, off by at most 18 units.
    fn drawn(&self, (period, day, cell, figure): (Period, Day, &FigureKey, usize), sums: &Sums) -> i64 {
        let unit = UNITS.get(figure).map_or(1, |(_, unit)| *unit);
        let sum = sums.get(figure).copied().unwrap_or(0);
        if sum == 0 {
            return 0;
        }
        let hash = self.hash((period, day, cell, figure));
        // A remainder rounds up with a probability of its size.
        let part = i64::from(hash / 1_000 % unit < sum.rem_euclid(unit));
        let moved = sum.div_euclid(unit) + part + hash % 10 + hash / 10 % 10 + hash / 100 % 10 - 9;
        (moved - moved.rem_euclid(STEP)) * unit
    }

    /// Whether a day's people plus one random digit let a name be shown in its week or month.
    fn opens(&self, (day, cell): (Day, &FigureKey), people: i64) -> bool {
        let at = match cell {
            FigureKey::Site => return true,
            FigureKey::Dimension(name, _) if TEXT_DIMENSIONS.contains(name) => TEXT_OPENS_AT,
            FigureKey::Dimension(..) => return true,
            FigureKey::Page(_) | FigureKey::Action(_) | FigureKey::ActionPage(..) => PAGE_OPENS_AT,
        };
        people + self.hash((day, cell, "opens")) % 10 >= at
    }
}

#[allow(clippy::too_many_lines, reason = "one arm for each published table, a field a line")]
fn push(
    rows: &mut LevelRows,
    (day, period): (Day, Period),
    key: &FigureKey,
    sums: &Sums,
    (site, origin): (&Arc<str>, &Arc<str>),
) {
    let (site, origin, day) = (site.clone(), origin.clone(), day.0);
    let [
        visitors,
        pageviews,
        visits,
        bounces,
        visit_seconds,
        engaged_ms,
        engaged_views,
        depth,
        depth_views,
        lost,
        exits,
    ]: [i64; FIGURES] = *sums;
    match key.clone() {
        FigureKey::Site => rows.site_days.push(SiteDaysRow {
            site,
            day,
            period,
            origin,
            pageviews,
            visitors,
            visits,
            bounces,
            visit_seconds,
            engaged_ms,
            engaged_views,
            scroll_percent: depth,
            scroll_views: depth_views,
            not_found: lost,
        }),
        FigureKey::Page(page) => rows.page_days.push(PageDaysRow {
            site,
            day,
            period,
            origin,
            page,
            pageviews,
            visitors,
            visits,
            exits,
            bounces,
            visit_seconds,
            engaged_ms,
            engaged_views,
            scroll_percent: depth,
            scroll_views: depth_views,
            not_found: lost,
        }),
        FigureKey::Dimension(dimension, value) => rows.dimension_days.push(DimensionDaysRow {
            site,
            day,
            period,
            origin,
            dimension,
            value,
            pageviews,
            visitors,
            visits,
            bounces,
            visit_seconds,
        }),
        FigureKey::Action(action) => {
            rows.action_days.push(ActionDaysRow { site, day, period, origin, action, count: pageviews, visitors });
        }
        FigureKey::ActionPage(page, action) => {
            rows.action_page_days.push(ActionPageDaysRow {
                site,
                day,
                period,
                origin,
                page,
                action,
                count: pageviews,
                visitors,
            });
        }
    }
}
