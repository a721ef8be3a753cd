//! Evidence from the live database: its tables against the declared ones, their contents, the users with access, and
//! the results of the reading user's attempts. Must query names, counts and dates only, never a value that a visitor
//! sent.

use crate::config::{Config, Protection};
use crate::release::rules::{GATE, STEP, UNITS};
use crate::store::client::Store;
use crate::store::error::StoreError;
use crate::store::expected_schema::ExpectedSchema;
use crate::store::former::FORMER_TABLES;
use crate::store::migrate::MigrationSettings;
use crate::store::published::{self, Table};
use crate::store::query::SqlQuery;

/// ClickHouse's error code for a missing right.
const ACCESS_DENIED: u32 = 497;
const UNKNOWN_TABLE: u32 = 60;
/// System tables that would tell the reading user more than figures.
const SYSTEM_TABLES: [&str; 4] = ["system.parts", "system.processes", "system.query_log", "system.part_log"];

/// State of the database, as far as the rules need it.
#[derive(Debug, Clone, Default)]
pub struct DatabaseEvidence {
    /// Name of the database.
    pub name: String,
    /// Version of the server.
    pub version: String,
    /// The schema that `schema/` declares.
    pub declared: ExpectedSchema,
    /// Tables and views of our database.
    pub tables: Vec<TableEvidence>,
    /// Objects of other databases that read our tables, by their full names.
    pub elsewhere: Vec<String>,
    /// The server's own log tables, with their rows.
    pub logs: Vec<(String, u64)>,
    /// Other users with access to our tables; `None` when we may not ask.
    pub others: Option<Vec<String>>,
    /// Grants and attempts of the reading user, if there is one.
    pub reader: Option<ReaderEvidence>,
    /// Contents of the tables; `None` when they could not be read as declared.
    pub stored: Option<StoredEvidence>,
}

/// A table or view of our database.
#[derive(Debug, Clone, Default)]
pub struct TableEvidence {
    /// Name of the table or view.
    pub name: String,
    /// Name of its engine.
    pub engine: String,
    /// Engine with all its arguments.
    pub engine_full: String,
    /// Columns of the sorting key.
    pub sorting_key: String,
    /// SELECT of a view; empty for a table.
    pub select: String,
    /// Whole statement of a view; empty for a table.
    pub statement: String,
    /// Column names and types, in order.
    pub columns: Vec<(String, String)>,
    /// Number of rows and oldest day, for a table of figures that has rows.
    pub oldest: Option<(u64, jiff::civil::Date)>,
}

/// The reading user's rights, tried out.
#[derive(Debug, Clone, Default)]
pub struct ReaderEvidence {
    /// Name of the database user.
    pub user: String,
    /// Its grants, as the server lists them to that user.
    pub grants: Vec<String>,
    /// Forbidden tables that it could read; must be empty.
    pub opened: Vec<String>,
    /// Number of tables that the server refused.
    pub refused: usize,
    /// Published tables that it could not read.
    pub silent: Vec<String>,
    /// Figures that it was given, and how many of those were not a multiple of their step.
    pub counts: (u64, u64),
    /// Published tables with rows of a day or hour behind which fewer visitors stand than a release shows, and how
    /// many.
    pub lonely: Vec<String>,
}

/// Contents of the tables: our own names, and numbers.
#[derive(Debug, Clone, Default)]
pub struct StoredEvidence {
    /// Names of stored dimensions.
    pub dimensions: Vec<String>,
    /// Names of stored load times.
    pub metrics: Vec<String>,
    /// Names of stored properties.
    pub properties: Vec<String>,
    /// Names of query parameters in stored pages.
    pub query_names: Vec<String>,
    /// Rows whose version is finer than a major one.
    pub fine_versions: u64,
    /// Rows whose referrer is longer than a host.
    pub long_referrers: u64,
    /// Rows whose place is finer than a city, or not a place.
    pub fine_places: u64,
    /// Names of the sites with rows.
    pub sites: Vec<String>,
}

impl DatabaseEvidence {
    /// Queries the database of `store`.
    pub(super) async fn gather(config: &Config, store: &Store) -> Result<Self, StoreError> {
        let privacy = &config.privacy;
        let settings =
            MigrationSettings { retention_months: privacy.retention_months, rounding: privacy.protection.step() };
        let declared = ExpectedSchema::of(store, &settings);
        let tables = tables(store, &declared).await?;
        Ok(Self {
            name: store.database().to_owned(),
            version: first(store.ask_as_owner("SELECT version()")).await?.unwrap_or_default(),
            elsewhere: ours(store, ELSEWHERE).rows().await?,
            logs: store.ask_as_owner(LOGS).rows().await?,
            others: others(store).await,
            reader: match store.reader_user() {
                Some(user) => Some(ReaderEvidence::gather(user, config, store, &declared).await),
                None => None,
            },
            stored: StoredEvidence::gather(store).await.ok(),
            declared,
            tables,
        })
    }

    /// Whether the engine records its queries in logs of its own.
    pub fn keeps_logs(&self, config: &Config) -> bool {
        !self.logs.is_empty() && (config.clickhouse.is_embedded() || self.logs.iter().any(|(_, rows)| *rows > 0))
    }

    /// The object with a declared name.
    pub fn table(&self, name: &str) -> Option<&TableEvidence> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// Objects of other databases whose definition names ours.
const ELSEWHERE: &str = "SELECT concat(database, '.', name) FROM system.tables WHERE database != {database:String} \
    AND database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema') \
    AND match(create_table_query, concat('\\\\b', {database:String}, '\\\\b[`.]')) ORDER BY 1 LIMIT 100";

/// Every log that the server writes into tables.
const LOGS: &str = "SELECT name, toUInt64(coalesce(total_rows, 0)) FROM system.tables WHERE database = 'system' \
    AND match(name, '_log(_[0-9]+)?$') ORDER BY name";

const GRANTED: &str = "SELECT DISTINCT assumeNotNull(coalesce(user_name, role_name)) AS who FROM system.grants \
    WHERE access_type IN ('SELECT', 'ALL') AND NOT is_partial_revoke AND who NOT IN {known:Array(String)} \
    AND (isNull(database) OR database = {database:String}) ORDER BY who LIMIT 100";

fn ours(store: &Store, sql: &str) -> SqlQuery {
    store.ask_as_owner(sql).param("database", store.database())
}

async fn first(query: SqlQuery) -> Result<Option<String>, StoreError> {
    Ok(query.rows::<String>().await?.into_iter().next())
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
        let own_columns = columns.iter().filter(|(table, _, _)| *table == name);
        let columns: Vec<_> = own_columns.map(|(_, column, kind)| (column.clone(), kind.clone())).collect();
        let forgets = declared.tables.iter().any(|table| table.name == name && table.forgets)
            || FORMER_TABLES.contains(&name.as_str());
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

impl ReaderEvidence {
    async fn gather(user: &str, config: &Config, store: &Store, declared: &ExpectedSchema) -> Self {
        let mut reader = Self { user: user.to_owned(), ..Self::default() };
        reader.grants = store.ask("SHOW GRANTS").rows().await.unwrap_or_default();
        let is_published = |name: &str| published::TABLES.iter().any(|table| table.name == name);
        let own = declared.tables.iter().map(|table| table.name.as_str()).filter(|name| !is_published(name));
        let own = own.chain(FORMER_TABLES).map(|name| format!("{}.{name}", store.database()));
        for table in own.chain(SYSTEM_TABLES.map(str::to_owned)) {
            // The names are our own, from fixed texts and a checked key of the configuration.
            match store.ask(&format!("SELECT count() FROM {table}")).rows::<u64>().await {
                Err(error) if error.failure().code == ACCESS_DENIED => reader.refused += 1,
                // A log that the server does not keep cannot be refused.
                Err(error) if error.failure().code == UNKNOWN_TABLE => {}
                Err(_) | Ok(_) => reader.opened.push(table),
            }
        }
        for table in published::TABLES.iter().filter(|table| !table.figures.is_empty()) {
            match counts(store, table, config.privacy.protection.step()).await {
                Ok((given, exact)) => reader.counts = (reader.counts.0 + given, reader.counts.1 + exact),
                Err(_) => reader.silent.push(table.name.to_owned()),
            }
            if config.privacy.protection == Protection::Tens
                && let Ok(rows @ 1..) = rows_of_few(store, table).await
            {
                reader.lonely.push(format!("{} ({rows})", table.name));
            }
        }
        reader
    }
}

/// Step of a figure's unit if counts are multiples of `step`. It also holds for rows of earlier releases, in which
/// hours and values were in tens.
fn step_of(figure: &str, step: u32) -> i64 {
    let unit = UNITS.iter().find(|(name, _)| *name == figure).map_or(1, |(_, unit)| *unit);
    if step == 1 { 1 } else { i64::from(step) * unit }
}

/// Reads a published table as the reading user: the number of figures, and of those that are not a multiple of their
/// step. Imported figures are drawn like all others.
async fn counts(store: &Store, table: &Table, step: u32) -> Result<(u64, u64), StoreError> {
    let sum = |holds: &dyn Fn(&str) -> String| {
        let parts = table.figures.iter().map(|column| format!("countIf({} {})", column.name, holds(column.name)));
        parts.collect::<Vec<_>>().join(" + ")
    };
    let exact = sum(&|name| format!("% {} != 0", step_of(name, step)));
    let sums = format!("toUInt64({}), toUInt64({exact})", sum(&|_| "!= 0".to_owned()));
    let query = store.ask(&format!("SELECT {sums} FROM {}.{}", store.database(), table.name));
    Ok(query.rows::<(u64, u64)>().await?.first().copied().unwrap_or_default())
}

/// Rows of a day or hour behind which fewer people stand than a release shows, read as the reading user: one of a
/// single person would be among them. Rows that are the rest of a week or month may hold anything.
async fn rows_of_few(store: &Store, table: &Table) -> Result<u64, StoreError> {
    let or_none = |name: &'static str| if table.has(name) { name } else { "0" };
    let people = match (table.has("visitors"), table.has("count")) {
        // Exports of other tools may know visits or pageviews alone.
        (true, _) => format!(
            "if(origin = '', visitors, greatest(visitors, {}, intDiv({} + {}, {STEP})))",
            or_none("visits"),
            or_none("pageviews"),
            or_none("count")
        ),
        (false, true) => "count".to_owned(),
        (false, false) => return Ok(0),
    };
    let of_day = if table.is_hourly() { "1" } else { "period = 'day'" };
    // Visitors from a page of the site are rarely new to the day: pages decide whether such a row is shown.
    let is_value = table.keys.iter().any(|key| key.name == "dimension");
    let of_gate = if is_value { "dimension != 'previous_page'" } else { "1" };
    let sql = format!(
        "SELECT toUInt64(countIf({people} < {GATE})) FROM {}.{} WHERE {of_day} AND {of_gate}",
        store.database(),
        table.name
    );
    Ok(store.ask(&sql).rows::<u64>().await?.first().copied().unwrap_or_default())
}

/// Names of query parameters in pages; a text with other characters is not a parameter that a site would keep.
const QUERY_NAMES: &str = "arrayJoin(extractAll(page, '[?&]([A-Za-z0-9_.-]{1,40})='))";

/// Tables with pages; with dimensions and their values; with properties; with load times: waiting and published.
const OF_PAGES: &[&str] = &["waiting_pages", "waiting_cells", "page_days"];
const OF_VALUES: &[&str] = &["waiting_breakdowns", "dimension_days", "dimension_page_days"];
const OF_PROPERTIES: &[&str] = &["waiting_actions", "waiting_cells", "action_value_days"];
const OF_TIMES: &[&str] = &["waiting_timings", "timing_days", "timing_page_days"];

const FINE_VERSIONS: &str = " dimension IN ('browser_version', 'system_version') \
    AND (NOT match(value, '^(.+ [0-9]{1,4}|\\\\(other\\\\))$') OR match(value, '[0-9][._][0-9]'))";

const LONG_REFERRERS: &str = "dimension = 'referrer' AND match(value, '[/?#@:]')";

/// Decimal numbers and addresses are not towns.
const FINE_PLACES: &str = "dimension = 'country' AND NOT match(value, '^([A-Z]{2}|\\\\(other\\\\))$') \
    OR dimension IN ('region', 'city') AND match(value, '[0-9][.,][0-9]|::')";

impl StoredEvidence {
    async fn gather(store: &Store) -> Result<Self, StoreError> {
        let names = async |text: &str, tables: &[&str]| {
            let part = |table: &&str| format!("SELECT {text} AS name FROM {{database:Identifier}}.{table}");
            let parts = tables.iter().map(part).collect::<Vec<_>>().join(" UNION ALL ");
            let sql = format!("SELECT DISTINCT toString(name) FROM ({parts}) LIMIT 1000");
            ours(store, &sql).rows::<String>().await
        };
        let count = async |wrong: &str| {
            let mut rows = 0;
            for table in OF_VALUES {
                let sql = format!("SELECT count() FROM {{database:Identifier}}.{table} WHERE {wrong}");
                rows += ours(store, &sql).rows::<u64>().await?.first().copied().unwrap_or(0);
            }
            Ok::<u64, StoreError>(rows)
        };
        Ok(Self {
            dimensions: names("toString(dimension)", OF_VALUES).await?,
            metrics: names("toString(metric)", OF_TIMES).await?,
            properties: names("toString(property)", OF_PROPERTIES).await?,
            query_names: names(QUERY_NAMES, OF_PAGES).await?,
            fine_versions: count(FINE_VERSIONS).await?,
            long_referrers: count(LONG_REFERRERS).await?,
            fine_places: count(FINE_PLACES).await?,
            sites: names("toString(site)", OF_PAGES).await?,
        })
    }
}
