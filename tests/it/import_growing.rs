//! Logs that grow, rotate and are imported night by night: each line counts once, and a day that two logs share is
//! drawn once.

use std::time::Duration;

use sillage::app;
use sillage::clock::SystemClock;
use sillage::config::Protection;
use sillage::import::{self, ImportJob};
use tokio_util::sync::CancellationToken;

use crate::import_cases::{Case, FIREFOX, SAFARI, fixture, line};
use crate::support;

/// Lines of these visitors on one page, at one time.
fn crowd(at: &str, path: &str, visitors: std::ops::Range<u8>) -> String {
    visitors.map(|visitor| line(&format!("90.0.{visitor}.1"), at, path, FIREFOX)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_that_share_a_day_and_logs_that_grow_count_each_line_once() {
    let rotation = |number: u32| fixture(&format!("38-rotation/access.log.{number}"));
    let case = Case::of("c38.example").await;
    assert_eq!(case.continued(&[rotation(2)]).await.pageviews, 2);
    let second = case.continued(&[rotation(1)]).await;
    assert_eq!((second.pageviews, second.counted_before), (2, 0));
    assert_eq!((case.totals().await.0, case.totals().await.1), (4, 3));
    // Both once more, one of them compressed by now: nothing is new.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &std::fs::read(rotation(2)).unwrap()).unwrap();
    let gz = case.folder.path().join("access.log.2.gz");
    std::fs::write(&gz, packed.finish().unwrap()).unwrap();
    let again = case.continued(&[gz, rotation(1)]).await;
    assert_eq!((again.pageviews, again.counted_before, again.lines), (0, 4, 4));
    assert_eq!(case.totals().await.0, 4);

    let case = Case::of("grown.example").await;
    let morning = line("81.2.69.142", "10/Nov/2026:08:00:00", "/a", FIREFOX);
    let evening = line("81.2.69.142", "10/Nov/2026:20:00:00", "/b", FIREFOX)
        + &line("90.0.0.1", "10/Nov/2026:21:00:00", "/a", SAFARI);
    let log = case.write("access.log", &morning);
    case.continued(std::slice::from_ref(&log)).await;
    let refused = case.run(case.job(std::slice::from_ref(&log))).await.unwrap_err();
    assert!(refused.to_string().contains("`--continue`"), "{refused}");
    case.write("access.log", &(morning + &evening));
    case.continued(&[log]).await;
    assert_eq!((case.totals().await.0, case.totals().await.1), (3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_grows_and_rotates_is_followed_until_the_end() {
    let case = Case::of("follow.example").await;
    let log = case.write("access.log", &line("81.2.69.142", "10/Nov/2026:08:40:00", "/a", FIREFOX));
    let anonymiser = app::anonymiser(&case.config).unwrap();
    let job = ImportJob { continued: true, follow: true, ..case.job(std::slice::from_ref(&log)) };
    let stop = CancellationToken::new();
    let pause = Duration::from_millis(20);
    let following = import::follow(job, anonymiser, &case.config, &case.store, &SystemClock, pause, stop.clone());
    let until = async |views: i64| {
        while case.totals().await.0 < views {
            tokio::task::yield_now().await;
        }
    };
    let writing = async {
        until(1).await;
        let append = |text: &str| {
            let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
            std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        };
        // A line that is still being written is left for later.
        let second = line("90.0.0.1", "10/Nov/2026:09:00:00", "/b", SAFARI);
        append(&second[..40]);
        append(&second[40..]);
        until(2).await;
        // Renamed, with a last line written just before.
        append(&line("81.2.69.142", "10/Nov/2026:09:05:00", "/c", FIREFOX));
        std::fs::rename(&log, case.folder.path().join("access.log.1")).unwrap();
        std::fs::write(&log, line("90.0.0.1", "10/Nov/2026:09:20:00", "/a", SAFARI)).unwrap();
        until(4).await;
        // Truncated, as by copytruncate.
        std::fs::write(&log, "").unwrap();
        tokio::time::sleep(pause * 5).await;
        append(&line("90.0.0.1", "10/Nov/2026:09:30:00", "/", SAFARI));
        until(5).await;
        stop.cancel();
    };
    let (followed, ()) = tokio::join!(following, writing);
    let summary = followed.unwrap();
    assert_eq!((summary.pageviews, summary.visitors, summary.visits), (5, 2, 2));
    assert_eq!(case.totals().await, (5, 2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn nightly_logs_in_tens_wait_for_each_other_and_a_shared_day_is_drawn_once() {
    let store = support::fresh_store().await.protected(Protection::Tens);
    let case = Case { store, ..Case::of("nightly.example").await };
    let days = async || {
        let sql = format!(
            "SELECT toString(day), toString(period), pageviews FROM {}.site_days ORDER BY 1, 2",
            case.store.database()
        );
        case.store.ask_as_owner(&sql).rows::<(String, String, i64)>().await.unwrap()
    };
    let first = case.write("access.log.2", &crowd("10/Nov/2026:02:00:00", "/", 0..60));
    assert_eq!(case.continued(&[first]).await.pageviews, 60);
    assert_eq!(days().await, [], "the log has not gone past the day");
    let rest = crowd("10/Nov/2026:15:00:00", "/", 60..140) + &crowd("11/Nov/2026:02:00:00", "/", 0..50);
    let second = case.write("access.log.1", &rest);
    assert_eq!(case.continued(&[second]).await.pageviews, 130);
    let published = days().await;
    assert!(published.len() == 1 && published[0].0 == "2026-11-10" && published[0].1 == "day", "{published:?}");
    assert!((published[0].2 - 140).abs() <= 18 && published[0].2 % 10 == 0, "one draw of both parts: {published:?}");
    // A line that comes late is part of the week that is open, not of the closed day.
    let late = case.write("late.log", &crowd("10/Nov/2026:16:00:00", "/", 200..240));
    case.continued(&[late]).await;
    assert_eq!(days().await, published);
    // Without a further log, a collector releases the waiting parts: the day after two days, the week with its Sunday.
    let releaser = crate::release::releaser(&case.store, "one");
    releaser.release_due("2026-11-13T23:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(days().await, published, "the day is not over for two days");
    releaser.release_due("2026-11-14T02:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(days().await.len(), 2);
    releaser.release_due("2026-11-18T02:00:00Z".parse().unwrap()).await.unwrap();
    let whole: i64 = days().await.iter().map(|(_, _, pageviews)| pageviews).sum();
    assert!((whole - 230).abs() <= 18, "all of the week is right to one draw: {whole}");
}
