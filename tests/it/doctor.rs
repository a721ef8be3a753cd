//! `sillage doctor` before real servers: each thing that an operator gets wrong is a line with its remedy.

use std::net::SocketAddr;
use std::path::Path;

use sillage::clock::{Clock, SystemClock};
use tokio::process::Command;

use crate::collector::{Collector, raw};
use crate::front::{AddressHeader, Front, certificate_file};

const SITE: &str = r#"site = [{ name = "127.0.0.1" }, { name = "localhost" }]"#;
const SECRET: &str = "a-secret-of-a-proxy-in-a-test";

/// A collector, and the configuration that the doctor reads.
struct Clinic {
    collector: Collector,
    folder: tempfile::TempDir,
}

/// Exit code and lines of a report.
struct Diagnosis {
    code: Option<i32>,
    lines: String,
}

impl Clinic {
    async fn open(more: &str) -> Self {
        Self::open_with(more, |_| ()).await
    }

    async fn open_with(more: &str, change: impl FnOnce(&mut sillage::config::Config)) -> Self {
        let collector = Collector::start_with(&now(), more, change).await;
        let folder = tempfile::tempdir().unwrap();
        let secret = &collector.config.collect.trusted_header_secret;
        let config = format!(
            "{more}\n[collect]\nlisten = \"{}\"\ntrusted_header_secret = {secret:?}\n[runtime]\ndir = {:?}\n",
            collector.app.collect_address,
            collector.runtime.path(),
        );
        std::fs::write(folder.path().join("sillage.toml"), config).unwrap();
        Self { collector, folder }
    }

    async fn close(self) {
        self.collector.app.stop().await;
    }

    fn address(&self) -> SocketAddr {
        self.collector.app.collect_address
    }

    async fn visit(&self, arguments: &[&str], authority: Option<&Path>) -> Diagnosis {
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_sillage"));
        doctor.arg("doctor").args(arguments).current_dir(self.folder.path());
        if let Some(authority) = authority {
            doctor.env("SSL_CERT_FILE", authority);
        }
        let output = doctor.output().await.unwrap();
        Diagnosis { code: output.status.code(), lines: String::from_utf8_lossy(&output.stdout).into_owned() }
    }

    /// The report of the page that `front` serves.
    async fn examine(&self, front: Front) -> Diagnosis {
        let is_secure = front.certificate.is_some();
        let address = front.start(self.address()).await;
        let url = if is_secure { format!("https://{address}/") } else { format!("http://{address}/") };
        self.visit(&["--url", &url], Some(&certificate_file("client-authority.pem"))).await
    }

    /// Checks that the only problem in the report of `front` says `problem`; none for an empty text.
    async fn finds(&self, front: Front, problem: &str) {
        let Diagnosis { code, lines } = self.examine(front).await;
        let problems: Vec<&str> = lines.lines().filter(|line| line.starts_with("problem")).collect();
        match problem {
            "" => assert!(code == Some(0) && problems.is_empty(), "{lines}"),
            _ => assert!(code == Some(1) && problems.len() == 1 && problems[0].contains(problem), "{problem}: {lines}"),
        }
    }
}

/// The present: the doctor compares the collector's clock with the machine's.
fn now() -> String {
    SystemClock.now().to_string()
}

fn page(page: &str) -> Front {
    Front { page: page.into(), ..Front::default() }
}

fn policy(policy: &str) -> Front {
    let mut front = Front::default();
    front.page_headers.push(("content-security-policy", policy.into()));
    front
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_follows_a_hit_and_names_an_unknown_site() {
    let clinic = Clinic::open(SITE).await;
    let address = Front::default().start(clinic.address()).await;
    let Diagnosis { code, lines } = clinic.visit(&["--url", &format!("http://{address}/moved")], None).await;
    assert_eq!(code, Some(0), "{lines}");
    for line in ["redirects to", "ok      page: loads", "ok      script: served", "ok      address: the proxy's"] {
        assert!(lines.contains(line), "{line}: {lines}");
    }
    assert!(lines.contains("ok      hit: counted for 127.0.0.1"), "{lines}");
    let url = format!("http://{address}");
    let Diagnosis { code, lines } = clinic.visit(&["--url", &url, "--site", "other.example"], None).await;
    assert_eq!(code, Some(1));
    assert!(lines.contains("problem site: the tag names `127.0.0.1`, not `other.example`"), "{lines}");
    assert!(lines.contains("problem hit: no [[site]] has the name or host `other.example`"), "{lines}");
    clinic.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tells_how_the_proxy_hands_the_address_on() {
    let clinic = Clinic::open(SITE).await;
    for (address, problem) in [
        (AddressHeader::Replaced, ""),
        (AddressHeader::Appended, ""),
        (AddressHeader::Removed, "address: the proxy is trusted but sends no x-forwarded-for"),
        (AddressHeader::Untouched, "address: the proxy hands on x-forwarded-for as the visitor wrote it"),
        (AddressHeader::Text("unknown"), "the last entry of x-forwarded-for is not an address"),
        (AddressHeader::Text("$remote_addr"), "the last entry of x-forwarded-for is not an address"),
    ] {
        clinic.finds(Front { address, ..Front::default() }, problem).await;
    }
    let network = Front { sent_headers: vec![("cf-connecting-ip", "198.51.100.9")], ..Front::default() };
    clinic.finds(network, "cf-connecting-ip names another client than x-forwarded-for").await;
    let named = Front {
        address: AddressHeader::Removed,
        sent_headers: vec![("x-real-ip", "198.51.100.9")],
        ..Front::default()
    };
    clinic.finds(named, "the request has x-real-ip, which collect.client_address_header can name").await;
    clinic.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tells_a_proxy_that_is_not_trusted_or_lacks_the_secret() {
    let untrusted = Clinic::open_with(SITE, |config| config.collect.trusted_proxies.clear()).await;
    untrusted.finds(Front::default(), "address: the proxy sends x-forwarded-for but is not trusted").await;
    let silent = Front { address: AddressHeader::Removed, ..Front::default() };
    untrusted.finds(silent, "address: the proxy is not trusted and sends no x-forwarded-for").await;
    let direct = untrusted.visit(&["--url", &format!("http://{}", untrusted.address())], None).await;
    assert!(direct.lines.contains("ok      address: direct connection"), "{}", direct.lines);
    untrusted.close().await;
    let secret = |config: &mut sillage::config::Config| {
        config.collect.trusted_proxies.clear();
        config.collect.trusted_header_secret = SECRET.into();
    };
    let clinic = Clinic::open_with(SITE, secret).await;
    let with = |sent: &'static str| Front { sent_headers: vec![("x-sillage-secret", sent)], ..Front::default() };
    clinic.finds(with(SECRET), "").await;
    clinic.finds(with("another"), "another x-sillage-secret than collect.trusted_header_secret").await;
    clinic.finds(Front::default(), "but the proxy sends no x-sillage-secret").await;
    clinic.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_holder_of_the_key_learns_how_its_address_is_read() {
    let clinic = Clinic::open(SITE).await;
    let key = std::fs::read_to_string(clinic.collector.runtime.path().join("doctor.key")).unwrap();
    for (sent, status) in [(key.as_str(), 200), ("", 405), ("0", 405), (&"0".repeat(64), 405)] {
        let address = clinic.address();
        let text =
            format!("GET /api/event HTTP/1.1\r\nhost: a\r\nx-sillage-doctor: {sent}\r\nconnection: close\r\n\r\n");
        let answer = raw(address, text.as_bytes()).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{sent}: {answer}");
        assert!(!answer.contains("127.0.0.1"), "no address in the answer");
    }
    std::fs::remove_file(clinic.collector.runtime.path().join("doctor.key")).unwrap();
    let Diagnosis { code, lines } = clinic.examine(Front::default()).await;
    assert!(code == Some(0) && lines.contains("note    address: not checked"), "{lines}");
    clinic.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_reads_every_policy_of_headers_and_meta() {
    let clinic = Clinic::open(SITE).await;
    for (written, problem) in [
        ("default-src 'self'", ""),
        ("script-src 'self'; connect-src 'self'", ""),
        ("script-src https://cdn.example https://www.example", "blocks the script; add 'self' to script-src,"),
        ("script-src-elem https://cdn.example; script-src 'self'", "add 'self' to script-src-elem"),
        ("script-src 'nonce-r4nd0m'", "blocks the script"),
        ("default-src 'none'; script-src 'self'", "blocks the hits; add 'self' as connect-src"),
        ("connect-src https://api.example", "blocks the hits; add 'self' to connect-src"),
        ("sandbox", "add allow-scripts to sandbox"),
    ] {
        clinic.finds(policy(written), problem).await;
    }
    let mut two = policy("script-src 'self'");
    two.page_headers.push(("content-security-policy", "connect-src 'none'".into()));
    clinic.finds(two, "blocks the hits").await;
    let tag = r#"<script src="/js/sillage.js" data-site="127.0.0.1"></script>"#;
    let meta = r#"<meta http-equiv="Content-Security-Policy" content="script-src 'none'">"#;
    clinic.finds(page(&format!("{meta}{tag}")), "blocks the script").await;
    let nonced = "<script nonce=r4nd0m src=/js/sillage.js data-site=127.0.0.1></script>";
    let front = Front { page: nonced.into(), ..policy("script-src 'nonce-r4nd0m' 'strict-dynamic'") };
    clinic.finds(front, "").await;
    let mut only_reported = Front::default();
    only_reported.page_headers.push(("content-security-policy-report-only", "script-src 'none'".into()));
    clinic.finds(only_reported, "").await;
    clinic.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tells_a_page_that_cannot_be_read_or_a_tag_that_does_not_run() {
    let clinic = Clinic::open(SITE).await;
    let status = |page_status| Front { page_status, ..Front::default() };
    clinic.finds(status(401), "page: answered 401 Unauthorized; name a page with --url that visitors see").await;
    clinic.finds(status(503), "page: answered 503 Service Unavailable").await;
    let json = Front { page_headers: vec![("content-type", "application/json".into())], ..Front::default() };
    clinic.finds(json, "page: answered as `application/json`, not as HTML").await;
    clinic.finds(page("<p>no tag"), "page: does not load /js/sillage.js; add the snippet").await;
    let tag = r#"<script src="/js/sillage.js" data-site="127.0.0.1"></script>"#;
    clinic.finds(page(&format!("<!-- {tag} -->")), "page: does not load /js/sillage.js").await;
    clinic.finds(page(&format!("{tag}{tag}")), "page: loads the script 2 times").await;
    let other = page(r#"<script src="/js/sillage.js" data-site="shop.example"></script>"#);
    let Diagnosis { code, lines } = clinic.examine(other).await;
    assert!(code == Some(1) && lines.contains("problem site: `shop.example` is not in the configuration"), "{lines}");
    let foreign = page(r#"<script src="/js/sillage.js" data-site="localhost"></script>"#);
    clinic.finds(foreign, "hit: the page's host is not the site's; add it to the site's hosts").await;
    let integrity = page(r#"<script src="/js/sillage.js" data-site="127.0.0.1" integrity="sha256-AAAA"></script>"#);
    clinic.finds(integrity, "script: the tag's integrity is that of another version").await;
    let held = page(r#"<script type="text/plain" src="/js/sillage.js" data-site="127.0.0.1"></script>"#);
    let Diagnosis { code, lines } = clinic.examine(held).await;
    assert!(code == Some(0) && lines.contains("note    page: the tag's type is `text/plain`"), "{lines}");
    let address = Front::default().start(clinic.address()).await;
    let Diagnosis { lines, .. } = clinic.visit(&["--url", &format!("http://{address}/round")], None).await;
    assert!(lines.contains("problem page: redirected more than 5 times"), "{lines}");
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let Diagnosis { code, lines } = clinic.visit(&["--url", &format!("http://{closed}")], None).await;
    assert!(code == Some(1) && lines.contains("check that the proxy runs and listens at this port"), "{lines}");
    clinic.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tells_a_script_or_a_hit_that_another_server_answers() {
    let clinic = Clinic::open(SITE).await;
    let own = |path, status, kind, body| Front { own: Some((path, status, kind, body)), ..Front::default() };
    clinic.finds(own("/js/sillage.js", 404, "text/html", "no"), "script: answered 404 Not Found; forward").await;
    clinic.finds(own("/js/sillage.js", 200, "text/html", "<p>"), "script: answered as `text/html`").await;
    clinic.finds(own("/js/sillage.js", 200, "text/javascript", "old()"), "script: not the one of this version").await;
    clinic.finds(own("/api/event", 404, "text/html", ""), "hit: forward POST /api/event").await;
    clinic.finds(own("/api/event", 403, "text/html", ""), "hit: rejected by the proxy").await;
    clinic.finds(own("/api/event", 200, "text/html", "<p>"), "answered 200 OK by another server").await;
    clinic.finds(own("/api/event", 502, "text/html", ""), "the proxy does not reach the collector").await;
    let Diagnosis { lines, .. } =
        clinic.examine(Front { answer_headers: vec![("set-cookie", "lb=1")], ..Front::default() }).await;
    assert!(lines.contains("problem script: a server on the way sets a cookie"), "{lines}");
    assert!(lines.contains("problem hit: a server on the way sets a cookie"), "{lines}");
    let objecting = Front { sent_headers: vec![("sec-gpc", "1")], ..Front::default() };
    clinic.finds(objecting, "hit: counted as an objection; the proxy may add Sec-GPC or DNT").await;
    let robot = Front { sent_headers: vec![("user-agent", "curl/8.0")], ..Front::default() };
    clinic.finds(robot, "hit: counted as a robot; the proxy may replace the User-Agent header").await;
    let late = Front { answer_headers: vec![("date", "Sat, 28 Nov 2020 14:00:00 GMT")], ..Front::default() };
    clinic.finds(late, "s apart; days and hours are wrong").await;
    clinic.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_the_fault_of_a_certificate_and_takes_a_private_authority() {
    let clinic = Clinic::open(SITE).await;
    let with = |certificate| Front { certificate: Some(certificate), ..Front::default() };
    clinic.finds(with("client-valid.pem"), "").await;
    for (certificate, problem) in [
        ("client-expired.pem", "page: the server's certificate has expired"),
        ("client-self-signed.pem", "page: the server's certificate is not signed by a known authority"),
        ("client-other-name.pem", "page: the server's certificate is for another name"),
    ] {
        clinic.finds(with(certificate), problem).await;
    }
    let insecure = r#"<script src="http://127.0.0.1:9/js/sillage.js" data-site="127.0.0.1"></script>"#;
    let Diagnosis { lines, .. } = clinic.examine(Front { page: insecure.into(), ..with("client-valid.pem") }).await;
    assert!(lines.contains("problem page: the tag names an address of http://"), "{lines}");
    clinic.close().await;
}
