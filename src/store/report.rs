//! A question about one site, in types: what is counted, over which days, by what, filtered by what. Holds no figure
//! and knows no SQL beyond the words that the views understand.

use jiff::civil::Date;

use crate::event::Dimension;

/// Most rows of one answer: what a page of a table or a year of hours needs, and little memory.
pub const ROWS_MAX: u32 = 10_000;

/// Periods that figures are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// One figure for the whole range.
    Whole,
    /// UTC hours, named in the site's time zone. Kept for pages only.
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

/// What is counted: one of the ways in which figures are stored.
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
        /// Which actions.
        action: Option<Filter>,
    },
    /// Load times; the report's values say which.
    Timings,
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
    /// Any of the RE2 expressions matches a part.
    Matches,
}

/// What is let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// How.
    pub operator: Operator,
    /// Alternatives.
    pub values: Vec<String>,
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
    /// Periods.
    pub grain: Grain,
    /// What is counted.
    pub subject: Subject,
    /// Tell pages apart.
    pub by_page: bool,
    /// Tell values apart.
    pub by_value: bool,
    /// Which pages.
    pub page: Option<Filter>,
    /// Which values.
    pub value: Option<Filter>,
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
    /// Whether this figure is kept in the way that the report asks for.
    pub fn stores(&self, metric: Metric) -> bool {
        let whole_site = !self.by_page && self.page.is_none();
        match (&self.subject, metric) {
            (Subject::Timings, metric) => metric == Metric::Events || metric.is_load_time(),
            (_, Metric::P50 | Metric::P75 | Metric::P95) => false,
            (Subject::Pages(Role::Viewed), Metric::Events) => false,
            (Subject::Pages(Role::Viewed), Metric::ViewsPerVisit) => whole_site,
            (Subject::Pages(Role::Viewed), _) => true,
            (Subject::Pages(Role::Entry), Metric::Visits | Metric::BounceRate | Metric::VisitDuration) => true,
            (Subject::Pages(Role::Exit), Metric::Visits) => true,
            (Subject::Pages(Role::Entry | Role::Exit), _) => false,
            (Subject::Breakdown(_), Metric::Events | Metric::TimeOnPage | Metric::ScrollDepth) => false,
            (Subject::Breakdown(dimension), Metric::ViewsPerVisit) => {
                whole_site
                    && !matches!(dimension, Dimension::Referrer | Dimension::PreviousPage)
                    && !dimension.is_marketing()
            }
            (Subject::Breakdown(_), _) => true,
            (Subject::Actions { .. }, metric) => matches!(metric, Metric::Events | Metric::Visitors),
        }
    }
}

impl Column {
    /// The name in the views.
    pub(super) fn name(self) -> &'static str {
        match self {
            Column::Time => "time",
            Column::Page => "page",
            Column::Value => "value",
            Column::Metric(metric) => metric.name(),
        }
    }
}

impl Metric {
    /// All, in the order in which they are listed to people.
    pub const ALL: [Metric; 12] = [
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
        }
    }

    /// Whether it is read from a histogram of load times.
    pub fn is_load_time(self) -> bool {
        matches!(self, Metric::P50 | Metric::P75 | Metric::P95)
    }

    /// Whether it is a sum, so that nothing means 0; a rate of nothing is no number.
    pub fn is_count(self) -> bool {
        matches!(self, Metric::Visitors | Metric::Visits | Metric::Pageviews | Metric::Events)
    }
}

impl Grain {
    /// The word in the views.
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

impl Role {
    /// The word in the views.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Role::Viewed => "",
            Role::Entry => "entry",
            Role::Exit => "exit",
        }
    }
}
