//! Reads Umami: the cloud's export of raw events, summed in memory and dropped, and the download button's totals, which
//! have no date and are given one by the command's `--day`.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::event::{Day, Dimension};
use crate::import::figures::archive::ExportPart;
use crate::import::figures::cells::Figure::{Pageviews, Visitors, Visits};
use crate::import::figures::cells::{FigureKey, FigureSet, device};
use crate::import::figures::table::rows;
use crate::import::log_time;

/// Whether the part holds the cloud's raw events.
pub(super) fn is_raw(part: &ExportPart) -> bool {
    part.name == "website_event.csv"
}

/// The download button's table: `pages`, `referrers` …
pub(super) fn table(part: &ExportPart) -> Option<&str> {
    let head = part.bytes.get(..3)?;
    let name = part.name.strip_suffix(".csv")?;
    let known = ["pages", "events", "referrers", "browsers", "os", "devices", "countries"].contains(&name);
    (known && head == b"x,y").then_some(name)
}

/// Reads one of the download button's tables, for one day. `y` counts sessions; for events, uses.
pub(super) fn read_table(part: &ExportPart, table: &str, day: Day, set: &mut FigureSet) -> std::io::Result<()> {
    set.leave("pageviews, visits, bounces and times: the download has sessions only");
    rows(&part.bytes, |row| {
        let (name, figures) = (row.text("x"), [(Visitors, row.number("y"))]);
        match table {
            "pages" => set.page_figures(day, name, &figures),
            "events" => set.add(day, FigureKey::Action(name.into()), &[(Pageviews, row.number("y"))]),
            "referrers" => set.referrer(day, name, &figures),
            "browsers" => set.dimension(day, Dimension::Browser, name, &figures),
            "os" => set.dimension(day, Dimension::System, name, &figures),
            "devices" => set.dimension(day, Dimension::Device, device(name), &figures),
            _ => set.dimension(day, Dimension::Country, name, &figures),
        }
    })
}

/// Reads raw events: sessions and visits are distinguished in memory, then dropped.
pub(super) fn read_raw(part: &ExportPart, set: &mut FigureSet) -> std::io::Result<()> {
    let (mut seen, mut visits) = (HashSet::new(), HashMap::<String, u32>::new());
    rows(&part.bytes, |row| {
        let time: Option<Timestamp> = log_time::any(row.text("created_at"));
        let Some(time) = time else { return };
        set.person_rows += 1;
        let (day, session) = (set.site.day(time), row.text("session_id").to_owned());
        let mut first = |of: String| i64::from(seen.insert((day, session.clone(), of)));
        match row.number("event_type") {
            1 => {}
            2 => {
                let action = row.text("event_name");
                let new = first(format!("event {action}"));
                set.add(day, FigureKey::Action(action.into()), &[(Pageviews, 1), (Visitors, new)]);
                return;
            }
            _ => return,
        }
        let views = visits.entry(row.text("visit_id").to_owned()).or_default();
        *views += 1;
        let visit = i64::from(*views == 1);
        let figures = [(Pageviews, 1), (Visitors, first(String::new())), (Visits, visit)];
        set.add(day, FigureKey::Site, &figures);
        let path = row.text("url_path");
        let new_page = first(format!("page {path}"));
        set.page_figures(day, path, &[(Pageviews, 1), (Visitors, new_page), (Visits, visit)]);
        set.dimension(day, Dimension::Country, row.text("country"), &figures);
        set.dimension(day, Dimension::Browser, row.text("browser"), &figures);
        set.dimension(day, Dimension::System, row.text("os"), &figures);
        set.dimension(day, Dimension::Device, device(row.text("device")), &figures);
        let language = row.text("language").split('-').next().unwrap_or_default();
        set.dimension(day, Dimension::Language, language, &figures);
        set.referrer(day, row.text("referrer_domain"), &figures);
    })?;
    set.leave("bounces and times: visits of Umami end with the hour, not after a pause");
    set.leave("click ids, distinct ids, queries: they can identify persons");
    Ok(())
}
