//! Reads Google Analytics 4: responses of `runReport` as JSON, or CSV with the API's names in its header; `date` and at
//! most one dimension beside it. `sessions - engagedSessions` are bounces.

use serde_json::Value;

use crate::event::Dimension;
use crate::import::figures::archive::ExportPart;
use crate::import::figures::cells::Figure::{Bounces, EngagedMs, Pageviews, Visitors, Visits};
use crate::import::figures::cells::{FigureKey, FigureSet, day, device};

/// One row: names and values of dimensions and metrics.
type Fields = Vec<(String, String)>;

/// Whether the part is a response of `runReport`, or CSV with its names.
pub(super) fn is_report(part: &ExportPart) -> bool {
    let head = String::from_utf8_lossy(part.bytes.get(..400.min(part.bytes.len())).unwrap_or_default()).into_owned();
    head.contains("dimensionHeaders") || head.lines().any(|line| line.starts_with("date,") && line.contains("s"))
}

/// Reads one report into `set`.
pub(super) fn read(part: &ExportPart, set: &mut FigureSet) -> std::io::Result<()> {
    if !part.bytes.trim_ascii_start().starts_with(b"{") {
        return read_csv(part, set);
    }
    let report: Value = serde_json::from_slice(&part.bytes).map_err(|_| std::io::Error::other("is not JSON"))?;
    let names = |kind: &str| -> Vec<String> {
        let headers = report.get(kind).and_then(Value::as_array).cloned().unwrap_or_default();
        headers.iter().filter_map(|header| Some(header.get("name")?.as_str()?.to_owned())).collect()
    };
    let names: Vec<String> = names("dimensionHeaders").into_iter().chain(names("metricHeaders")).collect();
    for row in report.get("rows").and_then(Value::as_array).into_iter().flatten() {
        let values =
            ["dimensionValues", "metricValues"].into_iter().filter_map(|kind| row.get(kind)?.as_array()).flatten();
        let values = values.filter_map(|value| Some(value.get("value")?.as_str()?.to_owned()));
        add(&names.iter().cloned().zip(values).collect(), set);
    }
    let metadata = report.get("metadata");
    if metadata.and_then(|metadata| metadata.get("subjectToThresholding")).and_then(Value::as_bool) == Some(true) {
        set.leave("rows that Google withholds below its thresholds");
    }
    Ok(())
}

fn read_csv(part: &ExportPart, set: &mut FigureSet) -> std::io::Result<()> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).comment(Some(b'#')).from_reader(&*part.bytes);
    let names: Vec<String> = reader.headers().map_err(std::io::Error::other)?.iter().map(str::to_owned).collect();
    for record in reader.records() {
        let record = record.map_err(|_| std::io::Error::other("a line is not CSV"))?;
        add(&names.iter().cloned().zip(record.iter().map(str::to_owned)).collect(), set);
    }
    Ok(())
}

fn add(fields: &Fields, set: &mut FigureSet) {
    let text = |name: &str| fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    let number = |name: &str| text(name).split('.').next().and_then(|digits| digits.parse::<i64>().ok()).unwrap_or(0);
    let Some(day) = day(text("date")) else {
        set.leave("reports without the dimension `date`");
        return;
    };
    let bounces = match text("engagedSessions") {
        "" => number("bounces"),
        _ => number("sessions") - number("engagedSessions"),
    };
    let of_visits = [
        (Visitors, number("totalUsers")),
        (Pageviews, number("screenPageViews")),
        (Visits, number("sessions")),
        (Bounces, bounces),
    ];
    let dimensions: Vec<&str> = fields
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| {
            let metrics = [
                "totalUsers",
                "screenPageViews",
                "sessions",
                "engagedSessions",
                "bounces",
                "userEngagementDuration",
                "eventCount",
            ];
            *name != "date" && !metrics.contains(name)
        })
        .collect();
    match dimensions.as_slice() {
        [] => set.add(day, FigureKey::Site, &of_visits),
        ["pagePath"] | ["hostName", "pagePath"] => {
            let figures = [
                (Visitors, number("totalUsers")),
                (Pageviews, number("screenPageViews")),
                (EngagedMs, number("userEngagementDuration") * 1_000),
            ];
            set.page_figures(day, text("pagePath"), &figures);
        }
        ["landingPage"] => {
            set.page_figures(day, text("landingPage"), &[(Visits, number("sessions")), (Bounces, bounces)]);
        }
        ["sessionSource"] => set.referrer(day, text("sessionSource"), &of_visits),
        ["countryId"] => set.dimension(day, Dimension::Country, text("countryId"), &of_visits),
        ["deviceCategory"] => set.dimension(day, Dimension::Device, device(text("deviceCategory")), &of_visits),
        ["browser"] => set.dimension(day, Dimension::Browser, text("browser"), &of_visits),
        ["operatingSystem"] => set.dimension(day, Dimension::System, text("operatingSystem"), &of_visits),
        ["eventName"] => {
            let figures = [(Pageviews, number("eventCount")), (Visitors, number("totalUsers"))];
            match text("eventName") {
                "page_view" | "session_start" | "first_visit" | "user_engagement" | "scroll" => {
                    set.leave("automatic events of Google (page_view, session_start, scroll …)");
                }
                name => set.add(day, FigureKey::Action(name.into()), &figures),
            }
        }
        _ => set.leave("reports with several dimensions, or with an unknown one"),
    }
}
