//! The pages for visitors, through the public listener: their language and their site, their caching, and that they
//! follow the running configuration.

use std::process::Command;

use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};
use sillage::config::{Config, MarketingPolicy, SiteConfig};

use crate::collector::{Collector, Reply};

const NOW: &str = "2026-03-10T09:00:00Z";

const TWO_PUBLISHERS: &str = r#"site = [
    { name = "shop.example", hosts = ["shop.example", "boutique.example"], timezone = "Europe/Paris", properties = ["plan"] },
    { name = "Rival Publisher", hosts = ["rival.example"] },
]"#;

async fn ask(collector: &Collector, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    collector.collect(request.body(Default::default()).unwrap()).await
}

async fn get(collector: &Collector, path: &str, headers: &[(&str, &str)]) -> Reply {
    let reply = ask(collector, Method::GET, path, headers).await;
    assert_eq!(reply.status, StatusCode::OK, "{path}");
    reply
}

fn text(reply: &Reply) -> &str {
    std::str::from_utf8(&reply.body).unwrap()
}

fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    reply.headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_language_is_that_of_the_address_else_that_of_the_browser() {
    let collector = Collector::start(NOW, TWO_PUBLISHERS).await;
    for (path, accepted, lang, title) in [
        ("/privacy", "fr-FR,fr;q=0.9,en;q=0.8", "fr", "Mesure d’audience et vie privée"),
        ("/privacy", "de, en;q=0.5", "en", "Audience measurement and privacy"),
        ("/privacy?lang=en", "fr", "en", "Audience measurement and privacy"),
        ("/privacy?lang=fr", "en", "fr", "Mesure d’audience et vie privée"),
        ("/privacy?lang=tlh", "fr", "fr", "Mesure d’audience et vie privée"),
        ("/opt-out", "fr", "fr", "S’opposer à la mesure d’audience"),
        ("/opt-out?lang=en", "fr", "en", "Opt out of the audience measurement"),
    ] {
        let reply = get(&collector, path, &[("accept-language", accepted)]).await;
        assert!(text(&reply).starts_with(&format!("<!DOCTYPE html><html lang=\"{lang}\">")), "{path} {accepted}");
        assert!(text(&reply).contains(&format!("<title>{title}</title>")), "{path} {accepted}");
        assert_eq!(header(&reply, "content-language"), Some(lang));
        assert_eq!(header(&reply, "vary"), Some("accept-language"));
        assert_eq!(header(&reply, "content-type"), Some("text/html; charset=utf-8"));
    }
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privacy_page_never_names_another_publishers_site() {
    let collector = Collector::start(NOW, TWO_PUBLISHERS).await;
    let hosts = ["shop.example", "www.shop.example", "stats.shop.example:8080", "SHOP.example", "boutique.example"];
    for path in ["/privacy", "/privacy.json", "/opt-out"] {
        for host in hosts {
            let reply = get(&collector, path, &[("host", host)]).await;
            assert!(!text(&reply).contains("Rival") && !text(&reply).contains("rival.example"), "{path} at {host}");
            assert!(path == "/opt-out" || text(&reply).contains("shop.example"), "{path} at {host}");
        }
        for host in ["127.0.0.1", "example", "stats.example", "[::1]:8080", "shop.example.evil.example"] {
            let reply = get(&collector, path, &[("host", host)]).await;
            for name in ["shop", "boutique", "Rival", "rival.example", "plan", "evil"] {
                assert!(!text(&reply).contains(name), "{path} at {host} names {name}");
            }
        }
        let named = get(&collector, &format!("{path}?site=rival%20publisher"), &[("host", "shop.example")]).await;
        assert!(text(&named).contains("Rival"), "{path}: what is asked for by its name is told");
        assert!(!text(&named).contains("shop.example"), "{path}");
        let unknown = get(&collector, &format!("{path}?site=%3Cscript%3E"), &[("host", "stats.example")]).await;
        assert!(!text(&unknown).contains("<script>"), "{path}: what is asked for is not repeated");
    }
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_opt_out_page_tells_of_the_cookie_and_its_links_set_it_and_take_it_back() {
    let collector = Collector::start(NOW, TWO_PUBLISHERS).await;
    for (lang, months) in [("en", "It lasts 13 months"), ("fr", "Il est conservé 13 mois")] {
        let reply = get(&collector, &format!("/opt-out?lang={lang}"), &[("host", "www.shop.example")]).await;
        let page = text(&reply);
        assert!(page.replace(['\u{a0}', '\u{202f}'], " ").contains(months), "{page}");
        for (wish, cookie) in [("1", Some("sillage_opt_out=1; Max-Age=33955200")), ("0", None)] {
            let link = page.split("href=\"").find(|rest| rest.contains(&format!("object={wish}\""))).unwrap();
            let link = link.split('"').next().unwrap().replace("&amp;", "&");
            let answer = get(&collector, &link, &[("host", "www.shop.example")]).await;
            let set = answer.headers.get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned());
            assert_eq!(set.is_some(), cookie.is_some(), "{link}");
            assert!(cookie.is_none_or(|cookie| set.unwrap().starts_with(cookie)), "{link}");
        }
    }
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_switch_says_whether_it_acts_for_the_site() {
    let collector = Collector::start(NOW, TWO_PUBLISHERS).await;
    let ours = get(&collector, "/opt-out?lang=en", &[("host", "www.shop.example:8080")]).await;
    assert!(text(&ours).contains("The switch applies to www.shop.example:"), "{}", text(&ours));
    for (path, host) in [
        ("/opt-out?lang=en", "stats.shop.example"),
        ("/opt-out?lang=en&site=shop.example", "collector.example"),
        ("/opt-out?lang=en&site=shop.example", "rival.example"),
    ] {
        let elsewhere = get(&collector, path, &[("host", host)]).await;
        assert!(text(&elsewhere).contains("use the switch in that site’s own privacy policy"), "{path} at {host}");
        assert!(!text(&elsewhere).contains("switch applies to"), "{path} at {host}");
    }
    let script = r#"<script defer src="/js/sillage.js" data-manual></script>"#;
    assert!(text(&ours).contains(script), "the tracker, and no pageview of this page");
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_asked_for_again_and_sent_again_only_when_it_changed() {
    let collector = Collector::start(NOW, TWO_PUBLISHERS).await;
    for path in ["/privacy", "/privacy.json", "/opt-out"] {
        let whole = get(&collector, path, &[]).await;
        assert_eq!(header(&whole, "cache-control"), Some("no-cache"));
        assert_eq!(header(&whole, "x-content-type-options"), Some("nosniff"));
        let tag = header(&whole, "etag").unwrap();
        let known = ask(&collector, Method::GET, path, &[("if-none-match", tag)]).await;
        assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
        assert_eq!(header(&known, "vary"), header(&whole, "vary"), "{path}");
        let head = ask(&collector, Method::HEAD, path, &[]).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{path}");
        assert_eq!(header(&head, "etag"), Some(tag), "{path}");
        assert_eq!(header(&head, "content-length"), Some(whole.body.len().to_string().as_str()), "{path}");
        // An objection is posted to /opt-out.
        let (posts, allowed) = if path == "/opt-out" { (true, "GET, HEAD, POST") } else { (false, "GET, HEAD") };
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            if posts && method == Method::POST {
                continue;
            }
            let other = ask(&collector, method, path, &[]).await;
            assert_eq!(other.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
            assert_eq!(header(&other, "allow"), Some(allowed), "{path}");
        }
    }
    let (english, french) =
        (get(&collector, "/privacy?lang=en", &[]).await, get(&collector, "/privacy?lang=fr", &[]).await);
    assert_ne!(header(&english, "etag"), header(&french, "etag"));
    assert_eq!(ask(&collector, Method::GET, "/privacy/", &[]).await.status, StatusCode::OK, "a slash at the end");
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pages_policy_allows_its_own_style_and_script_and_nothing_from_elsewhere() {
    let collector = Collector::start(NOW, TWO_PUBLISHERS).await;
    for path in ["/privacy", "/opt-out"] {
        let reply = get(&collector, path, &[]).await;
        let policy = header(&reply, "content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        let page = text(&reply);
        assert!(!page.contains(" style=") && !page.contains("<script>") && !page.contains("onclick"), "{path}");
        let loaded = page.split(['"', '\'']).filter(|part| part.starts_with("http") || part.starts_with("//"));
        let links: Vec<&str> = loaded.collect();
        assert!(links.iter().all(|link| *link == "https://www.cnil.fr/fr/plaintes"), "{path}: {links:?}");
        assert_eq!(header(&reply, "access-control-allow-origin"), None, "{path}");
        assert_eq!(header(&reply, "set-cookie"), None, "{path}");
    }
    collector.app.stop().await;
}

/// Structure of a value: names and types, without the contents.
fn form(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), form(value))).collect(),
        Value::Array(items) => items.first().map_or(json!([]), |first| json!([form(first)])),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        Value::Bool(_) => json!("boolean"),
        Value::Null => json!(null),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_for_machines_is_stable() {
    let whole = |config: &mut Config| {
        config.privacy.controller =
            sillage::config::ContactDetails { name: "Port".into(), contact: "dpo@port.example".into() };
        config.privacy.last_review = Some(jiff::civil::date(2026, 3, 1));
        config.site[0].search_parameter = "q".into();
    };
    let collector = Collector::start_with(NOW, TWO_PUBLISHERS, whole).await;
    let reply = get(&collector, "/privacy.json?site=shop.example", &[]).await;
    assert_eq!(header(&reply, "content-type"), Some("application/json"));
    let bilingual = json!({ "en": "text", "fr": "text" });
    let item = json!({ "name": "text", "label": bilingual, "detail": bilingual });
    let expected = json!({
        "schema": "text",
        "site": { "name": "text", "hosts": ["text"], "timezone": "text" },
        "controller": { "name": "text", "contact": "text" },
        "purposes": [bilingual], "legal_basis": bilingual,
        "data_read": [item], "figures": [bilingual], "dimensions": [item],
        "actions": { "properties": ["text"], "search_parameter": "text", "problems": "boolean", "detail": bilingual },
        "timings": [item],
        "marketing": { "measured": "text", "detail": bilingual },
        "retention": { "months": "number", "last_review": "text" },
        "rounding": "number", "location": "boolean",
        "stored_on_device": ["text"], "recipients": bilingual, "transfers": [],
        "objection": { "sec_gpc": "boolean", "dnt": "boolean", "page": "text", "storage_key": "text", "cookie": "text", "cookie_months": "number" },
        "rights": [{ "articles": ["number"], "label": bilingual, "answer": bilingual }],
        "rules": [{ "number": "number", "title": bilingual, "held": "boolean", "detail": [bilingual] }],
        "assessment": bilingual,
    });
    assert_eq!(form(&reply.json()), expected);
    let data = reply.json();
    assert_eq!(data["schema"], "sillage-privacy/1");
    assert_eq!(data["retention"], json!({ "months": 25, "last_review": "2026-03-01" }));
    assert_eq!(data["rounding"], 1);
    let not_held: Vec<_> = data["rules"].as_array().unwrap().iter().filter(|rule| rule["held"] == false).collect();
    assert_eq!(not_held.len(), 1);
    assert_eq!(not_held[0]["number"], 12);
    collector.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_tell_what_runs_not_what_a_file_says() {
    let collector = Collector::start(NOW, TWO_PUBLISHERS).await;
    let before = get(&collector, "/privacy?lang=en", &[("host", "shop.example")]).await;
    assert!(text(&before).contains("<code>plan</code>"));
    let mut config = collector.config.clone();
    config.site[0].properties = vec!["colour".into()];
    config.site.push(SiteConfig { name: "new.example".into(), ..SiteConfig::default() });
    // Needs a restart: hits are still measured as before, and the page must still say so.
    config.privacy.marketing = MarketingPolicy::Always;
    collector.app.reload(&config).unwrap();
    let after = get(&collector, "/privacy?lang=en", &[("host", "shop.example")]).await;
    assert!(text(&after).contains("<code>colour</code>") && !text(&after).contains("<code>plan</code>"));
    assert!(!text(&after).contains("measured for every visit"), "what runs has not changed");
    assert_ne!(header(&before, "etag"), header(&after, "etag"));
    let new = get(&collector, "/privacy?lang=en", &[("host", "new.example")]).await;
    assert!(text(&new).contains("measurement of the site new.example"));
    collector.app.stop().await;
}

/// Runs `sillage notice` on a file with this text.
fn notice(text: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sillage.toml"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
    let output = command.arg("notice").args(arguments).current_dir(folder.path()).env_clear().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_writes_three_notices_in_two_languages_and_two_forms() {
    for (lang, parts) in [
        ("en", ["1. For the site’s privacy policy", "2. Entry for the register of processing", "3. Self-assessment"]),
        (
            "fr",
            ["1. Pour la politique de confidentialité", "2. Fiche du registre des traitements", "3. Auto-évaluation"],
        ),
    ] {
        for (format, start) in [("markdown", "# "), ("html", "<!DOCTYPE html>")] {
            let (code, out, stderr) = notice(TWO_PUBLISHERS, &["--lang", lang, "--format", format]);
            assert_eq!(code, Some(0), "{stderr}");
            assert!(out.starts_with(start), "{format}");
            let positions: Vec<_> =
                parts.iter().map(|part| out.find(part).unwrap_or_else(|| panic!("{part}"))).collect();
            assert!(positions.is_sorted());
            assert!(out.contains("shop.example") && out.contains("Rival Publisher"));
        }
    }
}

#[test]
fn a_publisher_among_others_has_a_notice_of_his_own() {
    let (code, out, _) = notice(TWO_PUBLISHERS, &["--lang", "en", "--site", "shop.example"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("shop.example") && !out.contains("Rival Publisher") && !out.contains("rival.example"));
    let (code, out, stderr) = notice(TWO_PUBLISHERS, &["--lang", "en", "--site", "gone.example"]);
    assert_eq!(
        (code, out.as_str(), stderr.as_str()),
        (Some(2), "", "sillage: no site `gone.example` in sillage.toml\n")
    );
}
