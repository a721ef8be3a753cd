//! The figures in the database, and their comparison with the ledger: hit by hit, and row by row with the model.

use std::collections::BTreeMap;

use sillage::store::Store;

use crate::load::{Hit, HitAnswer, HitKind};
use crate::model::{self, Key};

/// A published table: its name, the name in a [`Key`], the columns that select a key's parts, and its figures with the
/// names that they have there.
struct Published {
    table: &'static str,
    named: &'static str,
    dimension: &'static str,
    page: &'static str,
    value: &'static str,
    figures: &'static [(&'static str, &'static str)],
    rows: &'static str,
}

const VISITS: [(&str, &str); 4] =
    [("pageviews", "pageviews"), ("visits", "visits"), ("bounces", "bounces"), ("visit_seconds", "visit_seconds")];
const OF_SITE: [(&str, &str); 5] = [VISITS[0], VISITS[1], VISITS[2], VISITS[3], ("visitors", "visitors")];
const OF_PAGE: [(&str, &str); 8] = [
    VISITS[0],
    VISITS[1],
    VISITS[2],
    VISITS[3],
    ("visitors", "page_visitors"),
    ("exits", "exits"),
    ("engaged_ms", "engaged_ms"),
    ("engaged_views", "engaged_views"),
];
const DIMENSIONS: &str = "dimension IN ('browser', 'referrer', 'previous_page')";

/// Tables with the pages of a round.
const BY_PAGE: [Published; 3] = [
    Published {
        table: "page_days",
        named: "pages",
        dimension: "''",
        page: "page",
        value: "''",
        figures: &OF_PAGE,
        rows: "1",
    },
    Published {
        table: "dimension_page_days",
        named: "",
        dimension: "dimension",
        page: "page",
        value: "value",
        figures: &[VISITS[0], ("visitors", "page_visitors")],
        rows: DIMENSIONS,
    },
    Published {
        table: "action_page_days",
        named: "actions",
        dimension: "''",
        page: "page",
        value: "''",
        figures: &[("count", "count"), ("visitors", "visitors")],
        rows: "1",
    },
];
/// Tables of whole sites, in which the rounds of a bench add up.
const BY_SITE: [Published; 2] = [
    Published {
        table: "site_days",
        named: "site",
        dimension: "''",
        page: "''",
        value: "''",
        figures: &OF_SITE,
        rows: "1",
    },
    Published {
        table: "dimension_days",
        named: "site ",
        dimension: "dimension",
        page: "''",
        value: "value",
        figures: &OF_SITE,
        rows: DIMENSIONS,
    },
];
/// Most differing rows shown for one round.
const SHOWN: usize = 6;

/// All sums of one round; zero equals absent.
#[derive(Default)]
pub(crate) struct Figures(BTreeMap<Key, i64>);

/// The first level: every hit, once.
#[derive(Default, Clone)]
pub(crate) struct Hits {
    pub(crate) sent: u64,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    pub(crate) wrong: u64,
    pub(crate) counted: u64,
    pub(crate) missing: u64,
    pub(crate) twice: u64,
    /// Hits that were counted although their answer was a refusal.
    pub(crate) kept: u64,
}

/// The second level: visitors, visits and their figures.
#[derive(Default, Clone)]
pub(crate) struct Rows {
    pub(crate) compared: u64,
    pub(crate) differ: u64,
    /// Difference of the sum of a column.
    pub(crate) off: BTreeMap<&'static str, i64>,
    pub(crate) shown: Vec<String>,
}

impl Figures {
    /// Reads the rows of a round's pages.
    pub(crate) async fn of_pages(store: &Store, round: usize) -> Self {
        let mut figures = Self::default();
        for published in &BY_PAGE {
            figures.read(store, published, &format!("startsWith(page, '/r{round}/')")).await;
        }
        figures
    }

    /// Reads the rows of whole sites, of all rounds until now.
    pub(crate) async fn of_sites(store: &Store) -> Self {
        let mut figures = Self::default();
        for published in &BY_SITE {
            figures.read(store, published, "1").await;
        }
        figures
    }

    /// Adds other figures, each `times` times.
    pub(crate) fn add(&mut self, others: &Self, times: i64) {
        for (key, sum) in &others.0 {
            *self.0.entry(key.clone()).or_default() += times * sum;
        }
        self.0.retain(|_, sum| *sum != 0);
    }

    async fn read(&mut self, store: &Store, published: &Published, rows: &str) {
        let Published { table, named, dimension, page, value, figures, rows: of_table } = published;
        let sums: String =
            figures.iter().map(|(column, _)| format!(", toInt64(sum({column})) AS sum_{column}")).collect();
        let sql = format!(
            "SELECT site AS s, toInt64(toUInt16(day)) AS d, {page} AS p, {dimension} AS dim, {value} AS val{sums} \
             FROM {}.{table} WHERE {rows} AND {of_table} GROUP BY s, d, p, dim, val",
            store.database(),
        );
        for row in store.ask_as_owner(&sql).json().await.unwrap() {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            for (stored, column) in *figures {
                let sum = row[&format!("sum_{stored}")].as_i64().expect("a sum is a number");
                let (site, page, value) = (text("s"), text("p"), text("val"));
                let day = row["d"].as_i64().expect("a day is a number");
                let table = format!("{named}{}", text("dim"));
                if sum != 0 {
                    self.0.insert(Key { table, site, day, page, value, column }, sum);
                }
            }
        }
    }

    /// How often each hit was counted.
    pub(crate) fn counted(&self, hit: &Hit) -> i64 {
        let (table, value, column) = match hit.kind {
            HitKind::Pageview { shared: false } | HitKind::Search => ("pages", String::new(), "pageviews"),
            HitKind::Pageview { shared: true } => ("referrer", hit.referrer(), "pageviews"),
            HitKind::Action { .. } => ("actions", String::new(), "count"),
            HitKind::Engagement { .. } => ("pages", String::new(), "engaged_ms"),
        };
        let days = [hit.sent, hit.answered].map(|at| at.div_euclid(86_400_000));
        let key = |day| Key {
            table: table.into(),
            site: hit.site().into(),
            day,
            page: hit.page.clone(),
            value: value.clone(),
            column,
        };
        let sum = self.0.get(&key(days[0])).copied().unwrap_or(0);
        match hit.kind {
            HitKind::Engagement { ms } => (sum + ms - 1) / ms,
            HitKind::Pageview { .. } | HitKind::Search | HitKind::Action { .. } => sum,
        }
    }

    /// Compares with the ledger, hit by hit.
    pub(crate) fn hits(&self, ledger: &[Hit]) -> Hits {
        let mut hits = Hits { sent: ledger.len() as u64, ..Hits::default() };
        for hit in ledger {
            let counted = self.counted(hit);
            match hit.answer {
                HitAnswer::Accepted => hits.accepted += 1,
                HitAnswer::Refused => hits.refused += 1,
                HitAnswer::None => hits.unknown += 1,
                HitAnswer::Wrong(_) => hits.wrong += 1,
            }
            hits.counted += u64::from(counted > 0);
            hits.missing += u64::from(counted < 1 && hit.answer == HitAnswer::Accepted);
            hits.twice += u64::from(counted > 1);
            hits.kept += u64::from(counted > 0 && hit.answer == HitAnswer::Refused);
        }
        hits
    }

    /// Compares with the model of the counted hits, row by row.
    pub(crate) fn rows(&self, ledger: &[Hit]) -> Rows {
        let counted: Vec<&Hit> = ledger.iter().filter(|hit| self.counted(hit) > 0).collect();
        let expected = model::expected_figures(&counted);
        let mut rows = Rows::default();
        for key in expected.keys().chain(self.0.keys().filter(|key| !expected.contains_key(key))) {
            let (low, high) = expected.get(key).copied().unwrap_or((0, 0));
            let is = self.0.get(key).copied().unwrap_or(0);
            rows.compared += 1;
            if (low..=high).contains(&is) {
                continue;
            }
            rows.differ += 1;
            if ["pages", "actions"].contains(&&*key.table) || (&*key.table, key.column) == ("site", "visitors") {
                *rows.off.entry(if key.table == "actions" { "actors" } else { key.column }).or_default() +=
                    is - if is < low { low } else { high };
            }
            if rows.shown.len() < SHOWN {
                rows.shown.push(format!(
                    "{} {} {} {} {}: {is}, expected {low}..={high}",
                    key.table, key.site, key.page, key.value, key.column
                ));
            }
        }
        rows
    }
}
