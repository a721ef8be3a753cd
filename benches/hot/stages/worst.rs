//! The most expensive hits that the limits allow, as found by the fuzz target `cost`: each kind is a function of its
//! own, so that callgrind can tell its cost from body to spool. None may cost more than ten plain hits, and one with
//! all texts at their worst no more than twenty-five.

use std::net::IpAddr;
use std::sync::Arc;

use sillage::collect::formats::native::NativeEvent;
use sillage::ledger::Ledger;
use sillage::privacy::hit::{ClientIp, Hit, HitSender, ObjectionSignals, UserAgent};
use sillage::privacy::{Anonymiser, HitReading};
use sillage::sites::Site;

use crate::traffic::SITE;

/// Hits of each kind; agents differ, so that no cache holds them.
pub(crate) const HITS: u64 = 50;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Variable parts of a hit.
struct Worst {
    body: String,
    agent: String,
    language: String,
}

fn way(anonymiser: &Anonymiser, ledger: &Ledger, worst: &Worst) {
    let message = NativeEvent::parse(worst.body.as_bytes()).unwrap();
    let reading = HitReading::new(Hit {
        received: super::BEGAN.parse().unwrap(),
        address: ClientIp::new(IpAddr::from([192, 0, 2, 1])),
        agent: UserAgent::new(&worst.agent),
        accept_language: Some(&worst.language),
        signals: ObjectionSignals::default(),
        sender: HitSender::default(),
        site: None,
        url: &message.url,
        referrer: message.referrer.as_deref(),
        fragment_is_page: message.fragment_is_page,
        width: message.width,
        consent: false,
        model: None,
        kind: message.kind(),
    });
    let Ok(reading) = reading else { return };
    let mut turn = ledger.turn().unwrap();
    // Each site once, as the pipeline has it.
    let mut counted: Vec<Arc<Site>> = Vec::new();
    for site in message.site_names().flat_map(|name| anonymiser.known_site(&reading, name)) {
        if counted.iter().any(|known| Arc::ptr_eq(known, &site)) {
            continue;
        }
        counted.push(site.clone());
        if let Ok(sighting) = anonymiser.anonymise_for(&reading, site) {
            turn.record(sighting).unwrap();
        }
    }
    drop(turn.end());
}

#[inline(never)]
fn worst_body(anonymiser: &Anonymiser, ledger: &Ledger, worst: &Worst) {
    // Otherwise the linker merges identical functions.
    std::hint::black_box(0_u8);
    way(anonymiser, ledger, worst);
}

#[inline(never)]
fn worst_url(anonymiser: &Anonymiser, ledger: &Ledger, worst: &Worst) {
    // Otherwise the linker merges identical functions.
    std::hint::black_box(1_u8);
    way(anonymiser, ledger, worst);
}

#[inline(never)]
fn worst_referrer(anonymiser: &Anonymiser, ledger: &Ledger, worst: &Worst) {
    // Otherwise the linker merges identical functions.
    std::hint::black_box(2_u8);
    way(anonymiser, ledger, worst);
}

#[inline(never)]
fn worst_agent(anonymiser: &Anonymiser, ledger: &Ledger, worst: &Worst) {
    // Otherwise the linker merges identical functions.
    std::hint::black_box(3_u8);
    way(anonymiser, ledger, worst);
}

#[inline(never)]
fn worst_headers(anonymiser: &Anonymiser, ledger: &Ledger, worst: &Worst) {
    // Otherwise the linker merges identical functions.
    std::hint::black_box(4_u8);
    way(anonymiser, ledger, worst);
}

#[inline(never)]
fn worst_whole_pageview(anonymiser: &Anonymiser, ledger: &Ledger, worst: &Worst) {
    // Otherwise the linker merges identical functions.
    std::hint::black_box(5_u8);
    way(anonymiser, ledger, worst);
}

#[inline(never)]
fn worst_whole_action(anonymiser: &Anonymiser, ledger: &Ledger, worst: &Worst) {
    // Otherwise the linker merges identical functions.
    std::hint::black_box(6_u8);
    way(anonymiser, ledger, worst);
}

/// A hit whose URL, referrer, property, name, sites, agent and languages are all as dear as their limits allow.
fn whole(number: u64, name: &str) -> Worst {
    let path = format!("/{number:08}d41d8cd98f00b204e-").repeat(80);
    let previous = format!("/%C3%A9{number:08}%40x-").repeat(100);
    let value = format!("{number:08}d41d8cd98f00b204 ").repeat(130);
    let (path, previous, named) = (&path[..1_900], &previous[..1_900], [SITE; 8].join(","));
    let body = format!(
        r#"{{"n":"{name}","u":"https://{SITE}{path}","d":"{named}","r":"https://{SITE}{previous}","h":1,"w":1920,"p":{{"plan":"{value}"}}}}"#
    );
    assert!(body.len() <= 8_192, "a longer body is rejected");
    Worst { body, agent: agent(number), language: "*;q=0,".repeat(1_300) }
}

/// An agent that no cache knows, as long as it is read.
fn agent(number: u64) -> String {
    format!("Mozilla/5.0 (Linux; Android 10; é K{number}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36 ")
        .repeat(6)
}

/// The calls that callgrind measures.
#[inline(never)]
pub(crate) fn measured_worst(anonymiser: &Anonymiser, ledger: &Ledger) {
    let plain = |number: u64| Worst {
        body: format!(r#"{{"n":"pageview","u":"https://{SITE}/{number}","d":"{SITE}"}}"#),
        agent: FIREFOX.into(),
        language: "fr".into(),
    };
    for number in 0..HITS {
        let tokens = format!("{number:08}d41d8cd98f00b204 ");
        let named = [SITE; 8].join(",");
        let value = tokens.repeat(7_000 / tokens.len());
        let body = format!(r#"{{"n":"x","u":"https://{SITE}/","d":"{named}","p":{{"plan":"{value}"}}}}"#);
        worst_body(anonymiser, ledger, &Worst { body, ..plain(number) });
        let path = format!("/{number:08}d41d8cd98f00b204e-").repeat(80);
        let body = format!(r#"{{"n":"pageview","u":"https://{SITE}{}","d":"{SITE}"}}"#, &path[..1_900]);
        worst_url(anonymiser, ledger, &Worst { body, ..plain(number) });
        let path = format!("/%C3%A9{number:08}%40x-").repeat(100);
        let body =
            format!(r#"{{"n":"pageview","u":"https://{SITE}/","d":"{SITE}","r":"https://{SITE}{}"}}"#, &path[..1_900]);
        worst_referrer(anonymiser, ledger, &Worst { body, ..plain(number) });
        worst_agent(anonymiser, ledger, &Worst { agent: agent(number), ..plain(number) });
        worst_headers(anonymiser, ledger, &Worst { language: "*;q=0,".repeat(1_300), ..plain(number) });
        // Numbers of their own: the agents of the stage above are known by now.
        worst_whole_pageview(anonymiser, ledger, &whole(1_000 + number, "pageview"));
        worst_whole_action(anonymiser, ledger, &whole(2_000 + number, &"é@1 ".repeat(30)));
    }
}
