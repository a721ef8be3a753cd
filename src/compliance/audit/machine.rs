//! Evidence from the machine: the place of the runtime folder, and the ways in which memory could reach a disk.
//! Inspects the running collector if there is one, else this process, which protects itself in the same way.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

use crate::runtime_dir::in_memory;
use crate::system_calls;

/// State of the machine, as far as the rules need it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineEvidence {
    /// Whether the runtime folder is in memory; `None` while neither it nor its parent exists.
    pub runtime_in_memory: Option<bool>,
    /// Process id of the running collector.
    pub collector: Option<u32>,
    /// Limit of a core dump, in bytes; `None` means unlimited.
    pub core_bytes: Option<u64>,
    /// Whether other processes of the same user may read the memory; `None` where the system does not tell.
    pub dumpable: Option<bool>,
    /// Swap on disks, in KiB. Compressed memory does not count.
    pub swap_kib: u64,
    /// Memory that the process has locked, in KiB.
    pub locked_kib: u64,
    /// Limit of locked memory, in bytes; `None` means unlimited.
    pub lockable_bytes: Option<u64>,
}

impl MachineEvidence {
    /// Reads the state from the system.
    pub(super) fn gather(runtime_dir: &Path) -> io::Result<Self> {
        let collector = holder(&runtime_dir.join("visits.lock"));
        let swap_kib = swap_kib(&fs::read_to_string("/proc/swaps").unwrap_or_default());
        let machine = Self { runtime_in_memory: in_memory(runtime_dir), collector, swap_kib, ..Self::default() };
        let number = collector.map_or_else(|| "self".to_owned(), |number| number.to_string());
        let limits = fs::read_to_string(format!("/proc/{number}/limits"));
        let status = fs::read_to_string(format!("/proc/{number}/status")).unwrap_or_default();
        let locked_kib = kib(&status, "VmLck:").unwrap_or(0);
        Ok(match (collector, limits) {
            (Some(number), Ok(limits)) => Self {
                core_bytes: soft_limit(&limits, "Max core file size"),
                lockable_bytes: soft_limit(&limits, "Max locked memory"),
                dumpable: dumpable_from_outside(number),
                locked_kib,
                ..machine
            },
            _ => Self {
                core_bytes: getrlimit(Resource::Core).current,
                lockable_bytes: getrlimit(Resource::Memlock).current,
                dumpable: system_calls::is_dumpable(),
                locked_kib,
                ..machine
            },
        })
    }
}

/// Id of the process that holds the lock on `file`; systems other than Linux do not tell.
#[cfg(not(target_os = "linux"))]
fn holder(_file: &Path) -> Option<u32> {
    None
}

/// Id of the process that holds the lock on `file`.
#[cfg(target_os = "linux")]
fn holder(file: &Path) -> Option<u32> {
    let about = fs::File::open(file).ok()?.metadata().ok()?;
    let (major, minor) = (rustix::fs::major(about.dev()), rustix::fs::minor(about.dev()));
    let locked = format!("{major:02x}:{minor:02x}:{}", about.ino());
    let locks = fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = words.get(4)?.parse().ok()?;
        (words.get(5) == Some(&locked.as_str()) && number > 0).then_some(number)
    })
}

/// The files of a process without core dumps belong to root; for a root process this tells nothing.
fn dumpable_from_outside(number: u32) -> Option<bool> {
    let ours = rustix::process::geteuid().as_raw();
    let owner = fs::metadata(format!("/proc/{number}")).ok()?.uid();
    (ours != 0).then_some(owner == ours)
}

fn swap_kib(swaps: &str) -> u64 {
    let on_disk = swaps.lines().skip(1).filter(|line| !line.starts_with("/dev/zram"));
    on_disk.filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).sum()
}

/// The soft limit called `name`; `None` when it is `unlimited`.
fn soft_limit(limits: &str, name: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn kib(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::FolderLock;

    #[test]
    fn swap_counts_unless_it_is_compressed_memory() {
        let swaps =
            "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 1000 0 -2\n/dev/zram0 partition 500 0 5\n";
        assert_eq!(swap_kib(swaps), 1000);
        assert_eq!(swap_kib("Filename\tType\tSize\tUsed\tPriority\n"), 0);
    }

    #[test]
    fn limits_are_read_as_the_system_writes_them() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max core file size        0                    0                    bytes     \n\
                      Max locked memory         unlimited            unlimited            bytes     \n";
        assert_eq!(soft_limit(limits, "Max core file size"), Some(0));
        assert_eq!(soft_limit(limits, "Max locked memory"), None);
        assert_eq!(kib("VmPeak:\t 1 kB\nVmLck:\t      64 kB\n", "VmLck:"), Some(64));
    }

    #[test]
    fn the_process_that_holds_the_lock_is_found() {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let file = folder.path().join("visits.lock");
        assert_eq!(holder(&file), None);
        let lock = FolderLock::hold(&file).unwrap();
        assert_eq!(holder(&file), Some(std::process::id()));
        drop(lock);
        assert_eq!(holder(&file), None);
        assert_eq!(in_memory(folder.path()), Some(true));
    }
}
