//! Certificates of servers that commands ask: a bad one ends the command before anything is sent, with its fault and a
//! remedy; an authority of `SSL_CERT_FILE` is known.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::front::{certificate_file, tls};
use crate::support;

/// Certificates that are refused, with the sentence of each.
const REFUSED: [(&str, &str); 4] = [
    ("client-expired.pem", "certificate has expired; nothing was sent: renew it"),
    ("client-self-signed.pem", "certificate is not signed by a known authority"),
    ("client-own-authority.pem", "certificate is an authority's own"),
    ("client-other-name.pem", "certificate is for another name; nothing was sent: write the name"),
];

/// A server with a certificate, which answers with a constant text.
struct SecureServer {
    address: SocketAddr,
    /// Clients that accepted the certificate.
    accepted: Arc<AtomicUsize>,
}

impl SecureServer {
    async fn start(certificate: &str, greets: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acceptor, accepted) = (tls(certificate), Arc::new(AtomicUsize::new(0)));
        let counted = accepted.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                counted.fetch_add(1, Ordering::Relaxed);
                // The client may end the connection at any step.
                if greets {
                    stream.write_all(b"554 not here\r\n").await.ok();
                } else {
                    let mut request = [0; 4096];
                    let read = stream.read(&mut request).await.unwrap_or_default();
                    assert!(read > 0, "a request");
                    stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await.ok();
                }
                stream.shutdown().await.ok();
            }
        });
        Self { address, accepted }
    }
}

/// A command that asks the server at an address; its configuration is written into the folder.
struct AskingCommand {
    name: &'static str,
    arguments: fn(SocketAddr, &Path) -> Vec<String>,
    /// Speaks SMTP, whose server speaks first.
    is_mail: bool,
    /// The sentence after an accepted certificate.
    answered: &'static str,
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Writes a configuration with the tests' engine as its server.
fn configured(folder: &Path, more: &str) {
    let endpoint = support::endpoint();
    let password = folder.join("password");
    std::fs::write(&password, &endpoint.writer.password).unwrap();
    let clickhouse = match more.contains("[clickhouse]") {
        true => String::new(),
        false => format!(
            "[clickhouse]\nmode = \"remote\"\nurl = {:?}\nuser = {:?}\npassword_file = {password:?}\n",
            endpoint.url, endpoint.writer.user
        ),
    };
    let text = format!("{clickhouse}{more}\n[[site]]\nname = \"shop.example\"\n");
    std::fs::write(folder.join("sillage.toml"), text).unwrap();
}

const COMMANDS: [AskingCommand; 5] = [
    AskingCommand {
        name: "engine fetch",
        arguments: |address, folder| {
            let library = folder.join("library.so");
            words(&format!("engine fetch --from https://{address}/engine.tgz --to {}", library.display()))
        },
        is_mail: false,
        answered: "answered 404",
    },
    AskingCommand {
        name: "import figures",
        arguments: |address, folder| {
            configured(folder, "");
            std::fs::write(folder.join("token"), "secret-of-a-test").unwrap();
            words(&format!(
                "import figures --site shop.example --from-url https://{address} --id-site 1 --from 2026-01-01 \
                 --to 2026-01-02 --token-file token"
            ))
        },
        is_mail: false,
        answered: "HTTP 404",
    },
    AskingCommand {
        name: "doctor",
        arguments: |address, folder| {
            configured(folder, "");
            words(&format!("doctor --url https://{address}"))
        },
        is_mail: false,
        answered: "page: answered 404",
    },
    AskingCommand {
        name: "mail test",
        arguments: |address, folder| {
            let server = format!("host = \"127.0.0.1\"\nport = {}\nsecurity = \"tls\"", address.port());
            configured(folder, &format!("[mail]\n{server}\nfrom = \"stats@shop.example\"\n"));
            words("mail test --to reader@shop.example")
        },
        is_mail: true,
        answered: "mail server answered 554",
    },
    AskingCommand {
        name: "migrate",
        arguments: |address, folder| {
            configured(folder, &format!("[clickhouse]\nmode = \"remote\"\nurl = \"https://{address}\"\n"));
            words("migrate")
        },
        is_mail: false,
        answered: "answer is not from ClickHouse",
    },
];

/// Runs the command against a server with `certificate`; the output, and how many clients accepted it.
async fn asked(command: &AskingCommand, certificate: &str, authorities: Option<&str>) -> (String, usize) {
    let server = SecureServer::start(certificate, command.is_mail).await;
    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_sillage"));
    program.args((command.arguments)(server.address, folder.path())).current_dir(folder.path());
    program.env_remove("SSL_CERT_FILE");
    if let Some(file) = authorities {
        program.env("SSL_CERT_FILE", certificate_file(file));
    }
    let Output { status, stdout, stderr } = program.kill_on_drop(true).output().await.unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(!status.success(), "{}: {text}", command.name);
    (text, server.accepted.load(Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_refuses_a_bad_certificate_with_its_fault_and_a_remedy() {
    for command in &COMMANDS {
        for (certificate, sentence) in REFUSED {
            let (text, accepted) = asked(command, certificate, Some("client-authority.pem")).await;
            assert!(text.contains(sentence), "{}, {certificate}: {text}", command.name);
            assert!(!text.contains("secret-of-a-test"), "{text}");
            assert_eq!(accepted, 0, "{}, {certificate}: nothing is sent", command.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_knows_the_authorities_of_the_environment_and_no_others() {
    for command in &COMMANDS {
        let (text, accepted) = asked(command, "client-valid.pem", Some("client-authority.pem")).await;
        assert!(text.contains(command.answered) && accepted > 0, "{}: {text}", command.name);
        for absent in [None, Some("no-such-file.pem")] {
            let (text, accepted) = asked(command, "client-valid.pem", absent).await;
            assert!(accepted == 0, "{}: {text}", command.name);
        }
    }
}
