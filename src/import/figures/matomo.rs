//! Reads Matomo's Reporting API with `period=day` and `format=JSON`, as files named after the method: an object of
//! days, each with its rows (`VisitsSummary.get`, `Actions.get`, `Actions.getPageUrls`, `Referrers.getWebsites`,
//! `UserCountry.getCountry`, `DevicesDetection.getBrowsers`, `getOsFamilies`, `getType`, `Events.getAction`).

use serde_json::Value;

use crate::event::{Day, Dimension};
use crate::import::figures::archive::ExportPart;
use crate::import::figures::cells::Figure::{Bounces, Exits, Pageviews, VisitSeconds, Visitors, Visits};
use crate::import::figures::cells::{Figure, FigureKey, FigureSet, day, device};

/// Supported methods; longer names before those that they contain.
pub(super) const METHODS: [&str; 9] = [
    "VisitsSummary.get",
    "Actions.getPageUrls",
    "Actions.get",
    "Referrers.getWebsites",
    "UserCountry.getCountry",
    "DevicesDetection.getBrowsers",
    "DevicesDetection.getOsFamilies",
    "DevicesDetection.getType",
    "Events.getAction",
];

/// The method in a file's name.
pub(super) fn method(part: &ExportPart) -> Option<&'static str> {
    METHODS.into_iter().find(|method| part.name.contains(method))
}

/// Whether the part is an object of days.
pub(super) fn is_days(part: &ExportPart) -> bool {
    let Ok(Value::Object(days)) = serde_json::from_slice(&part.bytes) else { return false };
    !days.is_empty() && days.keys().all(|text| day(text).is_some())
}

/// Reads one method's file.
pub(super) fn read(part: &ExportPart, method: &str, set: &mut FigureSet) -> std::io::Result<()> {
    let days: serde_json::Map<String, Value> =
        serde_json::from_slice(&part.bytes).map_err(|_| std::io::Error::other("is not an object of days"))?;
    for (text, rows) in &days {
        let Some(day) = day(text) else { continue };
        match rows.as_array() {
            Some(rows) => rows.iter().for_each(|row| add(method, day, row, set)),
            None => add(method, day, rows, set),
        }
    }
    Ok(())
}

fn add(method: &str, day: Day, row: &Value, set: &mut FigureSet) {
    let number = |name: &str| {
        let value = row.get(name);
        value.and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok())).unwrap_or(0)
    };
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("label") == "Others" || number("is_summary") == 1 {
        set.leave("rows called Others: Matomo limits the rows of a report and sums the rest");
        return;
    }
    let of_visits: [(Figure, i64); 4] = [
        (Visitors, number("nb_uniq_visitors")),
        (Visits, number("nb_visits")),
        (Bounces, number("bounce_count")),
        (VisitSeconds, number("sum_visit_length")),
    ];
    match method {
        "VisitsSummary.get" => set.add(day, FigureKey::Site, &of_visits),
        "Actions.get" => set.add(day, FigureKey::Site, &[(Pageviews, number("nb_pageviews"))]),
        "Actions.getPageUrls" => {
            let page = if text("url").is_empty() { text("label") } else { text("url") };
            let figures = [
                (Pageviews, number("nb_hits")),
                (Visitors, number("nb_uniq_visitors")),
                (Visits, number("entry_nb_visits")),
                (Bounces, number("entry_bounce_count")),
                (VisitSeconds, number("entry_sum_visit_length")),
                (Exits, number("exit_nb_visits")),
            ];
            set.page_figures(day, page, &figures);
            set.leave("times on pages: Matomo also counts time in the background");
        }
        "Referrers.getWebsites" => set.referrer(day, text("label"), &of_visits),
        "UserCountry.getCountry" => {
            set.dimension(day, Dimension::Country, &text("code").to_ascii_uppercase(), &of_visits);
        }
        "DevicesDetection.getBrowsers" => set.dimension(day, Dimension::Browser, text("label"), &of_visits),
        "DevicesDetection.getOsFamilies" => set.dimension(day, Dimension::System, text("label"), &of_visits),
        "DevicesDetection.getType" => set.dimension(day, Dimension::Device, device(text("label")), &of_visits),
        "Events.getAction" => {
            let figures = [(Pageviews, number("nb_events")), (Visitors, number("nb_uniq_visitors"))];
            set.add(day, FigureKey::Action(text("label").into()), &figures);
        }
        _ => set.leave("unknown methods"),
    }
    if method != "Actions.get" && method != "Actions.getPageUrls" && method != "VisitsSummary.get" {
        set.leave("pageviews by dimension: Matomo's nb_actions includes downloads, links and searches");
    }
}
