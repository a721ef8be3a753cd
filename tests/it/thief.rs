//! Plays the thief: the disk, the memory folder, the logs, the metrics and the whole database must not reveal any
//! visitor. Hits arrive with known words as addresses, agents, queries and ids; then every byte is searched.

use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustix::process::Signal;
use serde_json::json;

use crate::bad_input::parts;
use crate::collector::{FIREFOX, raw};
use crate::process::{Home, Program};
use crate::support::eventually;

/// Part of every value that must not be stored. Eight letters, so that it may pass for part of a language tag.
const CANARY: &str = "zqcanary";
/// Part of the pages, which are stored: the search must find it.
const KEPT: &str = "zqpage";
/// Other stored values, declared by the site or consented to by the visitor: a search, a source, a campaign.
const DECLARED: [&str; 3] = ["zqsearch", "zqsource", "zqcampaign"];
const SOCKET_SIDE: [&str; 2] = ["198.51.100.237", "2001:db8:beef:cafe:1234:5678:9abc:def0"];

/// Traces of an identity, as text in lower case.
const WORDS: [&str; 10] = [
    CANARY,
    "198.51.100",
    "100.51.198",
    "c63364",
    "3325256941",
    "2001:db8:beef",
    "2001:0db8:beef",
    "20010db8beef",
    "2001-db8-beef",
    "f.e.e.b.8.b.d.0.1.0.0.2",
];
/// The same as bytes. Four of them occur by chance in megabytes of packed columns: those are searched as rows.
const BYTES_ANYWHERE: [&[u8]; 2] = [&[0x20, 0x01, 0x0d, 0xb8, 0xbe, 0xef], &[0xef, 0xbe, 0xb8, 0x0d, 0x01, 0x20]];
const BYTES_IN_SMALL_FILES: [&[u8]; 3] = [&[198, 51, 100, 237], &[237, 100, 51, 198], &[198, 51, 100, 0]];

/// A request for every route, with canaries in all values that are not measured. `what` is part of the stored page.
fn requests(what: &str) -> Vec<Vec<u8>> {
    let agent = |name: &str| format!("User-Agent: {name}\r\n");
    let url = format!("https://zqcanary:zqcanary@shop.example/{KEPT}-{what}?zqcanary=zqcanary&q=zqcanary#zqcanary");
    let base = json!({
        "n": "pageview", "u": url, "r": "https://zqcanary@news.example/zqcanary?zqcanary#zqcanary", "w": 1280, "v": "zqcanary",
        "uid": "zqcanary", "_id": "zqcanary", "user_id": { "zqcanary": ["zqcanary"] }, "zqcanary": "zqcanary",
        "p": { "zqcanary": "zqcanary", "email": "zqcanary@zqcanary.example" },
    });
    let event = |changes: serde_json::Value| {
        let mut event = base.clone();
        for (name, value) in changes.as_object().unwrap() {
            event[name] = value.clone();
        }
        event.to_string()
    };
    let odd = agent("Zqcanary/7.1 (Zqcanary; Zqcanary Zqcanary/3) zqcanary");
    let person = agent(&format!("{FIREFOX} zqcanary"));
    let phone = agent(
        "Mozilla/5.0 (Linux; Android 14; zqcanary Build/ZQCANARY) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36",
    );
    let mut posts = vec![
        (person.clone(), event(json!({}))),
        (odd, event(json!({}))),
        (phone, event(json!({}))),
        (person.clone(), event(json!({ "u": format!("https://shop.example/{KEPT}/jane.zqcanary@zqcanary.example") }))),
        (person.clone(), event(json!({ "u": format!("https://shop.example/{KEPT}/;jsessionid=zqcanary") }))),
        (person.clone(), event(json!({ "r": "https://shop.example/?zqcanary=1#zqcanary" }))),
        (person.clone(), event(json!({ "r": "zqcanary" }))),
        (person.clone(), event(json!({ "n": "Signup" }))),
        (person.clone(), event(json!({ "n": "engagement", "e": 1_000, "sd": 50 }))),
        (person.clone(), event(json!({ "n": "timing", "t": { "lcp": 900, "zqcanary": 1 } }))),
        (person.clone(), event(json!({ "n": "problem" }))),
        (person.clone(), event(json!({ "d": "zqcanary.example" }))),
        (person.clone(), event(json!({ "u": "data:zqcanary" }))),
        (person.clone(), event(json!({ "d": 1.5 }))),
        (person.clone(), event(json!({ "$": "zqcanary" }))),
        (person.clone(), event(json!({ "n": "zqcanary\u{0}" }))),
        (person.clone(), format!("{{\"n\":\"zqcanary {}", "zqcanary".repeat(2_000))),
        (person.clone(), "zqcanary".into()),
        (person.clone() + "DNT: 1\r\n", event(json!({}))),
        (person.clone() + "Content-Encoding: gzip\r\n", event(json!({}))),
        (agent("zqcanary-bot/1.0 (+https://zqcanary.example)"), event(json!({}))),
    ];
    posts.extend(declared(what).into_iter().map(|changes| (person.clone(), event(changes))));
    posts.push((person.clone() + "Accept-Language: zqcanary\r\n", event(json!({}))));
    let mut requests = Vec::new();
    for address in SOCKET_SIDE {
        let head = format!(
            "Host: zqcanary.example\r\nConnection: close\r\nX-Forwarded-For: zqcanary, {address}\r\nX-Real-Ip: {address}\r\n\
             Cookie: zqcanary=zqcanary\r\nAuthorization: Basic zqcanary\r\nAccept-Language: fr-zqcanary, zqcanary;q=0.5\r\n\
             Referer: https://shop.example/{KEPT}-{what}?zqcanary#zqcanary\r\nX-Zqcanary: zqcanary\r\n"
        );
        for (headers, body) in &posts {
            let length = body.len();
            let post = "POST /api/event?zqcanary=zqcanary HTTP/1.1\r\n";
            requests.push(format!("{post}{head}{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes());
        }
        for target in [
            "/pixel.gif?d=shop.example&zqcanary=zqcanary&r=https://zqcanary",
            "/pixel.gif?u=zqcanary",
            "/zqcanary?zqcanary",
        ] {
            requests.push(format!("GET {target} HTTP/1.1\r\n{head}{person}\r\n").into_bytes());
        }
        requests.push(format!("ZQCANARY /zqcanary ZQCANARY\r\n{head}\r\n").into_bytes());
    }
    requests
}

/// Optional measurements of a site, each with a canary in a value that must not be stored: searches and script errors,
/// and campaigns of visitors who consent. One of them does not.
fn declared(what: &str) -> [serde_json::Value; 6] {
    const CLICKS: &str = "gclid=zqcanary&fbclid=zqcanary&msclkid=zqcanary&_gl=zqcanary&mc_eid=zqcanary&utm_id=zqcanary";
    const EMAIL: &str = "jane.zqcanary%40zqcanary.example";
    let [search, source, campaign] = DECLARED;
    let page = |query: &str| format!("https://shop.example/{KEPT}-{what}?{query}&zqcanary=zqcanary#zqcanary");
    let kept = format!("utm_source={source}&utm_medium=cpc&utm_campaign={campaign}");
    let theirs = format!("utm_content={EMAIL}&utm_term=zqcanary@zqcanary.example&{CLICKS}");
    [
        json!({ "c": 1, "dm": "Zqcanary", "u": page(&format!("{kept}&{theirs}&find={search}")), "r": "https://www.google.fr/zqcanary?q=zqcanary" }),
        json!({ "c": 1, "u": page(&format!("utm_campaign={EMAIL}&{CLICKS}&find={EMAIL}")) }),
        json!({ "u": page("utm_source=zqcanary&utm_campaign=zqcanary&utm_content=zqcanary&gclid=zqcanary") }),
        json!({ "c": 0, "dm": "Pixel 8 zqcanary", "u": page("utm_source=zqcanary&utm_medium=zqcanary&utm_term=zqcanary&fbclid=zqcanary") }),
        json!({ "n": "problem", "p": { "kind": "TypeError", "message": "zqcanary", "stack": "zqcanary@zqcanary:1:1" } }),
        json!({ "n": "problem", "i": true, "p": { "kind": "zqcanary", "source": "https://zqcanary.example/zqcanary" } }),
    ]
}

/// Sends everything once over raw HTTP/1.1, and a hit over HTTP/2.
async fn visit(program: &Program, what: &str) {
    let mut counted = 0;
    for request in requests(what) {
        let (status, head, _) = parts(&raw(program.collect, &request).await);
        counted += usize::from(status == 202 && !head.contains("\r\nx-sillage-dropped"));
    }
    assert_eq!(counted, 40, "the hits that are to be counted are");
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Full<Bytes>>();
    let body = json!({ "n": "pageview", "u": format!("https://shop.example/{KEPT}-{what}?zqcanary"), "zqcanary": 1 });
    let request = Request::post(format!("http://{}/api/event?zqcanary", program.collect))
        .header("user-agent", format!("{FIREFOX} zqcanary"))
        .header("x-forwarded-for", SOCKET_SIDE[0])
        .header("x-zqcanary", CANARY)
        .header("cookie", CANARY)
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    let answer = client.request(request).await.unwrap();
    assert_eq!(answer.status(), 202);
    answer.into_body().collect().await.unwrap();
}

/// Every byte as the character with its number, so that texts and bytes are found alike.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Traces of an identity in `bytes`.
fn identities(bytes: &[u8], forms: &[&[u8]]) -> Vec<String> {
    let text = latin(bytes);
    let small = text.to_ascii_lowercase();
    let words = WORDS.into_iter().filter(|word| small.contains(word)).map(str::to_owned);
    words.chain(forms.iter().filter(|form| text.contains(&latin(form))).map(|form| format!("{form:?}"))).collect()
}

/// Adds the names of all files under `folder` that hold a trace, with the trace; and the bytes of all files.
fn search(folder: &Path, traces: &mut Vec<String>, all: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            search(&path, traces, all);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        let mut forms = BYTES_ANYWHERE.to_vec();
        if !path.components().any(|part| part.as_os_str() == "data") {
            forms.extend(BYTES_IN_SMALL_FILES);
        }
        let name = path.display().to_string();
        let found = [identities(&bytes, &forms), identities(name.as_bytes(), &[])].concat();
        if !found.is_empty() {
            traces.push(format!("{name}: {found:?}"));
        }
        all.extend(bytes);
    }
}

/// Searches all files of a home; returns their bytes.
fn search_home(home: &Home, when: &str) -> Vec<u8> {
    let (mut traces, mut all) = (Vec::new(), Vec::new());
    search(home.path(), &mut traces, &mut all);
    assert!(traces.is_empty(), "{when}: {traces:#?}");
    all
}

/// Every table of every database as text.
async fn dump(program: &Program) -> String {
    // `models` waits a minute for a missing program; `unicode` holds all of Unicode and is slow.
    let sql =
        "SELECT database, name FROM system.tables WHERE database != 'system' OR name NOT IN ('models', 'unicode')";
    let tables: Vec<(String, String)> = program.store.ask_as_owner(sql).rows().await.unwrap();
    let mut text = String::new();
    let mut read = 0;
    for (database, table) in tables {
        let rows = format!("SELECT toString(tuple(*)) FROM `{database}`.`{table}` LIMIT 10000");
        // Views with parameters, and tables that need a condition, cannot be read this way.
        let Ok(rows) = program.store.ask_as_owner(&rows).rows::<String>().await else { continue };
        read += 1;
        text.push_str(&format!("\n{database}.{table}\n{}", rows.join("\n")));
    }
    assert!(read > 50, "only {read} tables could be read");
    text
}

async fn search_memory(program: &Program, when: &str) -> String {
    let (dump, metrics) = (dump(program).await, program.metrics().await);
    for (name, text) in [("the database", &dump), ("the metrics", &metrics)] {
        let found = identities(text.as_bytes(), &[]);
        assert!(found.is_empty(), "{when}, {name}: {found:?}");
    }
    dump
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thief_of_disk_logs_metrics_and_database_identifies_no_visitor() {
    let home = Home::new("");
    let loud = ("SILLAGE_LOG", "trace");
    let file = home.path().join("sillage.toml");
    let plain = std::fs::read_to_string(&file).unwrap();
    let site = r#"{ name = "shop.example", search_parameter = "find", problems = true }"#;
    std::fs::write(&file, plain.replace(r#"{ name = "shop.example" }"#, site)).unwrap();
    let measured = [loud, ("SILLAGE_PRIVACY__MARKETING", "with_consent")];
    let kept = |bytes: &[u8], what: &str| latin(bytes).contains(&format!("/{KEPT}-{what}"));

    let program = home.serve(&[&measured[..], &[("SILLAGE_SPOOL__FLUSH_SECONDS", "3600")]].concat()).await;
    visit(&program, "waiting").await;
    let files = search_home(&home, "before the flush");
    assert!(kept(&files, "waiting"), "the search finds what is in the spool");
    for word in DECLARED {
        assert!(latin(&files).contains(word), "{word} waits in the spool");
    }
    let mut memory = Vec::new();
    search(&home.path().join("runtime"), &mut Vec::new(), &mut memory);
    assert!(kept(&memory, "waiting"), "the search finds what is in the folder in memory");
    let tables = search_memory(&program, "before the flush").await;
    assert!(!kept(tables.as_bytes(), "waiting"));
    program.end(Signal::KILL).await;
    assert!(kept(&search_home(&home, "after a kill"), "waiting"));

    let program = home.serve(&measured).await;
    visit(&program, "shipped").await;
    eventually("both days' pages are in the database", async || {
        let sql = format!("SELECT uniqExact(page) FROM sillage.page_days WHERE page LIKE '/{KEPT}-%'");
        program.store.ask_as_owner(&sql).rows::<u64>().await.is_ok_and(|pages| pages == [2])
    })
    .await;
    let tables = search_memory(&program, "after the flush").await;
    assert!(kept(tables.as_bytes(), "waiting") && kept(tables.as_bytes(), "shipped"), "the dump shows what is kept");
    for word in DECLARED {
        assert!(tables.contains(word), "{word} is kept");
    }
    search_home(&home, "after the flush");
    visit(&program, "stopped").await;
    assert!(program.end(Signal::TERM).await.success());
    search_home(&home, "after the end");
    assert!(home.log().contains("stopping"), "the log is among the files");
}
