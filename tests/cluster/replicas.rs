//! Two shards of two replicas: with one replica of a shard away, the sites of the other shard go on and the shard's own
//! figures stay readable; with both away they cannot be read; and every hit counts once when both are back.

use rustix::process::Signal;

use crate::away::{asked, goes_on, own_sites};
use crate::collector::Collector;
use crate::node::{ClusterNode, ClusterPlan};
use crate::nodes::{counted, sites};
use crate::visitors;

/// Runs it; each visitor has four views.
pub(crate) async fn walk(people: usize) {
    let plan = ClusterPlan::new(&[&[1, 2], &[3, 4]]);
    let mut nodes = Vec::new();
    for number in plan.numbers() {
        nodes.push(ClusterNode::start(&plan, number).await);
    }
    let sites = sites();
    let people = people.next_multiple_of(sites.len());
    let views = 4 * (people / sites.len()) as u64;
    let mut collector = Collector::start_on_cluster(&plan, &sites).await;
    let mut total = visitors::send_to_sites(collector.address, people, &sites).await;
    counted(&plan, "2 shards × 2 replicas, load", total).await;
    let (living, away) = (own_sites(&plan, 1).await, own_sites(&plan, 3).await);
    let lost = away.keys().next().unwrap();

    // One replica: the shard takes no rows, and answers from its twin.
    nodes[3].kill();
    total += visitors::send_to_sites(collector.address, people, &sites).await;
    collector = collector.end(Signal::KILL).await.start_again_on_cluster(&plan, &sites).await;
    goes_on(&plan, &collector, &living, views).await;
    assert_eq!(asked(&plan, lost).await.unwrap(), views, "its twin answers with what both have");
    assert_eq!(own_sites(&plan, 3).await, away, "the twin alone takes no rows");
    let there = own_sites(&plan, 1).await.values().sum::<u64>();
    println!(
        "| a replica of the second shard and the collector are killed: the first shard's sites | {there} | {there} + waiting | – |"
    );

    // Both.
    nodes[2].kill();
    total += visitors::send_to_sites(collector.address, people, &sites).await;
    collector = collector.end(Signal::KILL).await.start_again_on_cluster(&plan, &sites).await;
    goes_on(&plan, &collector, &living, 2 * views).await;
    let refused = asked(&plan, lost).await.unwrap_err();
    assert!(refused.to_string().contains("a shard is away"), "{refused}");

    nodes[3].start_again(&plan).await;
    nodes[2].start_again(&plan).await;
    counted(&plan, "both replicas of the second shard were away and are back", total).await;
    assert!(own_sites(&plan, 4).await.values().all(|pageviews| *pageviews == 3 * views));
    collector.end(Signal::TERM).await;
}
