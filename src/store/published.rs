//! The published tables: all that a reader may see. One list for grants, row filters, reports, the SQL guard and the
//! data dictionary of an export; a test compares it with the tables that the schema makes.

/// A column beside `site`, `day`, `period` and `origin`, with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedColumn {
    /// Name of the column in the table.
    pub name: &'static str,
    /// Meaning of its values, with their unit.
    pub meaning: &'static str,
}

/// A published table: its name, keys and figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Name of the table, without its database.
    pub name: &'static str,
    /// Columns that tell its rows apart, beside site, day, period and origin.
    pub keys: &'static [PublishedColumn],
    /// Columns with sums, in the order of the schema.
    pub figures: &'static [PublishedColumn],
}

const fn column(name: &'static str, meaning: &'static str) -> PublishedColumn {
    PublishedColumn { name, meaning }
}

const HOUR: PublishedColumn = column("hour", "start of the UTC hour");
const PAGE: PublishedColumn = column("page", "page: cleaned path");
const DIMENSION: PublishedColumn = column("dimension", "name of the dimension");
const VALUE: PublishedColumn = column("value", "value of the dimension or property");
const ACTION: PublishedColumn = column("action", "name of the action");
const PROPERTY: PublishedColumn = column("property", "declared property of the action");
const METRIC: PublishedColumn = column("metric", "which load time: ttfb, fcp, lcp, inp, cls, load");
const BUCKET: PublishedColumn =
    column("bucket", "bucket of the histogram: at most 2^(bucket / 4) ms; cls: thousandths");
const KIND: PublishedColumn = column("kind", "kind of robot: ai_assistant, ai_crawler, search, monitoring, other");
const OUTCOME: PublishedColumn = column("outcome", "outcome of the hits");
const TEXT: PublishedColumn = column("text", "note about the day");
const PAGEVIEWS: PublishedColumn = column("pageviews", "pageviews, count");
const VISITORS: PublishedColumn = column("visitors", "daily visitors, count: a person counts once a day");
const PAGE_VISITORS: PublishedColumn =
    column("visitors", "daily visitors of the page, count: once a day for each page");
const VISITS: PublishedColumn = column("visits", "visits that began, count");
const EXITS: PublishedColumn = column("exits", "visits that ended on the page, count");
const BOUNCES: PublishedColumn = column("bounces", "visits of one pageview, count");
const VISIT_SECONDS: PublishedColumn = column("visit_seconds", "length of those visits, seconds in all");
const ENGAGED_MS: PublishedColumn = column("engaged_ms", "time read, milliseconds in all");
const ENGAGED_VIEWS: PublishedColumn = column("engaged_views", "views with a time, count");
const SCROLL_PERCENT: PublishedColumn = column("scroll_percent", "scroll depth, percent in all");
const SCROLL_VIEWS: PublishedColumn = column("scroll_views", "views with a depth, count");
const NOT_FOUND: PublishedColumn = column("not_found", "pageviews of a page that does not exist, count");
const COUNT: PublishedColumn = column("count", "uses or measurements, count");
const USERS: PublishedColumn = column("visitors", "daily visitors who used it, count");
const HITS: PublishedColumn = column("hits", "requests, count");

/// All published tables; a test compares them with the schema.
pub const TABLES: [Table; 14] = [
    Table { name: "site_hours", keys: &[HOUR], figures: &[PAGEVIEWS, VISITORS, VISITS] },
    Table {
        name: "site_days",
        keys: &[],
        figures: &[
            PAGEVIEWS,
            VISITORS,
            VISITS,
            BOUNCES,
            VISIT_SECONDS,
            ENGAGED_MS,
            ENGAGED_VIEWS,
            SCROLL_PERCENT,
            SCROLL_VIEWS,
            NOT_FOUND,
        ],
    },
    Table { name: "page_hours", keys: &[HOUR, PAGE], figures: &[PAGEVIEWS, VISITS] },
    Table {
        name: "page_days",
        keys: &[PAGE],
        figures: &[
            PAGEVIEWS,
            PAGE_VISITORS,
            VISITS,
            EXITS,
            BOUNCES,
            VISIT_SECONDS,
            ENGAGED_MS,
            ENGAGED_VIEWS,
            SCROLL_PERCENT,
            SCROLL_VIEWS,
            NOT_FOUND,
        ],
    },
    Table {
        name: "dimension_days",
        keys: &[DIMENSION, VALUE],
        figures: &[PAGEVIEWS, VISITORS, VISITS, BOUNCES, VISIT_SECONDS],
    },
    Table { name: "dimension_page_days", keys: &[DIMENSION, PAGE, VALUE], figures: &[PAGEVIEWS, PAGE_VISITORS] },
    Table { name: "action_days", keys: &[ACTION], figures: &[COUNT, USERS] },
    Table { name: "action_page_days", keys: &[PAGE, ACTION], figures: &[COUNT, USERS] },
    Table { name: "action_value_days", keys: &[ACTION, PROPERTY, VALUE], figures: &[COUNT, USERS] },
    Table { name: "timing_days", keys: &[METRIC, BUCKET], figures: &[COUNT] },
    Table { name: "timing_page_days", keys: &[PAGE, METRIC, BUCKET], figures: &[COUNT] },
    Table { name: "robot_days", keys: &[PAGE, KIND], figures: &[HITS] },
    Table { name: "outcome_days", keys: &[OUTCOME], figures: &[HITS] },
    // No figures: notes that the site's own people wrote.
    Table { name: "annotations", keys: &[TEXT], figures: &[] },
];

/// The published table with this name.
pub fn table(name: &str) -> Option<&'static Table> {
    static PUBLISHED: [Table; 14] = TABLES;
    PUBLISHED.iter().find(|table| table.name == name)
}

impl Table {
    /// Whether the table has this figure.
    pub fn has(&self, figure: &str) -> bool {
        self.figures.iter().any(|column| column.name == figure)
    }

    /// Whether its rows are per hour, so that none is the rest of a week or month.
    pub fn is_hourly(&self) -> bool {
        self.keys.contains(&HOUR)
    }
}
