//! A question about one site, in types: what is counted, over which days, by what, filtered by what. Holds no figure
//! and knows no SQL beyond the names of its columns; `statement.rs` writes the SELECT.

use jiff::Timestamp;
use jiff::civil::Date;

use super::published::{self, Table};
use crate::event::Dimension;

/// Most rows of one answer: what a page of a table or a year of hours needs, and little memory.
pub const ROWS_MAX: u32 = 10_000;

/// Smallest number below the line of a rate where figures are drawn to tens: a draw is off by 5.7 (standard deviation),
/// and by 19 at most, so the rate of a hundred is off by some six points.
pub const RATE_BASE_MIN: i64 = 100;

/// Ranges from this length on hold the rests of their weeks.
const WEEK_DAYS: i32 = 7;

/// Ranges from this length on hold the rests of their months.
const MONTH_DAYS: i32 = 28;

/// Periods that figures are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// One figure for the whole range.
    Whole,
    /// UTC hours, named in the site's time zone. Published for pageviews, visits and visitors of the site, and for
    /// pageviews and visits of a page.
    Hour,
    /// The site's days.
    Day,
    /// Weeks from Monday.
    Week,
    /// Calendar months.
    Month,
}

/// What pages stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Pages as they are viewed.
    Viewed,
    /// Where visits begin.
    Entry,
    /// Where visits end.
    Exit,
}

/// What is counted: one of the ways in which figures are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The site and its pages.
    Pages(Role),
    /// One dimension; its values are the report's values.
    Breakdown(Dimension),
    /// Actions; names are the report's values, or the values of a declared property.
    Actions {
        /// The property, or the actions themselves.
        property: Option<String>,
    },
    /// Load times; the report's values say which.
    Timings,
    /// Hits of robots; the report's values say of which kind.
    Robots,
    /// What became of hits; the report's values are the outcomes.
    Outcomes,
}

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// One of the values.
    Is,
    /// None of the values.
    IsNot,
    /// Any of the values is a part.
    Contains,
    /// None of the values is a part.
    ContainsNot,
    /// Any of the RE2 expressions matches a part.
    Matches,
    /// None of the RE2 expressions matches a part.
    MatchesNot,
}

/// A column that rows are filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterColumn {
    /// Page.
    Page,
    /// Value of the dimension or property, name of the load time.
    Value,
    /// Name of the action.
    Action,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// What is compared.
    pub column: FilterColumn,
    /// How.
    pub operator: Operator,
    /// Alternatives.
    pub values: Vec<String>,
    /// Whether `A` and `a` differ.
    pub case_sensitive: bool,
}

/// What is let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// One comparison.
    Compare(Filter),
    /// Every one of these.
    And(Vec<Condition>),
    /// At least one of these.
    Or(Vec<Condition>),
    /// The opposite.
    Not(Box<Condition>),
}

/// One figure of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Daily visitors.
    Visitors,
    /// Visits that began.
    Visits,
    /// Pageviews.
    Pageviews,
    /// Pageviews of a visit.
    ViewsPerVisit,
    /// Visits of one pageview, percent.
    BounceRate,
    /// Seconds of a visit.
    VisitDuration,
    /// Seconds that a view was read.
    TimeOnPage,
    /// How far a view was read, percent.
    ScrollDepth,
    /// Uses of a feature; load times measured.
    Events,
    /// The load time that half of them kept to.
    P50,
    /// The load time that three of four kept to.
    P75,
    /// The load time that 95 of a hundred kept to.
    P95,
    /// Visitors of a hundred of those that the filters let through.
    Percentage,
    /// Visitors of a hundred of the site who used the feature.
    ConversionRate,
    /// Pageviews of a page that does not exist.
    NotFound,
    /// Requests of robots; hits by what became of them.
    Hits,
}

/// A column to order by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Beginning of the period.
    Time,
    /// Page.
    Page,
    /// Value of the dimension, name of the action.
    Value,
    /// A figure.
    Metric(Metric),
}

/// Which rows count, by what brought them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origins {
    /// What the collector measured, or read in a log.
    Measured,
    /// Figures imported from another tool too.
    Imported,
}

/// UTC hours, for ranges that are not made of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourSpan {
    /// Start of the first hour.
    pub from: Timestamp,
    /// End of the last one.
    pub to: Timestamp,
}

/// One question about one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Configured name of the site.
    pub site: String,
    /// IANA name of its time zone, for the names of hours.
    pub timezone: String,
    /// First of the site's days.
    pub from: Date,
    /// Last of the site's days.
    pub to: Date,
    /// Of those days, these hours only.
    pub hours: Option<HourSpan>,
    /// Periods.
    pub grain: Grain,
    /// What is counted.
    pub subject: Subject,
    /// Tell pages apart.
    pub by_page: bool,
    /// Tell values apart.
    pub by_value: bool,
    /// Which rows.
    pub condition: Option<Condition>,
    /// What brought them.
    pub origins: Origins,
    /// Smallest number below the line of a rate: 1, or [`RATE_BASE_MIN`] where figures are drawn to tens.
    pub rate_base_min: i64,
    /// Most important column first; ties fall to time, page and value.
    pub order: Vec<(Column, Direction)>,
    /// At most [`ROWS_MAX`].
    pub limit: u32,
    /// Rows to leave out first.
    pub offset: u32,
}

/// Which way a column is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

impl Report {
    /// The table that holds the figures; none where they are not published together.
    pub fn table(&self) -> Option<&'static Table> {
        let by_hour = self.grain == Grain::Hour || self.hours.is_some();
        let by_page = self.names_pages();
        let name = match (&self.subject, by_page, by_hour) {
            (Subject::Pages(Role::Viewed), false, false) => "site_days",
            (Subject::Pages(Role::Viewed), false, true) => "site_hours",
            (Subject::Pages(_), _, false) => "page_days",
            (Subject::Pages(Role::Viewed | Role::Entry), _, true) => "page_hours",
            (Subject::Breakdown(_), false, false) => "dimension_days",
            (Subject::Breakdown(_), true, false) => "dimension_page_days",
            (Subject::Actions { property: None }, false, false) => "action_days",
            (Subject::Actions { property: None }, true, false) => "action_page_days",
            (Subject::Actions { property: Some(_) }, false, false) => "action_value_days",
            (Subject::Timings, false, false) => "timing_days",
            (Subject::Timings, true, false) => "timing_page_days",
            (Subject::Robots, _, false) => "robot_days",
            (Subject::Outcomes, false, false) => "outcome_days",
            (Subject::Actions { property: Some(_) } | Subject::Outcomes, true, _)
            | (
                Subject::Pages(Role::Exit)
                | Subject::Breakdown(_)
                | Subject::Actions { .. }
                | Subject::Timings
                | Subject::Robots
                | Subject::Outcomes,
                _,
                true,
            ) => return None,
        };
        published::table(name)
    }

    /// Whether pages are told apart or filtered.
    pub fn names_pages(&self) -> bool {
        self.by_page || self.condition.as_ref().is_some_and(|condition| condition.names(FilterColumn::Page))
    }

    /// Whether this figure is published in the way that the report asks for.
    pub fn stores(&self, metric: Metric) -> bool {
        let Some(table) = self.table() else { return false };
        let has = |figures: &[&str]| figures.iter().all(|figure| table.has(figure));
        match (&self.subject, metric) {
            (Subject::Timings, metric) => metric == Metric::Events || metric.is_load_time(),
            (_, Metric::P50 | Metric::P75 | Metric::P95) => false,
            (Subject::Pages(Role::Entry | Role::Exit), Metric::Visits) => has(&["visits"]),
            (Subject::Pages(Role::Entry), Metric::BounceRate | Metric::VisitDuration) => has(&["bounces"]),
            (Subject::Pages(Role::Entry | Role::Exit), _) => false,
            (Subject::Actions { .. }, Metric::Events) => true,
            (Subject::Robots | Subject::Outcomes, Metric::Hits) => true,
            (_, Metric::Events | Metric::Hits) => false,
            (Subject::Actions { .. }, Metric::ConversionRate) => has(&["visitors"]),
            (_, Metric::ConversionRate) => false,
            (subject, Metric::ViewsPerVisit) => {
                let of_the_visit = match subject {
                    Subject::Breakdown(dimension) => dimension.is_of_visitor(),
                    Subject::Pages(_)
                    | Subject::Actions { .. }
                    | Subject::Timings
                    | Subject::Robots
                    | Subject::Outcomes => true,
                };
                of_the_visit && !self.names_pages() && has(&["pageviews", "visits"])
            }
            (_, Metric::Visitors | Metric::Percentage) => has(&["visitors"]),
            (_, Metric::Visits) => has(&["visits"]),
            (_, Metric::Pageviews) => has(&["pageviews"]),
            (_, Metric::NotFound) => has(&["not_found"]),
            (_, Metric::BounceRate) => has(&["bounces", "visits"]),
            (_, Metric::VisitDuration) => has(&["visit_seconds", "visits"]),
            (_, Metric::TimeOnPage) => has(&["engaged_ms", "engaged_views"]),
            (_, Metric::ScrollDepth) => has(&["scroll_percent", "scroll_views"]),
        }
    }

    /// How many days it asks about.
    pub fn days(&self) -> i32 {
        self.to.since(self.from).map_or(0, |span| span.get_days()) + 1
    }

    /// Periods whose rows count: a rest of a week is part of no day, a rest of a month of no week.
    pub(super) fn periods(&self) -> &'static [&'static str] {
        match (self.grain, self.days()) {
            (Grain::Hour | Grain::Day, _) => &["day"],
            (Grain::Week, _) => &["day", "week"],
            (Grain::Month, _) => &["day", "week", "month"],
            (Grain::Whole, ..WEEK_DAYS) => &["day"],
            (Grain::Whole, ..MONTH_DAYS) => &["day", "week"],
            (Grain::Whole, _) => &["day", "week", "month"],
        }
    }

    /// The whole that this report is a part of: the same rows, in one.
    pub fn whole(&self) -> Self {
        let all = Self { grain: Grain::Whole, by_page: false, by_value: false, order: Vec::new(), ..self.clone() };
        Self { limit: 1, offset: 0, ..all }
    }

    /// The site as a whole, over the same days.
    pub fn site_whole(&self) -> Self {
        Self { subject: Subject::Pages(Role::Viewed), condition: None, ..self.whole() }
    }
}

impl Condition {
    /// Whether any comparison looks at `column`.
    pub fn names(&self, column: FilterColumn) -> bool {
        match self {
            Condition::Compare(filter) => filter.column == column,
            Condition::And(parts) | Condition::Or(parts) => parts.iter().any(|part| part.names(column)),
            Condition::Not(part) => part.names(column),
        }
    }
}

impl Column {
    /// The name of the column in a row.
    pub(super) fn name(self) -> &'static str {
        match self {
            Column::Time => "time",
            Column::Page => "page",
            Column::Value => "value",
            Column::Metric(Metric::Percentage | Metric::ConversionRate) => Metric::Visitors.name(),
            Column::Metric(metric) => metric.name(),
        }
    }
}

impl Metric {
    /// All, in the order in which they are listed to people.
    pub const ALL: [Metric; 16] = [
        Metric::Visitors,
        Metric::Visits,
        Metric::Pageviews,
        Metric::ViewsPerVisit,
        Metric::BounceRate,
        Metric::VisitDuration,
        Metric::TimeOnPage,
        Metric::ScrollDepth,
        Metric::Events,
        Metric::P50,
        Metric::P75,
        Metric::P95,
        Metric::Percentage,
        Metric::ConversionRate,
        Metric::NotFound,
        Metric::Hits,
    ];

    /// The name of its column, and in every answer.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Visitors => "visitors",
            Metric::Visits => "visits",
            Metric::Pageviews => "pageviews",
            Metric::ViewsPerVisit => "views_per_visit",
            Metric::BounceRate => "bounce_rate",
            Metric::VisitDuration => "visit_duration",
            Metric::TimeOnPage => "time_on_page",
            Metric::ScrollDepth => "scroll_depth",
            Metric::Events => "events",
            Metric::P50 => "p50",
            Metric::P75 => "p75",
            Metric::P95 => "p95",
            Metric::Percentage => "percentage",
            Metric::ConversionRate => "conversion_rate",
            Metric::NotFound => "not_found",
            Metric::Hits => "hits",
        }
    }

    /// Whether it is a column of a row; the others set a row's visitors against those of the whole.
    pub fn is_column(self) -> bool {
        !matches!(self, Metric::Percentage | Metric::ConversionRate)
    }

    /// Whether it is read from a histogram of load times.
    pub fn is_load_time(self) -> bool {
        matches!(self, Metric::P50 | Metric::P75 | Metric::P95)
    }

    /// Whether it is a sum, so that nothing means 0; a rate of nothing is no number.
    pub fn is_count(self) -> bool {
        let sums =
            [Metric::Visitors, Metric::Visits, Metric::Pageviews, Metric::Events, Metric::NotFound, Metric::Hits];
        sums.contains(&self)
    }
}

impl Grain {
    /// The word in the name of a time dimension.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Grain::Whole => "",
            Grain::Hour => "hour",
            Grain::Day => "day",
            Grain::Week => "week",
            Grain::Month => "month",
        }
    }
}
