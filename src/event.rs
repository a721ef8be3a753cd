//! What may outlive a request: an event with its identity gone, and the corrections that it makes to earlier ones.
//! Nothing here is derived from an address or an agent string beyond the coarse values of [`Dimension`]; it may be
//! written anywhere. Events are made in this folder alone: from a sighting, or from bytes that were one.

use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;

/// Number of [`Dimension`]s.
pub const DIMENSIONS: usize = 20;

/// Value of `referrer` and `source` for a visit that came from nowhere.
pub const DIRECT: &str = "(direct)";

/// What stands for every text beyond a bound.
pub const OTHER: &str = "(other)";

/// What a figure can be broken down by, one at a time. The number is part of the spool's format: never reuse one. Those
/// from [`Dimension::Source`] on are marketing: kept as `privacy.marketing` says, and never without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Dimension {
    /// Host of an outside referrer, or `(direct)`.
    Referrer = 0,
    /// Page of the same site that the visitor came from.
    PreviousPage = 1,
    /// ISO 3166-1 alpha-2.
    Country = 2,
    /// First subdivision, by name.
    Region = 3,
    /// City, by name.
    City = 4,
    /// `desktop`, `mobile`, `tablet`, `tv`, `other`.
    Device = 5,
    /// Browser family.
    Browser = 6,
    /// Major version of the browser.
    BrowserVersion = 7,
    /// Operating system family.
    System = 8,
    /// Major version of the operating system.
    SystemVersion = 9,
    /// Class of the viewport's width.
    Screen = 10,
    /// Primary language tag.
    Language = 11,
    /// Host that the page was served from.
    Hostname = 12,
    /// Name of the source that the pageview came from, or `(direct)`.
    Source = 13,
    /// Channel, by the table of `docs/channels.md`.
    Channel = 14,
    /// `utm_source`, cleaned.
    UtmSource = 15,
    /// `utm_medium`, cleaned.
    UtmMedium = 16,
    /// `utm_campaign`, cleaned.
    UtmCampaign = 17,
    /// `utm_term`, cleaned.
    UtmTerm = 18,
    /// `utm_content`, cleaned.
    UtmContent = 19,
}

impl Dimension {
    /// All, in the order of their numbers.
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
    ];

    /// What there is of it in a list by dimension.
    pub(crate) fn of_mut<T>(self, values: &mut [T; DIMENSIONS]) -> &mut T {
        values.get_mut(self as usize).expect("because dimensions are numbered from 0 without a gap")
    }

    /// Whether a visit has one value of it, so that its values' figures add up to the site's.
    pub fn is_of_visitor(self) -> bool {
        !matches!(self, Dimension::Referrer | Dimension::PreviousPage) && !self.is_marketing()
    }

    /// Whether it is kept only where the configuration has marketing measured.
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
        }
    }
}

/// A site-local calendar day, as days since 1970-01-01 (ClickHouse's `Date`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Day(pub u16);

/// A UTC hour, as hours since 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hour(pub u32);

/// A text with a number that stands for it: equal ids mean equal texts within one source of events (one process's
/// memory, or one segment), so that whoever meets a text often pays for it once.
#[derive(Debug, Clone, Copy)]
pub struct Term<'a> {
    /// Unique for the text within its source.
    pub id: u32,
    /// The text.
    pub text: &'a str,
}

/// One value a dimension, where there is one.
pub type DimensionValues<'a> = [Option<Term<'a>>; DIMENSIONS];

/// One counted hit, and what it changes.
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
    /// What happened.
    pub kind: EventKind<'a>,
    /// What changes for the visit's entry hit.
    pub entry: Option<EntryCorrection<'a>>,
    /// What changes for the page that the visit left.
    pub left: Option<LeftPage<'a>>,
}

/// What happened, on one of the three permitted grounds: presence, use of a feature, reading and loading times.
#[derive(Debug, Clone)]
pub enum EventKind<'a> {
    /// Presence on a page.
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
    /// Use of a feature.
    Action {
        /// The action's name.
        name: Term<'a>,
        /// First time this visitor does it today.
        new_action_visitor: bool,
        /// The page was not found.
        not_found: bool,
        /// Declared properties.
        properties: Vec<Property<'a>>,
    },
    /// Reading: what was gained since the last report on the same view of the page.
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
    /// Load times.
    Timing {
        /// Each metric's bucket.
        timings: Vec<Timing>,
    },
    /// Hits of robots on the page, added up: not of a visitor.
    Robots {
        /// What the robots are for.
        kind: RobotKind,
        /// How many.
        hits: u32,
    },
    /// Hits of the site by what became of them, added up; the event's page is the site's name.
    Outcomes {
        /// What became of them.
        outcome: Outcome,
        /// How many.
        hits: u32,
    },
}

/// What a robot is for. The number is part of the spool's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum RobotKind {
    /// Fetches a page because somebody asked an assistant about it.
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
    /// Declared name.
    pub name: Term<'a>,
    /// Its value, bounded.
    pub value: Term<'a>,
    /// First time this visitor does the action with this value today.
    pub new_visitor: bool,
}

/// One load time, already in its histogram bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Which time.
    pub metric: TimingMetric,
    /// Bucket, see [`TimingMetric::bucket`].
    pub bucket: u8,
}

/// The load times that are measured. The number is part of the spool's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum TimingMetric {
    /// Time to first byte.
    Ttfb = 0,
    /// First contentful paint.
    Fcp = 1,
    /// Largest contentful paint.
    Lcp = 2,
    /// Interaction to next paint.
    Inp = 3,
    /// Cumulative layout shift, in thousandths.
    Cls = 4,
    /// `DOMContentLoaded`.
    Dom = 5,
    /// `load`.
    Load = 6,
}

impl TimingMetric {
    /// All, in the order of their numbers.
    pub const ALL: [TimingMetric; 7] = [
        TimingMetric::Ttfb,
        TimingMetric::Fcp,
        TimingMetric::Lcp,
        TimingMetric::Inp,
        TimingMetric::Cls,
        TimingMetric::Dom,
        TimingMetric::Load,
    ];

    /// The name in the native event and in the `timings` table.
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

    /// The bucket of `ms`: bucket 0 holds 0–1 ms; from there four buckets to a doubling, up to bucket 80 (2^20 ms,
    /// some 17 minutes), which takes all beyond. Bucket `b`'s upper bound is `2^(b/4)` ms.
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

/// What a hit changes for its visit's first pageview, under that pageview's own key.
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
    /// The visit is no bounce any more: `bounces −1`.
    pub unbounce: bool,
    /// Seconds since the visit's previous hit.
    pub visit_seconds: u32,
}

/// The pageview that was its visit's last until now: `exits −1`.
#[derive(Debug, Clone, Copy)]
pub struct LeftPage<'a> {
    /// Day of that pageview.
    pub day: Day,
    /// Hour of that pageview.
    pub hour: Hour,
    /// Its page.
    pub page: Term<'a>,
}
