//! Reads GoatCounter: the JSON export, a zip of JSON lines with counts by hour and by day, and the CSV export, one row
//! per pageview. The first counts a path once per session: visitors of a page, not pageviews. Rows of the second are
//! summed by session in memory and dropped.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::event::Dimension;
use crate::import::figures::archive::ExportPart;
use crate::import::figures::cells::Figure::{Pageviews, Visitors, Visits};
use crate::import::figures::cells::{FigureKey, FigureSet};
use crate::import::figures::table::rows;

/// Whether the parts are a JSON export.
pub(super) fn is_json_export(parts: &[ExportPart]) -> bool {
    parts.iter().any(|part| part.name == "info.json" && contains(&part.bytes, b"export_version"))
}

/// Whether the part is a CSV export: its first character is the format's version.
pub(super) fn is_csv_export(part: &ExportPart) -> bool {
    part.bytes.starts_with(b"2Path,")
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

/// Reads a JSON export into `set`.
pub(super) fn read_json(parts: &[ExportPart], set: &mut FigureSet) {
    let lines = |name: &str| -> Vec<Value> {
        let part = parts.iter().find(|part| part.name.split('.').next() == Some(name));
        let bytes = part.map_or(&b""[..], |part| &part.bytes);
        bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    };
    let by_id = |name: &str| -> HashMap<i64, Value> {
        lines(name).into_iter().filter_map(|value| Some((value.get("id")?.as_i64()?, value))).collect()
    };
    let (paths, refs) = (by_id("paths"), by_id("refs"));
    for stat in lines("hit_stats") {
        let count = stat.get("count").and_then(Value::as_i64).unwrap_or(0);
        let hour = stat.get("hour").and_then(Value::as_str).and_then(|hour| hour.parse::<Timestamp>().ok());
        let path = stat.get("path_id").and_then(Value::as_i64).and_then(|id| paths.get(&id));
        let (Some(hour), Some(path)) = (hour, path) else { continue };
        let day = set.site.day(hour);
        let text = path.get("path").and_then(Value::as_str).unwrap_or_default();
        if path.get("event").and_then(Value::as_bool) == Some(true) {
            set.add(day, FigureKey::Action(text.into()), &[(Visitors, count)]);
            continue;
        }
        set.page_figures(day, text, &[(Visitors, count)]);
        let source = stat.get("ref_id").and_then(Value::as_i64).and_then(|id| refs.get(&id));
        if source.and_then(|source| source.get("ref_scheme")).and_then(Value::as_str) == Some("h") {
            let host = source.and_then(|source| source.get("ref")).and_then(Value::as_str).unwrap_or_default();
            set.referrer(day, host, &[(Visitors, count)]);
        }
    }
    let day_of = |stat: &Value| stat.get("day").and_then(Value::as_str).and_then(crate::import::figures::cells::day);
    for (table, names, id, dimension) in [
        ("browser_stats", "browsers", "browser_id", Dimension::Browser),
        ("system_stats", "systems", "system_id", Dimension::System),
    ] {
        let names = by_id(names);
        for stat in lines(table) {
            let name = stat.get(id).and_then(Value::as_i64).and_then(|id| names.get(&id));
            let name = name.and_then(|name| name.get("name")).and_then(Value::as_str).unwrap_or_default();
            if let Some(day) = day_of(&stat) {
                let count = stat.get("count").and_then(Value::as_i64).unwrap_or(0);
                set.dimension(day, dimension, name, &[(Visitors, count)]);
            }
        }
    }
    for stat in lines("location_stats") {
        let country = stat.get("location").and_then(Value::as_str).and_then(|text| text.split('-').next());
        if let (Some(day), Some(country)) = (day_of(&stat), country) {
            let count = stat.get("count").and_then(Value::as_i64).unwrap_or(0);
            set.dimension(day, Dimension::Country, country, &[(Visitors, count)]);
        }
    }
    set.leave("pageviews, visits, bounces and times: the JSON export counts a path only once a session");
    set.leave("screens: the export has the screen's width, not the window's");
}

/// Reads a CSV export into `set`.
pub(super) fn read_csv(part: &ExportPart, set: &mut FigureSet) -> std::io::Result<()> {
    let bytes = part.bytes.get(1..).unwrap_or_default();
    let (mut seen, mut sessions) = (HashSet::new(), HashSet::new());
    rows(bytes, |row| {
        let Ok(time) = row.text("Date").parse::<Timestamp>() else { return };
        set.person_rows += 1;
        if row.number("Bot") > 0 {
            return;
        }
        let (day, session) = (set.site.day(time), row.text("Session").to_owned());
        let is_event = matches!(row.text("Event"), "1" | "true");
        let path = row.text("Path").to_owned();
        let first = |seen: &mut HashSet<_>, of: &str| i64::from(seen.insert((day, session.clone(), of.to_owned())));
        if is_event {
            let new = first(&mut seen, &format!("event {path}"));
            set.add(day, FigureKey::Action(path.as_str().into()), &[(Pageviews, 1), (Visitors, new)]);
            return;
        }
        let visit = i64::from(sessions.insert(session.clone()));
        let figures = [(Pageviews, 1), (Visitors, first(&mut seen, "")), (Visits, visit)];
        set.add(day, FigureKey::Site, &figures);
        let new_page = first(&mut seen, &format!("page {path}"));
        set.page_figures(day, &path, &[(Pageviews, 1), (Visitors, new_page), (Visits, visit)]);
        let country = row.text("Location").split('-').next().unwrap_or_default().to_owned();
        let family =
            |text: &str| text.trim_end_matches(|end: char| end.is_ascii_digit() || end == '.' || end == ' ').to_owned();
        set.dimension(day, Dimension::Country, &country, &figures);
        set.dimension(day, Dimension::Browser, &family(row.text("Browser")), &figures);
        set.dimension(day, Dimension::System, &family(row.text("System")), &figures);
        if row.text("Referrer scheme") == "h" {
            set.referrer(day, row.text("Referrer"), &figures);
        }
    })
}
