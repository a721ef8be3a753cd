//! A real mail server on loopback (`tests/mail/server.mjs`), in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Longest wait for a line that must come.
const WAIT: Duration = Duration::from_secs(30);

/// A running server; it ends with this value.
pub(crate) struct MailServer {
    _process: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    folder: TempDir,
    /// Where it listens.
    pub(crate) port: u16,
}

impl MailServer {
    /// Starts it: `starttls`, `tls` or `plain`.
    pub(crate) async fn start(mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/server.mjs");
        let mut process = Command::new("node")
            .arg(script)
            .args([folder.path().to_str().unwrap(), mode])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs");
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let mut server = Self { _process: process, input, lines: BufReader::new(output).lines(), folder, port: 0 };
        let first = server.line().await;
        server.port = u16::try_from(first["port"].as_u64().expect("a port: run `npm ci`")).unwrap();
        server
    }

    /// The certificate that it shows.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// A file with this content beside the certificate.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        file
    }

    /// The next mail.
    pub(crate) async fn mail(&mut self) -> Value {
        let mail = self.line().await;
        assert!(mail["subject"].is_string(), "{mail}");
        mail
    }

    /// Answers every recipient with this number from here on; 0 takes them. Panics when a mail came before.
    pub(crate) async fn refuse(&mut self, number: u16) {
        let order = if number == 0 { "take\n".to_owned() } else { format!("refuse {number}\n") };
        self.input.write_all(order.as_bytes()).await.unwrap();
        let answer = self.line().await;
        assert_eq!(answer["refusal"], number, "a mail that was not expected: {answer}");
    }

    /// Proves that no mail came since the last one that was taken.
    pub(crate) async fn no_mail(&mut self) {
        self.refuse(0).await;
    }

    async fn line(&mut self) -> Value {
        let line = tokio::time::timeout(WAIT, self.lines.next_line()).await.expect("a line comes").unwrap();
        serde_json::from_str(&line.expect("the mail server runs: `npm ci` brings smtp-server")).unwrap()
    }
}
