//! The program as its own process with its own engine: start, stop, crash and restart.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustix::process::{Pid, Signal, kill_process};
use sillage::store::{Engine, Store};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::collector::{FIREFOX, pageview};
use crate::support::{self, eventually};

const SHOP: &str = "shop.example";

/// A folder for one program: its configuration and all its state.
pub(crate) struct Home(TempDir, #[expect(dead_code, reason = "held until the program has ended")] TempDir);

impl Home {
    /// A folder with `more` added to the configuration.
    pub(crate) fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let memory = tempfile::Builder::new().prefix("sillage-test-").tempdir_in("/dev/shm").unwrap();
        std::os::unix::fs::symlink(memory.path(), folder.path().join("runtime")).unwrap();
        let path = |name: &str| folder.path().join(name);
        let text = format!(
            r#"
            site = [{{ name = "{SHOP}" }}]
            {more}
            [collect]
            listen = "127.0.0.1:0"
            trusted_proxies = ["127.0.0.0/8"]
            [console]
            listen = "127.0.0.1:0"
            [clickhouse]
            dir = {data:?}
            [spool]
            dir = {spool:?}
            flush_seconds = 1
            [runtime]
            dir = {runtime:?}
            allow_disk = true
            [privacy]
            protection = "exact"
            "#,
            data = path("data"),
            spool = path("spool"),
            runtime = path("runtime"),
        );
        std::fs::write(path("sillage.toml"), text).unwrap();
        Self(folder, memory)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Output of the program so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path().join("log")).unwrap_or_default()).into_owned()
    }

    /// The program with these arguments and this configuration.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.args(arguments).arg("--config").arg(self.path().join("sillage.toml")).kill_on_drop(true);
        command
    }

    /// Runs the program until it exits.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output();
        tokio::time::timeout(Duration::from_secs(60), output).await.expect("the program ends").unwrap()
    }

    /// Starts `serve` with these variables, and waits until it prints its addresses.
    pub(crate) async fn serve(&self, variables: &[(&str, &str)]) -> Program {
        self.serve_behind("", variables).await
    }

    /// The same, started by `shell` after its own commands.
    pub(crate) async fn serve_behind(&self, shell: &str, variables: &[(&str, &str)]) -> Program {
        self.serve_with(shell, variables, Stdio::inherit()).await
    }

    /// The same with `input` as its standard input.
    pub(crate) async fn serve_with(&self, shell: &str, variables: &[(&str, &str)], input: Stdio) -> Program {
        let log = File::options().create(true).append(true).open(self.path().join("log")).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell} exec \"$0\" serve --config \"$1\""), env!("CARGO_BIN_EXE_sillage")]);
        command.arg(self.path().join("sillage.toml")).kill_on_drop(true).stdin(input);
        let mut child = command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = async || {
            let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.unwrap().unwrap();
            let line = line.unwrap_or_else(|| panic!("it ended: {}", self.log()));
            line.split_once("://").unwrap().1.trim_end_matches('/').parse().unwrap()
        };
        let (collect, console) = (address().await, address().await);
        let engine = Engine::running(&self.path().join("runtime")).await.unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        Program { child, collect, console, store: Store::connect(&support::database("sillage"), &engine), client }
    }
}

/// A running program with its addresses.
pub(crate) struct Program {
    child: Child,
    pub(crate) collect: SocketAddr,
    pub(crate) console: SocketAddr,
    pub(crate) store: Store,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Program {
    /// Sends it a signal and waits for its end.
    pub(crate) async fn end(mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await.expect("it ends").unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let number = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(number).unwrap(), signal).unwrap();
    }

    /// Process id of the program.
    pub(crate) fn process(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub(crate) async fn metrics(&self) -> String {
        let request = Request::get(format!("http://{}/metrics", self.console)).body(Full::default()).unwrap();
        let body = self.client.request(request).await.unwrap().into_body().collect().await.unwrap();
        String::from_utf8(body.to_bytes().to_vec()).unwrap()
    }

    /// Every page with its pageviews, once no segment waits but the open one.
    async fn pages(&self) -> BTreeMap<String, u32> {
        eventually("the spool is shipped", async || {
            self.metrics().await.lines().any(|line| line == "sillage_spool_segments 1")
        })
        .await;
        let sql = "SELECT page, toUInt32(sum(pageviews)) FROM sillage.page_days GROUP BY page";
        self.store.ask_as_owner(sql).rows::<(String, u32)>().await.unwrap().into_iter().collect()
    }
}

/// Pages of a sender: few enough that none of them is beyond `limits.pages`, however fast the machine.
const PAGES: usize = 500;

/// Hits sent for one page, and how many were acknowledged.
#[derive(Default)]
struct Ledger {
    sent: u32,
    acknowledged: u32,
}

/// Sends pageviews, one after the other, until the program is gone.
async fn trickle(collect: SocketAddr, name: usize) -> BTreeMap<String, Ledger> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut ledger = BTreeMap::<String, Ledger>::new();
    for number in (0..PAGES).cycle() {
        let page = format!("/t{name}/n{number}");
        let request = Request::post(format!("http://{collect}/api/event"))
            .header("user-agent", FIREFOX)
            .body(Full::new(Bytes::from(pageview(SHOP, &page, None).to_string())))
            .unwrap();
        let entry = ledger.entry(page).or_default();
        entry.sent += 1;
        match client.request(request).await {
            Ok(answer) if answer.status() == 202 => entry.acknowledged += 1,
            Ok(answer) => assert_eq!(answer.status(), 503),
            Err(_) => break,
        }
    }
    ledger
}

/// Ends a program by `signal` during a trickle of hits; every acknowledged hit is counted afterwards, exactly once.
/// Only the last hit of each sender, whose answer never came, may be counted or not.
async fn nothing_acknowledged_is_lost(signal: Signal) -> ExitStatus {
    let home = Home::new("");
    let program = home.serve(&[]).await;
    let collect = program.collect;
    let senders: Vec<_> = (0..4).map(|name| tokio::spawn(trickle(collect, name))).collect();
    eventually("some hits are shipped", async || {
        let metrics = program.metrics().await;
        metrics
            .lines()
            .any(|line| line.starts_with("sillage_flush_rows_total{table=\"pages\"}") && !line.ends_with(" 0"))
    })
    .await;
    let end = program.end(signal).await;
    let mut ledger = BTreeMap::new();
    for sender in senders {
        ledger.extend(sender.await.unwrap());
    }
    let program = home.serve(&[]).await;
    let pages = program.pages().await;
    let acknowledged: u32 = ledger.values().map(|page| page.acknowledged).sum();
    assert!(acknowledged > 20, "only {acknowledged} were acknowledged");
    for (page, Ledger { sent, acknowledged }) in &ledger {
        let counted = pages.get(page).copied().unwrap_or_default();
        assert!(counted >= *acknowledged, "{page}: {acknowledged} acknowledged, {counted} counted");
        assert!(counted <= *sent, "{page}: {sent} sent, {counted} counted");
    }
    let invented: Vec<_> = pages.keys().filter(|page| !ledger.contains_key(*page)).collect();
    assert!(invented.is_empty(), "never sent: {invented:?}");
    assert!(program.end(Signal::TERM).await.success());
    end
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_asked_to_stop_drains_and_keeps_every_acknowledged_hit() {
    let end = nothing_acknowledged_is_lost(Signal::TERM).await;
    assert_eq!(end.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_killed_keeps_every_acknowledged_hit_exactly_once() {
    let end = nothing_acknowledged_is_lost(Signal::KILL).await;
    assert_eq!(end.code(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_program_on_the_same_spool_says_so_and_an_import_works_beside_the_first() {
    let home = Home::new("");
    let program = home.serve(&[]).await;
    let second = home.run(&["serve"]).await;
    assert_eq!(second.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&second.stderr);
    let spool = home.path().join("spool");
    assert!(stderr.contains(&format!("sillage: spool in {}: ", spool.display())), "{stderr}");
    assert!(stderr.contains("another process"), "{stderr}");

    let log = home.path().join("access.log");
    let line = |address: &str, path: &str, agent: &str| {
        format!("{address} - - [10/Mar/2026:10:00:00 +0000] \"GET {path} HTTP/1.1\" 200 5 \"-\" \"{agent}\"\n")
    };
    let lines = [
        line("192.0.2.1", "/logged?x=1", FIREFOX),
        line("192.0.2.2", "/logged", FIREFOX),
        line("192.0.2.2", "/style.css", FIREFOX),
        line("192.0.2.3", "/logged", "curl/8.5.0"),
    ];
    std::fs::write(&log, lines.concat()).unwrap();
    let import = ["import", "access-log", log.to_str().unwrap(), "--site", SHOP];
    let imported = home.run(&import).await;
    assert_eq!(imported.status.code(), Some(0), "{}", String::from_utf8_lossy(&imported.stderr));
    assert_eq!(program.pages().await, BTreeMap::from([("/logged".to_owned(), 2)]));
    let again = home.run(&import).await;
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--again"), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(program.pages().await, BTreeMap::from([("/logged".to_owned(), 2)]));
    assert!(program.end(Signal::TERM).await.success());
}

#[tokio::test]
async fn checking_a_configuration_ends_with_0_when_it_is_right_and_2_when_it_is_not() {
    let right = Home::new("").run(&["check"]).await;
    assert_eq!(right.status.code(), Some(0), "{}", String::from_utf8_lossy(&right.stderr));
    assert!(String::from_utf8_lossy(&right.stdout).contains("1 site"));
    for (wrong, says) in [
        ("[limits]\npages = 1", "pages"),
        ("[limits]\nvalues_per_dimension = 0", "limits.values_per_dimension"),
        ("[limits]\ntags = \"many\"", "tags"),
        ("[geo]\ndatabases = [\"/nowhere.mmdb\"]", "/nowhere.mmdb"),
        ("[geo", "TOML"),
    ] {
        let answer = Home::new(wrong).run(&["check"]).await;
        let stderr = String::from_utf8_lossy(&answer.stderr);
        assert_eq!(answer.status.code(), Some(2), "{wrong}: {stderr}");
        assert!(stderr.contains(says), "{wrong}: {stderr}");
    }
    let home = Home::new("");
    std::fs::remove_file(home.path().join("sillage.toml")).unwrap();
    let answer = home.run(&["check"]).await;
    assert_eq!(answer.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&answer.stderr).contains("no such file"));
}

#[tokio::test]
async fn without_the_engine_s_library_the_program_says_what_to_do() {
    let home = Home::new("");
    let library: PathBuf = home.path().join("libchdb.so");
    let mut command = home.command(&["serve"]);
    command.env("SILLAGE_CLICKHOUSE__LIBRARY", &library).env("PATH", home.path());
    let answer = tokio::time::timeout(Duration::from_secs(60), command.output()).await.unwrap().unwrap();
    let stderr = String::from_utf8_lossy(&answer.stderr);
    assert_eq!(answer.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains(&library.display().to_string()) && stderr.contains("run `sillage engine fetch`"),
        "{stderr}"
    );
}

/// Starts `serve` by `shell`, and returns it before it prints its addresses.
fn begin(home: &Home, shell: &str, variables: &[(&str, &str)]) -> Child {
    let log = File::options().create(true).append(true).open(home.path().join("log")).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{shell} exec \"$0\" serve --config \"$1\""), env!("CARGO_BIN_EXE_sillage")]);
    command.arg(home.path().join("sillage.toml")).kill_on_drop(true).envs(variables.iter().copied());
    command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

async fn terminated(mut child: Child) -> Option<i32> {
    kill_process(Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap(), Signal::TERM).unwrap();
    tokio::time::timeout(Duration::from_secs(60), child.wait()).await.expect("it ends").unwrap().code()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_background_of_a_shell_which_ignores_interrupts_the_engine_is_not_killed_at_its_end() {
    let home = Home::new("");
    let log = home.path().join("access.log");
    std::fs::write(&log, "192.0.2.1 - - [10/Mar/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5\n").unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' INT; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_sillage"), "import", "access-log"]);
    command.arg(log).args(["--site", SHOP, "--config"]).arg(home.path().join("sillage.toml"));
    let ended = command.output().await.unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && !told.contains("did not stop in time"), "{told}");
}

#[tokio::test]
async fn a_start_that_waits_for_its_database_ends_when_told_and_what_it_took_is_on_the_disk() {
    let home = Home::new("");
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (collect, nowhere) = (free(), format!("http://{}", free()));
    let address = collect.to_string();
    let away = [
        ("SILLAGE_COLLECT__LISTEN", &*address),
        ("SILLAGE_CLICKHOUSE__MODE", "remote"),
        ("SILLAGE_CLICKHOUSE__URL", &*nowhere),
    ];
    let child = begin(&home, "", &away);
    eventually("it takes hits", async || tokio::net::TcpStream::connect(collect).await.is_ok()).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::post(format!("http://{collect}/api/event"))
        .header("user-agent", FIREFOX)
        .body(Full::new(Bytes::from(pageview(SHOP, "/early", None).to_string())))
        .unwrap();
    assert_eq!(client.request(request).await.unwrap().status(), 202);
    assert_eq!(terminated(child).await, Some(0), "{}", home.log());
    assert!(home.log().contains("serve: stopped before start was complete"), "{}", home.log());

    let program = home.serve(&[]).await;
    assert_eq!(program.pages().await, BTreeMap::from([("/early".to_owned(), 1)]));
    assert!(program.end(Signal::TERM).await.success());
}

#[tokio::test]
async fn a_start_that_is_given_up_while_its_engine_starts_leaves_no_password_behind() {
    let home = Home::new("");
    let child = begin(&home, "", &[]);
    let engine = home.path().join("runtime/engine.json");
    eventually("the engine is being started", async || engine.exists()).await;
    assert_eq!(terminated(child).await, Some(0), "{}", home.log());
    for name in ["engine.json", "config.xml", "users.xml"] {
        assert!(!engine.with_file_name(name).exists(), "{name} is left");
    }
}

#[tokio::test]
async fn the_soft_limit_of_open_files_is_raised_and_a_hard_one_that_is_too_low_is_told() {
    for (shell, told) in [("ulimit -Sn 64;", false), ("ulimit -Sn 64; ulimit -Hn 4096;", true)] {
        let home = Home::new("");
        let nowhere = [("SILLAGE_CLICKHOUSE__MODE", "remote"), ("SILLAGE_CLICKHOUSE__URL", "http://127.0.0.1:1")];
        let child = begin(&home, shell, &nowhere);
        let limits = format!("/proc/{}/limits", child.id().unwrap());
        eventually("it waits for its database", async || home.log().contains("database unreachable")).await;
        let limits = std::fs::read_to_string(limits).unwrap();
        let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
        let mut numbers = files.split_whitespace();
        let (soft, hard) = (numbers.next().unwrap(), numbers.next().unwrap());
        assert_eq!(soft, hard, "raised as far as it may be");
        let enough = hard.parse().is_ok_and(|hard: u64| hard >= 10_400);
        assert_eq!(home.log().contains("open files limit connections"), told || !enough, "{}", home.log());
        assert_eq!(terminated(child).await, Some(0));
    }
}

#[tokio::test]
async fn a_reader_who_closes_the_pipe_ends_a_command_well() {
    let home = Home::new("");
    let (reader, closed) = std::io::pipe().unwrap();
    drop(reader);
    let child = home.command(&["check"]).stdout(closed).stderr(Stdio::piped()).spawn().unwrap();
    let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), ""));
}
