//! Reads AWStats' data files, `awstatsMMYYYY.site.txt`: the site by day. Monthly sums have no day and are skipped; so
//! is the section of visitors, which holds addresses.

use crate::import::figures::archive::ExportPart;
use crate::import::figures::cells::Figure::{Pageviews, Visits};
use crate::import::figures::cells::{FigureKey, FigureSet, day};

/// Whether the part is a data file.
pub(super) fn is_data(part: &ExportPart) -> bool {
    part.bytes.starts_with(b"AWSTATS DATA FILE") || part.bytes.windows(10).any(|window| window == b"BEGIN_DAY ")
}

/// Reads one data file.
pub(super) fn read(part: &ExportPart, set: &mut FigureSet) {
    let text = String::from_utf8_lossy(&part.bytes);
    let mut section = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("BEGIN_") {
            section = name.split(' ').next().unwrap_or_default();
            continue;
        }
        if line.starts_with("END_") {
            section = "";
            continue;
        }
        match section {
            "DAY" => {
                // A line: day, pages, hits, bytes, visits.
                let mut words = line.split(' ');
                let day = words.next().and_then(day);
                let pages = words.next().and_then(|number| number.parse().ok());
                let visits = words.nth(2).and_then(|number| number.parse().ok());
                if let (Some(day), Some(pages), Some(visits)) = (day, pages, visits) {
                    set.add(day, FigureKey::Site, &[(Pageviews, pages), (Visits, visits)]);
                }
            }
            "VISITOR" => set.person_rows += 1,
            "" | "MAP" | "GENERAL" | "TIME" | "MISC" => {}
            _ => set.leave("pages, browsers, systems, countries and referrers: AWStats has them by month only"),
        }
    }
    set.leave("daily visitors: AWStats has them by month only");
}
