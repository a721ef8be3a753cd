//! AWStats' data files, `awstatsMMYYYY.site.txt`: the site by day. What it adds up by month has no day, and its section
//! of visitors holds addresses, which are passed over.

use crate::import::figures::archive::ExportPart;
use crate::import::figures::cells::Figure::{Pageviews, Visits};
use crate::import::figures::cells::{FigureKey, FigureSet, day};

/// Whether the part is a data file.
pub(super) fn is_data(part: &ExportPart) -> bool {
    part.bytes.starts_with(b"AWSTATS DATA FILE") || part.bytes.windows(10).any(|window| window == b"BEGIN_DAY ")
}

/// Reads a data file.
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
                // Day, pages, hits, bytes, visits.
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
            _ => {
                set.leave("pages, browsers, systems, countries and referrers: AWStats has them by month, without a day")
            }
        }
    }
    set.leave("daily visitors: AWStats knows those of a month, which cannot be split");
}
