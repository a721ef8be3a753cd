//! A shard's first rows: the collector is killed while it ships them, and each counts once. Rows of a day that the
//! other shard has released before are late on the new one: they wait for their week.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use sillage::app::{App, AppOptions};
use sillage::clock::ManualClock;

use crate::away::{config, own_sites, waiting};
use crate::collector::Collector;
use crate::node::{ClusterNode, ClusterPlan};
use crate::nodes::{counted, sites};
use crate::visitors;

/// Kills of the collector around the first rows.
const KILLS: u32 = 4;

/// Runs both parts; each visitor has four views.
pub(crate) async fn walk(people: usize) {
    first_rows(people).await;
    late_rows().await;
}

/// Grows a cluster of one shard to two.
async fn grown(plan: &mut ClusterPlan, nodes: &mut Vec<ClusterNode>) {
    plan.shards.push(vec![2]);
    nodes.push(ClusterNode::start(plan, 2).await);
    nodes[0].stop();
    nodes[0].start_again(plan).await;
}

async fn first_rows(people: usize) {
    let (mut plan, sites) = (ClusterPlan::new(&[&[1]]), sites());
    let mut nodes = vec![ClusterNode::start(&plan, 1).await];
    let mut collector = Collector::start_on_cluster(&plan, &sites).await;
    let mut total = visitors::send_to_sites(collector.address, people, &sites).await;
    counted(&plan, "1 shard, load", total).await;
    collector = collector.end(Signal::TERM).await;
    grown(&mut plan, &mut nodes).await;
    collector = collector.start_again_on_cluster(&plan, &sites).await;
    for kill in 1..=KILLS {
        total += visitors::send_to_sites(collector.address, people, &sites).await;
        tokio::time::sleep(Duration::from_millis(u64::from(350 * kill))).await;
        collector = collector.end(Signal::KILL).await.start_again_on_cluster(&plan, &sites).await;
    }
    counted(&plan, "a new shard's first rows, the collector killed four times meanwhile", total).await;
    assert!(!own_sites(&plan, 2).await.is_empty());
    collector.end(Signal::TERM).await;
}

async fn late_rows() {
    let (mut plan, sites) = (ClusterPlan::new(&[&[1]]), sites());
    let mut nodes = vec![ClusterNode::start(&plan, 1).await];
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let memory = || tempfile::Builder::new().prefix("sillage-cluster-").tempdir_in("/dev/shm").unwrap();
    let memories = [memory(), memory()];
    let clock = Arc::new(ManualClock::new("2026-03-10T12:00:00Z".parse().unwrap()));
    let start = async |plan: &ClusterPlan, number: usize| {
        let config = config(plan, folders[number].path(), memories[number].path(), &sites);
        let pauses = (Duration::from_millis(1), Duration::from_millis(1));
        let options = AppOptions { config, clock: clock.clone(), demo: false, database: None, pauses };
        App::start(options).await.unwrap()
    };
    let people = 40 * sites.len();
    // The second collector's hits stay in its spool: the database is away when it stops.
    let (app, second) = (start(&plan, 0).await, start(&plan, 1).await);
    visitors::send_to_sites(app.collect_address, people, &sites).await;
    let accepted = visitors::send_to_sites(second.collect_address, people, &sites).await;
    assert_eq!(accepted, 4 * people as u64);
    app.flush().await.unwrap();
    nodes[0].kill();
    second.stop().await;
    nodes[0].start_again(&plan).await;
    clock.set("2026-03-11T02:00:00Z".parse().unwrap());
    app.flush().await.unwrap();
    let published = own_sites(&plan, 1).await;
    assert_eq!(published.len(), sites.len(), "the day is released on the only shard: {published:?}");
    app.stop().await;

    grown(&mut plan, &mut nodes).await;
    let second = start(&plan, 1).await;
    second.flush().await.unwrap();
    assert_eq!(own_sites(&plan, 1).await, published, "nothing of the released day is drawn again");
    assert_eq!(own_sites(&plan, 2).await, BTreeMap::new(), "nor on the new shard");
    assert!(waiting(&plan, 2, "waiting_cells").await > 0, "the late rows of its sites wait there");

    println!("| late rows of a released day are a new shard's first: they wait for their week | – | – | – |");
    second.stop().await;
}
