//! Reads Plausible's site export: a zip of `imported_TABLE_FROM_TO.csv`, sums by day and one dimension.
//!
//! Visits, bounces and seconds belong to the entry page; time and depth to the page. Countries are imported; regions
//! and cities are numbers of other lists and are skipped.

use crate::event::{Day, Dimension};
use crate::import::figures::archive::ExportPart;
use crate::import::figures::cells::Figure::{
    Bounces, EngagedMs, EngagedViews, Exits, NotFound, Pageviews, ScrollPercent, ScrollViews, VisitSeconds, Visitors,
    Visits,
};
use crate::import::figures::cells::{Figure, FigureKey, FigureSet, day, device};
use crate::import::figures::table::{ExportRow, rows};

/// The table's name in `imported_visitors_20260301_20260331.csv`.
pub(super) fn table(name: &str) -> Option<&str> {
    let name = name.strip_prefix("imported_")?.strip_suffix(".csv")?;
    Some(name.trim_end_matches(|character: char| character.is_ascii_digit() || character == '_'))
}

/// Reads one table into `set`.
pub(super) fn read(part: &ExportPart, set: &mut FigureSet) -> std::io::Result<()> {
    let Some(table) = table(&part.name) else { return Ok(()) };
    rows(&part.bytes, |row| {
        if let Some(day) = day(row.text("date")) {
            add(table, day, row, set);
        }
    })
}

#[allow(clippy::too_many_lines, reason = "one arm for each table of the export")]
fn add(table: &str, day: Day, row: &ExportRow<'_>, set: &mut FigureSet) {
    let number = |column: &str| row.number(column);
    let of_visits: [(Figure, i64); 5] = [
        (Visitors, number("visitors")),
        (Pageviews, number("pageviews")),
        (Visits, number("visits")),
        (Bounces, number("bounces")),
        (VisitSeconds, number("visit_duration")),
    ];
    match table {
        "visitors" => set.add(day, FigureKey::Site, &of_visits),
        "sources" => {
            let source = if row.text("referrer").is_empty() { row.text("source") } else { row.text("referrer") };
            set.referrer(day, source, &of_visits);
            if !row.text("utm_source").is_empty() || !row.text("utm_campaign").is_empty() {
                set.leave("campaigns: they need consent (rule R8), which the export does not contain");
            }
        }
        "pages" => {
            let (time, depth) = (number("total_time_on_page"), number("total_scroll_depth"));
            set.page_figures(
                day,
                row.text("page"),
                &[
                    (Visitors, number("visitors")),
                    (Pageviews, number("pageviews")),
                    (EngagedMs, time * 1_000),
                    (EngagedViews, number("total_time_on_page_visits")),
                    (ScrollPercent, depth),
                    (ScrollViews, number("total_scroll_depth_visits")),
                ],
            );
        }
        "entry_pages" => {
            let figures =
                [(Visits, number("entrances")), (Bounces, number("bounces")), (VisitSeconds, number("visit_duration"))];
            set.page_figures(day, row.text("entry_page"), &figures);
        }
        "exit_pages" => set.page_figures(day, row.text("exit_page"), &[(Exits, number("exits"))]),
        "locations" => {
            set.dimension(day, Dimension::Country, row.text("country"), &of_visits);
            if !row.text("region").is_empty() {
                set.leave("regions and cities: the export has only their numbers");
            }
        }
        "devices" => set.dimension(day, Dimension::Device, device(row.text("device")), &of_visits),
        "browsers" => {
            let (browser, version) = (row.text("browser"), row.text("browser_version"));
            set.dimension(day, Dimension::Browser, browser, &of_visits);
            versioned(set, day, Dimension::BrowserVersion, (browser, version), &of_visits);
        }
        "operating_systems" => {
            let (system, version) = (row.text("operating_system"), row.text("operating_system_version"));
            set.dimension(day, Dimension::System, system, &of_visits);
            versioned(set, day, Dimension::SystemVersion, (system, version), &of_visits);
        }
        "custom_events" => {
            let figures = [(Pageviews, number("events")), (Visitors, number("visitors"))];
            let action = row.text("name");
            set.add(day, FigureKey::Action(action.into()), &figures);
            if action == "404"
                && let Some(page) = set.page(row.text("path"))
            {
                set.add(day, FigureKey::ActionPage(page.clone(), action.into()), &figures);
                set.add(day, FigureKey::Page(page), &[(NotFound, number("events"))]);
                set.add(day, FigureKey::Site, &[(NotFound, number("events"))]);
            }
            if !row.text("link_url").is_empty() {
                set.leave("links of outbound clicks and downloads: complete addresses may identify a person");
            }
        }
        "custom_props" => set.leave("properties of events: the export has them without their event"),
        _ => set.leave("unknown tables"),
    }
}

/// Adds a browser or a system with its major version.
fn versioned(
    set: &mut FigureSet,
    day: Day,
    dimension: Dimension,
    (name, version): (&str, &str),
    figures: &[(Figure, i64)],
) {
    let major: String = version.chars().take_while(char::is_ascii_digit).take(4).collect();
    if !name.is_empty() && !major.is_empty() {
        set.dimension(day, dimension, &format!("{name} {major}"), figures);
    }
}
