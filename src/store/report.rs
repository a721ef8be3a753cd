//! A query about one site, in types: the subject, the days, the grouping, the filters. Holds no figure and knows no
//! SQL beyond the names of its columns; `statement.rs` writes the SELECT.

use jiff::Timestamp;
use jiff::civil::Date;

use super::published::{self, Table};
use crate::event::Dimension;
use crate::release::rules::step_factor;

/// Most rows of one answer: enough for a page of a table or a year of hours, and little memory.
pub const ROWS_MAX: u32 = 10_000;

/// Smallest denominator of a rate where figures are drawn to tens: a draw is off by 5.7 (standard deviation), and by at
/// most 19, so the rate of a hundred is off by some six points. Figures in twenties need two hundred for that.
pub const RATE_BASE_MIN: i64 = 100;

/// Ranges of at least this length include the rests of their weeks.
const WEEK_DAYS: i32 = 7;

/// Ranges of at least this length include the rests of their months.
const MONTH_DAYS: i32 = 28;

/// Period that figures are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// One figure for the whole range.
    Whole,
    /// UTC hours, named in the site's time zone. Published for pageviews, visits and visitors of the site, and for
    /// pageviews and visits of a page.
    Hour,
    /// Days in the site's time zone.
    Day,
    /// Weeks that start on Monday.
    Week,
    /// Calendar months in the site's time zone.
    Month,
}

/// Role of a page in its visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Pages by their views.
    Viewed,
    /// Pages on which visits begin.
    Entry,
    /// Pages on which visits end.
    Exit,
}

/// Subject of the report: one of the ways in which figures are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The site and its pages, in one role.
    Pages(Role),
    /// One dimension; its values are the report's values.
    Breakdown(Dimension),
    /// Actions; their names are the report's values, or the values of a declared property.
    Actions {
        /// Name of the declared property; `None` counts the actions themselves.
        property: Option<String>,
    },
    /// Load times; their names are the report's values.
    Timings,
    /// Hits of robots; their kinds are the report's values.
    Robots,
    /// Hits by outcome; the outcomes are the report's values.
    Outcomes,
}

/// Operator of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Equals one of the values.
    Is,
    /// Equals none of the values.
    IsNot,
    /// Contains one of the values.
    Contains,
    /// Contains none of the values.
    ContainsNot,
    /// Matches one of the RE2 expressions, anywhere in the text.
    Matches,
    /// Matches none of the RE2 expressions, anywhere in the text.
    MatchesNot,
}

/// Column that a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterColumn {
    /// Path of the page.
    Page,
    /// Value of the dimension or property, or name of the load time.
    Value,
    /// Name of the action.
    Action,
}

/// A column compared with a list of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Column that the filter compares.
    pub column: FilterColumn,
    /// Operator of the comparison.
    pub operator: Operator,
    /// Alternatives: one match is enough.
    pub values: Vec<String>,
    /// Whether `A` and `a` differ.
    pub case_sensitive: bool,
}

/// Condition that a row must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// One comparison of a column.
    Compare(Filter),
    /// All of these conditions hold.
    And(Vec<Condition>),
    /// At least one of these conditions holds.
    Or(Vec<Condition>),
    /// The condition does not hold.
    Not(Box<Condition>),
}

/// A figure that a report can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Visitors, counted per day and added up.
    Visitors,
    /// Visits that began in the period.
    Visits,
    /// Views of pages in the period.
    Pageviews,
    /// Pageviews per visit, on average.
    ViewsPerVisit,
    /// Visits of one pageview, in percent of all.
    BounceRate,
    /// Seconds per visit, on average.
    VisitDuration,
    /// Seconds that a view was read, on average.
    TimeOnPage,
    /// Share of the page that was scrolled to, in percent, on average.
    ScrollDepth,
    /// Uses of a feature, or load times measured.
    Events,
    /// 50th percentile of a load time.
    P50,
    /// 75th percentile of a load time.
    P75,
    /// 95th percentile of a load time.
    P95,
    /// Visitors of the row in percent of those that the filters let through.
    Percentage,
    /// Visitors of the site who used the feature, in percent.
    ConversionRate,
    /// Pageviews of a page that does not exist.
    NotFound,
    /// Requests of robots, or hits by outcome.
    Hits,
}

/// Column that rows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Start of the period.
    Time,
    /// Path of the page.
    Page,
    /// Value of the dimension, or name of the action.
    Value,
    /// One of the figures.
    Metric(Metric),
}

/// Origin of the rows that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origins {
    /// Measured by the collector, or read from a log.
    Measured,
    /// Also figures imported from another tool.
    Imported,
}

/// A range of UTC hours, for ranges that are not whole days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourSpan {
    /// Start of the first hour.
    pub from: Timestamp,
    /// End of the last hour, exclusive.
    pub to: Timestamp,
}

/// One query about one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Name of the site in the configuration.
    pub site: String,
    /// IANA name of the site's time zone, for the names of hours.
    pub timezone: String,
    /// First of the site's days.
    pub from: Date,
    /// Last of the site's days, inclusive.
    pub to: Date,
    /// Restricts the days to these hours.
    pub hours: Option<HourSpan>,
    /// Period that rows are grouped by.
    pub grain: Grain,
    /// Subject whose figures are counted.
    pub subject: Subject,
    /// Whether each page has its own rows.
    pub by_page: bool,
    /// Whether each value has its own rows.
    pub by_value: bool,
    /// Figures of the rows; others are empty. A figure to sort by is one of them.
    pub metrics: Vec<Metric>,
    /// Filter of the rows; `None` keeps all.
    pub condition: Option<Condition>,
    /// Origin of the rows that count.
    pub origins: Origins,
    /// Smallest denominator of a rate: 1, or [`RATE_BASE_MIN`] where figures are drawn to tens.
    pub rate_base_min: i64,
    /// Sort columns, most important first; ties are sorted by time, page and value.
    pub order: Vec<(Column, Direction)>,
    /// Most rows of the answer; at most [`ROWS_MAX`].
    pub limit: u32,
    /// Rows skipped before the first.
    pub offset: u32,
}

/// Direction in which a column is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `asc`: smallest value first.
    Ascending,
    /// `desc`: largest value first.
    Descending,
}

impl Report {
    /// The table that holds the figures; `None` where they are not published together.
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

    /// Smallest denominator of this rate, of which a table may have larger steps.
    pub fn rate_base_of(&self, metric: Metric) -> i64 {
        let of_visits = matches!(metric, Metric::ViewsPerVisit | Metric::BounceRate | Metric::VisitDuration);
        let drawn = self.table().filter(|_| of_visits && self.rate_base_min > 1);
        self.rate_base_min * drawn.map_or(1, |table| step_factor(table.name, "visits"))
    }

    /// Whether this figure is published for the report's subject and grouping.
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

    /// Number of days of the range.
    pub fn days(&self) -> i32 {
        self.to.since(self.from).map_or(0, |span| span.get_days()) + 1
    }

    /// Periods whose rows count: a day does not include the rest of a week, nor a week that of a month.
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

    /// The same report without grouping: all its rows in one.
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
    /// Whether any comparison uses `column`.
    pub fn names(&self, column: FilterColumn) -> bool {
        match self {
            Condition::Compare(filter) => filter.column == column,
            Condition::And(parts) | Condition::Or(parts) => parts.iter().any(|part| part.names(column)),
            Condition::Not(part) => part.names(column),
        }
    }
}

impl Column {
    /// Name of the column in a row.
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
    /// All figures, in the order in which lists show them.
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

    /// Name of its column in rows and answers.
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

    /// Whether it is a column of a row; the others divide a row's visitors by those of the whole.
    pub fn is_column(self) -> bool {
        !matches!(self, Metric::Percentage | Metric::ConversionRate)
    }

    /// Whether it is read from a histogram of load times.
    pub fn is_load_time(self) -> bool {
        matches!(self, Metric::P50 | Metric::P75 | Metric::P95)
    }

    /// Whether it is a sum, so that no rows mean 0; a rate of no rows is not a number.
    pub fn is_count(self) -> bool {
        let sums =
            [Metric::Visitors, Metric::Visits, Metric::Pageviews, Metric::Events, Metric::NotFound, Metric::Hits];
        sums.contains(&self)
    }
}

impl Grain {
    /// Its word in the name of a time dimension.
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
