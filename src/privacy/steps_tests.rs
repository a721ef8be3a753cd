//! The order of the steps: a hit that several of them would drop ends with the first.

use std::net::IpAddr;

use crate::config;
use crate::outcome::Dropped;
use crate::privacy::hit::{ClientIp, Hit, HitKind, ObjectionSignals, UserAgent};
use crate::privacy::lookup::agent::Agents;
use crate::privacy::lookup::place::PlaceDatabases;
use crate::privacy::steps::DROP_STEPS;
use crate::privacy::{Anonymiser, EndReason};
use crate::sites::Sites;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

fn anonymiser() -> Anonymiser {
    let site = config::SiteConfig {
        name: "shop.example".into(),
        exclude_paths: vec!["/left-out".into()],
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
        site: Some("shop.example"),
        url: "https://shop.example/",
        referrer: None,
        fragment_is_page: false,
        width: None,
        consent: false,
        kind: HitKind::Pageview { not_found: false },
    }
}

/// Changes a hit so that a step drops it.
type Fault = (Dropped, fn(&mut Hit<'static>));

/// The faults, in the order in which they are looked for.
const FAULTS: [Fault; 6] = [
    (Dropped::UnknownSite, |hit| hit.site = Some("nobody.example")),
    (Dropped::OptedOut, |hit| hit.signals.gpc = true),
    (Dropped::Prefetch, |hit| hit.signals.prefetch = true),
    (Dropped::Excluded, |hit| hit.url = "https://shop.example/left-out"),
    (Dropped::Bot, |hit| hit.agent = UserAgent::new("curl/8.5.0")),
    (Dropped::NotMeasured, |hit| {
        hit.kind = HitKind::Action { name: "problem".into(), interactive: true, properties: Vec::new() };
    }),
];

fn end_of(faults: &[Fault]) -> Option<Dropped> {
    let mut hit = hit();
    faults.iter().for_each(|(_, change)| change(&mut hit));
    match anonymiser().anonymise(hit) {
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
fn of_two_reasons_the_earlier_step_s_is_told() {
    for (at, earlier) in FAULTS.iter().enumerate() {
        for later in &FAULTS[at + 1..] {
            assert_eq!(end_of(&[*later, *earlier]), Some(earlier.0), "{:?} and {:?}", earlier.0, later.0);
        }
    }
}
