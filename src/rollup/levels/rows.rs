//! The rows of the published tables, field by field as in `schema/0002_published.sql`. Figures are sums; a correction
//! is a row with a negative figure.

use std::sync::Arc;

use clickhouse::Row;
use serde::{Serialize, Serializer};

/// Period whose remainder a published row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i8)]
pub enum Period {
    /// A day; with `exact`, all of it.
    Day = 1,
    /// A week, dated on its Sunday.
    Week = 2,
    /// A month, dated on its last day.
    Month = 3,
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i8(*self as i8)
    }
}

/// Defines the row of a published table: its site, day and import, the columns that tell rows apart, and its figures.
/// `by hour`: no row of it is the rest of a week or month.
macro_rules! published_row {
    ($(#[$doc:meta])* $name:ident by hour { $($key:ident: $type:ty),* } $($figure:ident)*) => {
        published_row!($(#[$doc])* $name, [] { $($key: $type),* } $($figure)*);
    };
    ($(#[$doc:meta])* $name:ident { $($key:ident: $type:ty),* } $($figure:ident)*) => {
        published_row!($(#[$doc])* $name, [period: Period] { $($key: $type),* } $($figure)*);
    };
    ($(#[$doc:meta])* $name:ident, [$($period:ident: $kind:ty)?] { $($key:ident: $type:ty),* } $($figure:ident)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Row, Serialize)]
        pub struct $name {
            /// Configured name of the site.
            pub site: Arc<str>,
            /// Site-local day, days since 1970-01-01.
            pub day: u16,
            $(
                /// Period whose remainder the row holds.
                pub $period: $kind,
            )?
            /// Import that brought the row; empty: measured.
            pub origin: Arc<str>,
            $(
                #[doc = concat!("Key `", stringify!($key), "`, as in the table.")]
                pub $key: $type,
            )*
            $(
                #[doc = concat!("Sum `", stringify!($figure), "`, as in the table.")]
                pub $figure: i64,
            )*
        }

        impl $name {
            /// The row of a day with these keys and figures, each in the order of the fields.
            pub(crate) fn of(
                (site, day, origin): (&Arc<str>, u16, &Arc<str>),
                ($($key,)*): ($($type,)*),
                [$($figure),*]: [i64; [$(stringify!($figure)),*].len()],
            ) -> Self {
                $(let $period = <$kind>::Day;)?
                Self { site: site.clone(), day, $($period,)? origin: origin.clone(), $($key,)* $($figure),* }
            }
        }
    };
}

published_row!(
    /// `site_hours`: the site by hour.
    SiteHoursRow by hour { hour: u32 } pageviews visitors visits
);
published_row!(
    /// `site_days`: the site by day.
    SiteDaysRow {} pageviews visitors visits bounces visit_seconds engaged_ms engaged_views scroll_percent scroll_views
    not_found
);
published_row!(
    /// `page_hours`: a page by hour.
    PageHoursRow by hour { hour: u32, page: Arc<str> } pageviews visits
);
published_row!(
    /// `page_days`: a page by day; a visitor counts once for each page.
    PageDaysRow { page: Arc<str> } pageviews visitors visits exits bounces visit_seconds engaged_ms engaged_views
    scroll_percent scroll_views not_found
);
published_row!(
    /// `dimension_days`: a value of a dimension by day.
    DimensionDaysRow { dimension: &'static str, value: Arc<str> } pageviews visitors visits bounces visit_seconds
);
published_row!(
    /// `dimension_page_days`: a value of a dimension on a page by day.
    DimensionPageDaysRow { dimension: &'static str, page: Arc<str>, value: Arc<str> } pageviews visitors
);
published_row!(
    /// `action_days`: an action by day.
    ActionDaysRow { action: Arc<str> } count visitors
);
published_row!(
    /// `action_page_days`: an action on a page by day.
    ActionPageDaysRow { page: Arc<str>, action: Arc<str> } count visitors
);
published_row!(
    /// `action_value_days`: a value of an action's property by day.
    ActionValueDaysRow { action: Arc<str>, property: Arc<str>, value: Arc<str> } count visitors
);
published_row!(
    /// `timing_days`: one bucket of the site's histogram by day; its upper bound is 2^(bucket/4) ms.
    TimingDaysRow { metric: &'static str, bucket: u8 } count
);
published_row!(
    /// `timing_page_days`: one bucket of a page's histogram by day; its upper bound is 2^(bucket/4) ms.
    TimingPageDaysRow { page: Arc<str>, metric: &'static str, bucket: u8 } count
);
published_row!(
    /// `robot_days`: hits of one kind of robots on a page by day.
    RobotDaysRow { page: Arc<str>, kind: &'static str } hits
);
published_row!(
    /// `outcome_days`: hits by outcome and day.
    OutcomeDaysRow { outcome: &'static str } hits
);
