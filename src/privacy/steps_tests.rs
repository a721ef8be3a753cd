//! Order of the steps: a hit that several of them would drop ends with the first.

use std::net::IpAddr;

use crate::config;
use crate::outcome::Dropped;
use crate::privacy::hit::{ClientIp, Hit, HitKind, HitSender, ObjectionSignals, UserAgent};
use crate::privacy::lookup::agent::Agents;
use crate::privacy::lookup::place::PlaceDatabases;
use crate::privacy::steps::DROP_STEPS;
use crate::privacy::url::page::Referrer;
use crate::privacy::{Anonymiser, EndReason};
use crate::sites::Sites;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

fn anonymiser() -> Anonymiser {
    let site = config::SiteConfig {
        name: "shop.example".into(),
        exclude_paths: vec!["/left-out".into()],
        consent: config::ConsentPolicy::Required,
        ..config::SiteConfig::default()
    };
    let places = PlaceDatabases::open(&[]).unwrap();
    Anonymiser::new(Sites::new(&[site]).unwrap(), Agents::new(10), places, &config::PrivacyConfig::default())
}

fn hit() -> Hit<'static> {
    Hit {
        received: "2026-03-10T12:00:00Z".parse().unwrap(),
        address: ClientIp::new(IpAddr::from([192, 0, 2, 1])),
        agent: UserAgent::new(FIREFOX),
        accept_language: None,
        signals: ObjectionSignals::default(),
        sender: HitSender::default(),
        site: Some("shop.example"),
        url: "https://shop.example/",
        referrer: None,
        fragment_is_page: false,
        width: None,
        consent: true,
        model: None,
        kind: HitKind::Pageview { not_found: false },
    }
}

/// Changes a hit so that a step drops it.
type Fault = (Dropped, fn(&mut Hit<'static>));

/// Faults in the order in which the steps check them.
const FAULTS: [Fault; 10] = [
    (Dropped::UnknownSite, |hit| hit.site = Some("nobody.example")),
    (Dropped::OptedOut, |hit| hit.signals.gpc = true),
    (Dropped::Prefetch, |hit| hit.signals.prefetch = true),
    (Dropped::NoConsent, |hit| hit.consent = false),
    (Dropped::ForeignHost, |hit| hit.sender.host = Some("copy.example")),
    (Dropped::Excluded, |hit| hit.url = "https://shop.example/left-out"),
    (Dropped::Bot, |hit| hit.agent = UserAgent::new("curl/8.5.0")),
    (Dropped::ReferrerSpam, |hit| hit.referrer = Some("http://semalt.com/")),
    (Dropped::NotMeasured, |hit| {
        hit.kind = HitKind::Action { name: "problem".into(), interactive: true, properties: Vec::new() };
    }),
    (Dropped::Flood, |hit| hit.address = ClientIp::new(IpAddr::from([192, 0, 2, 99]))),
];

fn end_of(faults: &[Fault]) -> Option<Dropped> {
    let mut hit = hit();
    faults.iter().for_each(|(_, change)| change(&mut hit));
    let limits = config::LimitsConfig { hits_per_address: 1, ..config::LimitsConfig::default() };
    let anonymiser = anonymiser().with_ceilings(&limits);
    let flooding = Hit { address: ClientIp::new(IpAddr::from([192, 0, 2, 99])), ..self::hit() };
    assert!(anonymiser.anonymise(flooding).is_ok(), "the one that the ceiling allows");
    match anonymiser.anonymise(hit) {
        Ok(_) => None,
        Err(ended) => match ended.why {
            EndReason::Dropped(reason) => Some(reason),
            EndReason::Refused(..) => panic!("the hit is well-formed"),
        },
    }
}

#[test]
fn each_step_drops_for_its_own_reason_and_an_honest_hit_passes() {
    assert_eq!(end_of(&[]), None);
    for fault in FAULTS {
        assert_eq!(end_of(&[fault]), Some(fault.0));
    }
    let listed: Vec<Dropped> = DROP_STEPS.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(listed, FAULTS[1..].iter().map(|(reason, _)| *reason).collect::<Vec<_>>());
}

#[test]
fn an_objection_by_cookie_ends_the_hit_as_one_by_header_does() {
    let objecting = |line: &'static str| {
        let mut hit = hit();
        hit.sender.cookies[3] = Some(line);
        anonymiser().anonymise(hit).is_err()
    };
    assert!(objecting("a=b; sillage_opt_out=1; c=d") && objecting("sillage_opt_out=1"));
    assert!(
        !objecting("sillage_opt_out=0") && !objecting("xsillage_opt_out=1") && !objecting("sillage_opt_out_other=1")
    );
    let own = anonymiser().sites().find("shop.example").unwrap().opt_out_cookie.clone();
    let line: &'static str = format!("{own}=1").leak();
    assert!(objecting(line), "set on a host that other sites share");
}

#[test]
fn hits_of_pages_that_are_not_the_site_s_are_dropped() {
    let end = |url: &'static str, sender: Option<&'static str>| {
        let mut hit = hit();
        (hit.url, hit.sender.host) = (url, sender);
        anonymiser().anonymise(hit).err().map(|ended| ended.why)
    };
    const SHOP: &str = "https://shop.example/";
    let foreign = Some(EndReason::Dropped(Dropped::ForeignHost));
    for sender in [None, Some("shop.example"), Some("www.shop.example:8443"), Some("blog.shop.example")] {
        assert_eq!(end(SHOP, sender), None, "{sender:?}");
    }
    for sender in ["evil.example", "shop.example.evil.example", "localhost:3000", "192.0.2.1"] {
        assert_eq!(end(SHOP, Some(sender)), foreign, "{sender}");
    }
    for url in ["https://evil.example/", "http://localhost/", "https://shop-example.translate.goog/"] {
        assert_eq!(end(url, None), foreign, "{url}");
    }
}

#[test]
fn of_two_reasons_the_earlier_step_s_is_told() {
    for (at, earlier) in FAULTS.iter().enumerate() {
        for later in &FAULTS[at + 1..] {
            assert_eq!(end_of(&[*later, *earlier]), Some(earlier.0), "{:?} and {:?}", earlier.0, later.0);
        }
    }
}

#[test]
fn a_page_of_the_site_is_not_a_referrer_however_its_hosts_are_configured() {
    let came_from = |name: &str, url: &str, referrer: &str, fragment_is_page: bool| {
        let site = config::SiteConfig { name: name.into(), ..config::SiteConfig::default() };
        let places = PlaceDatabases::open(&[]).unwrap();
        let sites = Sites::new(&[site]).unwrap();
        let anonymiser = Anonymiser::new(sites, Agents::new(10), places, &config::PrivacyConfig::default());
        let hit = Hit { site: Some(name), url, referrer: Some(referrer), fragment_is_page, ..hit() };
        anonymiser.anonymise(hit).map_err(|ended| ended.why).unwrap().referrer
    };
    let inside = |page: &str| Referrer::Inside(page.into());
    for (name, url, referrer) in [
        ("root.example", "https://blog.root.example/b", "https://blog.root.example/a"),
        ("root.example", "https://blog.root.example/b", "https://www.root.example/a"),
        ("my-shop", "https://shop.example/b", "https://shop.example/a"),
        ("bücher.example", "https://xn--bcher-kva.example/b", "https://xn--bcher-kva.example/a"),
    ] {
        assert_eq!(came_from(name, url, referrer, false), inside("/a"), "{name}");
    }
    let hash = ("https://shop.example/#/list", "https://shop.example/#/home");
    assert_eq!(came_from("shop.example", hash.0, hash.1, true), inside("/#/home"));
    assert_eq!(came_from("shop.example", hash.0, hash.1, false), inside("/"));
}
