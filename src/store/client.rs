//! Talking to ClickHouse: where it is, and who we are there. Must never build a query from a value: values travel as
//! server-side parameters, and names come from our own code.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use clickhouse::insert_formatted::InsertFormatted;
use clickhouse::{Client, Compression};
use hyper_util::client::legacy::Client as LegacyClient;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};

use crate::config;
use crate::http::certificate;
use crate::rollup::counters::ImportsRow;
use crate::store::cluster_settings::{self, ALL_SHARDS, SKIP_UNUSED_SHARDS, Setting};
use crate::store::connector::EngineConnector;
use crate::store::error::StoreError;
use crate::store::query::{END_TIMEOUT, SEND_TIMEOUT, SqlQuery, within};
use crate::store::scope::ReaderScope;

/// A query that takes the time-zone lock, as every reader's query does.
const ZONE_QUERY: &str = "SELECT toUInt8(toHour(toDateTime(0, 'Europe/Paris')))";
/// Idle time after which we close a connection, before ClickHouse closes it.
const IDLE_CONNECTION_TIMEOUT: Duration = Duration::from_secs(2);

/// A database user and its password. Derives no `Debug`: it holds a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Name of the database user.
    pub user: String,
    /// Password in clear; may be empty.
    pub password: String,
}

/// Address of a ClickHouse and our users there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// URL of its HTTP interface.
    pub url: String,
    /// User that owns the tables.
    pub writer: Login,
    /// User that may read published tables and nothing else; `None` where the writer reads too.
    pub reader: Option<Login>,
    /// Process that must hold the listening socket before a password is sent; `None` for a database on another machine.
    #[serde(default)]
    pub process: Option<u32>,
    /// Users that each read a subset of the sites, named by their [`ReaderScope`].
    #[serde(default)]
    pub scoped_readers: Vec<Login>,
}

/// Gives the current endpoint; `None` while it is unknown.
pub type EndpointSource = Arc<dyn Fn() -> Option<Endpoint> + Send + Sync>;

impl Endpoint {
    /// The remote ClickHouse that the configuration names.
    ///
    /// # Errors
    /// When a password file cannot be read: its key, its path and the cause.
    pub fn remote(config: &config::ClickHouseConfig) -> Result<Self, (&'static str, String, std::io::Error)> {
        let login = |user: &str, key, file: &str| {
            let password = match file {
                "" => String::new(),
                file => std::fs::read_to_string(file).map_err(|error| (key, file.to_owned(), error))?,
            };
            Ok(Login { user: user.into(), password: password.trim_end_matches(['\r', '\n']).to_owned() })
        };
        let writer = login(&config.user, "clickhouse.password_file", &config.password_file)?;
        let reader = match config.reader.as_str() {
            "" => None,
            user => Some(login(user, "clickhouse.reader_password_file", &config.reader_password_file)?),
        };
        let url = config.addresses().first().cloned().unwrap_or_default();
        Ok(Self { url, writer, reader, process: None, scoped_readers: Vec::new() })
    }

    /// The user of these sites; where there is none, a login that the server rejects.
    fn scoped_reader(&self, scope: &ReaderScope, remote: bool) -> Login {
        let user = scope.user();
        let known = self.scoped_readers.iter().find(|login| login.user == user).cloned();
        let derived = || self.reader.as_ref().filter(|_| remote).map(|reader| scope.password(&reader.password));
        known.unwrap_or_else(|| Login { user, password: derived().unwrap_or_default() })
    }
}

/// Client of the database with our tables. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct Store {
    clients: Arc<ArcSwap<Clients>>,
    source: Option<EndpointSource>,
    database: String,
    definer: String,
    reader: Option<Login>,
    scope: ReaderScope,
    remote: bool,
    cluster: String,
    on_cluster: String,
    by_node: bool,
    addresses: Arc<[String]>,
    protection: config::Protection,
    /// Of a store of one shard: its own text for column `site`.
    shard: Option<Arc<str>>,
}

/// One client for each user, at one endpoint.
pub(super) struct Clients {
    endpoint: Endpoint,
    reader: Client,
    bare: Client,
}

impl Clients {
    fn new(endpoint: &Endpoint, database: &str) -> Self {
        let client = match endpoint.process {
            Some(process) => Client::with_http_client(
                LegacyClient::builder(TokioExecutor::new())
                    .pool_idle_timeout(IDLE_CONNECTION_TIMEOUT)
                    .build(EngineConnector::new(process)),
            ),
            None => Client::with_http_client(
                LegacyClient::builder(TokioExecutor::new())
                    .pool_idle_timeout(IDLE_CONNECTION_TIMEOUT)
                    .build(certificate::connector(certificate::authorities())),
            ),
        };
        let client = client.with_url(&endpoint.url);
        let login = |login: &Login| client.clone().with_user(&login.user).with_password(&login.password);
        let bare = login(&endpoint.writer);
        let reader = endpoint.reader.as_ref().map_or_else(|| bare.clone(), login);
        Self { endpoint: endpoint.clone(), reader: reader.with_database(database), bare }
    }
}

impl Store {
    /// Makes a client; nothing is sent before it is used. Of `config`, only the names of the database and the cluster
    /// matter here. Batches wait for their release until [`Store::protected`] says that figures are published exactly.
    pub fn connect(config: &config::ClickHouseConfig, endpoint: &Endpoint) -> Self {
        Self {
            clients: Arc::new(ArcSwap::from_pointee(Clients::new(endpoint, &config.database))),
            source: None,
            database: config.database.clone(),
            definer: endpoint.writer.user.clone(),
            reader: endpoint.reader.clone(),
            scope: ReaderScope::All,
            remote: config.mode == config::EngineMode::Remote,
            cluster: config.cluster.clone(),
            on_cluster: config.on_cluster(),
            by_node: config.is_by_node(),
            addresses: if config.mode == config::EngineMode::Remote {
                config.addresses().into()
            } else {
                Arc::default()
            },
            protection: config::Protection::Tens,
            shard: None,
        }
    }

    /// The same client with this protection of figures: with `tens`, batches wait for their release.
    pub fn protected(self, protection: config::Protection) -> Self {
        Self { protection, ..self }
    }

    /// Protection of the figures that this store publishes.
    pub fn protection(&self) -> config::Protection {
        self.protection
    }

    /// A client for a database that moves: `source` is asked before each use; the users' names stay those of
    /// `endpoint`.
    pub fn follow(config: &config::ClickHouseConfig, endpoint: &Endpoint, source: EndpointSource) -> Self {
        Self { source: Some(source), ..Self::connect(config, endpoint) }
    }

    pub(super) fn clients(&self) -> Arc<Clients> {
        let clients = self.clients.load_full();
        let newer = self.source.as_ref().and_then(|source| source()).filter(|endpoint| *endpoint != clients.endpoint);
        let Some(endpoint) = newer else { return clients };
        let clients = Arc::new(Clients::new(&endpoint, &self.database));
        self.clients.store(clients.clone());
        clients
    }

    /// Name of the database with our tables.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Name of the cluster; empty on a single server.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The clause ` ON CLUSTER …` for statements about tables, with its leading space; empty for a single node.
    pub fn on_cluster(&self) -> &str {
        &self.on_cluster
    }

    /// Whether tables are made on each node by itself.
    pub fn is_by_node(&self) -> bool {
        self.by_node
    }

    /// The configured addresses of a remote database.
    pub(super) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The same database through one address.
    pub(super) fn at(&self, address: &str) -> Self {
        let endpoint = Endpoint { url: address.to_owned(), ..self.clients().endpoint.clone() };
        let clients = Arc::new(ArcSwap::from_pointee(Clients::new(&endpoint, &self.database)));
        Self { clients, source: None, ..self.clone() }
    }

    /// The same client for one shard, with the text that the tables place there.
    pub(super) fn of_shard(self, name: &Arc<str>) -> Self {
        Self { shard: Some(name.clone()), ..self }
    }

    /// The text for column `site` of rows that are of no site: empty, or placed on the shard of this store.
    pub fn shard_name(&self) -> &str {
        self.shard.as_deref().unwrap_or_default()
    }

    /// Suffix of a table's name where rows are read: a shard reads its own.
    pub(crate) fn read_suffix(&self) -> &'static str {
        if self.shard.is_some() { "_local" } else { "" }
    }

    /// Where the database is now, and our users there.
    pub(super) fn endpoint(&self) -> Endpoint {
        self.clients().endpoint.clone()
    }

    /// User that owns the tables; views read them with its rights.
    pub fn definer(&self) -> &str {
        &self.definer
    }

    /// User that may read published tables and nothing else; `None` where the writer reads too.
    pub fn reader_user(&self) -> Option<&str> {
        self.reader.as_ref().map(|login| login.user.as_str())
    }

    /// The reading user with its password.
    pub(super) fn reader(&self) -> Option<Login> {
        self.reader.clone()
    }

    /// Whether these sites have a reading user: our own engine makes that of a new token while it restarts.
    pub fn knows_reader(&self, scope: &ReaderScope) -> bool {
        let known = |user: String| self.clients().endpoint.scoped_readers.iter().any(|login| login.user == user);
        self.remote || *scope == ReaderScope::All || known(scope.user())
    }

    /// The same database, read as the user of these sites. Without such a user every query fails.
    pub fn reading_as(&self, scope: &ReaderScope) -> Self {
        Self { scope: scope.clone(), ..self.clone() }
    }

    /// The name of the database user that queries are asked as.
    pub(super) fn reading_user(&self) -> String {
        self.scope.user()
    }

    /// Checks that the database answers, with our own user: another program on the port does not pass.
    ///
    /// # Errors
    /// When the database refuses or does not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.statement("SELECT 1 FORMAT Null").await
    }

    /// Whether the reading user gets an answer, and so the console's clients.
    pub async fn answers_readers(&self) -> bool {
        self.ask(ZONE_QUERY).rows::<u8>().await.is_ok()
    }

    /// Whether the database answers a query that takes the locks of a reader's query, the time-zone lock among
    /// them. A refusal counts as an answer.
    pub async fn is_alive(&self) -> bool {
        match self.ask_as_owner(ZONE_QUERY).rows::<u8>().await {
            Ok(_) => true,
            Err(error) => error.failure().code != 0,
        }
    }

    /// Runs one statement without rows in its answer, outside any database: names must be qualified.
    ///
    /// # Errors
    /// When the database refuses or does not answer.
    pub async fn statement(&self, sql: &str) -> Result<(), StoreError> {
        within(self.clients().bare.query_raw(sql).execute()).await
    }

    /// Starts an insert into `table` of our database, which may name its columns, in the engine's own binary format, as
    /// the user that owns it.
    pub(super) fn insert_native(&self, table: &str) -> InsertFormatted {
        let clients = self.clients();
        let client = match clients.endpoint.process {
            // On one machine, packing costs both sides more than the bytes do.
            Some(_) => &clients.bare.clone().with_compression(Compression::None),
            None => &clients.bare,
        };
        let insert = client.insert_formatted_with(format!("INSERT INTO {}.{table} FORMAT Native", self.database));
        insert.with_timeouts(Some(SEND_TIMEOUT), Some(END_TIMEOUT))
    }

    /// Drops partitions of one of our tables on every node, in one statement; each is the expression that ClickHouse
    /// parses.
    ///
    /// # Errors
    /// When the database refuses or does not answer.
    pub(crate) async fn drop_partitions(&self, table: &str, partitions: &[String]) -> Result<(), StoreError> {
        if partitions.is_empty() {
            return Ok(());
        }
        let name = format!("{}.{}{}", self.database, self.local_table(table), self.on_cluster);
        let drops: Vec<String> = partitions.iter().map(|partition| format!("DROP PARTITION {partition}")).collect();
        self.everywhere(&format!("ALTER TABLE {name} {}", drops.join(", "))).await
    }

    /// Starts a query as the reading user, in our database. `{name:Type}` in `sql` stands for a parameter.
    pub fn ask(&self, sql: &str) -> SqlQuery {
        let clients = self.clients();
        let query = match &self.scope {
            // A reader's other settings are its profile's.
            ReaderScope::All if self.reader.is_none() && !self.cluster.is_empty() => {
                let (name, value) = SKIP_UNUSED_SHARDS;
                SqlQuery(clients.reader.query_raw(sql)).with_setting(name, value)
            }
            ReaderScope::All => SqlQuery(clients.reader.query_raw(sql)),
            scope @ ReaderScope::Sites(_) => {
                let login = clients.endpoint.scoped_reader(scope, self.remote);
                let reader = clients.bare.clone().with_user(&login.user).with_password(&login.password);
                SqlQuery(reader.with_database(&self.database).query_raw(sql))
            }
        };
        let (name, value) = ALL_SHARDS;
        if self.cluster.is_empty() { query } else { query.with_setting(name, value) }
    }

    /// Settings that a statement of the owner carries.
    pub(super) fn writing_settings(&self) -> Vec<Setting> {
        cluster_settings::of_writes(&self.cluster, self.by_node)
    }

    /// Starts a query as the user that owns the tables: for our own bookkeeping, never for published figures.
    pub fn ask_as_owner(&self, sql: &str) -> SqlQuery {
        let query = SqlQuery(self.clients().bare.query_raw(sql));
        self.writing_settings().into_iter().fold(query, |query, (name, value)| query.with_setting(name, value))
    }

    /// Days of `site` (since 1970-01-01) with imported figures, each with the hashes of its imports.
    ///
    /// # Errors
    /// When the database refuses or does not answer.
    pub async fn imported_days(&self, site: &str) -> Result<BTreeMap<u16, Vec<String>>, StoreError> {
        let sql = "SELECT DISTINCT toUInt16(day), source FROM {database:Identifier}.imports WHERE site = {site:String}";
        let query = self.ask_as_owner(sql).param("database", &self.database).param("site", site);
        let mut days: BTreeMap<u16, Vec<String>> = BTreeMap::new();
        for (day, source) in query.rows::<(u16, String)>().await? {
            days.entry(day).or_default().push(source);
        }
        Ok(days)
    }

    /// Records the days of an import; recording one again changes nothing.
    ///
    /// # Errors
    /// The same as those of [`Store::insert`].
    pub async fn record_import(&self, token: &str, days: &[ImportsRow]) -> Result<(), StoreError> {
        self.insert_rows("imports", token, days).await
    }
}
