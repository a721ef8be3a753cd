//! Upgrade of databases of earlier releases, whose exact rows every reader could see: each of their days goes to the
//! waiting tables and is released as if it had just closed; the emptied tables are dropped. Must be safe to abort
//! anywhere: the next run resumes.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::config::Protection;
use crate::event::Day;
use crate::release::calendar::date_of;
use crate::release::periods::ReleaseName;
use crate::release::releaser::Releaser;
use crate::store::former::{FORMER_TABLES, drop_empty, exists};
use crate::store::{Store, StoreError};

/// Origin name of rows released by an upgrade.
pub const UPGRADE_ORIGIN: &str = "upgrade";

/// Columns of the [`FORMER_TABLES`], in their order.
const FORMER_COLUMNS: [&str; 4] = [
    "site, day, hour, page, pageviews, visitors, page_visitors, visits, exits, bounces, visit_seconds, engaged_ms, \
     engaged_views, scroll_percent, scroll_views, not_found",
    "site, day, dimension, page, value, pageviews, visitors, page_visitors, visits, bounces, visit_seconds",
    "site, day, page, action, property, value, count, visitors",
    "site, day, hour, page, metric, bucket, count",
];

/// Next step of an upgrade, for progress messages.
#[derive(Debug)]
pub enum UpgradeStep<'a> {
    /// A table's month is copied to the waiting tables.
    Moves(&'static str, Date),
    /// A period's release was published.
    Published(&'a ReleaseName),
}

/// Moves every exact row of earlier releases to the waiting tables and releases it. Returns the number of releases.
///
/// # Errors
/// The database's error; the next call resumes.
pub async fn upgrade(
    store: &Store,
    releaser: &Releaser,
    now: Timestamp,
    progress: &mut (dyn FnMut(UpgradeStep<'_>) + Send),
) -> Result<u64, StoreError> {
    for (table, columns) in FORMER_TABLES.into_iter().zip(FORMER_COLUMNS) {
        if !exists(store, table).await? {
            continue;
        }
        let sql = "SELECT DISTINCT toUInt16(day) AS day FROM {database:Identifier}.{table:Identifier} ORDER BY day";
        let days = store.ask_as_owner(sql).param("database", store.database()).param("table", table);
        let dates: Vec<Date> = days.rows::<u16>().await?.into_iter().map(|day| date_of(Day(day))).collect();
        for month in dates.chunk_by(|a, b| a.first_of_month() == b.first_of_month()) {
            let Some(first) = month.first() else { continue };
            progress(UpgradeStep::Moves(table, first.first_of_month()));
            for date in month {
                if !is_published(store, table, *date).await? {
                    move_day(store, (table, columns), *date).await?;
                }
            }
            // The whole month is in the waiting tables; dropping it here ends the duplication.
            let partition = format!("{:04}{:02}", first.year(), first.month());
            store.drop_partitions(table, &[partition]).await?;
        }
    }
    drop_empty(store).await?;
    releaser.release_import(UPGRADE_ORIGIN, now, &mut |name| progress(UpgradeStep::Published(name))).await
}

/// Whether a day's exact rows are published already: with `exact`, releases that know published tables have written a
/// day to both. One that an earlier release began and this one ended is moved whole. The decision for its pages,
/// which go first, applies to its other tables.
async fn is_published(store: &Store, table: &str, date: Date) -> Result<bool, StoreError> {
    if store.protection() == Protection::Tens {
        return Ok(false);
    }
    let rest = match table {
        "pages" => "sum(pageviews) >= (SELECT sum(pageviews) FROM {database:Identifier}.pages WHERE day = {day:Date})",
        _ => {
            "0 = (SELECT count() FROM {database:Identifier}.waiting_pages WHERE day = {day:Date} \
             AND origin = {origin:String})"
        }
    };
    let sql = format!(
        "SELECT toUInt8(ifNull(count() > 0 AND {rest}, 0)) FROM {{database:Identifier}}.site_days \
         WHERE day = {{day:Date}} AND origin = ''"
    );
    let asked = store.ask_as_owner(&sql).param("database", store.database()).param("day", date.to_string());
    Ok(asked.param("origin", UPGRADE_ORIGIN).rows::<u8>().await?.first().is_some_and(|published| *published == 1))
}

/// Copies one day if not copied before.
async fn move_day(store: &Store, (table, columns): (&str, &str), date: Date) -> Result<(), StoreError> {
    let database = store.database();
    let sql = format!(
        "INSERT INTO {database}.waiting_{table} ({columns}, origin) SELECT {columns}, {{origin:String}} \
         FROM {database}.{table} WHERE day = {{day:Date}} ORDER BY {columns}"
    );
    let copy = store.ask_as_owner(&sql).param("origin", UPGRADE_ORIGIN).param("day", date.to_string());
    copy.once(&format!("upgrade {table} {date}")).execute().await
}
