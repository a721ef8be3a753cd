//! Constants of the release with their reasons. `/privacy`, the notices and the audit quote them.

use jiff::SignedDuration;

use crate::rollup::levels::cells::FIGURES;

/// Published counts are multiples of this, or of a multiple ([`step_factor`]): the criterion asks for tens.
pub const STEP: i64 = 10;

/// Drawn visitors from which a row is published. The draw moves a sum by up to 18: a row of one visitor is never
/// published, a row of two in a thousandth of cases, a row of 29 always.
pub const GATE: i64 = 20;

/// Most that the draw adds to a sum.
pub(super) const RAISED_MAX: i64 = 18;

/// A row with fewer visitors is never published.
pub const SHOWN_FROM: i64 = GATE - RAISED_MAX;

/// Rows of a day and page in one release of days that are over: as many as the engine adds up within its memory. A
/// week is never divided.
pub const ROUND_ROWS: u64 = 1_000_000;

/// Visitors (plus one random digit) that a page's or action's busiest day must reach before its week or month shows it:
/// one person who visits daily adds up to thirty in a month, and must not open a page of their own.
pub const PAGE_OPENS_AT: i64 = 11;

/// The same bound for texts from outside (searches, property values, referrers, campaigns): one visitor more, since
/// such a text may hold anything.
pub const TEXT_OPENS_AT: i64 = 12;

/// Pageviews of a visit and day that count, and uses of features: one visit weighs at most one step of a row. A page or
/// feature that is new to the visitor's day has its visitor beyond it.
pub const VISIT_PAGEVIEWS_MAX: u8 = 10;

/// Seconds of a visit that count, and of its reading, one step: half an hour.
pub const VISIT_SECONDS_MAX: u32 = 1_800;

/// Smallest unit of each figure of a cell in tenths of a step, in the order of the figures. A step is 10 of a count, 30
/// minutes of a duration (180 s, 180 000 ms), 1 000 percent of depths (ten whole pages).
pub const UNITS: [(&str, i64); FIGURES] = [
    ("visitors", 1),
    ("pageviews", 1),
    ("visits", 1),
    ("bounces", 1),
    ("visit_seconds", 180),
    ("engaged_ms", 180_000),
    ("engaged_views", 1),
    ("scroll_percent", 100),
    ("scroll_views", 1),
    ("not_found", 1),
    ("exits", 1),
];

/// Factor by which the steps of a figure are larger than [`UNITS`] say, by published table. A visit is in some 86
/// figures of its day, and each is a draw of its own: all of them together tell more of it than one does. Most are of
/// values, where visitors are read and compared; the other figures of values, and of hours and actions, come in
/// twenties. The site and its pages by day stay in tens. Fifties would gain another three points of a hundred and make
/// rates of values useless: `make accuracy` prints each choice.
pub fn step_factor(table: &str, figure: &str) -> i64 {
    match (table, figure) {
        ("dimension_page_days", _) => 2,
        (
            "site_hours" | "page_hours" | "dimension_days" | "action_days" | "action_page_days" | "action_value_days",
            "pageviews" | "visits" | "bounces" | "visit_seconds" | "count",
        ) => 2,
        _ => 1,
    }
}

/// Unit of a figure of a published table, in tenths of its step.
pub fn unit_of(table: &str, figure: &str) -> i64 {
    let unit = UNITS.iter().find(|(name, _)| *name == figure).map_or(1, |(_, unit)| *unit);
    unit * step_factor(table, figure)
}

/// Time between a period's end and its release: a visit in progress at the end may still correct the period.
pub const CLOSES_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// Days after which no exact figure of a day is left: its month ends with the week that the day belongs to, in the next
/// month for days behind the last Sunday; and [`CONTINUED_WAITS`].
pub const EXACT_DAYS_MAX: i64 = 39;

/// Part of the origin of rows from imports with `--continue`, between the kind of files and the site. Each import
/// continues the previous one, so that a day comes in parts. The parts wait under one origin, and the day is drawn
/// once, when the log has passed it.
pub const CONTINUED: &str = ":continued:";

/// How long a period of such an origin waits for the next import before a collector releases it: as long as the
/// import's open days are remembered.
pub const CONTINUED_WAITS: SignedDuration = SignedDuration::from_hours(48);

/// Longest wait for a collector that was last seen before the period ended.
pub const OTHERS_WAITED_FOR: SignedDuration = SignedDuration::from_hours(1);

/// The same where that collector was cut off within a batch: its tables may hold half of it. Were the period released
/// then, the batch would be offered again to buckets that do not know its token, and its first half would count twice.
pub const BATCHES_WAITED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Dimensions whose values are texts from outside; see [`TEXT_OPENS_AT`].
pub const TEXT_DIMENSIONS: [&str; 7] =
    ["referrer", "source", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];
