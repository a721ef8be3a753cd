//! Sandbox of the engine: paths that a query's text can make it open, access by another process of the machine, the
//! health check, and the proof that its socket is its own.

use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use sillage::store::engine::{EngineOptions, EngineWatch};
use sillage::store::{Endpoint, Engine, Login, Store, StoreError};
use tokio::time::timeout;

use crate::support::{self, eventually};

/// Longest wait for a query that an engine answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

fn status(engine: &Engine, name: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{}/status", engine.process().unwrap())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

/// Descriptors of the engine's process that are pipes, by their paths inside that process.
fn pipes(engine: &Engine) -> Vec<String> {
    let folder = format!("/proc/{}/fd", engine.process().unwrap());
    let is_pipe = |path: &Path| path.metadata().is_ok_and(|file| file.file_type().is_fifo());
    let entries = std::fs::read_dir(folder).unwrap().flatten().filter(|entry| is_pipe(&entry.path()));
    entries.map(|entry| format!("/proc/self/fd/{}", entry.file_name().display())).collect()
}

#[tokio::test]
async fn a_time_zone_that_names_a_file_hangs_nothing_and_honest_queries_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(support::options(folder.path())).await.unwrap();
    let store = engine.store(&support::database("default"));
    // A readable zone file outside its folder, and one that blocks inside.
    let zone = folder.path().join("zone");
    std::fs::copy("/usr/share/zoneinfo/Europe/Paris", &zone).unwrap();
    let fifo = folder.path().join("data/fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o000), 0)
        .unwrap();
    let pipes = pipes(&engine);
    assert!(!pipes.is_empty(), "the engine makes pipes of its own");
    let files =
        ["/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd/0", "/dev/fd/2", "/dev/tty", "/dev/zero", "/dev/kmsg"];
    let files = files.map(str::to_owned).into_iter().chain(pipes).chain([
        zone.display().to_string(),
        fifo.display().to_string(),
        "/proc/kmsg".to_owned(),
        "/etc/hostname".to_owned(),
    ]);
    for file in files {
        for name in [format!("file:{file}"), file.clone(), format!("../../..{file}")] {
            let query = format!("SELECT toString(toDateTime(0, '{name}'))");
            let answer = timeout(PATIENCE, store.ask_as_owner(&query).rows::<String>()).await;
            let answer = answer.unwrap_or_else(|_| panic!("{name} hangs"));
            assert!(matches!(answer, Err(StoreError::Refused(error)) if error.code == 36), "{name}: {answer:?}");
        }
    }
    let honest = store.ask_as_owner("SELECT toString(toDateTime(0, 'Asia/Kolkata'))").rows::<String>();
    assert_eq!(timeout(PATIENCE, honest).await.unwrap().unwrap(), ["1970-01-01 05:30:00"]);
    engine.stop().await;
}

#[tokio::test]
async fn the_engine_s_process_has_no_right_no_environment_and_no_readable_descriptor() {
    let folder = tempfile::tempdir().unwrap();
    // As from a shell that leaves a file open.
    let inherited = folder.path().join("inherited");
    let file = std::fs::File::create(&inherited).unwrap();
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    let engine = Engine::start(support::options(folder.path())).await.unwrap();
    let process = format!("/proc/{}", engine.process().unwrap());
    assert_eq!(status(&engine, "NoNewPrivs"), "1");
    assert_eq!(status(&engine, "Seccomp"), "2");
    assert_eq!(status(&engine, "CapEff"), "0000000000000000");
    assert_eq!(std::fs::read(format!("{process}/environ")).unwrap(), b"TZ=UTC\0");
    let target = |number| std::fs::read_link(format!("{process}/fd/{number}")).unwrap();
    assert_eq!((target(0), target(1)), ("/dev/null".into(), "/dev/null".into()));
    assert!(target(2).to_string_lossy().starts_with("socket:"), "{:?}", target(2));
    let fds = std::fs::read_dir(format!("{process}/fd")).unwrap().flatten();
    let inherited = fds.filter(|fd| fd.path().read_link().is_ok_and(|target| target == inherited));
    assert_eq!(inherited.count(), 0, "a file that the parent had inherited");
    for pipe in pipes(&engine) {
        let path = pipe.replace("/proc/self", &process);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0, "{pipe} can be opened");
    }
    engine.stop().await;
}

#[tokio::test]
async fn an_engine_that_root_starts_runs_as_a_user_of_its_own() {
    if !geteuid().is_root() {
        return;
    }
    let folder = tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o755)).tempdir().unwrap();
    let options = support::options(folder.path());
    let engine = Engine::start(options.clone()).await.unwrap();
    assert_eq!(status(&engine, "Uid"), "60739");
    let store = engine.store(&support::database("own"));
    sillage::store::migrate::apply(&store, &support::EXACT).await.unwrap();
    assert_eq!(options.dir.metadata().unwrap().mode() & 0o777, 0o700);
    assert_eq!(options.runtime_dir.metadata().unwrap().mode() & 0o777, 0o710);
    engine.stop().await;
}

#[tokio::test]
async fn an_engine_that_hangs_is_replaced_on_another_port_with_other_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let watch = EngineWatch { every: Duration::from_millis(50), deadline: Duration::from_secs(2) };
    let engine = Engine::start(EngineOptions { watch, ..support::options(folder.path()) }).await.unwrap();
    let store = engine.store(&support::database("default"));
    let (before, mut up) = (engine.endpoint(), engine.up());
    kill_process(Pid::from_raw(engine.process().unwrap().cast_signed()).unwrap(), Signal::STOP).unwrap();
    timeout(PATIENCE, up.wait_for(|up| !up)).await.unwrap().unwrap();
    timeout(PATIENCE, up.wait_for(|up| *up)).await.unwrap().unwrap();
    let after = engine.endpoint();
    assert!(before.url != after.url && before.process != after.process);
    assert!(before.writer.password != after.writer.password && before.reader != after.reader);
    assert!(store.is_alive().await, "a store of before follows");
    assert!(Engine::running(&folder.path().join("runtime")).await.is_some_and(|told| told == after));
    engine.stop().await;
}

#[tokio::test]
async fn a_stranger_on_the_engine_s_port_hears_nothing() {
    let squatter = TcpListener::bind("127.0.0.1:0").unwrap();
    squatter.set_nonblocking(true).unwrap();
    let url = format!("http://{}", squatter.local_addr().unwrap());
    let writer = Login { user: "sillage".into(), password: "never-heard".into() };
    // The engine that it imitates runs elsewhere.
    let process = support::endpoint().process;
    assert!(process.is_some());
    let store = Store::connect(
        &support::database("default"),
        &Endpoint { url, writer, reader: None, process, scoped_readers: Vec::new() },
    );
    let refused = timeout(PATIENCE, store.ping()).await.unwrap();
    assert!(matches!(refused, Err(StoreError::Retryable(_))), "{refused:?}");
    let mut heard = Vec::new();
    eventually("the connection is closed", async || {
        let Ok((mut stream, _)) = squatter.accept() else { return false };
        stream.set_nonblocking(false).unwrap();
        std::io::Read::read_to_end(&mut stream, &mut heard).is_ok()
    })
    .await;
    assert_eq!(heard, b"");
}
