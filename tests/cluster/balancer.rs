//! A real haproxy with the configuration of docs/cluster.md.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const CONFIG: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/haproxy/slots.cfg"));

/// A running haproxy process.
pub(crate) struct Balancer {
    /// Address that it listens on.
    pub(crate) address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

/// Path of haproxy, if installed.
pub(crate) fn program() -> Option<PathBuf> {
    ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy", "/usr/bin/haproxy"]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.exists())
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Balancer {
    /// Starts it in front of these collectors: the shipped configuration with its addresses replaced.
    pub(crate) fn start(program: &Path, collectors: &[SocketAddr]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let (head, _) = CONFIG.split_once("    server slot-01").expect("the servers come last");
        let mut config = head.replace("bind :8000", &format!("bind {address}"));
        assert!(config.contains(&address.to_string()), "the frontend's address is replaced");
        for (number, collector) in collectors.iter().enumerate() {
            writeln!(config, "    server slot-{number:02} {collector}").unwrap();
        }
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, config).unwrap();
        let child =
            Command::new(program).arg("-f").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "haproxy does not listen: {}", file.display());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { address, child, _folder: folder }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
