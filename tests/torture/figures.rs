//! The figures in the database, and their comparison with the ledger: hit by hit, and row by row with the model.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sillage::store::Store;

use crate::load::{Hit, Told, What};
use crate::model::{self, Key};

const PAGES: [&str; 8] =
    ["pageviews", "visitors", "page_visitors", "visits", "exits", "bounces", "visit_seconds", "engaged_ms"];
const BREAKDOWNS: [&str; 6] = ["pageviews", "visitors", "page_visitors", "visits", "bounces", "visit_seconds"];
const ACTIONS: [&str; 2] = ["count", "visitors"];
/// Most differing rows shown for one round.
const SHOWN: usize = 6;

/// All sums of one round; zero equals absent.
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
    /// Reads the rows of one round.
    pub(crate) async fn read(store: &Store, round: usize) -> Self {
        let mut figures = BTreeMap::new();
        let pages = [&PAGES[..], &["engaged_views"]].concat();
        let tables = [
            ("pages", "'', ''", &pages[..]),
            ("breakdowns", "dimension, value", &BREAKDOWNS),
            ("actions", "'', ''", &ACTIONS),
        ];
        for (table, extra, columns) in tables {
            let sums: String =
                columns.iter().map(|column| format!(", toInt64(sum({column})) AS sum_{column}")).collect();
            let [dimension, value] = extra.split(", ").collect::<Vec<_>>().try_into().unwrap();
            let sql = format!(
                "SELECT site AS s, toInt64(toUInt16(day)) AS d, page AS p, {dimension} AS dim, {value} AS val{sums} \
                 FROM {}.{table} WHERE startsWith(page, '/r{round}/') \
                 {} GROUP BY s, d, p, dim, val",
                store.database(),
                match table {
                    "breakdowns" => "AND dimension IN ('browser', 'referrer', 'previous_page')",
                    "actions" => "AND property = ''",
                    _ => "",
                },
            );
            for row in store.ask_as_owner(&sql).json().await.unwrap() {
                add(&mut figures, table, columns, &row);
            }
        }
        Self(figures)
    }

    /// How often each hit was counted.
    pub(crate) fn counted(&self, hit: &Hit) -> i64 {
        let (table, value, column) = match hit.what {
            What::Pageview { shared: false } | What::Search => ("pages", String::new(), "pageviews"),
            What::Pageview { shared: true } => ("referrer", hit.referrer(), "pageviews"),
            What::Action { .. } => ("actions", String::new(), "count"),
            What::Engagement { .. } => ("pages", String::new(), "engaged_ms"),
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
        match hit.what {
            What::Engagement { ms } => (sum + ms - 1) / ms,
            What::Pageview { .. } | What::Search | What::Action { .. } => sum,
        }
    }

    /// Compares with the ledger, hit by hit.
    pub(crate) fn hits(&self, ledger: &[Hit]) -> Hits {
        let mut hits = Hits { sent: ledger.len() as u64, ..Hits::default() };
        for hit in ledger {
            let counted = self.counted(hit);
            match hit.told {
                Told::Accepted => hits.accepted += 1,
                Told::Refused => hits.refused += 1,
                Told::Nothing => hits.unknown += 1,
                Told::Wrong(_) => hits.wrong += 1,
            }
            hits.counted += u64::from(counted > 0);
            hits.missing += u64::from(counted < 1 && hit.told == Told::Accepted);
            hits.twice += u64::from(counted > 1);
            hits.kept += u64::from(counted > 0 && hit.told == Told::Refused);
        }
        hits
    }

    /// Compares with the model of the counted hits, row by row.
    pub(crate) fn rows(&self, ledger: &[Hit]) -> Rows {
        let counted: Vec<&Hit> = ledger.iter().filter(|hit| self.counted(hit) > 0).collect();
        let due = model::due(&counted);
        let mut rows = Rows::default();
        for key in due.keys().chain(self.0.keys().filter(|key| !due.contains_key(key))) {
            let (low, high) = due.get(key).copied().unwrap_or((0, 0));
            let is = self.0.get(key).copied().unwrap_or(0);
            rows.compared += 1;
            if (low..=high).contains(&is) {
                continue;
            }
            rows.differ += 1;
            if key.table == "pages" || key.table == "actions" {
                *rows.off.entry(if key.table == "actions" { "actors" } else { key.column }).or_default() +=
                    is - if is < low { low } else { high };
            }
            if rows.shown.len() < SHOWN {
                rows.shown.push(format!(
                    "{} {} {} {} {}: {is}, due {low}..={high}",
                    key.table, key.site, key.page, key.value, key.column
                ));
            }
        }
        rows
    }
}

fn add(figures: &mut BTreeMap<Key, i64>, table: &str, columns: &[&'static str], row: &Map<String, Value>) {
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let table = if table == "breakdowns" { text("dim") } else { table.to_owned() };
    for column in columns {
        let sum = row[&format!("sum_{column}")].as_i64().expect("a sum is a number");
        if sum != 0 {
            let (site, page, value) = (text("s"), text("p"), text("val"));
            let day = row["d"].as_i64().expect("a day is a number");
            figures.insert(Key { table: table.clone(), site, day, page, value, column }, sum);
        }
    }
}
