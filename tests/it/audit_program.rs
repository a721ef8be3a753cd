//! `sillage audit` from the command line: beside a running collector, without one, and without access.

use std::process::Output;
use std::time::Duration;

use rustix::process::Signal;
use sillage::clock::{Clock, SystemClock};

use crate::process::Home;

async fn audit(home: &Home, arguments: &[&str], protection: &str) -> Output {
    let review = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    let mut command = home.command(&[&["audit"], arguments].concat());
    command
        .env("SILLAGE_RUNTIME__ALLOW_DISK", "false")
        .env("SILLAGE_PRIVACY__PROTECTION", protection)
        .env("SILLAGE_PRIVACY__LAST_REVIEW", review);
    command.env("SILLAGE_PRIVACY__CONTROLLER", "{name=\"Shop SAS\", contact=\"privacy@shop.example\"}");
    tokio::time::timeout(Duration::from_secs(60), command.output()).await.expect("it ends").unwrap()
}

#[tokio::test]
async fn the_program_audits_beside_a_running_collector_and_without_one() {
    let home = Home::new("");
    let nothing = audit(&home, &[], "tens").await;
    assert_eq!(nothing.status.code(), Some(1), "a database without its tables holds nothing");
    let program = home.serve(&[("SILLAGE_PRIVACY__PROTECTION", "tens")]).await;
    let beside = audit(&home, &[], "tens").await;
    let stdout = String::from_utf8_lossy(&beside.stdout);
    assert_eq!(beside.status.code(), Some(0), "{stdout}{}", String::from_utf8_lossy(&beside.stderr));
    assert!(stdout.lines().filter(|line| line.contains(" R")).count() >= 23, "{stdout}");
    let filed = audit(&home, &["--format", "markdown"], "tens").await;
    let filed = String::from_utf8_lossy(&filed.stdout).into_owned();
    assert!(filed.contains(&format!("the running collector, process {}", program.process())), "{filed}");
    assert!(program.end(Signal::TERM).await.success());

    let alone = audit(&home, &["--format", "json"], "tens").await;
    let report: serde_json::Value = serde_json::from_slice(&alone.stdout).unwrap();
    assert_eq!(alone.status.code(), Some(0), "{report}");
    assert_eq!(report["findings"].as_array().unwrap().len(), 23);
    let french = audit(&home, &["--lang", "fr"], "tens").await;
    let french = String::from_utf8_lossy(&french.stdout).into_owned();
    assert!(french.contains("Selon notre auto-évaluation") && !french.contains("held"), "{french}");
    let broken = audit(&home, &["--format", "markdown"], "exact").await;
    assert_eq!(broken.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&broken.stdout).contains("does not hold the rules R12"));
}

#[tokio::test]
async fn an_audit_that_cannot_look_ends_with_2() {
    let home = Home::new("[geo");
    assert_eq!(audit(&home, &[], "tens").await.status.code(), Some(2));
    let home = Home::new("");
    let mut command = home.command(&["audit"]);
    command.env("SILLAGE_CLICKHOUSE__MODE", "remote").env("SILLAGE_CLICKHOUSE__URL", "http://127.0.0.1:1");
    let away = tokio::time::timeout(Duration::from_secs(60), command.output()).await.unwrap().unwrap();
    assert_eq!(away.status.code(), Some(2), "{}", String::from_utf8_lossy(&away.stdout));
}
