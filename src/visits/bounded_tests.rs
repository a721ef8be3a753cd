//! A day of invented values: every hit has a new page, referrer, agent, language, action and value. Memory, rows and
//! texts stay within the configured bounds, the rest counts as `(other)`, and every sum stays exact.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config;
use crate::event::{DimensionValues, Event, EventKind, TimingMetric};
use crate::mix::{GOLDEN, mix};
use crate::privacy::hit::{ClientIp, Hit, HitKind, HitSender, ObjectionSignals, UserAgent};
use crate::privacy::lookup::agent::Agents;
use crate::privacy::lookup::place::PlaceDatabases;
use crate::privacy::{Anonymiser, Sighting};
use crate::rollup::Rollup;
use crate::rollup::counters::Batch;
use crate::sites::Sites;
use crate::visits::interner::Interner;
use crate::visits::{BoundsMet, CountResult, OTHER, VisitBounds, Visits};
use jiff::Timestamp;

const HITS: u32 = 200_000;
const PAGES: u32 = 40;
const VALUES: u32 = 30;
const ROWS: u32 = 6_000;
const TAGS: usize = 50_000;
const BOUNDS: VisitBounds =
    VisitBounds { pages: PAGES, values: VALUES, rows: ROWS, tags: TAGS, visits: TAGS, sites: 1, weighed: false };
const AGENTS: usize = 1_000;
/// `(other)` is counted besides the bound.
const BEYOND: usize = 1;
const DIMENSIONS: usize = 13;
/// Number of declared properties.
const PROPERTIES: usize = 2;
/// Timing rows of one page and hour: seven metrics, 81 buckets.
const TIMES: usize = 7 * 81;

/// A deterministic pseudo-random generator.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }
}

struct Inventions {
    anonymiser: Anonymiser,
    agents: Arc<Agents>,
    visits: Visits,
    rollup: Rollup,
    chance: Chance,
    sent: BTreeMap<&'static str, i64>,
    untagged: u64,
    /// Hits that exceeded the bound of pages, values, rows.
    met: [u64; 3],
    /// Counts every sighting without caches of agents and places; results must be equal.
    beside: Option<Visits>,
}

impl Inventions {
    fn new(bounds: VisitBounds) -> Self {
        let site = config::SiteConfig {
            name: "shop.example".into(),
            properties: vec!["plan".into(), "size".into()],
            ..config::SiteConfig::default()
        };
        let agents = Arc::new(Agents::new(AGENTS));
        let places = PlaceDatabases::open(&[]).unwrap();
        let sites = Sites::new(&[site]).unwrap();
        Self {
            anonymiser: Anonymiser::new(sites, agents.clone(), places, &config::PrivacyConfig::default()),
            agents,
            visits: Visits::new(bounds),
            rollup: Rollup::default(),
            chance: Chance(7),
            sent: BTreeMap::new(),
            untagged: 0,
            met: [0; 3],
            beside: None,
        }
    }

    /// Sends a hit whose values are all new, from a visitor who sends four; every second hit combines earlier values.
    fn send(&mut self, number: u32) {
        let chance = self.chance.next();
        let mixed = number.is_multiple_of(2);
        let mut word =
            || if mixed { format!("{}", self.chance.next() % 60) } else { format!("{:x}", self.chance.next()) };
        let url = format!("https://h{}.shop.example/p/{}", word(), word());
        let word = word();
        let referrer = match chance % 3 {
            0 => Some(format!("https://{word}.example/{word}")),
            1 => Some(format!("https://shop.example/from/{word}")),
            _ => None,
        };
        let (visitor, letters) = (number / 4, ["aa", "bb", "fr", "zz", "xx"]);
        let version = 100 + visitor.wrapping_mul(0x9e37_79b9) % 9_000;
        let agent =
            format!("Mozilla/5.0 (X11; Linux x86_64; rv:{version}.0) Gecko/20100101 Firefox/{version}.{visitor}");
        let language = format!("{}{}-{word}", letters[number as usize % 5], number % 7);
        let tongue: String = (0..3)
            .map(|at| {
                char::from(b"abcdefghijklmnopqrstuvwxyz"[usize::from((chance >> (8 * at)).to_le_bytes()[0]) % 26])
            })
            .collect();
        let (name, values) = (format!("did {word}"), [format!("plan {word}"), format!("size {number}")]);
        let kind = match chance >> 32 & 3 {
            0 => HitKind::Action {
                name: name.as_str().into(),
                interactive: true,
                properties: vec![("plan", Cow::Borrowed(&*values[0])), ("size", Cow::Borrowed(&*values[1]))],
            },
            1 if chance & 8 == 0 => {
                #[allow(clippy::cast_precision_loss, reason = "any time will do")]
                let ms = (chance >> 20 & 0xf_ffff) as f64;
                HitKind::Timing(TimingMetric::ALL.map(|metric| (metric, ms)).into())
            }
            1 => HitKind::Engagement { engaged_ms: Some(10), scroll_percent: Some(50), reported_percent: None },
            _ => HitKind::Pageview { not_found: false },
        };
        *self.sent.entry(name_of(&kind)).or_default() += 1;
        let noon = Timestamp::from_second(1_773_100_800).unwrap();
        let hit = Hit {
            received: noon + jiff::SignedDuration::from_millis(i64::from(number / 8)),
            address: ClientIp::new(std::net::Ipv4Addr::from(0x5000_0000 + visitor).into()),
            agent: UserAgent::new(&agent),
            accept_language: Some(if number.is_multiple_of(2) { &language } else { &tongue }),
            signals: ObjectionSignals::default(),
            sender: HitSender::default(),
            site: Some("shop.example"),
            url: &url,
            referrer: referrer.as_deref(),
            fragment_is_page: false,
            width: Some(u32::try_from(chance >> 40).unwrap() % 9_000 + 1),
            consent: false,
            model: None,
            kind,
        };
        let sighting = self.anonymiser.anonymise(hit).map_err(|ended| ended.why).unwrap();
        let counted = self.visits.count(&sighting);
        if let Some(beside) = &mut self.beside {
            count_beside(beside, &sighting, &counted);
        }
        self.untagged += u64::from(!counted.tagged);
        let BoundsMet { pages, values, rows } = counted.met;
        for (sum, met) in self.met.iter_mut().zip([pages, values, rows]) {
            *sum += u64::from(met);
        }
        self.rollup.add(&counted.event);
    }
}

fn name_of(kind: &HitKind<'_>) -> &'static str {
    match kind {
        HitKind::Action { .. } => "actions",
        HitKind::Engagement { .. } => "engagements",
        HitKind::Pageview { .. } => "pageviews",
        HitKind::Timing(_) => "timings",
    }
}

/// Counts without caches of agents and places, and compares the results.
fn count_beside(visits: &mut Visits, sighting: &Sighting<'_>, counted: &CountResult<'_>) {
    visits.caches.forget();
    let slowly = visits.count(sighting);
    assert_eq!((counted.tagged, counted.met), (slowly.tagged, slowly.met));
    assert_eq!(told(&counted.event), told(&slowly.event));
}

/// An event as text without term ids, which differ between days.
fn told(event: &Event<'_>) -> String {
    let texts = |values: &DimensionValues<'_>| values.map(|value| value.map(|term| term.text.to_owned()));
    let entry = event.entry.as_ref().map(|entry| (entry.page.text, texts(&entry.values), entry.unbounce));
    let kind = match &event.kind {
        EventKind::Action { name, new_action_visitor, not_found, properties } => {
            let texts = properties.iter().map(|of| (of.name.text, of.value.text, of.new_visitor));
            format!("{} {new_action_visitor} {not_found} {:?}", name.text, texts.collect::<Vec<_>>())
        }
        kind @ (EventKind::Pageview { .. }
        | EventKind::Engagement { .. }
        | EventKind::Timing { .. }
        | EventKind::Robots { .. }
        | EventKind::Outcomes { .. }) => format!("{kind:?}"),
    };
    let left = event.left.map(|left| left.page.text);
    format!("{} {:?} {kind} {entry:?} {left:?}", event.page.text, texts(&event.values))
}

impl Visits {
    /// Number of texts in memory.
    fn texts(&self) -> usize {
        let count = |interner: &Interner| {
            let Interner { pages, values, actions, properties } = interner;
            let words = [pages, actions, properties].into_iter().chain(values);
            words.map(|words| words.texts().len()).sum::<usize>()
        };
        self.sites.values().flat_map(|site| &site.days).map(|day| count(&day.interner)).sum()
    }
}

fn check_bounds(batch: &Batch) {
    let (pages, values) = (PAGES as usize + BEYOND, VALUES as usize + BEYOND);
    let distinct = |texts: &mut dyn Iterator<Item = &Arc<str>>| texts.cloned().collect::<BTreeSet<_>>().len();
    assert!(distinct(&mut batch.pages.iter().map(|row| &row.page)) <= pages);
    assert!(batch.pages.iter().any(|row| &*row.page == OTHER));
    let mut of = BTreeMap::<&str, BTreeSet<&str>>::new();
    for row in &batch.breakdowns {
        of.entry(row.dimension).or_default().insert(&row.value);
    }
    for (dimension, known) in &of {
        assert!(known.len() <= values, "{dimension}: {}", known.len());
    }
    for dimension in ["referrer", "previous_page", "browser_version", "hostname", "language"] {
        assert!(of[dimension].contains(OTHER), "{dimension} overflows: {:?}", of[dimension]);
    }
    assert!(distinct(&mut batch.actions.iter().map(|row| &row.action)) <= values);
    assert!(distinct(&mut batch.actions.iter().map(|row| &row.value)) <= values + 1, "or none");
    assert!(
        batch.actions.iter().any(|row| &*row.action == OTHER) && batch.actions.iter().any(|row| &*row.value == OTHER)
    );
    assert!(batch.pages.len() <= pages, "within one hour");
    let rows = batch.breakdowns.len() + batch.actions.len() + batch.timings.len();
    let for_the_rest = pages * (DIMENSIONS + 1 + PROPERTIES) + TIMES;
    assert!(rows <= ROWS as usize + for_the_rest, "{rows}");
    assert!(rows >= ROWS as usize / 2, "{rows}: the bound was in use");
}

fn check_sums(batch: &Batch, sent: &BTreeMap<&'static str, i64>) {
    let pageviews = sent["pageviews"];
    assert_eq!(batch.pages.iter().map(|row| row.pageviews).sum::<i64>(), pageviews);
    assert_eq!(batch.pages.iter().map(|row| row.engaged_ms).sum::<i64>(), 10 * sent["engagements"]);
    let visitors: i64 = batch.pages.iter().map(|row| row.visitors).sum();
    let visits: i64 = batch.pages.iter().map(|row| row.visits).sum();
    assert!(0 < visitors && visitors <= visits && visits <= pageviews);
    for dimension in ["browser", "browser_version", "hostname", "screen", "system"] {
        let of = || batch.breakdowns.iter().filter(|row| row.dimension == dimension);
        assert_eq!(of().map(|row| row.pageviews).sum::<i64>(), pageviews, "{dimension}");
        assert_eq!(of().map(|row| row.visits).sum::<i64>(), visits, "{dimension}");
        assert_eq!(of().map(|row| row.visitors).sum::<i64>(), visitors, "{dimension}");
    }
    // Corrections must go to exactly the rows that they correct.
    assert!(batch.breakdowns.iter().all(|row| row.bounces >= 0 && row.visits >= row.bounces));
    assert!(batch.pages.iter().any(|row| row.visits > row.bounces), "there were corrections");
    assert_eq!(batch.timings.iter().map(|row| row.count).sum::<i64>(), 7 * sent["timings"]);
    let plain = batch.actions.iter().filter(|row| row.property.is_empty());
    assert_eq!(plain.map(|row| row.count).sum::<i64>(), sent["actions"]);
    for property in ["plan", "size"] {
        let of = batch.actions.iter().filter(|row| &*row.property == property);
        assert_eq!(of.map(|row| row.count).sum::<i64>(), sent["actions"], "{property}");
    }
}

#[test]
fn a_day_of_inventions_grows_nothing_beyond_its_bounds_and_every_sum_is_exact() {
    let mut inventions = Inventions::new(BOUNDS);
    let (mut rows, mut known) = (0, 0);
    for number in 0..HITS {
        inventions.send(number);
        if number == HITS / 2 {
            (rows, known) = (inventions.rollup.rows(), inventions.visits.texts());
        }
    }
    assert_eq!(inventions.visits.texts(), known, "no text is new in the second half");
    assert!(inventions.visits.tags() <= TAGS, "{}", inventions.visits.tags());
    assert!(inventions.visits.open_visits() <= TAGS);
    assert!(inventions.untagged > 0, "the bound of tags was reached");
    assert!(inventions.agents.remembered() <= AGENTS, "{}", inventions.agents.remembered());
    assert!(inventions.rollup.rows() <= rows + rows / 20, "{} rows, {rows} after half", inventions.rollup.rows());
    assert_eq!(inventions.visits.rows(), ROWS as usize);
    let [pages, values, rows] = inventions.met;
    assert!(pages.min(values).min(rows) > 5_000, "each bound was met: {pages} {values} {rows}");
    let sent = inventions.sent;
    let batch = inventions.rollup.finish("a token".into());
    check_bounds(&batch);
    check_sums(&batch, &sent);
}

#[test]
fn cached_agents_and_places_change_no_result_within_bounds_and_beyond() {
    for bounds in [BOUNDS, VisitBounds { values: 5, rows: 300, ..BOUNDS }, VisitBounds { values: 5_000, ..BOUNDS }] {
        let mut inventions = Inventions::new(bounds);
        inventions.beside = Some(Visits::new(bounds));
        // The same visitors return, with agents that are cached.
        (0..1_500).chain(0..1_500).for_each(|number| inventions.send(number));
    }
}

#[test]
fn visits_beyond_their_bound_count_as_pageviews_and_those_within_go_on() {
    let visits = 1_000;
    let mut inventions = Inventions::new(VisitBounds { tags: 10_000_000, visits, ..BOUNDS });
    (0..20_000).for_each(|number| inventions.send(number));
    assert_eq!(inventions.visits.open_visits(), visits);
    assert!(inventions.untagged > 5_000, "{}", inventions.untagged);
    let later = Timestamp::from_second(1_773_100_800 + 3_600).unwrap();
    inventions.visits.forget_past(later);
    assert_eq!(inventions.visits.open_visits(), 0);
    let sent = inventions.sent;
    let batch = inventions.rollup.finish("a token".into());
    assert_eq!(batch.pages.iter().map(|row| row.visits).sum::<i64>(), 1_000);
    check_sums(&batch, &sent);
}
