//! The program and the bare server, each on its own core, and the memory that it may use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, setpriority_process};
use rustix::thread::{CpuSet, gettid, sched_setaffinity};
use sillage::config::Config;
use sillage::sizing;

use crate::bare::Bare;
use crate::program::{Home, Program, Setup};

/// The program and the bare server, each alone on the first core while the other is idle: with one serving thread. The
/// engine and the test are on the second core; where there is none, they share.
pub(crate) fn on_a_core_of_their_own(collect: &str) -> (Program, Bare) {
    let second = 1 % std::thread::available_parallelism().unwrap().get();
    pin(None, 0);
    let program = Home::new(&Setup { collect: format!("threads = 1\n{collect}"), ..Setup::default() }).start();
    let bare = Bare::start();
    pin(None, second);
    for thread in std::fs::read_dir(format!("/proc/{}/task", program.engine().0)).unwrap().flatten() {
        pin(Pid::from_raw(thread.file_name().to_str().unwrap().parse().unwrap()), second);
    }
    (program, bare)
}

/// Keeps this thread's core busy with the lowest priority. Two cores of a virtual machine may be halves of one real
/// core: otherwise the program would get slower the more its sender works.
pub(crate) struct Busy(Arc<AtomicBool>, Option<JoinHandle<u64>>);

impl Busy {
    pub(crate) fn begin() -> Self {
        let going = Arc::new(AtomicBool::new(true));
        let told = going.clone();
        let thread = std::thread::spawn(move || {
            // Every other thread takes precedence.
            setpriority_process(Some(gettid()), 19).unwrap();
            let mut number = 1_u64;
            while told.load(Ordering::Relaxed) {
                number = std::hint::black_box(number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7));
            }
            number
        });
        Self(going, Some(thread))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
        if let Some(thread) = self.1.take() {
            thread.join().unwrap();
        }
    }
}

/// Most private memory that the program's configuration allows, in MiB.
pub(crate) fn allowed_mib(program: &Program) -> f64 {
    let config = Config::load(&program.home().path("sillage.toml")).unwrap();
    let bytes: u64 = sizing::process(&config).iter().map(|part| part.bytes).sum();
    bytes as f64 / f64::from(1 << 20)
}

/// Most private memory, without files and without the journal, while `what` runs, in MiB.
pub(crate) fn own_memory_most_mib<R>(program: &Program, what: impl FnOnce() -> R) -> (R, f64) {
    let (process, done) = (program.process, AtomicBool::new(false));
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut most = 0.0_f64;
            while !done.load(Ordering::Relaxed) {
                most = most.max(process.mib("RssAnon"));
                std::thread::sleep(Duration::from_millis(20));
            }
            most
        });
        let result = what();
        done.store(true, Ordering::Relaxed);
        (result, watching.join().unwrap())
    })
}

/// Pins a thread, or this one, to a core.
fn pin(thread: Option<Pid>, core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(thread, &cores).unwrap();
}

/// Removes the pinning of this thread and of threads that it starts.
pub(crate) fn unpin() {
    let mut cores = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|core| cores.set(core));
    sched_setaffinity(None, &cores).unwrap();
}
