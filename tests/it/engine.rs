//! The supervised engine: a dead child is replaced, no child outlives us, and no other user gets access.

use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, getpriority_process, kill_process, test_kill_process};
use sillage::config::Protection;
use sillage::store::{Engine, EngineError, StoreError, migrate};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::store::{assert_sums, batch, number};
use crate::support::{self, EXACT, eventually, fresh_store};

fn pid(engine: &Engine) -> Pid {
    Pid::from_raw(i32::try_from(engine.process().unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn the_engine_gives_way_to_hits_with_all_threads_that_work() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(support::options(folder.path())).await.unwrap();
    let ours = getpriority_process(None).unwrap();
    let threads = std::fs::read_dir(format!("/proc/{}/task", engine.process().unwrap())).unwrap();
    let mut seen = 0;
    for thread in threads.flatten() {
        let number = thread.file_name().to_str().unwrap().parse().unwrap();
        // A thread that ended meanwhile has no value.
        let Ok(nice) = getpriority_process(Pid::from_raw(number)) else { continue };
        let name = std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        // The engine's thread that watches its memory may keep a higher priority.
        let watches = name.trim() == "MemoryWorker";
        assert!(watches || nice >= (ours + 5).min(19), "{name}: {nice} where ours is {ours}");
        seen += usize::from(!watches);
    }
    assert!(seen > 1);
    engine.stop().await;
}

#[tokio::test]
async fn a_killed_engine_comes_back_by_itself_with_its_data_and_its_memory_of_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(support::options(folder.path())).await.unwrap();
    let store = engine.store(&support::database("audience")).protected(Protection::Exact);
    migrate::apply(&store, &EXACT).await.unwrap();
    store.insert(&batch("node-1")).await.unwrap();

    let mut up = engine.up();
    assert!(*up.borrow_and_update());
    kill_process(pid(&engine), Signal::KILL).unwrap();
    up.changed().await.unwrap();
    assert!(!*up.borrow_and_update());
    assert!(matches!(store.ping().await, Err(StoreError::Retryable(_))));
    up.changed().await.unwrap();
    assert!(*up.borrow_and_update());

    assert_sums(&store, 7).await;
    store.insert(&batch("node-1")).await.unwrap();
    assert_sums(&store, 7).await;
    engine.stop().await;
}

#[tokio::test]
async fn a_stopped_engine_leaves_no_process_and_no_password_and_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = support::options(folder.path());
    let engine = Engine::start(options.clone()).await.unwrap();
    let store = engine.store(&support::database("audience")).protected(Protection::Exact);
    migrate::apply(&store, &EXACT).await.unwrap();
    store.insert(&batch("node-1")).await.unwrap();
    let other = Engine::running(&options.runtime_dir).await.unwrap();
    assert!(other == engine.endpoint());
    let process = pid(&engine);
    engine.stop().await;
    assert!(test_kill_process(process).is_err());
    assert!(Engine::running(&options.runtime_dir).await.is_none());
    assert_eq!(std::fs::read_dir(&options.runtime_dir).unwrap().count(), 0);

    let engine = Engine::start(options).await.unwrap();
    assert!(other != engine.endpoint());
    let store = engine.store(&support::database("audience")).protected(Protection::Exact);
    store.insert(&batch("node-1")).await.unwrap();
    assert_sums(&store, 7).await;
    engine.stop().await;
}

#[tokio::test]
async fn one_data_or_runtime_folder_takes_one_engine() {
    let options = support::options(support::shared().data.parent().unwrap());
    let second = Engine::start(options).await.map(drop);
    assert!(matches!(&second, Err(EngineError::InUse(dir)) if *dir == support::shared().data), "{second:?}");
    let elsewhere = tempfile::tempdir().unwrap();
    let options = sillage::store::engine::EngineOptions {
        dir: elsewhere.path().into(),
        ..support::options(support::shared().data.parent().unwrap())
    };
    let third = Engine::start(options).await.map(drop);
    assert!(matches!(&third, Err(EngineError::InUse(dir)) if *dir == support::shared().runtime), "{third:?}");
    assert!(Engine::running(&support::shared().runtime).await.is_some(), "the first one's files are as they were");
}

#[tokio::test]
async fn a_missing_library_is_said_and_nothing_is_left_running() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = support::options(folder.path());
    options.library = "/nowhere/libchdb.so".into();
    let none = Engine::start(options.clone()).await.map(drop);
    assert!(matches!(none, Err(EngineError::NoLibrary(_))), "{none:?}");
    let elsewhere = sillage::store::engine::EngineOptions {
        program: Some("/nowhere/sillage".into()),
        library: String::new(),
        ..options.clone()
    };
    let none = Engine::start(elsewhere).await.map(drop);
    assert!(matches!(&none, Err(EngineError::NoLibraryNear(folder)) if folder == Path::new("/nowhere")), "{none:?}");
    let broken = folder.path().join("libchdb.so");
    std::fs::write(&broken, "no library").unwrap();
    options.library = broken.to_str().unwrap().into();
    let none = Engine::start(options).await.map(drop);
    assert!(matches!(none, Err(EngineError::Ended(0))), "{none:?}");
}

/// Plays both parts: run again by itself, with the variable set, it is the parent that gets killed.
#[tokio::test]
async fn an_engine_does_not_outlive_a_parent_that_is_killed() {
    const PART: &str = "SILLAGE_TEST_PARENT_IN";
    if let Some(folder) = std::env::var_os(PART) {
        let engine = Engine::start(support::options(Path::new(&folder))).await.unwrap();
        println!("engine {}", engine.process().unwrap());
        return std::future::pending().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let name = "engine::an_engine_does_not_outlive_a_parent_that_is_killed";
    let mut parent = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(PART, folder.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let engine = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some((_, number)) = line.split_once("engine ") {
            break Pid::from_raw(number.parse().unwrap()).unwrap();
        }
    };
    test_kill_process(engine).unwrap();
    parent.kill().await.unwrap();

    // The next collector does not have to wait for that end.
    let next = Engine::start(support::options(folder.path())).await.unwrap();
    eventually("the engine is gone", async || test_kill_process(engine).is_err()).await;
    next.stop().await;
}

/// A raw request, unlike those of any client library.
pub(crate) async fn raw(target: &str, headers: &str, body: &str) -> String {
    let authority = support::endpoint().url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(authority).await.unwrap();
    let head = format!("POST {target} HTTP/1.1\r\nHost: engine\r\n{headers}Content-Length: {}\r\n", body.len());
    stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_password_less_user_of_the_engine_can_do_nothing() {
    let store = fresh_store().await;
    let table = format!("SELECT 'let in', count() FROM {}.waiting_pages", store.database());
    let reader = &support::endpoint().reader.as_ref().unwrap().password;
    let right = format!("X-ClickHouse-User: sillage_reader\r\nX-ClickHouse-Key: {reader}\r\n");
    for sql in [
        "SELECT 'let in'",
        &table,
        "SHOW TABLES",
        "SELECT 'let in' FROM system.tables",
        "SELECT 'let in' FROM file('/etc/hostname', 'LineAsString')",
        "SELECT 'let in' FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "CREATE TABLE default.x (a Int8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE x (a Int8)",
        "SYSTEM STOP LISTEN HTTP",
    ] {
        for (target, headers) in [
            ("/", ""),
            ("/", "X-ClickHouse-User: default\r\n"),
            ("/?user=default", ""),
            ("/?user=default", "X-ClickHouse-User: sillage\r\n"),
            ("/", "Authorization: Basic ZGVmYXVsdDo=\r\n"),
            ("/", "Authorization: Basic ZGVmYXVsdDo=\r\nX-ClickHouse-User: sillage\r\n"),
            ("/?user=default", right.as_str()),
            ("/?%75ser=default", right.as_str()),
            ("/", "X-ClickHouse-User: sillage\r\nX-ClickHouse-User: default\r\n"),
            ("/", "X-ClickHouse-User: default\r\nX-ClickHouse-User: sillage\r\n"),
            ("/play", ""),
            ("/dashboard", ""),
            ("/replicas_status", ""),
        ] {
            let answer = raw(target, headers, sql).await;
            assert!(
                !answer.starts_with("HTTP/1.1 200") && !answer.contains("\nlet in"),
                "{target} {headers}: {answer}"
            );
        }
    }
    // The same request works for the reader: the test does not fail by mistake.
    assert!(raw("/?database=default", &right, "SELECT 'let in'").await.contains("\nlet in"));
    let grants = number(&store, "SELECT toInt64(count()) FROM system.grants WHERE user_name = 'default'").await;
    assert_eq!(grants, 2);
}

#[tokio::test]
async fn no_query_is_kept_in_a_table_or_a_file() {
    let store = fresh_store().await;
    let canary = "canary-4f1d";
    let failing = format!("SELECT throwIf(value = '{canary}') FROM {}.dimension_days", store.database());
    store.ask_as_owner(&failing).json().await.unwrap();
    let failed = store.ask_as_owner(&format!("SELECT toInt64('{canary}')")).json().await;
    assert_eq!(failed.unwrap_err().failure().code, 6);
    let logs = store.ask_as_owner("SELECT name FROM system.tables WHERE name LIKE '%log%'").rows::<String>().await;
    assert_eq!(logs.unwrap(), [""; 0]);
    let mut found = Vec::new();
    for folder in [&support::shared().data, &support::shared().runtime] {
        search(folder, canary.as_bytes(), &mut found);
    }
    assert_eq!(found, [""; 0]);
}

/// Names of files under `folder` whose bytes contain `needle` or whose names suggest a log.
fn search(folder: &Path, needle: &[u8], found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.display().to_string();
        if entry.file_name().to_string_lossy().ends_with("_log") {
            found.push(name.clone());
        }
        if path.is_dir() {
            search(&path, needle, found);
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(needle.len()).any(|part| part == needle)) {
            found.push(name);
        }
    }
}
