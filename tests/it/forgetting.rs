//! A day's key, half an hour past its midnight: not in the folder in memory, not in any page of the process. The thief
//! is another process, which took the key while it lived.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::collector::{Collector, FIREFOX, pageview};
use crate::support::eventually;

const SITES: &str = r#"site = [{ name = "shop.example", timezone = "Europe/Paris" }, { name = "blog.example", timezone = "Europe/Paris" }]"#;
const NAME: &str = "forgetting::a_day_s_key_is_nowhere_once_the_day_is_over";
const PART: &str = "SILLAGE_TEST_COLLECTOR";

/// The collector's process: takes hits, and on command moves the clock half an hour past midnight.
async fn collect() {
    let collector = Collector::start("2026-03-10T21:00:00Z", SITES).await;
    for visitor in 0..20 {
        let agent = format!("{FIREFOX} {}", "x".repeat(visitor * 100));
        for path in ["/", "/a", "/b"] {
            let reply =
                collector.event(&format!("90.0.0.{visitor}"), &agent, &pageview("shop.example", path, None)).await;
            assert_eq!(reply.status, 202);
        }
    }
    // State restored at a restart is forgotten like the rest. One site has a single hit.
    let collector = collector.restart(true).await;
    collector.event("90.0.0.1", FIREFOX, &pageview("blog.example", "/", None)).await;
    collector.event("90.0.0.1", FIREFOX, &pageview("shop.example", "/", None)).await;
    let tags = async || {
        let metrics = collector.metrics().await;
        metrics.lines().find_map(|line| line.strip_prefix("sillage_tags ")?.parse::<u32>().ok()).unwrap_or(0)
    };
    eventually("the gauge shows them", async || tags().await == 84).await;
    tell(&format!("folder {}", collector.runtime.path().display()));
    told().await;
    collector.at("2026-03-10T23:31:00Z");
    eventually("the day is forgotten", async || tags().await == 0).await;
    tell("forgotten");
    told().await;
    collector.app.stop().await;
}

/// Sends the thief a line, past the output of the test's own runner.
fn tell(text: &str) {
    std::io::stdout().write_all(format!("\n{text}\n").as_bytes()).unwrap();
}

/// Waits for a line from the thief.
async fn told() {
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await.unwrap().unwrap();
}

/// The bytes after a varint, seven bits a byte, at the start of `bytes`.
fn behind_number(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap();
    &bytes[end + 1..]
}

/// The day's key of a site in the journal: after `numbers` varints behind the site's name.
fn key_in(folder: &Path, site: &str, numbers: usize) -> Vec<u8> {
    let files = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let journal =
        files.filter(|path| path.to_string_lossy().contains("/visits-")).map(|path| std::fs::read(path).unwrap());
    for bytes in journal {
        let Some(at) = bytes.windows(13).position(|part| part[0] == 12 && &part[1..] == site.as_bytes()) else {
            continue;
        };
        let mut rest = &bytes[at + 13..];
        for _ in 0..numbers {
            rest = behind_number(rest);
        }
        return rest[..32].to_vec();
    }
    panic!("no journal holds the site");
}

/// Memory regions of `process` that contain one of the keys, by their description.
fn parts_with(process: u32, keys: &[Vec<u8>]) -> Vec<String> {
    let memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let described = std::fs::read_to_string(format!("/proc/{process}/smaps")).unwrap();
    let mut found = Vec::new();
    let mut readable = 0;
    let starts = |line: &str| line.split_once(' ').is_some_and(|(range, _)| range.contains('-'));
    let mut lines = described.lines().peekable();
    while let Some(line) = lines.next() {
        let (range, rest) = line.split_once(' ').unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut description = line.to_owned();
        while let Some(more) = lines.next_if(|line| !starts(line)) {
            if more.starts_with("VmFlags") {
                description = format!("{line} {more}");
            }
        }
        // Read-only regions come from files of the program and its libraries.
        if !rest.starts_with("rw") {
            continue;
        }
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        let read = memory.read_at(&mut bytes, from).unwrap_or(0);
        readable += read;
        for (number, _) in keys.iter().enumerate().filter(|(_, key)| holds(&bytes[..read], key)) {
            found.push(format!("key {number}: {description}"));
        }
    }
    assert!(readable > 1 << 20, "the memory can be read");
    found
}

fn holds(bytes: &[u8], key: &[u8]) -> bool {
    bytes.windows(key.len()).any(|part| part == key)
}

async fn line_with(lines: &mut tokio::io::Lines<BufReader<tokio::process::ChildStdout>>, word: &str) -> String {
    loop {
        let line = lines.next_line().await.unwrap().expect("the collector goes on");
        if let Some(rest) = line.strip_prefix(word) {
            return rest.trim().to_owned();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_s_key_is_nowhere_once_the_day_is_over() {
    if std::env::var_os(PART).is_some() {
        return collect().await;
    }
    let mut child: Child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(PART, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut tell = child.stdin.take().unwrap();
    let process = child.id().unwrap();
    let folder = line_with(&mut lines, "folder").await;
    // In a snapshot: site, day, length, key. In the first note of a day: site, time, day, hour, tag, a one, length,
    // key.
    let keys = [key_in(Path::new(&folder), "shop.example", 2), key_in(Path::new(&folder), "blog.example", 6)];
    assert_ne!(keys[0], keys[1]);

    let living = parts_with(process, &keys);
    let guarded = |part: &&String| [" lo", " dd", " dc"].iter().all(|flag| part.contains(flag));
    assert!(
        living.iter().any(|part| guarded(&part)),
        "in a page that is locked, not dumped, not inherited: {living:#?}"
    );
    assert!(living.iter().any(|part| part.contains("visits-")), "and in the journal: {living:#?}");

    tell.write_all(b"midnight\n").await.unwrap();
    line_with(&mut lines, "forgotten").await;
    let left = parts_with(process, &keys);
    assert!(left.is_empty(), "{left:#?}");
    for file in std::fs::read_dir(&folder).unwrap().flatten() {
        let bytes = std::fs::read(file.path()).unwrap();
        assert!(!keys.iter().any(|key| holds(&bytes, key)), "{:?}", file.file_name());
    }
    tell.write_all(b"end\n").await.unwrap();
    assert!(child.wait().await.unwrap().success());
}

/// The state in memory that an import with `--continue` wrote at `written`.
fn open_days(collector: &Collector, written: &str) -> std::path::PathBuf {
    let folder = collector.runtime.path().join("import");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("0123456789abcdef");
    let written: jiff::Timestamp = written.parse().unwrap();
    std::fs::write(&file, [b"SILLAGEI".as_slice(), &written.as_second().to_le_bytes(), b"tags and keys"].concat())
        .unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_of_a_nightly_import_is_gone_after_two_days() {
    let collector = Collector::start("2026-03-10T21:00:00Z", SITES).await;
    let file = open_days(&collector, "2026-03-10T20:00:00Z");
    collector.at("2026-03-12T20:00:01Z");
    eventually("the open days are forgotten", async || !file.exists()).await;
    let file = open_days(&collector, "2026-03-12T20:00:00Z");
    collector.at("2026-03-12T22:00:00Z");
    eventually("the clock was seen", async || collector.metrics().await.contains("sillage_tags 0")).await;
    assert!(file.exists(), "an import of this night may go on with them");
    collector.app.stop().await;
}
