//! The rows of a batch as the waiting tables take them: with the import that brought them. Field by field as in
//! `schema/0003_waiting.sql` and `schema/0005_uncounted.sql`.

use std::sync::Arc;

use clickhouse::Row;
use serde::Serialize;

use crate::rollup::counters::{ActionsRow, BreakdownsRow, OutcomesRow, PagesRow, RobotsRow, TimingsRow};

/// Defines a waiting table's row: a counter row with its origin.
macro_rules! waiting_row {
    ($table:literal, $name:ident of $row:ident { $($field:ident: $type:ty,)* }) => {
        #[doc = concat!("`", $table, "`: a row of a batch, with its origin.")]
        #[derive(Debug, Clone, PartialEq, Row, Serialize)]
        pub(crate) struct $name {
            origin: Arc<str>,
            $($field: $type,)*
        }

        impl $name {
            /// Converts rows of a batch, adding their origin.
            pub(crate) fn all(rows: &[$row], origin: &Arc<str>) -> Vec<Self> {
                rows.iter().map(|row| Self { origin: origin.clone(), $($field: row.$field.clone(),)* }).collect()
            }
        }
    };
}

waiting_row!("waiting_pages", WaitingPagesRow of PagesRow {
    site: Arc<str>, day: u16, hour: u32, page: Arc<str>, pageviews: i64, visitors: i64, page_visitors: i64, visits: i64,
    exits: i64, bounces: i64, visit_seconds: i64, engaged_ms: i64, engaged_views: i64, scroll_percent: i64,
    scroll_views: i64, not_found: i64,
});
waiting_row!("waiting_breakdowns", WaitingBreakdownsRow of BreakdownsRow {
    site: Arc<str>, day: u16, dimension: &'static str, page: Arc<str>, value: Arc<str>, pageviews: i64, visitors: i64,
    page_visitors: i64, visits: i64, bounces: i64, visit_seconds: i64,
});
waiting_row!("waiting_actions", WaitingActionsRow of ActionsRow {
    site: Arc<str>, day: u16, page: Arc<str>, action: Arc<str>, property: Arc<str>, value: Arc<str>, count: i64,
    visitors: i64,
});
waiting_row!("waiting_timings", WaitingTimingsRow of TimingsRow {
    site: Arc<str>, day: u16, hour: u32, page: Arc<str>, metric: &'static str, bucket: u8, count: i64,
});
waiting_row!("waiting_robots", WaitingRobotsRow of RobotsRow {
    site: Arc<str>, day: u16, page: Arc<str>, kind: &'static str, hits: i64,
});
waiting_row!("waiting_outcomes", WaitingOutcomesRow of OutcomesRow {
    site: Arc<str>, day: u16, outcome: &'static str, hits: i64,
});
