//! Two tools side by side: the figures of another tool's export beside those that were measured here, day by day. Reads
//! what `sillage import figures` reads and writes nothing.

use std::collections::BTreeMap;
use std::fmt;

use crate::event::Day;
use crate::import::days::date;
use crate::import::figures::cells::{Figure, FigureKey, FigureSet};
use crate::import::figures::{FigureError, FigureJob, read_files};
use crate::store::Store;

/// The figures that are compared.
const COMPARED: [(&str, Figure); 3] =
    [("pageviews", Figure::Pageviews), ("visitors", Figure::Visitors), ("visits", Figure::Visits)];

/// Why the figures of a tool differ from those here, though both are right; docs/install/moving.md says more.
const CAUSES: [(&str, &str); 12] = [
    (
        "",
        "here: figures are rounded to tens and published at the end of their day, week or month (privacy.protection = \
          \"tens\")",
    ),
    ("", "here: objections (opt-out, Global Privacy Control, Do Not Track) and driven browsers are not counted"),
    ("", "here: a person counts once a day, with or without storage on the device"),
    ("", "both: a blocker may block one script and not the other"),
    ("plausible", "plausible: visits and visitors are estimates on large sites, and pages in frames count"),
    ("umami", "umami: a person is recognised for a month, and each query string is a page of its own"),
    ("matomo", "matomo: cookies recognise a person for longer; its actions include downloads, links and searches"),
    (
        "goatcounter",
        "goatcounter: counts the first view of a page in eight hours; compare with visitors, not pageviews",
    ),
    ("ga4", "ga4: with a banner, counts only after consent; adds estimates and thresholds"),
    ("ga4", "ga4: totalUsers adds up neither over days nor over dimensions"),
    ("awstats", "awstats: counts requests of the log, undeclared robots and pages without the script included"),
    ("awstats", "awstats: visitors are by month, not by day"),
];

/// Figures of both sides, in the order of pageviews, visitors, visits. Absent: a side has none for that day.
#[derive(Debug, Default)]
struct ComparedDay {
    theirs: Option<[i64; 3]>,
    ours: Option<[i64; 3]>,
}

/// A comparison, day by day.
#[derive(Debug)]
pub struct FigureComparison {
    tool: &'static str,
    days: BTreeMap<Day, ComparedDay>,
}

/// Compares the files of a job with the figures measured here. Imported figures are left out.
///
/// # Errors
/// See [`FigureError`].
pub async fn run(job: &FigureJob, store: &Store) -> Result<FigureComparison, FigureError> {
    let (set, tool, _) = read_files(job)?;
    let mut days: BTreeMap<Day, ComparedDay> = BTreeMap::new();
    for day in set.days() {
        days.entry(day).or_default().theirs = Some(day_sums(&set, day));
    }
    let sql = "SELECT toUInt16(day) AS day, toInt64(sum(pageviews)) AS pageviews, toInt64(sum(visitors)) AS visitors, \
               toInt64(sum(visits)) AS visits FROM {database:Identifier}.site_days \
               WHERE site = {site:String} AND origin = '' AND period = 'day' GROUP BY day";
    let query = store.ask_as_owner(sql).param("database", store.database()).param("site", &*job.site.name);
    for (day, pageviews, visitors, visits) in query.rows::<(u16, i64, i64, i64)>().await? {
        if let Some(compared) = days.get_mut(&Day(day)) {
            compared.ours = Some([pageviews, visitors, visits]);
        }
    }
    Ok(FigureComparison { tool, days })
}

/// A day's figures of an export: the site's own, or, where it has none, the sums over its pages.
fn day_sums(set: &FigureSet, day: Day) -> [i64; 3] {
    let of_day = || set.cells.iter().filter(move |((of, _), _)| *of == day);
    COMPARED.map(|(_, figure)| {
        let sum = |is_wanted: fn(&FigureKey) -> bool| -> i64 {
            let cells = of_day().filter(|((_, key), _)| is_wanted(key));
            cells.filter_map(|(_, sums)| sums.get(figure as usize)).sum()
        };
        match sum(|key| matches!(key, FigureKey::Site)) {
            0 if !matches!(figure, Figure::Visitors) => sum(|key| matches!(key, FigureKey::Page(_))),
            site => site,
        }
    })
}

impl fmt::Display for FigureComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<10}", "day")?;
        for (name, _) in COMPARED {
            write!(f, " | {name:>9} {:>11} {:>9} {:>9}", self.tool, "here", "diff")?;
        }
        writeln!(f)?;
        let mut totals = ([0; 3], [0; 3]);
        let mut missing = 0;
        for (day, ComparedDay { theirs, ours }) in &self.days {
            line(f, &date(*day).to_string(), *theirs, *ours)?;
            match (theirs, ours) {
                (Some(theirs), Some(ours)) => {
                    add(&mut totals.0, theirs);
                    add(&mut totals.1, ours);
                }
                (None, _) | (_, None) => missing += 1,
            }
        }
        line(f, "total", Some(totals.0), Some(totals.1))?;
        if missing > 0 {
            writeln!(
                f,
                "{missing} day(s) without figures here (not measured, or not yet published), left out of the total"
            )?;
        }
        writeln!(f, "\nknown causes of a difference:")?;
        let causes = CAUSES.iter().filter(|(tool, _)| tool.is_empty() || *tool == self.tool);
        causes.into_iter().try_for_each(|(_, why)| writeln!(f, "- {why}"))
    }
}

fn add(totals: &mut [i64; 3], sums: &[i64; 3]) {
    totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
}

/// One line of the table; a figure that a side lacks is `-`.
fn line(f: &mut fmt::Formatter<'_>, name: &str, theirs: Option<[i64; 3]>, ours: Option<[i64; 3]>) -> fmt::Result {
    let text = |sums: Option<[i64; 3]>, index: usize| {
        sums.and_then(|sums| sums.get(index).copied()).map_or_else(|| "-".to_owned(), |number| number.to_string())
    };
    write!(f, "{name:<10}")?;
    for index in 0..COMPARED.len() {
        let difference = theirs.zip(ours).and_then(|(theirs, ours)| percent(*theirs.get(index)?, *ours.get(index)?));
        let difference = difference.unwrap_or_else(|| "-".to_owned());
        write!(f, " | {:>9} {:>11} {:>9} {difference:>9}", "", text(theirs, index), text(ours, index))?;
    }
    writeln!(f)
}

/// How much more, or less, is counted here, to a tenth of a percent; nothing where the other side counts nothing.
fn percent(theirs: i64, ours: i64) -> Option<String> {
    if theirs == 0 {
        return None;
    }
    let tenths = (ours - theirs).saturating_mul(1_000).checked_div(theirs)?;
    let sign = if tenths < 0 { '-' } else { '+' };
    Some(format!("{sign}{}.{} %", tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_with_its_sign_and_against_nothing_not_at_all() {
        for (theirs, ours, expected) in [
            (100, 103, Some("+3.0 %")),
            (120, 119, Some("-0.8 %")),
            (3, 6, Some("+100.0 %")),
            (7, 7, Some("+0.0 %")),
            (1_000, 995, Some("-0.5 %")),
            (0, 5, None),
        ] {
            assert_eq!(percent(theirs, ours).as_deref(), expected, "{theirs} {ours}");
        }
    }
}
