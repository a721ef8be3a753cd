//! Runs this program's stages under callgrind, and reads from its output the cost of each, callees included.

use std::process::{Command, Stdio};

/// Only this function is measured: the first pageviews, which fill caches and dictionaries, are left out.
const MEASURED: &str = "*hot*stages*measured*";

/// Instructions per pageview of each stage, given with its number of pageviews; `None` without valgrind.
pub(crate) fn count(stages: &[(&'static str, u64)]) -> Option<Vec<(&'static str, f64)>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let done = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--dump-instr=no", "--compress-strings=no"])
        .args(["--compress-pos=no", "--quiet"])
        .arg(format!("--toggle-collect={MEASURED}"))
        .arg(format!("--callgrind-out-file={}", file.path().display()))
        .arg(std::env::current_exe().unwrap())
        .arg("stages")
        .stdin(Stdio::null())
        .status();
    match done {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        done => assert!(done.unwrap().success(), "the stages run under callgrind"),
    }
    let text = std::fs::read_to_string(file.path()).unwrap();
    let each = |(stage, pageviews): &(&'static str, u64)| (*stage, inclusive(&text, stage) as f64 / *pageviews as f64);
    Some(stages.iter().map(each).collect())
}

/// Cost of the function `stages::<stage>`. Its block has one line of position and cost per line of its own code, and
/// after each `calls=` one for the whole callee.
fn inclusive(text: &str, stage: &str) -> u64 {
    let ours = |name: &str| name.contains("stages::") && name.ends_with(&format!("::{stage}"));
    let (mut inside, mut sum) = (false, 0);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            inside = ours(name);
        } else if inside && line.starts_with(|first: char| first.is_ascii_digit()) {
            sum += line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    assert!(sum > 0, "callgrind has seen {stage}");
    sum
}
