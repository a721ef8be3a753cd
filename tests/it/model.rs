//! Visits and rollup against a plain model: the model keeps every hit in a list and counts afterwards, the program
//! counts as hits arrive and corrects itself. On random traffic around midnights, clock changes and half-hour gaps both
//! must give the same figures.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use sillage::config;
use sillage::privacy::Anonymiser;
use sillage::privacy::hit::{ClientIp, Hit, HitKind, HitSender, ObjectionSignals, UserAgent};
use sillage::privacy::lookup::agent::Agents;
use sillage::privacy::lookup::place::PlaceDatabases;
use sillage::rollup::Rollup;
use sillage::rollup::counters::Batch;
use sillage::sites::Sites;
use sillage::visits::{VisitBounds, Visits};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const PAGES: [&str; 3] = ["/", "/pricing", "/about"];

#[derive(Debug, Clone)]
struct SentEvent {
    visitor: u8,
    at: Timestamp,
    page: &'static str,
    what: SentKind,
}

#[derive(Debug, Clone)]
enum SentKind {
    Pageview { referrer: Arrival },
    Action { interactive: bool },
    Engagement { ms: u32, depth: u8 },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Arrival {
    Nowhere,
    News,
    Page(&'static str),
}

impl SentEvent {
    fn agent(&self) -> &'static str {
        if self.visitor.is_multiple_of(2) { FIREFOX } else { CHROME }
    }

    fn browser(&self) -> &'static str {
        if self.visitor.is_multiple_of(2) { "Firefox" } else { "Chrome" }
    }
}

/// Sums by table and key; zero equals absent.
type Figures = BTreeMap<String, i64>;

fn add(figures: &mut Figures, key: String, amount: i64) {
    let sum = figures.entry(key.clone()).or_default();
    *sum += amount;
    if *sum == 0 {
        figures.remove(&key);
    }
}

/// One visit of the model, with all its hits.
struct Visit<'s> {
    hits: Vec<&'s SentEvent>,
}

/// Counts with every hit at hand.
fn model(sent: &[SentEvent], zone: &TimeZone) -> Figures {
    let mut figures = Figures::new();
    let day = |hit: &SentEvent| hit.at.to_zoned(zone.clone()).date();
    // The UTC hour that begins within the site's own.
    let hour = |hit: &SentEvent| {
        let offset = i64::from(zone.to_offset(hit.at).seconds());
        (hit.at.as_second() + offset).div_euclid(3_600) - offset.div_euclid(3_600)
    };
    let (mut seen, mut seen_pages, mut seen_actions) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut visits: BTreeMap<u8, Vec<Visit<'_>>> = BTreeMap::new();
    for hit in sent {
        let row = format!("pages {} {} {}", day(hit), hour(hit), hit.page);
        let of = visits.entry(hit.visitor).or_default();
        let open = of
            .last_mut()
            .filter(|visit| visit.hits.last().is_some_and(|last| hit.at.as_second() - last.at.as_second() <= 1_800));
        match &hit.what {
            SentKind::Pageview { referrer } => {
                add(&mut figures, format!("{row} pageviews"), 1);
                let new_visitor = i64::from(seen.insert((day(hit), hit.visitor)));
                let new_page = i64::from(seen_pages.insert((day(hit), hit.visitor, hit.page)));
                add(&mut figures, format!("{row} visitors"), new_visitor);
                add(&mut figures, format!("{row} page_visitors"), new_page);
                for value in values(hit, *referrer, open.is_some()) {
                    let row = format!("breakdowns {} {} {value}", day(hit), hit.page);
                    add(&mut figures, format!("{row} pageviews"), 1);
                    add(&mut figures, format!("{row} visitors"), new_visitor);
                    add(&mut figures, format!("{row} page_visitors"), new_page);
                }
                match open {
                    Some(visit) => visit.hits.push(hit),
                    None => of.push(Visit { hits: vec![hit] }),
                }
            }
            SentKind::Action { .. } => {
                let row = format!("actions {} {} Signup", day(hit), hit.page);
                add(&mut figures, format!("{row} count"), 1);
                let new = i64::from(seen_actions.insert((day(hit), hit.visitor)));
                add(&mut figures, format!("{row} visitors"), new);
                if let Some(visit) = open {
                    visit.hits.push(hit);
                }
            }
            SentKind::Engagement { ms, .. } => {
                add(&mut figures, format!("{row} engaged_ms"), i64::from(*ms));
                if let Some(visit) = open {
                    visit.hits.push(hit);
                }
            }
        }
    }
    for visit in visits.values().flatten() {
        let Some(entry) = visit.hits.first() else { continue };
        let SentKind::Pageview { referrer } = entry.what else { continue };
        let last_view = visit.pageviews().last().unwrap_or(entry);
        let acted = visit.hits.iter().any(|hit| matches!(hit.what, SentKind::Action { interactive: true }));
        let bounce = i64::from(visit.pageviews().count() == 1 && !acted);
        let seconds = visit.hits.last().map_or(0, |last| last.at.as_second() - entry.at.as_second());
        let row = format!("pages {} {} {}", day(entry), hour(entry), entry.page);
        add(&mut figures, format!("{row} visits"), 1);
        add(&mut figures, format!("{row} bounces"), bounce);
        add(&mut figures, format!("{row} visit_seconds"), seconds);
        add(&mut figures, format!("pages {} {} {} exits", day(last_view), hour(last_view), last_view.page), 1);
        for value in values(entry, referrer, false) {
            let row = format!("breakdowns {} {} {value}", day(entry), entry.page);
            add(&mut figures, format!("{row} visits"), 1);
            add(&mut figures, format!("{row} bounces"), bounce);
            add(&mut figures, format!("{row} visit_seconds"), seconds);
        }
    }
    figures
}

impl<'s> Visit<'s> {
    fn pageviews(&self) -> impl Iterator<Item = &&'s SentEvent> {
        self.hits.iter().filter(|hit| matches!(hit.what, SentKind::Pageview { .. }))
    }
}

fn values(hit: &SentEvent, referrer: Arrival, in_visit: bool) -> Vec<String> {
    let mut values = vec![format!("browser {}", hit.browser())];
    match referrer {
        Arrival::News => values.push("referrer news.example".into()),
        Arrival::Page(page) => values.push(format!("previous_page {page}")),
        Arrival::Nowhere => {}
    }
    if !in_visit && referrer != Arrival::News {
        values.push("referrer (direct)".into());
    }
    values
}

/// One per zone: compiling the lists of agents takes longer than a hundred cases.
static ANONYMISERS: LazyLock<BTreeMap<&str, Anonymiser>> = LazyLock::new(|| {
    let shop =
        |zone: &str| config::SiteConfig { name: "shop.example".into(), timezone: zone.into(), ..Default::default() };
    let new = |zone| {
        let (sites, places) = (Sites::new(&[shop(zone)]).unwrap(), PlaceDatabases::open(&[]).unwrap());
        (zone, Anonymiser::new(sites, Agents::new(100), places, &config::PrivacyConfig::default()))
    };
    ["Europe/Paris", "America/New_York", "Asia/Kolkata", "UTC"].map(new).into()
});

/// Counts like the program, in segments of `segment` events.
fn program(sent: &[SentEvent], zone: &str, segment: usize) -> Figures {
    let anonymiser = &ANONYMISERS[zone];
    // No key of an earlier case is left: this one starts like a new process.
    anonymiser.destroy_past_keys("2100-01-01T00:00:00Z".parse().unwrap());
    let mut visits = Visits::new(VisitBounds::from(&config::LimitsConfig::default()));
    let mut figures = Figures::new();
    for (number, part) in sent.chunks(segment.max(1)).enumerate() {
        let mut rollup = Rollup::default();
        for hit in part {
            let url = format!("https://shop.example{}", hit.page);
            let sighting = anonymiser.anonymise(raw(hit, &url)).map_err(|_| ()).unwrap();
            rollup.add(&visits.count(&sighting).event);
            visits.forget_past(hit.at);
            anonymiser.destroy_past_keys(hit.at);
        }
        add_batch(&mut figures, &rollup.finish(number.to_string()));
        let below = figures.iter().find(|(_, sum)| **sum < 0);
        assert_eq!(below, None, "a sum went below zero");
    }
    figures
}

fn raw<'h>(hit: &SentEvent, url: &'h str) -> Hit<'h> {
    let referrer = match hit.what {
        SentKind::Pageview { referrer: Arrival::News } => Some("https://www.news.example/today?x=1"),
        SentKind::Pageview { referrer: Arrival::Page("/") } => Some("https://shop.example/"),
        SentKind::Pageview { referrer: Arrival::Page("/pricing") } => Some("https://shop.example/pricing"),
        SentKind::Pageview { referrer: Arrival::Page(_) } => Some("https://www.shop.example/about/"),
        SentKind::Pageview { referrer: Arrival::Nowhere } | SentKind::Action { .. } | SentKind::Engagement { .. } => {
            None
        }
    };
    Hit {
        received: hit.at,
        address: ClientIp::new(format!("192.0.2.{}", hit.visitor).parse().unwrap()),
        agent: UserAgent::new(hit.agent()),
        accept_language: None,
        signals: ObjectionSignals::default(),
        sender: HitSender::default(),
        site: Some("shop.example"),
        url,
        referrer,
        fragment_is_page: false,
        width: None,
        consent: false,
        model: None,
        kind: match hit.what {
            SentKind::Pageview { .. } => HitKind::Pageview { not_found: false },
            SentKind::Action { interactive } => {
                let properties: Vec<(&str, Cow<'_, str>)> = Vec::new();
                HitKind::Action { name: "Signup".into(), interactive, properties }
            }
            SentKind::Engagement { ms, depth } => {
                HitKind::Engagement { engaged_ms: Some(ms), scroll_percent: Some(depth), reported_percent: None }
            }
        },
    }
}

fn add_batch(figures: &mut Figures, batch: &Batch) {
    let date = |day: u16| jiff::civil::date(1970, 1, 1).checked_add(i64::from(day).days()).unwrap();
    for row in &batch.pages {
        let key = format!("pages {} {} {}", date(row.day), row.hour / 3_600, row.page);
        for (name, amount) in [
            ("pageviews", row.pageviews),
            ("visitors", row.visitors),
            ("page_visitors", row.page_visitors),
            ("visits", row.visits),
            ("exits", row.exits),
            ("bounces", row.bounces),
            ("visit_seconds", row.visit_seconds),
            ("engaged_ms", row.engaged_ms),
        ] {
            add(figures, format!("{key} {name}"), amount);
        }
    }
    for row in batch.breakdowns.iter().filter(|row| ["browser", "referrer", "previous_page"].contains(&row.dimension)) {
        let key = format!("breakdowns {} {} {} {}", date(row.day), row.page, row.dimension, row.value);
        for (name, amount) in [
            ("pageviews", row.pageviews),
            ("visitors", row.visitors),
            ("page_visitors", row.page_visitors),
            ("visits", row.visits),
            ("bounces", row.bounces),
            ("visit_seconds", row.visit_seconds),
        ] {
            add(figures, format!("{key} {name}"), amount);
        }
    }
    for row in &batch.actions {
        add(figures, format!("actions {} {} {} count", date(row.day), row.page, row.action), row.count);
        add(figures, format!("actions {} {} {} visitors", date(row.day), row.page, row.action), row.visitors);
    }
}

fn traffic() -> impl Strategy<Value = (&'static str, Vec<SentEvent>, usize)> {
    let from = prop_oneof![
        3 => Just(Arrival::Nowhere),
        1 => Just(Arrival::News),
        1 => prop::sample::select(&PAGES[..]).prop_map(Arrival::Page),
    ];
    let what = prop_oneof![
        4 => from.prop_map(|referrer| SentKind::Pageview { referrer }),
        1 => any::<bool>().prop_map(|interactive| SentKind::Action { interactive }),
        1 => (0..90_000u32, 0..=100u8).prop_map(|(ms, depth)| SentKind::Engagement { ms, depth }),
    ];
    let gap = prop::sample::select(vec![0i64, 1, 40, 600, 900, 1_799, 1_800, 1_801, 3_600, 30_000, 86_400]);
    let hit = (0..4u8, gap, prop::sample::select(&PAGES[..]), what);
    // Evenings before midnights, some of them before the clocks change.
    let start = prop::sample::select(vec![
        ("Europe/Paris", "2026-03-10T21:30:00Z"),
        ("Europe/Paris", "2026-03-28T22:10:00Z"),
        ("Europe/Paris", "2026-10-24T21:20:00Z"),
        ("America/New_York", "2026-03-08T04:15:00Z"),
        ("Asia/Kolkata", "2026-06-30T17:45:00Z"),
        ("UTC", "2026-12-31T23:00:00Z"),
    ]);
    (start, prop::collection::vec(hit, 1..60), 1..20usize).prop_map(|((zone, start), hits, segment)| {
        let mut at: Timestamp = start.parse().unwrap();
        let sent = hits
            .into_iter()
            .map(|(visitor, gap, page, what)| {
                at += gap.seconds();
                SentEvent { visitor, at, page, what }
            })
            .collect();
        (zone, sent, segment)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn counting_as_hits_come_equals_counting_with_hindsight((zone, sent, segment) in traffic()) {
        let expected = model(&sent, &TimeZone::get(zone).unwrap());
        prop_assert_eq!(program(&sent, zone, segment), expected);
    }
}
