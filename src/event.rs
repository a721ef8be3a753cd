//! Events: what outlives a request, without identity, and the corrections that a hit makes to earlier hits of its
//! visit. Nothing here is derived from an address or an agent string except the coarse values of [`Dimension`]; an
//! event may be written anywhere. Events are made in `privacy` and `visits`, or decoded from bytes that were one.

use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;

/// Number of [`Dimension`] variants.
pub const DIMENSIONS: usize = 21;

/// Value of `referrer` and `source` for a visit without a referrer.
pub const DIRECT: &str = "(direct)";

/// Value for every text beyond a bound.
pub const OTHER: &str = "(other)";

/// A property by which figures are broken down, one at a time. The number is part of the spool's format: never reuse
/// one. Dimensions from [`Dimension::Source`] on are kept only as `privacy.marketing` allows, the device model only
/// with the consent of the hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Dimension {
    /// Host of an outside referrer, or `(direct)`.
    Referrer = 0,
    /// Page of the same site that the visitor came from.
    PreviousPage = 1,
    /// Country, ISO 3166-1 alpha-2.
    Country = 2,
    /// First subdivision of the country, by name.
    Region = 3,
    /// City, by its English name.
    City = 4,
    /// Device class: `desktop`, `mobile`, `tablet`, `tv`, `other`.
    Device = 5,
    /// Browser family, such as `Firefox`.
    Browser = 6,
    /// Major version of the browser.
    BrowserVersion = 7,
    /// Operating system family, such as `Windows`.
    System = 8,
    /// Major version of the operating system.
    SystemVersion = 9,
    /// Class of the viewport's width.
    Screen = 10,
    /// Primary language tag, such as `fr`.
    Language = 11,
    /// Host that the page was served from.
    Hostname = 12,
    /// Name of the source that the pageview came from, or `(direct)`.
    Source = 13,
    /// Channel, by the table of `docs/channels.md`.
    Channel = 14,
    /// `utm_source`, decoded and redacted.
    UtmSource = 15,
    /// `utm_medium`, decoded and redacted.
    UtmMedium = 16,
    /// `utm_campaign`, decoded and redacted.
    UtmCampaign = 17,
    /// `utm_term`, decoded and redacted.
    UtmTerm = 18,
    /// `utm_content`, decoded and redacted.
    UtmContent = 19,
    /// Model family of the device, from the closed list of `agents/models.tsv`, or `(other)`.
    DeviceModel = 20,
}

impl Dimension {
    /// All dimensions in the order of their numbers.
    pub const ALL: [Dimension; DIMENSIONS] = [
        Dimension::Referrer,
        Dimension::PreviousPage,
        Dimension::Country,
        Dimension::Region,
        Dimension::City,
        Dimension::Device,
        Dimension::Browser,
        Dimension::BrowserVersion,
        Dimension::System,
        Dimension::SystemVersion,
        Dimension::Screen,
        Dimension::Language,
        Dimension::Hostname,
        Dimension::Source,
        Dimension::Channel,
        Dimension::UtmSource,
        Dimension::UtmMedium,
        Dimension::UtmCampaign,
        Dimension::UtmTerm,
        Dimension::UtmContent,
        Dimension::DeviceModel,
    ];

    /// This dimension's entry in a list by dimension.
    pub(crate) fn of_mut<T>(self, values: &mut [T; DIMENSIONS]) -> &mut T {
        values.get_mut(self as usize).expect("because dimensions are numbered from 0 without a gap")
    }

    /// Whether each visit has one value of this dimension, so that the values' figures add up to the site's.
    pub fn is_of_visitor(self) -> bool {
        !matches!(self, Dimension::Referrer | Dimension::PreviousPage) && !self.is_marketing()
    }

    /// Whether the dimension is kept only where `privacy.marketing` allows.
    pub fn is_marketing(self) -> bool {
        self >= Dimension::Source
    }

    /// The name in the `breakdowns` table.
    pub fn name(self) -> &'static str {
        match self {
            Dimension::Referrer => "referrer",
            Dimension::PreviousPage => "previous_page",
            Dimension::Country => "country",
            Dimension::Region => "region",
            Dimension::City => "city",
            Dimension::Device => "device",
            Dimension::Browser => "browser",
            Dimension::BrowserVersion => "browser_version",
            Dimension::System => "system",
            Dimension::SystemVersion => "system_version",
            Dimension::Screen => "screen",
            Dimension::Language => "language",
            Dimension::Hostname => "hostname",
            Dimension::Source => "source",
            Dimension::Channel => "channel",
            Dimension::UtmSource => "utm_source",
            Dimension::UtmMedium => "utm_medium",
            Dimension::UtmCampaign => "utm_campaign",
            Dimension::UtmTerm => "utm_term",
            Dimension::UtmContent => "utm_content",
            Dimension::DeviceModel => "device_model",
        }
    }
}

/// A site-local calendar day, as days since 1970-01-01 (ClickHouse's `Date`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Day(pub u16);

/// A UTC hour, as hours since 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hour(pub u32);

/// A text with an id: equal ids mean equal texts within one source of events (one process's memory, or one segment), so
/// that a reader processes each distinct text once.
#[derive(Debug, Clone, Copy)]
pub struct Term<'a> {
    /// Unique for the text within its source.
    pub id: u32,
    /// The text itself, for example a page or a dimension's value.
    pub text: &'a str,
}

/// One value per dimension, where the hit has one.
pub type DimensionValues<'a> = [Option<Term<'a>>; DIMENSIONS];

/// One counted hit: its own change, and its corrections of earlier hits.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// Configured name of the site.
    pub site: Term<'a>,
    /// Site-local day of the hit.
    pub day: Day,
    /// UTC hour of the hit.
    pub hour: Hour,
    /// Page of the site, bounded and cleaned.
    pub page: Term<'a>,
    /// The hit's dimension values.
    pub values: DimensionValues<'a>,
    /// The change that the hit itself makes.
    pub kind: EventKind<'a>,
    /// Correction of the visit's entry hit.
    pub entry: Option<EntryCorrection<'a>>,
    /// Correction of the page that was the visit's last.
    pub left: Option<LeftPage<'a>>,
}

/// The hit's own change, on one of three permitted grounds: presence, use of a feature, reading and loading times.
#[derive(Debug, Clone)]
pub enum EventKind<'a> {
    /// A page was shown.
    Pageview {
        /// First pageview of this visitor today.
        new_visitor: bool,
        /// First pageview of this visitor on this page today.
        new_page_visitor: bool,
        /// The pageview opens a visit: `visits +1, bounces +1`.
        opens_visit: bool,
        /// The page now is its visit's last: `exits +1`. False only without a visit.
        exit: bool,
        /// The page was not found.
        not_found: bool,
        /// Beyond what one visit weighs in a row: no pageview more. Its page's visitor and the exit count.
        beyond: bool,
    },
    /// A feature of the site was used.
    Action {
        /// Name of the action, bounded and redacted.
        name: Term<'a>,
        /// First time this visitor does it today.
        new_action_visitor: bool,
        /// The server answered 404 for the page.
        not_found: bool,
        /// Declared properties of the use.
        properties: Vec<Property<'a>>,
    },
    /// Reading time and depth gained since the last report of the same page view.
    Engagement {
        /// Visible and active time, milliseconds.
        engaged_ms: u32,
        /// First report of a time on this view.
        engaged_view: bool,
        /// Scroll depth gained, percent (0–100).
        scroll_percent: u8,
        /// First report of a depth on this view.
        scroll_view: bool,
    },
    /// Load times of one page view.
    Timing {
        /// Bucket of each measured metric.
        timings: Vec<Timing>,
    },
    /// Hits of robots on the page, added up: not of a visitor.
    Robots {
        /// Purpose of the robots.
        kind: RobotKind,
        /// Number of hits since the last flush.
        hits: u32,
    },
    /// Hits of the site by outcome, summed; the event's page is the site's name.
    Outcomes {
        /// Outcome of the hits.
        outcome: Outcome,
        /// Number of hits since the last flush.
        hits: u32,
    },
}

/// Purpose of a robot. The number is part of the spool's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum RobotKind {
    /// Fetches a page for a question to an assistant.
    AiAssistant = 0,
    /// Gathers pages to train models.
    AiCrawler = 1,
    /// Gathers pages for a search engine.
    Search = 2,
    /// Looks whether a page is there and quick.
    Monitoring = 3,
    /// Anything else: previews, tools, libraries, scanners.
    Other = 4,
}

impl RobotKind {
    /// All, in the order of their numbers.
    pub const ALL: [RobotKind; 5] =
        [RobotKind::AiAssistant, RobotKind::AiCrawler, RobotKind::Search, RobotKind::Monitoring, RobotKind::Other];

    /// The name in the `robot_days` table.
    pub fn name(self) -> &'static str {
        match self {
            RobotKind::AiAssistant => "ai_assistant",
            RobotKind::AiCrawler => "ai_crawler",
            RobotKind::Search => "search",
            RobotKind::Monitoring => "monitoring",
            RobotKind::Other => "other",
        }
    }
}

/// One declared property of an action.
#[derive(Debug, Clone, Copy)]
pub struct Property<'a> {
    /// Property name, as declared for the site.
    pub name: Term<'a>,
    /// Property value, bounded and redacted.
    pub value: Term<'a>,
    /// First time this visitor does the action with this value today.
    pub new_visitor: bool,
}

/// One load time, already in its histogram bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Load time that was measured.
    pub metric: TimingMetric,
    /// Histogram bucket, see [`TimingMetric::bucket`].
    pub bucket: u8,
}

/// Load times that are measured. The number is part of the spool's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum TimingMetric {
    /// Time to first byte (TTFB).
    Ttfb = 0,
    /// First contentful paint (FCP).
    Fcp = 1,
    /// Largest contentful paint (LCP).
    Lcp = 2,
    /// Interaction to next paint (INP).
    Inp = 3,
    /// Cumulative layout shift, in thousandths.
    Cls = 4,
    /// Time to the `DOMContentLoaded` event.
    Dom = 5,
    /// Time to the `load` event.
    Load = 6,
}

impl TimingMetric {
    /// All metrics in the order of their numbers.
    pub const ALL: [TimingMetric; 7] = [
        TimingMetric::Ttfb,
        TimingMetric::Fcp,
        TimingMetric::Lcp,
        TimingMetric::Inp,
        TimingMetric::Cls,
        TimingMetric::Dom,
        TimingMetric::Load,
    ];

    /// Name in the native event and in the `timings` table.
    pub fn name(self) -> &'static str {
        match self {
            TimingMetric::Ttfb => "ttfb",
            TimingMetric::Fcp => "fcp",
            TimingMetric::Lcp => "lcp",
            TimingMetric::Inp => "inp",
            TimingMetric::Cls => "cls",
            TimingMetric::Dom => "dom",
            TimingMetric::Load => "load",
        }
    }

    /// The bucket of `ms`: bucket 0 holds 0–1 ms, then four buckets per doubling, up to bucket 80 (2^20 ms, about 17
    /// minutes), which takes all longer times. Bucket `b`'s upper bound is `2^(b/4)` ms.
    pub fn bucket(ms: f64) -> u8 {
        if ms.is_nan() || ms <= 1.0 {
            return 0;
        }
        let bucket = (ms.log2() * 4.0).ceil().clamp(0.0, 80.0);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 0..=80 on the line above"
        )]
        let bucket = bucket as u8;
        bucket
    }
}

/// A correction of the visit's first pageview, counted under that pageview's own key.
#[derive(Debug, Clone)]
pub struct EntryCorrection<'a> {
    /// Day of the entry hit.
    pub day: Day,
    /// Hour of the entry hit.
    pub hour: Hour,
    /// Page of the entry hit.
    pub page: Term<'a>,
    /// Values of the entry hit.
    pub values: DimensionValues<'a>,
    /// The visit stops being a bounce: `bounces −1`.
    pub unbounce: bool,
    /// Seconds since the visit's previous hit.
    pub visit_seconds: u32,
}

/// The pageview that was its visit's last until now: `exits −1`.
#[derive(Debug, Clone, Copy)]
pub struct LeftPage<'a> {
    /// Site-local day of that pageview.
    pub day: Day,
    /// UTC hour of that pageview.
    pub hour: Hour,
    /// Page of that pageview.
    pub page: Term<'a>,
}
