//! SQL statements of a release, built from the texts in `src/release/sql/` and the constants of
//! [`rules`](super::rules). Names come from our own code; any text from a visitor or a configuration is a parameter.

use crate::config::Protection;
use crate::release::periods::ReleaseKind;
use crate::release::rules::{GATE, PAGE_OPENS_AT, SHOWN_FROM, TEXT_DIMENSIONS, TEXT_OPENS_AT, unit_of};

const STAGE: &str = include_str!("sql/stage.sql");
const REST: &str = include_str!("sql/rest.sql");

const HOUR_CELLS: &str = include_str!("sql/cells_hours.sql");
/// Few inserts a partition: more are soon merged, and merged parts stay on the disk for half a minute.
const DAY_CELLS: [&str; 5] = [
    include_str!("sql/cells_pages.sql"),
    include_str!("sql/cells_breakdowns.sql"),
    include_str!("sql/cells_actions.sql"),
    include_str!("sql/cells_counts.sql"),
    include_str!("sql/cells_figures.sql"),
];
const BUCKET_CELLS: &str = include_str!("sql/cells_buckets.sql");

/// One level of cells with the table that publishes it.
pub(super) struct Level {
    /// Name of the level in the staging table.
    pub(super) name: &'static str,
    /// Name of the published table.
    pub(super) table: &'static str,
    /// Key columns besides site, day, period and origin, each with its expression over a staged cell.
    key: &'static [(&'static str, &'static str)],
    /// Names of its figures, in the order in which they are staged; [`UNPUBLISHED`] ones are drawn for the gate alone.
    figures: &'static [&'static str],
}

/// Name of a figure that no column publishes.
const UNPUBLISHED: &str = "";

const VISIT_FIGURES: [&str; 5] = ["visitors", "pageviews", "visits", "bounces", "visit_seconds"];
const READING_FIGURES: [&str; 5] = ["engaged_ms", "engaged_views", "scroll_percent", "scroll_views", "not_found"];
const SITE_FIGURES: [&str; 10] = {
    let [a, b, c, d, e] = VISIT_FIGURES;
    let [f, g, h, i, j] = READING_FIGURES;
    [a, b, c, d, e, f, g, h, i, j]
};
const PAGE_FIGURES: [&str; 11] = {
    let [a, b, c, d, e, f, g, h, i, j] = SITE_FIGURES;
    [a, b, c, d, e, f, g, h, i, j, "exits"]
};
const USE_FIGURES: [&str; 2] = ["visitors", "count"];

/// The site and its pages by hour, released hour by hour: each hour is drawn once. Its rest is part of the day,
/// which is drawn separately. A page is shown if its hour alone passes the gate.
pub(super) const HOUR_LEVELS: [Level; 2] = [
    Level {
        name: "site_hour",
        table: "site_hours",
        key: &[("hour", "hour")],
        figures: &["visitors", "pageviews", "visits"],
    },
    Level {
        name: "page_hour",
        table: "page_hours",
        key: &[("hour", "hour"), ("page", "page")],
        figures: &[UNPUBLISHED, "pageviews", "visits"],
    },
];

/// Levels of days, weeks and months.
pub(super) const LEVELS: [Level; 11] = [
    Level { name: "site", table: "site_days", key: &[], figures: &SITE_FIGURES },
    Level { name: "page", table: "page_days", key: &[("page", "page")], figures: &PAGE_FIGURES },
    Level {
        name: "dimension",
        table: "dimension_days",
        key: &[("dimension", "name"), ("value", "value")],
        figures: &VISIT_FIGURES,
    },
    Level {
        name: "dimension_page",
        table: "dimension_page_days",
        key: &[("dimension", "name"), ("page", "page"), ("value", "value")],
        figures: &["visitors", "pageviews"],
    },
    Level { name: "action", table: "action_days", key: &[("action", "name")], figures: &USE_FIGURES },
    Level {
        name: "action_page",
        table: "action_page_days",
        key: &[("page", "page"), ("action", "name")],
        figures: &USE_FIGURES,
    },
    Level {
        name: "action_value",
        table: "action_value_days",
        key: &[("action", "name"), ("property", "property"), ("value", "value")],
        figures: &USE_FIGURES,
    },
    Level {
        name: "timing",
        table: "timing_days",
        key: &[("metric", "name"), ("bucket", "toUInt8(value)")],
        figures: &["count"],
    },
    Level {
        name: "timing_page",
        table: "timing_page_days",
        key: &[("page", "page"), ("metric", "name"), ("bucket", "toUInt8(value)")],
        figures: &["count"],
    },
    Level { name: "robot", table: "robot_days", key: &[("page", "page"), ("kind", "name")], figures: &["hits"] },
    Level { name: "outcome", table: "outcome_days", key: &[("outcome", "name")], figures: &["hits"] },
];

/// Where the statements find the tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableNames<'s> {
    /// Database of the tables.
    pub(super) database: &'s str,
    /// Suffix of the name of a table that is read: [`Store::read_suffix`](crate::store::Store).
    pub(super) local: &'static str,
}

impl TableNames<'_> {
    fn fill(self, text: &str) -> String {
        text.replace("{{database}}", self.database).replace("{{local}}", self.local)
    }
}

impl Level {
    /// The level of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        LEVELS.iter().chain(&HOUR_LEVELS).find(|level| level.name == name)
    }

    /// Units of its figures, in their order.
    pub(super) fn units(&self) -> impl Iterator<Item = i64> {
        self.figures.iter().map(|name| unit_of(self.table, name))
    }

    /// Statement that publishes this level's shown cells. Rows are sorted, so that a repeated insert is the same block.
    pub(super) fn publish(&self, TableNames { database, local }: TableNames<'_>) -> String {
        let (columns, expressions): (Vec<&str>, Vec<&str>) = self.key.iter().copied().unzip();
        let is_hourly = HOUR_LEVELS.iter().any(|level| level.name == self.name);
        // The name of a release begins with its kind.
        let period = if is_hourly { ("", "") } else { ("period, ", "substringIndex(release, '/', 1), ") };
        let key = |names: &[&str]| names.iter().map(|name| format!("{name}, ")).collect::<String>();
        let published = (1..).zip(self.figures).filter(|(_, name)| **name != UNPUBLISHED);
        let (outs, figures): (Vec<String>, Vec<&str>) =
            published.map(|(number, name)| (format!("outs[{number}]"), *name)).unzip();
        format!(
            "INSERT INTO {database}.{table} (site, day, {}origin, {}{}) SELECT site, day, {}origin, {}{} \
             FROM {database}.staged_cells{local} WHERE release IN {{releases:Array(String)}} AND level = '{name}' AND shown \
             AND arrayExists(out -> out != 0, outs) ORDER BY site, day, hour, name, property, value, page, release",
            period.0,
            key(&columns),
            figures.join(", "),
            period.1,
            key(&expressions),
            outs.join(", "),
            table = self.table,
            name = self.name,
        )
    }
}

/// Statements that draw all cells of a release into the staging table. Load times come after pages, whose gate they
/// share. The flag of a pair marks load times of pages in a bucket.
pub(super) fn stage(tables: TableNames<'_>, protection: Protection, kind: ReleaseKind) -> Vec<(String, u8)> {
    let hours = |which: &str| staging(tables, protection, &HOUR_CELLS.replace("{{hours}}", which));
    match kind {
        ReleaseKind::Hour => vec![(hours("hour = {hour:DateTime('UTC')}"), 0)],
        ReleaseKind::Day => {
            let days = "day BETWEEN {first:Date} AND {day:Date} AND NOT has({hours:Array(UInt32)}, toUInt32(hour))";
            let measured = DAY_CELLS.iter().map(|cells| (staging(tables, protection, cells), 0));
            measured.chain([(hours(days), 0)]).collect()
        }
        ReleaseKind::Week | ReleaseKind::Month => {
            [0, 1].map(|timings| (staging(tables, protection, BUCKET_CELLS), timings)).to_vec()
        }
    }
}

/// Statement that draws the cells selected by `cells` into the staging table.
fn staging(tables: TableNames<'_>, protection: Protection, cells: &str) -> String {
    let texts: Vec<String> = TEXT_DIMENSIONS.iter().map(|name| format!("'{name}'")).collect();
    let opens_at = format!(
        "multiIf(level IN ('page', 'action', 'action_page', 'timing_page', 'robot') OR level = 'dimension' AND name = \
         'previous_page', {PAGE_OPENS_AT}, level = 'action_value' OR level = 'dimension' AND name IN ({}), \
         {TEXT_OPENS_AT}, 0)",
        texts.join(", ")
    );
    // A page's load times are shown if the page is.
    let TableNames { database, local } = tables;
    let open = format!(
        "(level != 'timing_page' OR (site, page) IN (SELECT site, page FROM {database}.staged_cells{local} \
         WHERE release = {{release:String}} AND level = 'page' AND (shown OR published >= {GATE})))"
    );
    let (draw, shown, may_show) = match protection {
        Protection::Exact => ("(figure, unit, chance) -> figure".to_owned(), "1".to_owned(), "1".to_owned()),
        Protection::Tens => (
            "(figure, unit, chance) -> cut(in_units(raised(figure, unit, chance), unit) + digits(chance), unit)"
                .to_owned(),
            format!(
                "published + gate_drawn >= {GATE} AND ({{kind:String}} IN ('hour', 'day') OR days_reached > 0) AND {open}"
            ),
            format!("gate >= {SHOWN_FROM}"),
        ),
    };
    tables
        .fill(&without_comments(STAGE).replace("{{cells}}", &without_comments(cells)))
        .replace("{{units}}", &units())
        .replace("{{opens_at}}", &opens_at)
        .replace("{{draw}}", &draw)
        .replace("{{shown}}", &shown)
        .replace("{{may_show}}", &may_show)
}

/// Expression for the units of a cell's figures, by its level.
fn units() -> String {
    let of_level = |level: &Level| {
        let units: Vec<String> = level.units().map(|unit| unit.to_string()).collect();
        format!("level = '{}', [{}], ", level.name, units.join(", "))
    };
    format!("multiIf({}[1])", LEVELS.iter().chain(&HOUR_LEVELS).map(of_level).collect::<String>())
}

/// Statement that hands on the remainder of a release.
pub(super) fn rest(tables: TableNames<'_>) -> String {
    tables.fill(&without_comments(REST))
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("--")).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_filled_in_and_figures_are_the_staged_ones() {
        let kinds = [ReleaseKind::Hour, ReleaseKind::Day, ReleaseKind::Week, ReleaseKind::Month];
        let tables = TableNames { database: "audience", local: "_local" };
        let staged = kinds.into_iter().flat_map(|kind| stage(tables, Protection::Tens, kind)).map(|(text, _)| text);
        let staged = staged.chain([rest(tables)]);
        let levels = LEVELS.iter().chain(&HOUR_LEVELS);
        for statement in staged.chain(levels.map(|level| level.publish(tables))) {
            assert!(!statement.contains("{{") && !statement.contains("--"), "{statement}");
        }
        let units: Vec<&str> = crate::release::rules::UNITS.iter().map(|(name, _)| *name).collect();
        for level in LEVELS.iter().filter(|level| !["count", "hits"].iter().any(|name| level.figures.contains(name))) {
            assert_eq!(level.figures, &units[..level.figures.len()], "{}", level.name);
        }
    }
}
