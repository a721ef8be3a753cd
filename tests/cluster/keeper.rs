//! A cluster with Keeper as far as this engine goes: it makes replicated tables before a real ZooKeeper and counts
//! their replicas, but takes no rows, for want of an interserver address, and knows no `ON CLUSTER`.

use std::fmt::Write as _;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sillage::rollup::counters::ImportsRow;
use sillage::store::StoreError;
use tempfile::TempDir;

use crate::balancer::free_port;
use crate::collector::Collector;
use crate::node::{ClusterNode, ClusterPlan};
use crate::nodes::sites;

/// ZooKeeper as Debian packages it.
const LIBRARY: &str = "/usr/share/java/zookeeper.jar";

/// A running ZooKeeper.
struct Keeper {
    port: u16,
    child: Child,
    _folder: TempDir,
}

impl Keeper {
    /// `None` where it is not installed.
    fn start() -> Option<Self> {
        if !std::path::Path::new(LIBRARY).exists() {
            return None;
        }
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let file = folder.path().join("zoo.cfg");
        let mut config = format!("tickTime=2000\ndataDir={}\n", folder.path().display());
        writeln!(config, "clientPort={port}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false").unwrap();
        std::fs::write(&file, config).unwrap();
        let mut java = Command::new("java");
        java.args(["-Xmx256m", "-cp", LIBRARY, "org.apache.zookeeper.server.quorum.QuorumPeerMain"]).arg(&file);
        let child = java.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let keeper = Self { port, child, _folder: folder };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "ZooKeeper does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(keeper)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Statements of `sillage migrate --dry-run`, for one node.
fn statements(printed: &str) -> Vec<String> {
    let code = |text: &str| text.lines().filter(|line| !line.starts_with("-- ")).collect::<Vec<_>>().join("\n");
    let statements = printed.split(";\n\n").map(code).filter(|text| !text.trim().is_empty());
    statements.map(|text| text.replace(" ON CLUSTER 'north'", "")).collect()
}

/// An insert as the program makes it, through the entry.
async fn insert(plan: &ClusterPlan, number: u8) -> StoreError {
    let row = ImportsRow { site: sites()[0].as_str().into(), day: 20_000, source: Arc::from("a") };
    plan.store(number).record_import("token", &[row]).await.unwrap_err()
}

/// Replicated tables of a node: their names and how many replicas each has.
async fn replicas(plan: &ClusterPlan, number: u8) -> Vec<(String, u64)> {
    let sql = "SELECT table, toUInt64(total_replicas) FROM system.replicas WHERE database = 'sillage' ORDER BY table";
    plan.store(number).ask_as_owner(sql).rows::<(String, u64)>().await.unwrap()
}

/// Runs it, where ZooKeeper is installed.
pub(crate) async fn walk() {
    let Some(keeper) = Keeper::start() else {
        println!("cluster: ZooKeeper is not installed; run `make cluster`, which installs it");
        return;
    };
    let mut plan = ClusterPlan::new(&[&[1, 2]]);
    plan.keeper = Some(keeper.port);
    let nodes = [ClusterNode::start(&plan, 1).await, ClusterNode::start(&plan, 2).await];
    let collector = Collector::idle_on_cluster(&plan, &sites());
    let run = async |arguments: &[&str]| {
        let output = collector.command(arguments).output().await.unwrap();
        let texts = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), texts.concat())
    };

    let (_, checked) = run(&["check"]).await;
    assert!(checked.contains("insert_quorum = auto"), "{checked}");
    let (code, migrated) = run(&["migrate"]).await;
    assert_eq!(code, Some(2), "{migrated}");
    assert!(migrated.contains("ON CLUSTER not offered; give the servers Keeper"), "{migrated}");

    // What `ON CLUSTER` does on a server, node after node: the second joins the tables of the first.
    let (_, printed) = run(&["migrate", "--dry-run"]).await;
    let (records, tables): (Vec<_>, Vec<_>) =
        statements(&printed).into_iter().partition(|text| text.starts_with("INSERT"));
    for number in [1, 2] {
        for statement in &tables {
            let result = plan.store(number).statement(statement).await;
            if statement.starts_with("ALTER TABLE") && statement.contains("_local") {
                // A replicated table of this engine takes no change.
                let read_only = result.unwrap_err().to_string();
                assert!(read_only.contains("table is read-only; check"), "{statement}: {read_only}");
            } else {
                result.unwrap_or_else(|error| panic!("{statement}: {error}"));
            }
        }
    }
    let found = replicas(&plan, 1).await;
    let count = |is_one: fn(&str) -> bool| tables.iter().filter(|text| is_one(text)).count();
    let dropped = count(|text| text.starts_with("DROP TABLE") && text.contains("_local"));
    let made = count(|text| text.contains("ENGINE = Replicated")) - dropped;
    assert_eq!(found.len(), made);
    assert!(found.iter().all(|(_, replicas)| *replicas == 2), "{found:?}");
    assert_eq!(found, replicas(&plan, 2).await);
    println!("| with Keeper: replicated tables made on both nodes | {made} | 2 replicas each |");

    // The record asks for no quorum; a figure does, through the distributed table.
    let read_only = plan.store(1).statement(&records[0]).await.unwrap_err();
    assert!(read_only.to_string().contains("table is read-only; check"), "{read_only}");
    let refused = insert(&plan, 1).await;
    assert!(matches!(refused, StoreError::Retryable(_)), "{refused}");
    assert!(refused.to_string().contains("too few replicas; rows wait"), "{refused}");

    // The audit knows the replicated form, on every node.
    let (_, audited) = run(&["audit"]).await;
    assert!(plan.numbers().iter().all(|number| audited.contains(&format!("node {}", plan.url(*number)))));
    assert!(!audited.contains("differ from schema"), "{audited}");

    let unnamed = "CREATE TABLE sillage.x (n Int8) ENGINE = ReplicatedMergeTree('/x/{region}', '1') ORDER BY n";
    let unnamed = plan.store(1).statement(unnamed).await.unwrap_err().to_string();
    assert!(unnamed.contains("give each node the macros shard and replica (code 139)"), "{unnamed}");
    drop(keeper);
    let away = insert(&plan, 2).await;
    assert!(matches!(away, StoreError::Retryable(_)), "{away}");
    assert!(away.to_string().contains("Keeper does not answer; check"), "{away}");
    drop(nodes);
}
