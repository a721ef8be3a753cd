//! What the live database says: its tables against the declared ones, what is stored in them, who may read, and what
//! the reading user can do when it tries. Must ask for names, counts and dates only, never for a value that a visitor
//! sent.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::Config;
use crate::event::Dimension;
use crate::store::client::{SqlQuestion, Store};
use crate::store::error::StoreError;
use crate::store::expected_schema::ExpectedSchema;
use crate::store::migrate::MigrationSettings;

/// ClickHouse's number for a right that is missing.
const ACCESS_DENIED: u32 = 497;
const UNKNOWN_TABLE: u32 = 60;
/// Sites whose reports are read: enough to see a view at work.
const SITES_TRIED: usize = 20;
/// Columns of counts that views may have.
const COUNTS: [&str; 4] = ["visitors", "pageviews", "visits", "events"];
/// Tables of the system that would tell the reading user more than figures.
const SYSTEM_TABLES: [&str; 4] = ["system.parts", "system.processes", "system.query_log", "system.part_log"];

/// The database, as far as it matters.
#[derive(Debug, Clone, Default)]
pub struct DatabaseEvidence {
    /// Name of the database.
    pub name: String,
    /// Version of the server.
    pub version: String,
    /// What `schema/` declares.
    pub declared: ExpectedSchema,
    /// What each declared view selects, as this server would write it.
    pub selects: BTreeMap<String, String>,
    /// What there is.
    pub tables: Vec<TableEvidence>,
    /// What reads our tables from another database, by its name there.
    pub elsewhere: Vec<String>,
    /// The server's own logs, with their rows.
    pub logs: Vec<(String, u64)>,
    /// Other users who may read our tables; unknown when we may not ask.
    pub others: Option<Vec<String>>,
    /// What the reading user was granted and what it tried, when there is one.
    pub reader: Option<ReaderEvidence>,
    /// What is in the tables; nothing when they could not be read as they are declared.
    pub stored: Option<StoredEvidence>,
}

/// Anything in our database.
#[derive(Debug, Clone, Default)]
pub struct TableEvidence {
    /// Its name.
    pub name: String,
    /// Its engine.
    pub engine: String,
    /// The engine with all that it was given.
    pub engine_full: String,
    /// Columns that rows are sorted by.
    pub sorting_key: String,
    /// Of a view: what it selects.
    pub select: String,
    /// Of a view: the whole statement.
    pub statement: String,
    /// Names and types.
    pub columns: Vec<(String, String)>,
    /// Rows and oldest day, of a table of figures that has any.
    pub oldest: Option<(u64, jiff::civil::Date)>,
}

/// The reading user.
#[derive(Debug, Clone, Default)]
pub struct ReaderEvidence {
    /// Its name.
    pub user: String,
    /// What it was granted, as the server says it to that user.
    pub grants: Vec<String>,
    /// Tables that it could read although it tried to; should be none.
    pub opened: Vec<String>,
    /// Tables that it was refused.
    pub refused: usize,
    /// Declared views that did not answer it.
    pub silent: Vec<String>,
    /// Counts that it was given, and how many of those were no multiple of the rounding.
    pub counts: (u64, u64),
}

/// What is in the tables: names of ours, and numbers.
#[derive(Debug, Clone, Default)]
pub struct StoredEvidence {
    /// Names of dimensions.
    pub dimensions: Vec<String>,
    /// Names of load times.
    pub metrics: Vec<String>,
    /// Names of properties.
    pub properties: Vec<String>,
    /// Names of query parameters that are part of stored pages.
    pub query_names: Vec<String>,
    /// Rows whose version is more than a major one.
    pub fine_versions: u64,
    /// Rows whose referrer is more than a host.
    pub long_referrers: u64,
    /// Rows whose place is finer than a city, or no place.
    pub fine_places: u64,
    /// Sites with rows.
    pub sites: Vec<String>,
}

impl DatabaseEvidence {
    /// Asks the database of `store`.
    pub(super) async fn gather(config: &Config, store: &Store, now: Timestamp) -> Result<Self, StoreError> {
        let privacy = &config.privacy;
        let settings =
            MigrationSettings { retention_months: privacy.retention_months, rounding: privacy.protection.step() };
        let declared = ExpectedSchema::of(store, &settings);
        let tables = tables(store, &declared).await?;
        Ok(Self {
            name: store.database().to_owned(),
            version: first(store.ask_as_owner("SELECT version()")).await?.unwrap_or_default(),
            selects: selects(store, &declared).await?,
            elsewhere: ours(store, ELSEWHERE).rows().await?,
            logs: store.ask_as_owner(LOGS).rows().await?,
            others: others(store).await,
            reader: match store.reader_user() {
                Some(user) => Some(ReaderEvidence::gather(user, config, store, &declared, now).await),
                None => None,
            },
            stored: StoredEvidence::gather(store).await.ok(),
            declared,
            tables,
        })
    }

    /// Whether the engine keeps what it is asked in logs of its own.
    pub fn keeps_logs(&self, config: &Config) -> bool {
        !self.logs.is_empty() && (config.clickhouse.is_embedded() || self.logs.iter().any(|(_, rows)| *rows > 0))
    }

    /// What is there under a declared name.
    pub fn table(&self, name: &str) -> Option<&TableEvidence> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// Objects of other databases whose definition names ours.
const ELSEWHERE: &str = "SELECT concat(database, '.', name) FROM system.tables WHERE database != {database:String} \
    AND database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema') \
    AND match(create_table_query, concat('\\\\b', {database:String}, '\\\\b[`.]')) ORDER BY 1 LIMIT 100";

/// Every log that the server writes into tables of its own.
const LOGS: &str = "SELECT name, toUInt64(coalesce(total_rows, 0)) FROM system.tables WHERE database = 'system' \
    AND match(name, '_log(_[0-9]+)?$') ORDER BY name";

const GRANTED: &str = "SELECT DISTINCT assumeNotNull(coalesce(user_name, role_name)) AS who FROM system.grants \
    WHERE access_type IN ('SELECT', 'ALL') AND NOT is_partial_revoke AND who NOT IN {known:Array(String)} \
    AND (isNull(database) OR database = {database:String}) ORDER BY who LIMIT 100";

fn ours(store: &Store, sql: &str) -> SqlQuestion {
    store.ask_as_owner(sql).param("database", store.database())
}

async fn first(question: SqlQuestion) -> Result<Option<String>, StoreError> {
    Ok(question.rows::<String>().await?.into_iter().next())
}

async fn others(store: &Store) -> Option<Vec<String>> {
    let known: Vec<&str> = [Some(store.definer()), store.reader_user()].into_iter().flatten().collect();
    ours(store, GRANTED).param("known", known).rows().await.ok()
}

async fn tables(store: &Store, declared: &ExpectedSchema) -> Result<Vec<TableEvidence>, StoreError> {
    type Row = (String, String, String, String, String, String);
    let sql = "SELECT name, engine, engine_full, sorting_key, as_select, create_table_query FROM system.tables \
               WHERE database = {database:String} ORDER BY name";
    let rows: Vec<Row> = ours(store, sql).rows().await?;
    let sql =
        "SELECT table, name, type FROM system.columns WHERE database = {database:String} ORDER BY table, position";
    let columns: Vec<(String, String, String)> = ours(store, sql).rows().await?;
    let mut tables = Vec::with_capacity(rows.len());
    for (name, engine, engine_full, sorting_key, select, statement) in rows {
        let of = columns.iter().filter(|(table, _, _)| *table == name);
        let columns: Vec<_> = of.map(|(_, column, kind)| (column.clone(), kind.clone())).collect();
        let forgets = declared.tables.iter().any(|table| table.name == name && table.forgets);
        let dated = columns.iter().any(|(column, kind)| column == "day" && kind == "Date");
        let oldest = if forgets && dated { oldest(store, &name).await? } else { None };
        tables.push(TableEvidence { name, engine, engine_full, sorting_key, select, statement, columns, oldest });
    }
    Ok(tables)
}

async fn oldest(store: &Store, table: &str) -> Result<Option<(u64, jiff::civil::Date)>, StoreError> {
    let sql = "SELECT count(), toString(min(day)) FROM {database:Identifier}.{table:Identifier}";
    let rows = ours(store, sql).param("table", table).rows::<(u64, String)>().await?;
    let found = rows.into_iter().next().filter(|(rows, _)| *rows > 0);
    Ok(found.and_then(|(rows, day)| Some((rows, day.parse().ok()?))))
}

/// The server writes a query in one way only: so two that are the same read the same.
async fn selects(store: &Store, declared: &ExpectedSchema) -> Result<BTreeMap<String, String>, StoreError> {
    let mut selects = BTreeMap::new();
    for view in &declared.views {
        let question = store.ask_as_owner("SELECT formatQuerySingleLine({text:String})").param("text", &view.select);
        selects.insert(view.name.clone(), first(question).await?.unwrap_or_default());
    }
    Ok(selects)
}

impl ReaderEvidence {
    async fn gather(user: &str, config: &Config, store: &Store, declared: &ExpectedSchema, now: Timestamp) -> Self {
        let mut reader = Self { user: user.to_owned(), ..Self::default() };
        reader.grants = store.ask("SHOW GRANTS").rows().await.unwrap_or_default();
        let own = declared.tables.iter().map(|table| format!("{}.{}", store.database(), table.name));
        for table in own.chain(SYSTEM_TABLES.map(str::to_owned)) {
            // Names of ours, from fixed texts and a checked key of the configuration.
            match store.ask(&format!("SELECT count() FROM {table}")).rows::<u64>().await {
                Err(error) if error.failure().code == ACCESS_DENIED => reader.refused += 1,
                // A log that the server does not keep is not there to be refused.
                Err(error) if error.failure().code == UNKNOWN_TABLE => {}
                Err(_) | Ok(_) => reader.opened.push(table),
            }
        }
        let to = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let from = to.saturating_sub(jiff::Span::new().months(i64::from(config.privacy.retention_months)));
        let range = (from.to_string(), to.to_string());
        let sites: Vec<&str> = config.site.iter().map(|site| site.name.as_str()).take(SITES_TRIED).collect();
        for view in &declared.views {
            for site in sites.iter().copied().chain(sites.is_empty().then_some("")) {
                match counts(store, &view.name, &view.select, site, &range, config.privacy.protection.step()).await {
                    Ok((given, exact)) => reader.counts = (reader.counts.0 + given, reader.counts.1 + exact),
                    Err(_) if reader.silent.contains(&view.name) => {}
                    Err(_) => reader.silent.push(view.name.clone()),
                }
            }
        }
        reader
    }
}

/// Asks a view, as the reading user, for all it has of a site: how many counts came, and how many were not rounded.
async fn counts(
    store: &Store,
    view: &str,
    select: &str,
    site: &str,
    (from, to): &(String, String),
    rounding: u32,
) -> Result<(u64, u64), StoreError> {
    let parameters = parameters(select);
    let given: Vec<String> = parameters.iter().map(|(name, kind)| format!("{name}={{{name}:{kind}}}")).collect();
    let has = |name: &&&str| select.contains(&format!(" AS {name}"));
    let sum = |holds: &str| {
        let parts = COUNTS.iter().filter(has).map(|name| format!("countIf({name} {holds})"));
        parts.chain(["0".to_owned()]).collect::<Vec<_>>().join(" + ")
    };
    let sums = format!("toUInt64({}), toUInt64({})", sum("!= 0"), sum(&format!("% {rounding} != 0")));
    let mut question = store.ask(&format!("SELECT {sums} FROM {}.{view}({})", store.database(), given.join(", ")));
    for (name, kind) in &parameters {
        question = match (name.as_str(), kind.as_str()) {
            ("site", _) => question.param(name, site),
            ("from", _) => question.param(name, from),
            ("to", _) => question.param(name, to),
            ("timezone", _) => question.param(name, "UTC"),
            ("dimension", _) => question.param(name, Dimension::Country.name()),
            ("by_page" | "by_value", _) => question.param(name, 1_u8),
            (_, "String") => question.param(name, ""),
            (_, kind) if kind.starts_with("Array") => question.param(name, Vec::<String>::new()),
            (_, _) => question.param(name, 0_u8),
        };
    }
    Ok(question.rows::<(u64, u64)>().await?.first().copied().unwrap_or_default())
}

/// Names and types of the parameters of a view.
fn parameters(select: &str) -> BTreeMap<String, String> {
    let parts = select.split('{').skip(1).filter_map(|part| part.split_once('}')?.0.split_once(':'));
    parts.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

/// Names of query parameters that are part of pages; what is no plain name is no parameter that a site would keep.
const QUERY_NAMES: &str = "SELECT DISTINCT arrayJoin(extractAll(page, '[?&]([A-Za-z0-9_.-]{1,40})=')) \
    FROM {database:Identifier}.pages LIMIT 1000";

const FINE_VERSIONS: &str = "SELECT count() FROM {database:Identifier}.breakdowns \
    WHERE dimension IN ('browser_version', 'system_version') \
    AND (NOT match(value, '^(.+ [0-9]{1,4}|\\\\(other\\\\))$') OR match(value, '[0-9][._][0-9]'))";

const LONG_REFERRERS: &str = "SELECT count() FROM {database:Identifier}.breakdowns \
    WHERE dimension = 'referrer' AND match(value, '[/?#@:]')";

/// Decimals and addresses are no towns.
const FINE_PLACES: &str = "SELECT count() FROM {database:Identifier}.breakdowns \
    WHERE dimension = 'country' AND NOT match(value, '^([A-Z]{2}|\\\\(other\\\\))$') \
    OR dimension IN ('region', 'city') AND match(value, '[0-9][.,][0-9]|::')";

impl StoredEvidence {
    async fn gather(store: &Store) -> Result<Self, StoreError> {
        let names = |sql| ours(store, sql).rows::<String>();
        let count = async |sql| {
            let rows = ours(store, sql).rows::<u64>().await?;
            Ok::<u64, StoreError>(rows.first().copied().unwrap_or(0))
        };
        let distinct = |column: &str, table: &str| {
            format!("SELECT DISTINCT toString({column}) FROM {{database:Identifier}}.{table} LIMIT 1000")
        };
        Ok(Self {
            dimensions: names(&distinct("dimension", "breakdowns")).await?,
            metrics: names(&distinct("metric", "timings")).await?,
            properties: names(&distinct("property", "actions")).await?,
            query_names: names(QUERY_NAMES).await?,
            fine_versions: count(FINE_VERSIONS).await?,
            long_referrers: count(LONG_REFERRERS).await?,
            fine_places: count(FINE_PLACES).await?,
            sites: names(&distinct("site", "pages")).await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_a_view_are_read_from_its_text() {
        let found = parameters("SELECT {site:String} WHERE {pages:Array(String)} AND {site:String}");
        let expected = [("pages", "Array(String)"), ("site", "String")];
        assert_eq!(found, expected.map(|(name, kind)| (name.to_owned(), kind.to_owned())).into());
    }
}
