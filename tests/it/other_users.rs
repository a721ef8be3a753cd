//! Access of another user of the same machine: folders, files, the limit of connections.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::collector::{FIREFOX, pageview};
use crate::process::Home;

/// Paths under `folder` that other users may access.
fn open_to_others(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let about = entry.path().symlink_metadata().unwrap();
        if about.is_symlink() {
            continue;
        }
        if about.mode() & 0o077 != 0 {
            found.push(format!("{} {:o}", entry.path().display(), about.mode()));
        }
        if about.is_dir() {
            open_to_others(&entry.path(), found);
        }
    }
}

#[tokio::test]
async fn files_of_the_program_are_accessible_to_its_user_alone() {
    let home = Home::new("");
    let program = home.serve(&[]).await;
    let body = pageview("shop.example", "/private", None).to_string();
    assert!(hit(program.collect, &body).await.starts_with("HTTP/1.1 202"));
    let mut found = Vec::new();
    for folder in ["data", "spool", "runtime"] {
        open_to_others(&home.path().join(folder), &mut found);
    }
    assert_eq!(found, [""; 0]);
    assert_eq!(home.path().join("spool").metadata().unwrap().mode() & 0o777, 0o700);
    assert!(program.end(Signal::TERM).await.success());
}

#[tokio::test]
async fn a_runtime_folder_that_others_can_write_stops_the_start() {
    let home = Home::new("");
    std::fs::set_permissions(home.path().join("runtime"), Permissions::from_mode(0o777)).unwrap();
    let ended = home.run(&["serve"]).await;
    let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("writable by other users (mode 777)"), "{stderr}");
}

#[tokio::test]
async fn links_that_another_user_made_are_not_written_through() {
    let home = Home::new("");
    let precious = home.path().join("precious");
    std::fs::write(&precious, "precious").unwrap();
    for name in ["engine.new", "visits.new"] {
        symlink(&precious, home.path().join("runtime").join(name)).unwrap();
    }
    let program = home.serve(&[]).await;
    assert_eq!(std::fs::read(&precious).unwrap(), b"precious");
    assert!(program.end(Signal::TERM).await.success());
}

#[tokio::test]
async fn a_working_folder_that_only_its_user_can_enter_does_not_stop_the_engine() {
    let home = Home::new("");
    let program = home
        .serve_behind("mkdir -m 700 \"$1.closed\" && mkdir \"$1.closed/here\" && cd \"$1.closed/here\" &&", &[])
        .await;
    let body = pageview("shop.example", "/closed", None).to_string();
    assert!(hit(program.collect, &body).await.starts_with("HTTP/1.1 202"));
    assert!(program.end(Signal::TERM).await.success());
}

/// Sends one pageview on a new connection.
async fn hit(collect: std::net::SocketAddr, body: &str) -> String {
    let mut stream = TcpStream::connect(collect).await.unwrap();
    let head = format!(
        "POST /api/event HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: {FIREFOX}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply
}

#[tokio::test]
async fn idle_connections_do_not_stop_the_listeners_of_a_program_with_few_files() {
    let home = Home::new("");
    let program = home.serve_behind("ulimit -n 400;", &[]).await;
    let mut idle = Vec::new();
    for address in [program.collect, program.console] {
        for _ in 0..400 {
            idle.push(timeout(Duration::from_secs(30), TcpStream::connect(address)).await.unwrap().unwrap());
        }
    }
    let body = pageview("shop.example", "/crowded", None).to_string();
    let counted = timeout(Duration::from_secs(30), hit(program.collect, &body)).await.unwrap();
    assert!(counted.starts_with("HTTP/1.1 202"), "{counted}");
    let metrics = timeout(Duration::from_secs(30), program.metrics()).await.unwrap();
    assert!(metrics.contains("sillage_build_info"), "{metrics}");
    assert!(home.log().contains("open files limit connections"), "{}", home.log());
    drop(idle);
    assert!(program.end(Signal::TERM).await.success());
}
