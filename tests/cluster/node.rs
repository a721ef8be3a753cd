//! A node of a ClickHouse cluster: this program's own second self, which becomes the engine, with HTTP and TCP on an
//! address of loopback of its own. The engine has no Keeper: where a plan names one, it is a ZooKeeper.

use std::net::Ipv4Addr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sillage::config::{ClickHouseConfig, Replication};
use sillage::ffi::EngineLibrary;
use sillage::store::client::Login;
use sillage::store::{Endpoint, Store};
use tempfile::TempDir;

/// First argument of the second self.
pub(crate) const ENGINE: &str = "--engine";
/// Password of the one user.
pub(crate) const PASSWORD: &str = "of-a-test";

/// Signal of an engine that aborts.
const SIGABRT: i32 = 6;
const LIBRARY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so");

const CONFIG: &str = r"<clickhouse>
  <logger><level>none</level><console>0</console></logger>
  <users_config>{{folder}}/users.xml</users_config>
  <timezone>UTC</timezone>
  <mark_cache_size>8388608</mark_cache_size>
  <max_server_memory_usage>1500000000</max_server_memory_usage>
  <max_thread_pool_size>200</max_thread_pool_size>
  <background_pool_size>2</background_pool_size>
  <background_schedule_pool_size>4</background_schedule_pool_size>
  <merge_tree>
    <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
  {{keeper}}
  <remote_servers replace='1'><north>{{shards}}</north></remote_servers>
</clickhouse>";

const USERS: &str = r"<clickhouse>
  <users>
    <default><password></password><networks><ip>127.0.0.0/8</ip></networks><profile>default</profile>
      <quota>default</quota></default>
    <sillage><password>of-a-test</password><networks><ip>127.0.0.0/8</ip></networks><profile>default</profile>
      <quota>default</quota></sillage>
    <reader><password>of-a-test</password><networks><ip>127.0.0.0/8</ip></networks><profile>default</profile>
      <quota>default</quota></reader>
    {{users}}
  </users>
  <profiles>
    <default>
      <max_threads>2</max_threads><log_queries>0</log_queries>
      <insert_keeper_max_retries>1</insert_keeper_max_retries>
    </default>
    <careless><readonly>1</readonly><skip_unavailable_shards>1</skip_unavailable_shards></careless>
    <careful><readonly>1</readonly></careful>
  </profiles>
  <quotas><default/></quotas>
</clickhouse>";

/// Where the nodes of one cluster listen, and which of them are twins.
#[derive(Clone)]
pub(crate) struct ClusterPlan {
    http: u16,
    tcp: u16,
    /// Numbers of the nodes of each shard.
    pub(crate) shards: Vec<Vec<u8>>,
    /// Port of the Keeper on 127.0.0.1, if the replicas have one.
    pub(crate) keeper: Option<u16>,
    /// Users beside those of [`USERS`], as elements of `users.xml`.
    pub(crate) users: String,
}

/// One node.
pub(crate) struct ClusterNode {
    number: u8,
    folder: TempDir,
    child: Arc<Mutex<Option<Child>>>,
}

impl ClusterPlan {
    /// Shards of these nodes, on ports that are free.
    pub(crate) fn new(shards: &[&[u8]]) -> Self {
        let (http, tcp) = (crate::balancer::free_port(), crate::balancer::free_port());
        Self {
            http,
            tcp,
            shards: shards.iter().map(|nodes| nodes.to_vec()).collect(),
            keeper: None,
            users: String::new(),
        }
    }

    /// The HTTP interface of a node.
    pub(crate) fn url(&self, number: u8) -> String {
        format!("http://{}:{}", address(number), self.http)
    }

    /// All nodes.
    pub(crate) fn numbers(&self) -> Vec<u8> {
        self.shards.concat()
    }

    /// The configuration of a collector's `clickhouse` for this cluster.
    pub(crate) fn config(&self) -> ClickHouseConfig {
        ClickHouseConfig {
            mode: sillage::config::EngineMode::Remote,
            urls: self.numbers().into_iter().map(|number| self.url(number)).collect(),
            cluster: "north".into(),
            replication: if self.keeper.is_some() { Replication::Keeper } else { Replication::Distributed },
            ..ClickHouseConfig::default()
        }
    }

    /// A connection to one node.
    pub(crate) fn store(&self, number: u8) -> Store {
        let writer = Login { user: "sillage".into(), password: PASSWORD.into() };
        let endpoint =
            Endpoint { url: self.url(number), writer, reader: None, process: None, scoped_readers: Vec::new() };
        Store::connect(&self.config(), &endpoint)
    }

    /// The same with a user that reads.
    pub(crate) fn reading(&self, number: u8, user: &str) -> Store {
        let login = |user: &str| Login { user: user.into(), password: PASSWORD.into() };
        let (writer, reader) = (login("sillage"), Some(login(user)));
        let endpoint = Endpoint { url: self.url(number), writer, reader, process: None, scoped_readers: Vec::new() };
        Store::connect(&self.config(), &endpoint)
    }

    fn remote_servers(&self) -> String {
        let replica = |number: &u8| {
            format!(
                "<replica><host>{}</host><port>{}</port><user>sillage</user><password>{PASSWORD}</password></replica>",
                address(*number),
                self.tcp
            )
        };
        let shard = |nodes: &Vec<u8>| {
            let replicas: String = nodes.iter().map(replica).collect();
            let by_keeper = self.keeper.is_some();
            format!("<shard><internal_replication>{by_keeper}</internal_replication>{replicas}</shard>")
        };
        self.shards.iter().map(shard).collect()
    }

    /// Address of the Keeper, and the names by which a node finds its tables there.
    fn keeper_of(&self, number: u8) -> String {
        let Some(port) = self.keeper else { return String::new() };
        let shard = self.shards.iter().position(|nodes| nodes.contains(&number)).unwrap_or_default();
        format!(
            "<zookeeper><node><host>127.0.0.1</host><port>{port}</port></node></zookeeper>\n\
             <macros><shard>{shard}</shard><replica>{number}</replica></macros>"
        )
    }
}

fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 91, number)
}

impl ClusterNode {
    /// Starts an empty one.
    pub(crate) async fn start(plan: &ClusterPlan, number: u8) -> Self {
        let mut node = Self { number, folder: tempfile::tempdir().unwrap(), child: Arc::default() };
        node.start_again(plan).await;
        node
    }

    /// Starts it over its folder, with the plan as it is now.
    pub(crate) async fn start_again(&mut self, plan: &ClusterPlan) {
        let folder = self.folder.path();
        let text = CONFIG.replace("{{folder}}", folder.to_str().unwrap()).replace("{{shards}}", &plan.remote_servers());
        let text = text.replace("{{keeper}}", &plan.keeper_of(self.number));
        std::fs::write(folder.join("config.xml"), text).unwrap();
        std::fs::write(folder.join("users.xml"), USERS.replace("{{users}}", &plan.users)).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([ENGINE, "clickhouse", "-C"]).arg(folder.join("config.xml"));
        command.arg("--path").arg(self.data()).args(["--http_port", &plan.http.to_string()]);
        command.args(["--tcp_port", &plan.tcp.to_string(), "--listen_host", &address(self.number).to_string()]);
        command.args(["-q", "SYSTEM START LISTEN HTTP", "-q", "SYSTEM START LISTEN TCP"]);
        // It serves until its standard input closes, and so never outlives this program.
        command.args(["-q", "SELECT count() FROM file('-', 'LineAsString', 'l String') FORMAT Null"]);
        let log = std::fs::File::create(folder.join("log")).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        *self.child.lock().unwrap() = Some(command.spawn().unwrap());
        supervise(self.number, command, self.child.clone());
        let (store, began) = (plan.store(self.number), Instant::now());
        while store.ping().await.is_err() {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_secs(60), "node {} does not answer: {log}", self.number);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it by SIGKILL, as a power cut does.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.lock().unwrap().take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Lets it end in order.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.lock().unwrap().take().unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    /// Replaces the disk by a copy of the stopped twin's.
    pub(crate) fn copy_disk(&self, twin: &Self) {
        assert!(twin.child.lock().unwrap().is_none(), "the twin rests while its folder is copied");
        std::fs::remove_dir_all(self.data()).ok();
        let copied = Command::new("cp").arg("-a").arg(twin.data()).arg(self.data()).status().unwrap();
        assert!(copied.success());
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for ClusterNode {
    fn drop(&mut self) {
        let child = self.child.lock().unwrap().take();
        if let Some(mut child) = child {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Starts a node again that has aborted, as a service manager does. This engine aborts by itself at times while its
/// peers are killed: SIGABRT, without a line in its log.
fn supervise(number: u8, mut command: Command, child: Arc<Mutex<Option<Child>>>) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(50));
            let mut running = child.lock().unwrap();
            match running.as_mut().map(|child| child.try_wait().unwrap()) {
                Some(None) => {}
                Some(Some(status)) if status.signal() == Some(SIGABRT) => {
                    println!("| node {number} aborted by itself and is started again | – | – | – |");
                    *running = Some(command.spawn().unwrap());
                }
                None | Some(Some(_)) => return,
            }
        }
    });
}

/// Becomes the engine.
pub(crate) fn become_engine(arguments: &[String]) {
    EngineLibrary::load(Path::new(LIBRARY)).unwrap().run(arguments).unwrap();
}
