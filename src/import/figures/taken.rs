//! Days that an import of figures leaves as they are: each day is counted once.

use std::collections::BTreeSet;

use crate::event::Day;
use crate::import::days::date;
use crate::import::figures::cells::FigureSet;
use crate::import::figures::job::{FigureJob, FigureReport};
use crate::rollup::levels::rows::Period;
use crate::store::{Store, StoreError};

/// Drops the days that are past the retention, measured, or counted by another import.
pub(super) async fn leave_days(
    job: &FigureJob,
    store: &Store,
    set: &mut FigureSet,
    report: &mut FigureReport,
) -> Result<(), StoreError> {
    let taken = taken_days(job, store, &report.origin).await?;
    let (mut too_old, mut left) = (BTreeSet::new(), BTreeSet::new());
    for day in set.days() {
        if day < job.keep_from {
            too_old.insert(day);
        } else if taken.contains(&day) {
            left.insert(day);
        }
    }
    report.days_too_old += too_old.len();
    report.days_left += left.len();
    set.cells.retain(|(day, _), _| !too_old.contains(day) && !left.contains(day));
    if let Some(first) = taken.iter().find(|_| report.days_left > 0) {
        set.leave(&format!("days that have figures already, such as {}", date(*first)));
    }
    Ok(())
}

/// Days with figures of another origin. A row of a week or month stands for days without a row of their own: a quiet
/// site's days are too small to be shown.
async fn taken_days(job: &FigureJob, store: &Store, origin: &str) -> Result<BTreeSet<Day>, StoreError> {
    let sql = "SELECT DISTINCT toUInt16(day) AS number, toInt8(period) AS length FROM {database:Identifier}.site_days \
               WHERE site = {site:String} AND origin != {origin:String} \
               UNION DISTINCT SELECT toUInt16(day), toInt8(1) FROM {database:Identifier}.waiting_pages WHERE site = {site:String} \
               UNION DISTINCT SELECT toUInt16(day), toInt8(1) FROM {database:Identifier}.waiting_figures \
               WHERE site = {site:String} AND origin != {origin:String}";
    let query = store.ask_as_owner(sql).param("database", store.database()).param("site", &*job.site.name);
    let rows = query.param("origin", origin).rows::<(u16, i8)>().await?;
    let mut taken: BTreeSet<Day> = BTreeSet::new();
    for period in [Period::Day, Period::Week, Period::Month] {
        let of_period = rows.iter().filter(|(_, length)| *length == period as i8).map(|(day, _)| *day);
        let spans: Vec<_> = of_period.map(|last| Day(first_of(period, last))..=Day(last)).collect();
        for span in spans {
            if taken.range(span.clone()).next().is_none() {
                taken.extend((span.start().0..=span.end().0).map(Day));
            }
        }
    }
    Ok(taken)
}

/// The first day of a period that ends with the day `last`.
fn first_of(period: Period, last: u16) -> u16 {
    let days = match period {
        Period::Day => 0,
        Period::Week => 6,
        Period::Month => date(Day(last)).day().unsigned_abs().saturating_sub(1).into(),
    };
    last.saturating_sub(days)
}
