//! Reports and alerts, through a real mail server on loopback: once each, of published figures, to subscribed
//! recipients.

use std::path::Path;

use hyper::StatusCode;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use crate::collector::{Collector, FIREFOX, pageview, raw};
use crate::mail_server::MailServer;
use crate::process::Home;

const SITES: &str = r#"site = [{ name = "shop.example", timezone = "Europe/Paris" }]"#;
const ANNA: &str = "anna@example.org";
const BEN: &str = "ben@example.org";

/// `[mail]` for a server, with `more`.
fn mail(server: &MailServer, security: &str, more: &str) -> String {
    let (port, authority) = (server.port, server.certificate());
    let password = server.file("password", "correct horse\n");
    format!(
        "{SITES}\n[mail]\nhost = \"localhost\"\nport = {port}\nsecurity = \"{security}\"\nuser = \"stats\"\n\
         password_file = {password:?}\nca_file = {authority:?}\nfrom = \"Sillage <stats@example.org>\"\n\
         console_url = \"http://127.0.0.1:8081\"\n{more}\n"
    )
}

fn reports(recipients: &[&str], schedule: &str, language: &str) -> String {
    format!(
        "[[mail.report]]\nsites = [\"*\"]\nrecipients = {recipients:?}\nschedule = {schedule}\nlanguage = \"{language}\"\n"
    )
}

/// This number of visitors with a pageview each, at this moment.
async fn visit(collector: &Collector, at: &str, visitors: u32) {
    collector.at(at);
    for visitor in 0..visitors {
        let address = format!("203.0.{}.{}", visitor / 250, visitor % 250 + 1);
        let view = pageview("shop.example", "/lamps", Some("https://news.example/"));
        assert_eq!(collector.event(&address, FIREFOX, &view).await.status, StatusCode::ACCEPTED);
    }
    collector.app.flush().await.unwrap();
}

/// Every file below a folder, as one text.
fn files_below(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            text += &files_below(&entry.path());
        } else {
            text += &String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap());
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_is_reported_once_in_each_language_over_starttls_also_after_a_restart() {
    let mut server = MailServer::start("starttls").await;
    let more = reports(&[ANNA], "[\"weekly\"]", "en") + &reports(&[BEN], "[\"weekly\", \"monthly\"]", "fr");
    let collector = Collector::start("2026-03-10T09:00:00Z", &mail(&server, "starttls", &more)).await;
    visit(&collector, "2026-03-10T10:00:00Z", 3).await;
    collector.at("2026-03-16T05:59:00Z");
    collector.app.send_mail().await;
    server.no_mail().await;
    collector.at("2026-03-16T06:00:00Z");
    collector.app.send_mail().await;
    let (english, french) = (server.mail().await, server.mail().await);
    assert_eq!((&english["to"][0], &french["to"][0]), (&ANNA.into(), &BEN.into()));
    assert_eq!((&english["secure"], &english["from"]), (&true.into(), &"stats@example.org".into()));
    assert_eq!(english["subject"], "shop.example: week of 9 to 15 March 2026");
    assert_eq!(french["subject"], "shop.example\u{202f}: semaine du 9\u{a0}au 15\u{a0}mars 2026");
    for form in ["text", "html"] {
        let text = english[form].as_str().unwrap();
        assert!(text.contains("/lamps") && text.contains("news.example") && text.contains("Daily visitors"), "{text}");
        assert!(french[form].as_str().unwrap().contains("Visiteurs quotidiens"));
    }
    let visitors = english["text"].as_str().unwrap().lines().find(|line| line.starts_with("Daily visitors")).unwrap();
    assert_eq!(visitors.split_whitespace().last(), Some("3"), "{visitors}");
    assert_eq!(english["headers"]["auto-submitted"], "auto-generated");
    collector.app.send_mail().await;
    let collector = collector.restart(true).await;
    collector.app.send_mail().await;
    server.no_mail().await;
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_missed_while_the_program_was_down_is_sent_late_once_and_months_are_reported() {
    let mut server = MailServer::start("tls").await;
    let more = reports(&[ANNA], "[\"weekly\", \"monthly\"]", "en");
    let collector = Collector::start("2026-02-24T09:00:00Z", &mail(&server, "tls", &more)).await;
    visit(&collector, "2026-02-24T10:00:00Z", 2).await;
    collector.at("2026-03-02T08:00:00Z");
    collector.app.send_mail().await;
    let subjects = [server.mail().await, server.mail().await].map(|mail| mail["subject"].clone());
    assert_eq!(subjects, ["shop.example: week of 23 February to 1 March 2026", "shop.example: February 2026"]);
    visit(&collector, "2026-03-03T10:00:00Z", 2).await;
    let clock = collector.clock.clone();
    let collector = collector.restart_after(|| clock.set("2026-03-12T15:00:00Z".parse().unwrap())).await;
    collector.app.send_mail().await;
    assert_eq!(server.mail().await["subject"], "shop.example: week of 2 to 8 March 2026");
    collector.app.send_mail().await;
    server.no_mail().await;
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_click_unsubscribes_for_good_and_no_file_log_metric_or_table_holds_an_address() {
    let mut server = MailServer::start("starttls").await;
    let more = reports(&[ANNA, BEN], "[\"weekly\"]", "en");
    let collector = Collector::start("2026-03-10T09:00:00Z", &mail(&server, "starttls", &more)).await;
    visit(&collector, "2026-03-10T10:00:00Z", 1).await;
    collector.at("2026-03-16T06:00:00Z");
    collector.app.send_mail().await;
    let (to_anna, _) = (server.mail().await, server.mail().await);
    assert_eq!(to_anna["headers"]["list-unsubscribe-post"], "List-Unsubscribe=One-Click");
    let header = to_anna["headers"]["list-unsubscribe"].as_str().unwrap();
    let link = header.trim_start_matches('<').trim_end_matches('>');
    let path = link.strip_prefix("http://127.0.0.1:8081").unwrap();
    assert!(to_anna["text"].as_str().unwrap().contains(link) && !link.contains("anna"), "{link}");

    let console = collector.app.console_address;
    let ask = async |method: &str, path: &str| {
        let body = "List-Unsubscribe=One-Click";
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {console}\r\norigin: https://mail.example\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        String::from_utf8(raw(console, request.as_bytes()).await).unwrap()
    };
    let shown = ask("GET", path).await;
    assert!(shown.starts_with("HTTP/1.1 200") && shown.contains("<button") && !shown.contains(ANNA), "{shown}");
    let wrong = ask("POST", "/unsubscribe?key=00000000000000000000000000000000").await;
    assert!(wrong.starts_with("HTTP/1.1 404"), "{wrong}");
    collector.at("2026-03-23T06:00:00Z");
    collector.app.send_mail().await;
    let still = [server.mail().await, server.mail().await].map(|mail| mail["to"][0].clone());
    assert_eq!(still, [ANNA, BEN], "reading the page ends nothing");
    assert!(ask("POST", path).await.starts_with("HTTP/1.1 200"));
    let collector = collector.restart(true).await;
    collector.at("2026-03-30T06:00:00Z");
    collector.app.send_mail().await;
    assert_eq!(server.mail().await["to"][0], BEN);
    server.no_mail().await;

    let kept = files_below(collector.folder.path()) + &collector.metrics().await;
    assert!(!kept.contains("anna") && !kept.contains(BEN), "an address was kept");
    assert_eq!(collector.counter("sillage_mails_total", "sent").await, 1);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_or_busy_delays_a_report_and_harms_nothing() {
    let mut server = MailServer::start("starttls").await;
    let more = reports(&[ANNA, BEN], "[\"weekly\"]", "en");
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let port = server.port;
    let text = mail(&server, "starttls", &more);
    let collector = Collector::start_with("2026-03-10T09:00:00Z", &text, |config| config.mail.port = away).await;
    visit(&collector, "2026-03-10T10:00:00Z", 1).await;
    collector.at("2026-03-16T06:00:00Z");
    collector.app.send_mail().await;
    visit(&collector, "2026-03-16T06:00:30Z", 1).await;
    assert_eq!(collector.counter("sillage_mails_total", "failed").await, 1, "the server is asked once a round");

    // The same folders, with the server back: busy at first.
    server.refuse(450).await;
    let mut collector = collector;
    collector.config.mail.port = port;
    let collector = collector.restart(true).await;
    let begin: Timestamp = "2026-03-16T06:01:00Z".parse().unwrap();
    collector.clock.set(begin);
    collector.app.send_mail().await;
    assert_eq!(collector.counter("sillage_mails_total", "failed").await, 2);
    collector.app.send_mail().await;
    assert_eq!(collector.counter("sillage_mails_total", "failed").await, 2, "no attempt before its time");
    server.refuse(0).await;
    collector.clock.set(begin + 10.minutes());
    collector.app.send_mail().await;
    let to = [server.mail().await, server.mail().await].map(|mail| mail["to"][0].clone());
    assert_eq!(to, [ANNA, BEN]);
    // A recipient that the server will never take is given up.
    server.refuse(550).await;
    collector.at("2026-03-23T06:00:00Z");
    collector.app.send_mail().await;
    collector.at("2026-03-24T06:00:00Z");
    collector.app.send_mail().await;
    assert_eq!(collector.counter("sillage_mails_total", "rejected").await, 2);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spike_a_drop_and_hours_without_traffic_are_told_once_by_mail_and_webhook() {
    let mut server = MailServer::start("starttls").await;
    let hook = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = server.file("hook", &format!("http://{}/secret-path\n", hook.local_addr().unwrap()));
    let heard = std::thread::spawn(move || (0..3).map(|_| hear_webhook(&hook)).collect::<Vec<_>>());
    let more = format!(
        "[[mail.alert]]\nsites = [\"*\"]\nrecipients = [\"{ANNA}\"]\nwebhook_file = {url:?}\nspike_percent = 300\n\
         drop_percent = 50\nno_traffic_hours = 3\nleast = 20\n"
    );
    let collector = Collector::start("2026-02-02T09:00:00Z", &mail(&server, "starttls", &more)).await;
    // Four Tuesdays with 40 visitors in the hour from 10:00 UTC.
    for day in ["2026-02-10", "2026-02-17", "2026-02-24", "2026-03-03"] {
        visit(&collector, &format!("{day}T10:10:00Z"), 40).await;
    }
    collector.at("2026-03-03T11:40:00Z");
    collector.app.send_mail().await;
    server.no_mail().await;

    visit(&collector, "2026-03-10T10:10:00Z", 120).await;
    collector.at("2026-03-10T11:31:00Z");
    collector.app.send_mail().await;
    let spike = server.mail().await;
    assert_eq!(spike["subject"], "shop.example: many more visitors than usual");
    assert!(
        spike["text"]
            .as_str()
            .unwrap()
            .contains("120 visitors in the hour from 10 March 2026, 11:00; the usual figure is 40.")
    );
    collector.app.send_mail().await;
    let collector = collector.restart(true).await;
    collector.app.send_mail().await;
    server.no_mail().await;

    // A Tuesday without a single pageview: first the hours, then the day.
    visit(&collector, "2026-03-17T06:00:00Z", 1).await;
    collector.at("2026-03-17T12:31:00Z");
    collector.app.send_mail().await;
    let silence = server.mail().await;
    assert_eq!(silence["subject"], "shop.example: no traffic");
    collector.at("2026-03-18T00:31:00Z");
    collector.app.send_mail().await;
    let drop = server.mail().await;
    assert_eq!(drop["subject"], "shop.example: far fewer visitors than usual");
    assert!(drop["text"].as_str().unwrap().contains("1 visitor on 17 March 2026; the usual figure is 40."), "{drop}");
    server.no_mail().await;

    let heard = heard.join().unwrap();
    let alerts: Vec<_> = heard.iter().map(|content| content["alert"].as_str().unwrap()).collect();
    assert_eq!(alerts, ["spike", "no_traffic", "drop"]);
    assert_eq!((&heard[0]["figure"], &heard[0]["usual"]), (&120.into(), &40.into()));
    assert!(!files_below(collector.folder.path()).contains("secret-path"));
    collector.app.stop().await;
}

/// The body of one request to a webhook, which is answered.
fn hear_webhook(hook: &std::net::TcpListener) -> Value {
    use std::io::{Read, Write};
    let (mut stream, _) = hook.accept().unwrap();
    let (mut heard, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        let read = stream.read(&mut buffer).unwrap();
        heard.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&heard).into_owned();
        if let Some((_, body)) = text.split_once("\r\n\r\n")
            && let Ok(content) = serde_json::from_str(body)
        {
            stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").unwrap();
            return content;
        }
        assert!(read > 0, "the webhook's body ends early: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_mistakes_of_mail_and_mail_test_sends_one_mail() {
    let mut server = MailServer::start("starttls").await;
    let home = |text: &str| Home::new(&text.replace(SITES, ""));
    let right = mail(&server, "starttls", &reports(&[ANNA], "[\"weekly\"]", "fr"));
    let answer = home(&right).run(&["check"]).await;
    assert_eq!(answer.status.code(), Some(0), "{}", String::from_utf8_lossy(&answer.stderr));
    for (wrong, says) in [
        (right.replace("/password\"", "/nowhere\""), "mail.password_file"),
        (right.replace("cert.pem", "nowhere.pem"), "mail.ca_file"),
        (right.replace(ANNA, "anna"), "mail.report.recipients"),
    ] {
        let answer = home(&wrong).run(&["check"]).await;
        let stderr = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.code() == Some(2) && stderr.contains(says), "{says}: {stderr}");
    }
    let sent = home(&right).run(&["mail", "test", "--to", BEN]).await;
    assert_eq!(sent.status.code(), Some(0), "{}", String::from_utf8_lossy(&sent.stderr));
    let arrived = server.mail().await;
    assert_eq!((&arrived["to"][0], &arrived["subject"]), (&BEN.into(), &"Sillage\u{202f}: courriel de test".into()));
    // A server without the configured encryption gets no password.
    let plain = MailServer::start("plain").await;
    let refused = home(&mail(&plain, "starttls", "")).run(&["mail", "test", "--to", BEN]).await;
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && stderr.contains("encryption"), "{stderr}");
    let listed = home(&right).run(&["mail", "list"]).await;
    assert!(String::from_utf8_lossy(&listed.stdout).contains("shop.example: reports to anna@example.org: active"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_waits_until_its_week_is_published_in_tens() {
    let mut server = MailServer::start("starttls").await;
    let text = mail(&server, "starttls", &reports(&[ANNA], "[\"weekly\"]", "en"));
    let tens = |config: &mut sillage::config::Config| config.privacy.protection = sillage::config::Protection::Tens;
    let collector = Collector::start_with("2026-03-10T09:00:00Z", &text, tens).await;
    visit(&collector, "2026-03-10T10:00:00Z", 143).await;
    collector.at("2026-03-16T07:00:00Z");
    collector.app.send_mail().await;
    server.no_mail().await;
    collector.app.flush().await.unwrap();
    collector.app.send_mail().await;
    let report = server.mail().await;
    let text = report["text"].as_str().unwrap();
    assert!(text.contains("Figures are rounded to tens"), "{text}");
    let visitors = text.lines().find(|line| line.starts_with("Daily visitors")).unwrap();
    let visitors: i64 = visitors.split_whitespace().last().unwrap().parse().unwrap();
    assert!(visitors % 10 == 0 && (120..=170).contains(&visitors), "{text}");
    collector.app.stop().await;
}
