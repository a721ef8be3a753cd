//! The kernel's figures about a process: processor time and memory.

use std::fs::read_to_string;
use std::time::{Duration, Instant};

/// A running process, by its id.
#[derive(Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// Processor time, user and system, of all its threads; in the kernel's resolution of 10 ms.
    pub(crate) fn cpu(self) -> Duration {
        let stat = read_to_string(format!("/proc/{}/stat", self.0)).unwrap();
        let mut fields = stat.rsplit_once(") ").unwrap().1.split(' ').skip(11);
        let mut ticks = || fields.next().unwrap().parse::<u64>().unwrap();
        Duration::from_millis((ticks() + ticks()) * 10)
    }

    /// A line of its status in MiB: `VmRSS`, `RssAnon`, `RssShmem`, `VmHWM`.
    pub(crate) fn mib(self, name: &str) -> f64 {
        let status = read_to_string(format!("/proc/{}/status", self.0)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// The first child process.
    pub(crate) fn child(self) -> Option<Self> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.0)).ok()?;
        let children = tasks.flatten().filter_map(|task| read_to_string(task.path().join("children")).ok());
        children.flat_map(|text| text.split(' ').find_map(|number| number.parse().ok())).map(Self).next()
    }
}

/// Time until `holds`; `None` if it does not hold `within`.
pub(crate) fn until(within: Duration, mut holds: impl FnMut() -> bool) -> Option<Duration> {
    let began = Instant::now();
    while began.elapsed() < within {
        if holds() {
            return Some(began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}
