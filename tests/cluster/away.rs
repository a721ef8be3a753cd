//! One of two shards is away: sites of the other one go on to published figures, and every hit counts once when it is
//! back. As processes, with a collector that is killed meanwhile; and within this program, where time is injected, to
//! the release of a day.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sillage::app::{App, AppOptions};
use sillage::clock::ManualClock;
use sillage::config::{ClickHouseConfig, Config};
use sillage::store::StoreError;

use crate::collector::Collector;
use crate::node::{ClusterNode, ClusterPlan, PASSWORD};
use crate::nodes::{self, counted, sites};
use crate::visitors;

/// A query that needs every shard.
const ALL_SITES: &str = "SELECT toUInt64(sum(pageviews)) FROM sillage.site_days";
/// Read-only users with a right profile and a wrong one.
const READERS: &str = "
    <careful><password>of-a-test</password><networks><ip>127.0.0.0/8</ip></networks><profile>careful</profile>
      <quota>default</quota></careful>
    <careless><password>of-a-test</password><networks><ip>127.0.0.0/8</ip></networks><profile>careless</profile>
      <quota>default</quota></careless>";

/// Rows of `sql` at one node, which may be busy.
async fn rows(plan: &ClusterPlan, number: u8, sql: &str) -> Vec<(String, u64)> {
    nodes::answered(plan, number, sql).await
}

/// Pageviews of each site in a node's own table.
pub(crate) async fn own_sites(plan: &ClusterPlan, number: u8) -> BTreeMap<String, u64> {
    let sql = "SELECT toString(site), toUInt64(sum(pageviews)) FROM sillage.site_days_local GROUP BY site";
    rows(plan, number, sql).await.into_iter().collect()
}

/// Waits until the first node has this many pageviews more than `before` for each of its sites.
pub(crate) async fn goes_on(plan: &ClusterPlan, collector: &Collector, before: &BTreeMap<String, u64>, views: u64) {
    let began = Instant::now();
    loop {
        let now = own_sites(plan, 1).await;
        if before.iter().all(|(site, pageviews)| now.get(site) == Some(&(pageviews + views))) {
            return;
        }
        assert!(
            began.elapsed() < Duration::from_secs(90),
            "{views} views on each site: {before:?} {now:?}\n{}",
            collector.log()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A query as the program asks it: about one site.
pub(crate) async fn asked(plan: &ClusterPlan, site: &str) -> Result<u64, StoreError> {
    let sql = "SELECT toUInt64(sum(pageviews)) FROM sillage.site_days WHERE site = {site:String}";
    Ok(plan.store(1).ask(sql).param("site", site).rows::<u64>().await?[0])
}

/// Runs both parts; each visitor has four views.
pub(crate) async fn walk(people: usize) {
    let mut plan = ClusterPlan::new(&[&[1], &[2]]);
    plan.users = READERS.into();
    let mut nodes = vec![ClusterNode::start(&plan, 1).await, ClusterNode::start(&plan, 2).await];
    exact(&plan, &mut nodes, people).await;
    drop(nodes);
    let mut nodes = vec![ClusterNode::start(&plan, 1).await, ClusterNode::start(&plan, 2).await];
    released(&plan, &mut nodes).await;
}

async fn exact(plan: &ClusterPlan, nodes: &mut [ClusterNode], people: usize) {
    let sites = sites();
    // As many visitors on each site.
    let people = people.next_multiple_of(sites.len());
    let views = 4 * (people / sites.len()) as u64;
    let mut collector = Collector::start_on_cluster(plan, &sites).await;
    let mut total = visitors::send_to_sites(collector.address, people, &sites).await;
    counted(plan, "2 shards × 1 replica, load", total).await;
    let (living, dead) = (own_sites(plan, 1).await, own_sites(plan, 2).await);
    assert!(!living.is_empty() && !dead.is_empty(), "{living:?} {dead:?}");

    nodes[1].kill();
    for round in 1..=2 {
        total += visitors::send_to_sites(collector.address, people, &sites).await;
        // Within whatever it was shipping.
        collector = collector.end(Signal::KILL).await.start_again_on_cluster(plan, &sites).await;
        goes_on(plan, &collector, &living, round * views).await;
    }
    let (lives, away) = (living.keys().next().unwrap(), dead.keys().next().unwrap());
    assert_eq!(asked(plan, lives).await.unwrap(), 3 * views);
    let refused = asked(plan, away).await.unwrap_err();
    assert!(refused.to_string().contains("a shard is away"), "{refused}");
    let careful = plan.reading(1, "careful").ask(ALL_SITES).rows::<u64>().await.unwrap_err();
    assert!(careful.to_string().contains("a shard is away"), "{careful}");
    // A profile that skips shards would read them as zero.
    let careless = plan.reading(1, "careless").ask(ALL_SITES).rows::<u64>().await.unwrap_err();
    assert!(careless.to_string().contains("its profile needs skip_unavailable_shards = 0"), "{careless}");
    let counted_there = own_sites(plan, 1).await.values().sum::<u64>();
    println!(
        "| one of two shards and the collector are killed: the other shard's sites | {counted_there} | {counted_there} + away | – |"
    );
    nodes[1].start_again(plan).await;
    counted(plan, "the shard is back", total).await;
    assert!(own_sites(plan, 2).await.values().all(|pageviews| *pageviews == 3 * views));
    collector.end(Signal::TERM).await;
}

/// With figures in tens, a shard releases its day while the other one is away.
async fn released(plan: &ClusterPlan, nodes: &mut [ClusterNode]) {
    let (folder, sites) = (tempfile::tempdir().unwrap(), sites());
    let memory = tempfile::Builder::new().prefix("sillage-cluster-").tempdir_in("/dev/shm").unwrap();
    let config = config(plan, folder.path(), memory.path(), &sites);
    let clock = Arc::new(ManualClock::new("2026-03-10T12:00:00Z".parse().unwrap()));
    let start = |clock: &Arc<ManualClock>| {
        let pauses = (Duration::from_millis(1), Duration::from_millis(1));
        App::start(AppOptions { config: config.clone(), clock: clock.clone(), demo: false, database: None, pauses })
    };
    let app = start(&clock).await.unwrap();
    let people = 40 * sites.len();
    let accepted = visitors::send_to_sites(app.collect_address, people, &sites).await;
    assert_eq!(accepted, 4 * people as u64);
    app.flush().await.unwrap();

    nodes[1].kill();
    clock.set("2026-03-10T13:00:00Z".parse().unwrap());
    visitors::send_to_sites(app.collect_address, people, &sites).await;
    app.flush().await.unwrap_err();
    clock.set("2026-03-11T02:00:00Z".parse().unwrap());
    app.flush().await.unwrap_err();
    let published = own_sites(plan, 1).await;
    assert!(!published.is_empty(), "the living shard's day is published");
    assert!(published.values().all(|pageviews| (280..=360).contains(pageviews)), "{published:?}");
    assert_eq!(waiting(plan, 1, "waiting_pages").await, 0, "its exact rows are gone");

    // Killed or stopped: another start reads what each shard has.
    app.stop().await;
    let app = start(&clock).await.unwrap();
    app.flush().await.unwrap_err();
    nodes[1].start_again(plan).await;
    clock.set("2026-03-11T03:00:00Z".parse().unwrap());
    app.flush().await.unwrap();
    assert_eq!(own_sites(plan, 1).await, published, "nothing of it is drawn twice");
    let back = own_sites(plan, 2).await;
    assert_eq!(back.len() + published.len(), sites.len());
    assert!(back.values().all(|pageviews| (280..=360).contains(pageviews)), "{back:?}");
    assert_eq!(waiting(plan, 2, "waiting_pages").await, 0);
    println!(
        "| tens: a shard's day is released while the other is away, the other's when it is back | – | {} + {} sites | – |",
        published.len(),
        back.len()
    );
    app.stop().await;
}

/// Rows of a waiting table on one node.
pub(crate) async fn waiting(plan: &ClusterPlan, number: u8, table: &str) -> u64 {
    rows(plan, number, &format!("SELECT '', count() FROM sillage.{table}_local")).await[0].1
}

pub(crate) fn config(plan: &ClusterPlan, disk: &std::path::Path, memory: &std::path::Path, sites: &[String]) -> Config {
    let password = disk.join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let sites: Vec<_> = sites.iter().map(|site| format!("{{ name = \"{site}\" }}")).collect();
    let text = format!(
        "site = [{}]\ncollect = {{ listen = \"127.0.0.1:0\", trusted_proxies = [\"127.0.0.0/8\"] }}\n\
         console = {{ listen = \"127.0.0.1:0\" }}\nspool = {{ dir = {:?}, flush_seconds = 3600 }}\nruntime = {{ dir = {memory:?} }}\n\
         privacy = {{ protection = \"tens\" }}\n",
        sites.join(", "),
        disk.join("spool"),
    );
    let clickhouse =
        ClickHouseConfig { user: "sillage".into(), password_file: password.to_str().unwrap().into(), ..plan.config() };
    Config { clickhouse, ..Config::from_toml(&text).unwrap() }
}
