//! Shared parts of the tests: one real engine for the whole process, and a database for each test.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sillage::config::{self, Protection};
use sillage::store::engine::EngineOptions;
use sillage::store::published::TABLES;
use sillage::store::scope::{ReaderAccess, ReaderScope};
use sillage::store::{Endpoint, Engine, Store, migrate};
use tokio::runtime::Runtime;

/// Most databases of one run: the reading users are granted their published tables in advance.
const DATABASES_MAX: u32 = 340;
/// A database in which the reading user was granted a table too, by mistake.
pub(crate) const OPEN_DATABASE: &str = "opened";

/// The engine that all tests of this process share. The kernel ends it with the process.
static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    // A test's runtime ends with the test; the engine's must live on.
    std::thread::spawn(Shared::start).join().expect("the engine starts")
});
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A running engine with its folders.
pub(crate) struct Shared {
    _engine: Engine,
    endpoint: Endpoint,
    /// Data folder of the engine.
    pub(crate) data: PathBuf,
    /// Runtime folder of the engine.
    pub(crate) runtime: PathBuf,
    _tasks: Runtime,
}

impl Shared {
    fn start() -> Self {
        let tasks = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let folder = process_folder();
        let names = TABLES.map(|table| table.name);
        let tables = (0..DATABASES_MAX).flat_map(|n| names.iter().map(move |name| format!("t{n}.{name}")));
        let opened = names.iter().chain([&"waiting_pages"]).map(|name| format!("{OPEN_DATABASE}.{name}"));
        let scopes = [ReaderScope::of(["shop.example"]), ReaderScope::of(["other.example"])].into();
        let readers = ReaderAccess { tables: tables.chain(opened).collect(), scopes };
        let options = EngineOptions { readers, ..options(&folder) };
        let (data, runtime) = (options.dir.clone(), options.runtime_dir.clone());
        let engine = tasks.block_on(Engine::start(options)).unwrap();
        let endpoint = engine.endpoint();
        Self { _engine: engine, endpoint, data, runtime, _tasks: tasks }
    }
}

/// The engine of this process.
pub(crate) fn shared() -> &'static Shared {
    &SHARED
}

/// Endpoint of the shared engine.
pub(crate) fn endpoint() -> &'static Endpoint {
    &SHARED.endpoint
}

/// Options of an engine under `folder`, run by the program under test.
pub(crate) fn options(folder: &Path) -> EngineOptions {
    EngineOptions {
        dir: folder.join("data"),
        runtime_dir: folder.join("runtime"),
        program: Some(env!("CARGO_BIN_EXE_sillage").into()),
        ..EngineOptions::default()
    }
}

/// The name of a database that no other test has.
pub(crate) fn fresh_name() -> String {
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    assert!(number < DATABASES_MAX, "more tests than databases: raise DATABASES_MAX");
    format!("t{number}")
}

/// The configuration of a database with this name.
pub(crate) fn database(name: &str) -> config::ClickHouseConfig {
    config::ClickHouseConfig { database: name.into(), ..config::ClickHouseConfig::default() }
}

/// Retention and rounding of tests: the longest, and none.
pub(crate) const EXACT: migrate::MigrationSettings = migrate::MigrationSettings { retention_months: 25, rounding: 1 };

/// A separate database in the shared engine, with all tables; inserted rows are published exactly.
pub(crate) async fn fresh_store() -> Store {
    let store = Store::connect(&database(&fresh_name()), endpoint()).protected(Protection::Exact);
    migrate::apply(&store, &EXACT).await.unwrap();
    store
}

/// Waits until `holds`; fails after half a minute.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// A folder for this process; removes those of processes that are gone.
fn process_folder() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("engines");
    std::fs::create_dir_all(&root).unwrap();
    for entry in std::fs::read_dir(&root).unwrap().flatten() {
        if !Path::new("/proc").join(entry.file_name()).exists() {
            std::fs::remove_dir_all(entry.path()).unwrap();
        }
    }
    root.join(std::process::id().to_string())
}
