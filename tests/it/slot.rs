//! A slot moves to another machine as one stream, and counts no visitor twice there.

use std::path::Path;

use serde_json::json;
use sillage::slot::{self, SlotError, SlotFolders};

use crate::collector::{Collector, FIREFOX, pageview};

const SITE: &str = r#"site = [{ name = "shop.example", timezone = "Europe/Paris" }]"#;

async fn view(shop: &Collector, path: &str) {
    let reply = shop.event("90.0.0.1", FIREFOX, &pageview("shop.example", path, None)).await;
    assert_eq!((reply.status.as_u16(), reply.dropped()), (202, None));
}

fn folders(shop: &Collector) -> SlotFolders {
    SlotFolders { spool: shop.folder.path().join("spool"), runtime: shop.runtime.path().to_owned() }
}

/// Names of the files below `folder`, without the locks.
fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = walk(folder);
    names.retain(|name| !name.ends_with("lock"));
    names.sort();
    names
}

fn walk(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .flatten()
        .flat_map(|entry| match entry.path().is_dir() {
            true => walk(&entry.path()),
            false => vec![entry.path().display().to_string()],
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_slot_counts_no_visitor_again_and_continues_the_visit() {
    let shop = Collector::start("2026-03-10T09:00:00Z", SITE).await;
    view(&shop, "/").await;
    let from = folders(&shop);
    let shop = shop
        .restart_after(|| {
            let mut stream = Vec::new();
            let packed = slot::pack(&from, &mut stream).unwrap();
            for folder in [&from.spool, &from.runtime] {
                walk(folder).into_iter().for_each(|file| std::fs::remove_file(file).unwrap());
            }
            assert_eq!(slot::unpack(&from, stream.as_slice()).unwrap(), packed);
        })
        .await;
    shop.at("2026-03-10T09:10:00Z");
    view(&shop, "/pricing").await;
    shop.app.flush().await.unwrap();
    let query = json!({
        "site_id": "shop.example", "metrics": ["visitors", "visits", "pageviews", "visit_duration"],
        "date_range": ["2026-03-10", "2026-03-10"]
    });
    assert_eq!(shop.query(query).await[0]["metrics"], json!([1, 1, 2, 600]));
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_collector_is_neither_packed_nor_overwritten() {
    let shop = Collector::start("2026-03-10T09:00:00Z", SITE).await;
    view(&shop, "/").await;
    let from = folders(&shop);
    let mut stream = Vec::new();
    assert!(matches!(slot::pack(&from, &mut stream), Err(SlotError::InUse(_))));
    assert!(matches!(slot::unpack(&from, stream.as_slice()), Err(SlotError::InUse(_))));
    shop.app.stop().await;
    slot::pack(&from, &mut stream).unwrap();
    assert!(matches!(slot::unpack(&from, stream.as_slice()), Err(SlotError::Occupied(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_cut_off_or_changed_leaves_nothing_behind() {
    let shop = Collector::start("2026-03-10T09:00:00Z", SITE).await;
    view(&shop, "/").await;
    let from = folders(&shop);
    shop.app.stop().await;
    let mut stream = Vec::new();
    slot::pack(&from, &mut stream).unwrap();
    let to = tempfile::tempdir().unwrap();
    let into = SlotFolders { spool: to.path().join("spool"), runtime: to.path().join("runtime") };
    let mut changed = stream.clone();
    // Within the second file's content: after the manifest's two blocks and one header.
    changed[3 * 512 + 1] ^= 1;
    for broken in [&stream[..stream.len() / 2], &stream[..700], changed.as_slice(), b"no archive".as_slice()] {
        assert!(matches!(slot::unpack(&into, broken), Err(SlotError::Archive(_))));
        assert_eq!(files(to.path()), Vec::<String>::new());
    }
}

#[test]
fn a_name_that_leaves_the_folders_is_refused() {
    let to = tempfile::tempdir().unwrap();
    let into = SlotFolders { spool: to.path().join("spool"), runtime: to.path().join("runtime") };
    for name in ["spool/../../etc/passwd", "/spool/node", "runtime/engine.xml", "spool/lock"] {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, content) in [("sillage-slot", "1"), (name, "x")] {
            let mut header = tar::Header::new_ustar();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_cksum();
            archive.append(&header, content.as_bytes()).unwrap();
        }
        let stream = archive.into_inner().unwrap();
        assert!(matches!(slot::unpack(&into, stream.as_slice()), Err(SlotError::Archive(_))), "{name}");
        assert_eq!(files(to.path()), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_without_its_spool_is_discarded_and_a_metric_says_so() {
    let shop = Collector::start("2026-03-10T09:00:00Z", SITE).await;
    view(&shop, "/").await;
    assert!(shop.metrics().await.contains("sillage_journal_discarded_total 0"));
    shop.app.flush().await.unwrap();
    let spool = folders(&shop).spool;
    let shop = shop.restart_after(|| std::fs::remove_dir_all(spool).unwrap()).await;
    let metrics = shop.metrics().await;
    assert!(metrics.contains("sillage_journal_discarded_total 1"), "{metrics}");
    shop.app.stop().await;
}
