//! The real program, killed while it releases an import of a log or of another tool's figures: run again it goes on,
//! and every cell is published once.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::collector::FIREFOX;
use crate::process::Home;

const DAYS: i64 = 21;
const VISITORS: i64 = 60;

/// Native events of three past weeks: each visitor of a day sees the front page and another.
fn log() -> String {
    let first: jiff::Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
    let mut lines = String::new();
    for day in 0..DAYS {
        for visitor in 0..VISITORS {
            let at = |second: i64| first + jiff::SignedDuration::from_secs(day * 86_400 + visitor * 60 + second);
            for (second, page) in [(0, "/"), (20, "/pricing")] {
                let line = serde_json::json!({
                    "time": at(second).to_string(), "address": format!("90.0.1.{visitor}"), "user_agent": FIREFOX,
                    "n": "pageview", "u": format!("https://shop.example{page}"),
                });
                lines.push_str(&format!("{line}\n"));
            }
        }
    }
    lines
}

/// Runs the import and kills it after the first line that says `told`; returns whether it ended before.
async fn ended_before(home: &Home, arguments: &[&str], told: &str) -> bool {
    let mut command = home.command(arguments);
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    loop {
        match lines.next_line().await.unwrap() {
            Some(line) if line.contains(told) => break,
            Some(_) => {}
            None => return child.wait().await.unwrap().success(),
        }
    }
    let process = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(process, Signal::KILL).unwrap();
    child.wait().await.unwrap();
    false
}

/// A home whose figures are in tens.
fn home_in_tens() -> Home {
    let home = Home::new("");
    let file = home.path().join("sillage.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("protection = \"exact\"", "protection = \"tens\"")).unwrap();
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_of_a_killed_import_come_out_once_as_their_export_has_them() {
    let home = home_in_tens();
    let export = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/exports/shop_example_20260401.zip");
    let arguments = ["import", "figures", export, "--site", "shop.example"];
    for release in ["days", "week"] {
        assert!(!ended_before(&home, &arguments, "period published").await, "it is killed behind its {release}");
    }
    let ended = home.run(&arguments).await;
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    let again = home.run(&arguments).await;
    assert!(String::from_utf8_lossy(&again.stderr).contains("imported as plausible:"));
    let program = home.serve(&[]).await;
    let ask = async |sql: &str| program.store.ask_as_owner(sql).rows::<i64>().await.unwrap()[0];
    for table in ["waiting_figures", "waiting_cells", "staged_cells"] {
        assert_eq!(ask(&format!("SELECT toInt64(count()) FROM sillage.{table}")).await, 0, "{table}");
    }
    // The export has 170 pageviews of 90 visitors; all of them are right to one draw.
    for (figure, total) in [("pageviews", 170), ("visitors", 90), ("visits", 101)] {
        let published = ask(&format!("SELECT toInt64(sum({figure})) FROM sillage.site_days")).await;
        assert!((published - total).abs() <= 18 && published % 10 == 0, "{figure}: {published} of {total}");
    }
    assert!(program.end(Signal::TERM).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_killed_before_and_behind_its_publication_publishes_every_cell_once() {
    let home = home_in_tens();
    let log_file = home.path().join("past.jsonl");
    std::fs::write(&log_file, log()).unwrap();
    let arguments = ["import", "events", log_file.to_str().unwrap(), "--site", "shop.example"];
    for told in ["figures drawn", "figures published"] {
        assert!(!ended_before(&home, &arguments, told).await, "it is killed behind: {told}");
    }
    let ended = home.run(&arguments).await;
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    let program = home.serve(&[]).await;
    let ask = async |sql: &str| program.store.ask_as_owner(sql).rows::<i64>().await.unwrap()[0];
    for table in ["waiting_pages", "waiting_cells", "staged_cells"] {
        assert_eq!(ask(&format!("SELECT toInt64(count()) FROM sillage.{table}")).await, 0, "{table}");
    }
    let whole = DAYS * VISITORS;
    for (what, sum, held) in [
        ("the site's pageviews", "sum(pageviews)) FROM sillage.site_days", 2 * whole),
        ("the site's visitors", "sum(visitors)) FROM sillage.site_days", whole),
        ("a page's visitors", "sum(visitors)) FROM sillage.page_days WHERE page = '/pricing'", whole),
        ("another page's", "sum(visitors)) FROM sillage.page_days WHERE page = '/'", whole),
    ] {
        let published = ask(&format!("SELECT toInt64({sum}")).await;
        // All of March is right to one draw.
        assert!((published - held).abs() <= 18, "{what}: {published} of {held}");
    }
    // Sixty visitors a day with one browser on one page, in its day and hour: shown once each, right to one draw.
    for (what, rows) in [
        ("a browser on a page", "visitors AS figure FROM sillage.dimension_page_days WHERE dimension = 'browser'"),
        ("an hour of a page", "pageviews AS figure FROM sillage.page_hours WHERE 1"),
    ] {
        let rows = format!("FROM (SELECT {rows} AND page = '/pricing')");
        assert_eq!(ask(&format!("SELECT toInt64(count()) {rows}")).await, DAYS, "{what}");
        assert_eq!(ask(&format!("SELECT toInt64(countIf(abs(figure - {VISITORS}) > 36)) {rows}")).await, 0, "{what}");
    }
    assert!(program.end(Signal::TERM).await.success());
}
