//! The spool on a real folder, with a running writer.

use super::*;
use crate::spool::SpoolError;
use crate::spool::disk::{Disk, RealDisk};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_senders_each_get_their_receipt_and_all_events_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/spool");
    let (spool, recovery) = Spool::open_folder(&path, u64::MAX, clock()).unwrap();
    assert_eq!(recovery, Recovery::default());
    let spool = Arc::new(spool);
    let senders: Vec<_> = (0..8u32)
        .map(|sender| {
            let spool = Arc::clone(&spool);
            tokio::spawn(async move {
                for n in 0..50 {
                    let receipt = spool.append(&marked(sender * 50 + n)).unwrap();
                    receipt.await.unwrap();
                    if n == 25 {
                        spool.seal().await.unwrap();
                    }
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    drop(Arc::into_inner(spool).unwrap());
    let (spool, recovery) = Spool::open_folder(&path, u64::MAX, clock()).unwrap();
    assert_eq!(recovery.events, 400);
    let mut got = marks(&spool);
    got.sort_unstable();
    assert_eq!(got, (0..400).collect::<Vec<_>>());
    for segment in spool.sealed() {
        spool.remove(segment.number).unwrap();
    }
    assert_eq!((spool.sealed().len(), spool.bytes()), (0, 48));
}

#[tokio::test]
async fn closing_writes_all_waiting_events_and_then_rejects_new_ones() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open_folder(folder.path(), u64::MAX, clock()).unwrap();
    let receipts: Vec<Receipt> = (0..100).map(|n| spool.append(&marked(n)).unwrap()).collect();
    spool.close();
    for receipt in receipts {
        receipt.await.unwrap();
    }
    assert!(spool.append(&marked(100)).is_err());
    assert!(spool.seal().await.is_err());
}

#[tokio::test]
async fn a_disk_that_was_full_is_found_good_again_without_being_asked() {
    let disk = FaultDisk::default();
    let (spool, _) = Spool::open(u64::MAX, Arc::new(disk.clone()), clock()).unwrap();
    disk.room(Some(100));
    let mut kept = Vec::new();
    for mark in 0.. {
        let Ok(receipt) = spool.append(&marked(mark)) else { break };
        if receipt.await.is_ok() {
            kept.push(mark);
        }
    }
    disk.room(None);
    let again = async {
        loop {
            match spool.append(&marked(1000)) {
                Ok(receipt) => return receipt.await,
                Err(Unavailable) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), again).await.unwrap().unwrap();
    spool.seal().await.unwrap();
    kept.push(1000);
    assert_eq!(marks(&spool), kept);
}

#[test]
fn a_second_process_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = Spool::open_folder(folder.path(), u64::MAX, clock()).unwrap();
    let second = Spool::open_folder(folder.path(), u64::MAX, clock()).err();
    assert!(matches!(second, Some(SpoolError::Locked)), "{second:?}");
    drop(first);
    assert!(Spool::open_folder(folder.path(), u64::MAX, clock()).is_ok());
}

#[test]
fn the_real_disk_executes_every_operation_of_the_interface() {
    let folder = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(folder.path()).unwrap();
    let mut file = disk.create("a").unwrap();
    file.write(0, b"one...").unwrap();
    file.write(3, b"two").unwrap();
    file.sync().unwrap();
    assert_eq!(disk.read("a").unwrap(), b"onetwo");
    disk.truncate("a", 4).unwrap();
    assert_eq!(disk.read("a").unwrap(), b"onet");
    disk.rename("a", "quarantine/b").unwrap();
    disk.sync_names().unwrap();
    assert_eq!(disk.list().unwrap(), ["lock"]);
    disk.remove("quarantine/b").unwrap();
    assert!(disk.read("quarantine/b").is_err());
}
