//! From the spool to the database through a failing proxy: in the end every figure is exact, and waiting events wait as
//! counters.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::collector::{Collector, FIREFOX, pageview};
use crate::proxy::{Fault, Proxy};
use crate::store::number;
use crate::support::eventually;

const SITE: &str = r#"site = [{ name = "shop.example", timezone = "Europe/Paris", properties = ["plan"] }]"#;
const DAY: &str = "2026-03-10T";

/// A collector that reaches the engine through a proxy.
async fn start() -> (Collector, Proxy) {
    let proxy = Proxy::start().await;
    (Collector::start_over("2026-03-10T09:00:00Z", SITE, |_| (), proxy.endpoint()).await, proxy)
}

impl Collector {
    /// Events for all four tables by the visitors `from` to `to`, who come once each.
    async fn visit(&self, visitors: std::ops::Range<u8>) {
        for visitor in visitors {
            let address = format!("90.0.{visitor}.1");
            let on = |name: &str, more: Value| {
                let mut event = pageview("shop.example", "/pricing", None);
                event["n"] = json!(name);
                event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                event
            };
            let events = [
                pageview("shop.example", "/", Some("https://news.example/")),
                pageview("shop.example", "/pricing", Some("https://shop.example/")),
                on("Signup", json!({ "p": { "plan": "gold" } })),
                on("engagement", json!({ "e": 2_000, "sd": 50 })),
                on("timing", json!({ "t": { "lcp": 900 } })),
            ];
            for event in events {
                let reply = self.event(&address, FIREFOX, &event).await;
                assert_eq!((reply.status.as_u16(), reply.dropped()), (202, None));
            }
        }
    }

    /// Asserts that every figure is that of `visitors` visitors.
    async fn assert_counted(&self, visitors: i64) {
        for (table, figure, each) in [
            ("page_days", "pageviews", 2),
            ("site_days", "visitors", 1),
            ("page_days", "visits", 1),
            ("page_days", "exits", 1),
            ("page_days", "bounces", 0),
            ("page_days", "engaged_ms", 2_000),
            ("action_days", "count", 1),
            ("action_value_days", "if(value = 'gold', visitors, 0)", 1),
            ("timing_days", "count", 1),
            ("dimension_days", "if(dimension = 'browser', pageviews, 0)", 2),
            ("dimension_days", "if(dimension = 'referrer', visits, 0)", 1),
        ] {
            assert_eq!(self.sum(table, figure).await, each * visitors, "{figure} of {table}");
        }
    }

    /// The spool's files with this extension, sorted by name, each with its length without preallocated zeros.
    fn spooled(&self, ending: &str) -> Vec<(PathBuf, u64)> {
        let entries = std::fs::read_dir(self.folder.path().join("spool")).unwrap();
        let files =
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == ending));
        let mut files: Vec<_> =
            files.map(|path| (path.clone(), used(&std::fs::read(&path).unwrap_or_default()) as u64)).collect();
        files.sort();
        files
    }

    /// Moves the clock to a minute of the day, UTC.
    fn minute(&self, minute: u32) {
        self.at(&format!("{DAY}{:02}:{:02}:00Z", minute / 60, minute % 60));
    }
}

/// Length of a file without the zeros at its end.
fn used(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

const FAULTS: [Fault; 6] =
    [Fault::Away, Fault::Answers(500), Fault::Answers(503), Fault::CutsMidway, Fault::LosesAnswer, Fault::ArrivesLate];

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_table_leaves_exact_figures() {
    let (shop, proxy) = start().await;
    let mut visitors = 0;
    for fault in FAULTS {
        for table in 0..4 {
            shop.visit(visitors..visitors + 1).await;
            visitors += 1;
            let healthy = vec![Fault::None; table];
            // Inserts run at once: one of a failed flush may come after it, and must not take the next one's fault.
            proxy.script(&healthy);
            proxy.lasting(fault);
            assert!(shop.app.flush().await.is_err(), "{fault:?} at table {table}");
            // Twice in a row, and the second time from the counters on the disk.
            shop.minute(9 * 60 + u32::from(visitors) * 2);
            proxy.script(&healthy);
            assert!(shop.app.flush().await.is_err(), "{fault:?} at table {table}");
            assert_eq!(shop.spooled("batch").len(), 1, "{fault:?} at table {table}");
            proxy.script(&[]);
            proxy.lasting(Fault::None);
            shop.app.flush().await.unwrap();
            proxy.let_go().await;
            assert_eq!(shop.spooled("batch"), []);
        }
    }
    shop.assert_counted(i64::from(visitors)).await;
    assert_eq!(shop.counter("sillage_store_errors_total", "retryable").await, 2 * u64::from(visitors));
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_without_a_database_leave_counters_alone_and_hardly_any_bytes() {
    let (shop, proxy) = start().await;
    proxy.lasting(Fault::Away);
    let mut most = 0;
    for round in 0..12u8 {
        shop.minute(9 * 60 + u32::from(round) * 30);
        shop.visit(round * 8..round * 8 + 8).await;
        assert!(shop.app.flush().await.is_err());
        most += shop.spooled("seg").iter().map(|(_, bytes)| bytes).sum::<u64>();
    }
    shop.minute(16 * 60);
    assert!(shop.app.flush().await.is_err());
    let (batches, events) = (shop.spooled("batch"), shop.spooled("seg"));
    assert_eq!(batches.len(), 12);
    assert_eq!(events.iter().map(|(_, bytes)| *bytes).collect::<Vec<_>>(), [48], "one segment, empty");
    let bytes: u64 = batches.iter().map(|(_, bytes)| bytes).sum();
    assert!(bytes * 2 < most, "{bytes} of {most} bytes");
    assert_eq!(shop.counter("sillage_folded_total", "").await, 12);

    // A start needs the database for its tables; the attempt at the end of the run fails once more.
    proxy.script(&[Fault::Away]);
    proxy.lasting(Fault::None);
    let shop = shop.restart(true).await;
    assert_eq!(shop.spooled("batch"), batches, "a restart changes none");
    shop.app.flush().await.unwrap();
    shop.assert_counted(96).await;
    let at = format!("SELECT toInt64(uniqExact(hour)) FROM {}.site_hours", shop.store.database());
    assert_eq!(number(&shop.store, &at).await, 6, "each hit in its own hour");
    assert_eq!((shop.spooled("batch"), shop.spooled("seg").len()), (Vec::new(), 1));
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn young_segments_stay_until_they_are_a_minute_old_and_are_folded_when_the_collector_stops() {
    let (shop, proxy) = start().await;
    proxy.lasting(Fault::Away);
    shop.visit(0..1).await;
    shop.at("2026-03-10T09:00:59Z");
    assert!(shop.app.flush().await.is_err());
    assert_eq!((shop.spooled("batch").len(), shop.spooled("seg").len()), (0, 2));
    shop.at("2026-03-10T09:01:00Z");
    assert!(shop.app.flush().await.is_err());
    assert_eq!((shop.spooled("batch").len(), shop.spooled("seg").len()), (1, 1));
    shop.visit(1..2).await;
    proxy.script(&[Fault::Away]);
    proxy.lasting(Fault::None);
    let shop = shop.restart(true).await;
    assert_eq!(shop.spooled("batch").len(), 2);
    shop.app.flush().await.unwrap();
    shop.assert_counted(2).await;
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_fresh_again_at_once_when_the_database_is_back() {
    let proxy = Proxy::start().await;
    let flushing = |config: &mut sillage::config::Config| config.spool.flush_seconds = 1;
    let shop = Collector::start_over("2026-03-10T09:00:00Z", SITE, flushing, proxy.endpoint()).await;
    proxy.script(&[Fault::Away]);
    shop.visit(0..1).await;
    eventually("the batch is tried again", async || shop.sum("timing_days", "count").await == 1).await;
    // While the database is away, segments last a minute: twice as long as the wait here.
    shop.visit(1..2).await;
    eventually("the next flush is not far", async || shop.sum("timing_days", "count").await == 2).await;
    // The tables of a batch are written at once: the other ones may follow.
    shop.app.flush().await.unwrap();
    shop.assert_counted(2).await;
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_left_by_a_crash_is_folded_while_the_start_waits_for_the_database() {
    let (shop, proxy) = start().await;
    proxy.lasting(Fault::Away);
    shop.visit(0..1).await;
    assert!(shop.app.flush().await.is_err());
    let (segment, _) = shop.spooled("seg")[0].clone();
    let (batch, events) = (segment.with_extension("batch"), std::fs::read(&segment).unwrap());
    shop.minute(10 * 60);
    let put_back = AtomicBool::new(false);
    let restarted = shop.restart_after(|| {
        std::fs::write(&segment, events).unwrap();
        std::fs::remove_file(&batch).unwrap();
        put_back.store(true, Ordering::SeqCst);
    });
    let (shop, ()) = tokio::join!(restarted, async {
        eventually("events are back", async || put_back.load(Ordering::SeqCst)).await;
        eventually("the start folds", async || batch.exists() && !segment.exists()).await;
        proxy.lasting(Fault::None);
    });
    shop.app.flush().await.unwrap();
    shop.assert_counted(1).await;
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_an_hour_keeps_no_events() {
    let (shop, proxy) = start().await;
    proxy.lasting(Fault::Away);
    shop.visit(0..1).await;
    shop.minute(8 * 60);
    assert!(shop.app.flush().await.is_err());
    assert_eq!(shop.spooled("batch").len(), 1);
    proxy.lasting(Fault::None);
    shop.app.flush().await.unwrap();
    shop.assert_counted(1).await;
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_holds_up_no_hit_and_counts_once_when_it_answers() {
    let (shop, proxy) = start().await;
    shop.visit(0..2).await;
    proxy.script(&[Fault::None, Fault::Hangs]);
    let (flushed, ()) = tokio::join!(shop.app.flush(), async {
        eventually("the second insert hangs", async || proxy.inserts() >= 2).await;
        shop.visit(2..4).await;
        proxy.let_go().await;
    });
    flushed.unwrap();
    shop.app.flush().await.unwrap();
    shop.assert_counted(4).await;
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_insert_is_counted_keeps_everything_and_goes_through_when_the_schema_is_mended() {
    let (shop, _proxy) = start().await;
    let rename = async |from: &str, to: &str| {
        let database = shop.store.database();
        shop.store.statement(&format!("RENAME TABLE {database}.{from} TO {database}.{to}")).await.unwrap();
    };
    rename("action_days", "away").await;
    shop.visit(0..2).await;
    assert!(shop.app.flush().await.is_err());
    shop.minute(10 * 60);
    shop.visit(2..3).await;
    assert!(shop.app.flush().await.is_err());
    assert_eq!(shop.counter("sillage_store_errors_total", "refused").await, 2);
    assert_eq!(shop.counter("sillage_store_errors_total", "retryable").await, 0);
    assert_eq!((shop.spooled("batch").len(), shop.spooled("seg").len()), (1, 2));
    rename("away", "action_days").await;
    shop.app.flush().await.unwrap();
    shop.assert_counted(3).await;
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shipped_segment_is_not_offered_again_when_only_its_removal_failed() {
    let (shop, proxy) = start().await;
    shop.visit(0..1).await;
    // A folder replaces the file: reading it fails, and so does its removal.
    let [(segment, _)] = &shop.spooled("seg")[..] else { panic!("one segment") };
    let (segment, kept) = (segment.clone(), segment.with_extension("kept"));
    proxy.script(&[Fault::Hangs]);
    let (flushed, ()) = tokio::join!(shop.app.flush(), async {
        eventually("the first insert hangs", async || proxy.inserts() >= 1).await;
        std::fs::rename(&segment, &kept).unwrap();
        std::fs::create_dir(&segment).unwrap();
        proxy.let_go().await;
    });
    assert!(flushed.is_err());
    let offered = proxy.inserts();
    shop.assert_counted(1).await;
    shop.visit(1..2).await;
    assert!(shop.app.flush().await.is_err());
    assert_eq!(proxy.inserts(), offered, "nothing is offered while the last one is not gone");
    std::fs::remove_dir(&segment).unwrap();
    std::fs::rename(&kept, &segment).unwrap();
    shop.app.flush().await.unwrap();
    assert_eq!((proxy.inserts(), segment.exists()), (2 * offered, false));
    shop.assert_counted(2).await;
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_whose_damage_cannot_be_copied_stays_and_the_others_go_by() {
    let (shop, proxy) = start().await;
    shop.visit(0..1).await;
    proxy.script(&[Fault::Away]);
    shop.app.flush().await.unwrap_err();
    shop.visit(1..2).await;
    let (segment, _) = shop.spooled("seg")[0].clone();
    let whole = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, [&whole[..60], &[0xaa; 24], &whole[84..]].concat()).unwrap();
    let quarantine = segment.with_file_name("quarantine");
    std::fs::remove_dir(&quarantine).unwrap();
    std::fs::write(&quarantine, "in the way").unwrap();
    assert!(shop.app.flush().await.is_err());
    shop.minute(10 * 60);
    assert!(shop.app.flush().await.is_err());
    assert!(segment.exists(), "neither shipped nor folded");
    // Removing the other file is not durable without that folder, and reports an error.
    std::fs::remove_file(&quarantine).unwrap();
    std::fs::create_dir(&quarantine).unwrap();
    std::fs::write(&segment, whole).unwrap();
    shop.app.flush().await.unwrap();
    shop.assert_counted(2).await;
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_that_the_start_has_found_is_counted_once() {
    let (shop, proxy) = start().await;
    shop.visit(0..2).await;
    let (segment, _) = shop.spooled("seg")[0].clone();
    proxy.lasting(Fault::Away);
    let whole = std::fs::read(&segment).unwrap();
    // The state after a kill: a graceful stop would fold the unshipped events.
    let shop = shop
        .restart_after(|| {
            let spool = segment.parent().unwrap();
            std::fs::read_dir(spool).unwrap().flatten().for_each(|file| {
                if file.path().extension().is_some_and(|ending| ending == "batch") {
                    std::fs::remove_file(file.path()).unwrap();
                }
            });
            // The last frame: the others do not need its texts.
            let kept = &whole[..used(&whole) - 6];
            std::fs::write(&segment, [kept, &[0xaa; 6]].concat()).unwrap();
            proxy.lasting(Fault::None);
        })
        .await;
    let damaged = shop.counter("sillage_quarantined_total", "").await;
    assert_eq!(damaged, 1);
    shop.app.flush().await.unwrap();
    assert_eq!(shop.counter("sillage_quarantined_total", "").await, damaged);
    shop.app.stop().await;
}
