//! Choices of steps, side by side: an attacker's guesses at one visit, all other visitors known, against the accuracy
//! of figures. Draws as `src/release/sql/stage.sql` does. Prints tables of `docs/anonymity.md`.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use sillage::release::rules::{GATE, step_factor};

use crate::release::Chance;

/// A choice: factor of a figure's steps by table, or `None` where it is not published.
type Steps = fn(&str, &str) -> Option<i64>;

/// Dimensions of a visit that each have one value.
const DIMENSIONS: usize = 12;
/// Visitors of a cell beside the one who is there or not: from here on, and how many numbers.
const OTHERS: (i64, u64) = (30, 200);

/// Tables with a visit of one pageview: the figures that count it once, whether the rest goes on to week and month, and
/// how many rows hold the visit.
const FAMILIES: [(&str, &[&str], bool, usize); 6] = [
    ("site_hours", &["visitors", "pageviews", "visits"], false, 1),
    ("page_hours", &["pageviews", "visits"], false, 1),
    ("site_days", &["visitors", "pageviews", "visits", "bounces"], true, 1),
    ("page_days", &["visitors", "pageviews", "visits", "bounces", "exits"], true, 1),
    ("dimension_days", &["visitors", "pageviews", "visits", "bounces"], true, DIMENSIONS),
    ("dimension_page_days", &["visitors", "pageviews"], false, DIMENSIONS),
];

const SCHEMES: [(&str, Steps); 6] = [
    ("tens everywhere", |_, _| Some(1)),
    ("tens; values without visits and bounces", |table, figure| {
        (table != "dimension_days" || !["visits", "bounces"].contains(&figure)).then_some(1)
    }),
    ("**released**: hours and values in twenties, visitors in tens", |table, figure| Some(step_factor(table, figure))),
    ("the same, without pages by hour", |table, figure| (table != "page_hours").then(|| step_factor(table, figure))),
    ("the same, values on a page in fifties", |table, figure| {
        Some(if table == "dimension_page_days" { 5 } else { step_factor(table, figure) })
    }),
    ("hours and values in fifties, visitors in tens", |table, figure| {
        Some(if step_factor(table, figure) > 1 { 5 } else { 1 })
    }),
];

/// Draws, and the probability of each of their results.
struct Draws {
    chance: Chance,
    /// Guesses of each share, and draws of each error.
    guesses: u32,
    known: HashMap<(i64, i64), BTreeMap<i64, f64>>,
}

impl Draws {
    /// Result of a sum for these digits; `raised` below the unit.
    fn result(sum: i64, unit: i64, raised: i64, digits: i64) -> i64 {
        let drawn = (sum + raised).div_euclid(unit) + digits % 10 + digits / 10 % 10 + digits / 100 % 10 - 9;
        (drawn - drawn.rem_euclid(10)) * unit
    }

    fn draw(&mut self, sum: i64, unit: i64) -> i64 {
        let (raised, digits) = (self.chance.below(unit as u64), self.chance.below(1_000));
        Self::result(sum, unit, raised as i64, digits as i64)
    }

    fn probability(&mut self, result: i64, sum: i64, unit: i64) -> f64 {
        let of_sum = self.known.entry((sum, unit)).or_insert_with(|| {
            let mut results = BTreeMap::new();
            for (raised, digits) in (0..unit).flat_map(|raised| (0..1_000).map(move |digits| (raised, digits))) {
                *results.entry(Self::result(sum, unit, raised, digits)).or_default() += 1.0 / (1_000 * unit) as f64;
            }
            results
        });
        of_sum.get(&result).copied().unwrap_or_default()
    }

    /// Draws a sum of `others` and the visit, if it is there: what the result says for the visit (logarithm of odds),
    /// and what is left beside the visit.
    fn told(&mut self, others: i64, there: bool, unit: i64) -> (f64, i64) {
        let result = self.draw(others + i64::from(there), unit);
        let [with, without] = [1, 0].map(|visit| self.probability(result, others + visit, unit));
        ((with / without).ln(), others - result)
    }
}

/// Share of right guesses from all figures of these tables, up to this many releases of a cell: day, week, month.
fn right(draws: &mut Draws, steps: Steps, tables: &dyn Fn(&str) -> bool, releases: usize) -> f64 {
    let mut right = 0.0;
    for number in 0..draws.guesses {
        let there = number % 2 == 0;
        let mut odds = 0.0;
        for (table, figures, goes_on, rows) in FAMILIES.iter().filter(|(table, ..)| tables(table)) {
            for figure in figures.iter().flat_map(|figure| std::iter::repeat_n(figure, *rows)) {
                let Some(unit) = steps(table, figure) else { continue };
                let mut others = OTHERS.0 + draws.chance.below(OTHERS.1) as i64;
                for _ in 0..if *goes_on { releases } else { 1 } {
                    let (told, rest) = draws.told(others, there, unit);
                    odds += told;
                    // The remainder of the other days or weeks is known, too.
                    others = rest + draws.chance.below(40) as i64 - 20;
                }
            }
        }
        right += if odds == 0.0 { 0.5 } else { f64::from(u8::from((odds > 0.0) == there)) };
    }
    right / f64::from(draws.guesses)
}

/// Root mean square of what `error` gives.
fn spread(draws: &mut Draws, error: impl Fn(&mut Draws) -> f64) -> f64 {
    let squares: f64 = (0..draws.guesses).map(|_| error(draws).powi(2)).sum();
    (squares / f64::from(draws.guesses)).sqrt()
}

/// Figures of a visit that an attacker reads: with the releases of their cells.
const ATTACKS: [(&str, Steps, usize); 4] = [
    ("a day's visitors", |table, figure| visitors_of(&["site_days"], table, figure), 1),
    ("an hour's and its day's visitors", |table, figure| visitors_of(&["site_hours", "site_days"], table, figure), 1),
    ("a day's visitors with its week", |table, figure| visitors_of(&["site_days"], table, figure), 2),
    ("a day's visitors with its week and month", |table, figure| visitors_of(&["site_days"], table, figure), 3),
];

fn visitors_of(tables: &[&str], table: &str, figure: &str) -> Option<i64> {
    (figure == "visitors" && tables.contains(&table)).then_some(1)
}

/// Share of right guesses by one figure at the pad that helps most; nothing is shown below the gate.
fn best_pad(draws: &mut Draws) -> f64 {
    let mut best: f64 = 0.0;
    for pad in 0..60 {
        let mut apart = 0.0;
        let mut hidden = [1.0, 1.0];
        for result in (GATE..100).step_by(10) {
            let [without, with] = [pad, pad + 1].map(|sum| draws.probability(result, sum, 1));
            apart += (without - with).abs();
            hidden = [hidden[0] - without, hidden[1] - with];
        }
        best = best.max(0.5 + (apart + (hidden[0] - hidden[1]).abs()) / 4.0);
    }
    best
}

/// Share of right guesses by what a page of 60 visitors has beyond its shown value of 60.
fn beyond_values(draws: &mut Draws) -> f64 {
    let unit = step_factor("dimension_page_days", "visitors");
    let mut right = 0.0;
    for number in 0..draws.guesses {
        let there = number % 2 == 0;
        let beyond = draws.draw(60 + i64::from(there), 1) - draws.draw(60, unit);
        right += f64::from(u8::from((beyond > 0) == there));
    }
    right / f64::from(draws.guesses)
}

/// Prints the yield of attacks, what each family of figures tells, and each choice of steps with its privacy and
/// accuracy.
pub(crate) fn compare(guesses: u32) {
    let mut draws = Draws { chance: Chance::new(11), guesses, known: HashMap::new() };
    let mut out = String::from("| figures that tell of a visit | right |\n|---|---|\n");
    let (pad, values) = (best_pad(&mut draws), beyond_values(&mut draws));
    let read = ATTACKS.map(|(name, steps, releases)| (name, right(&mut draws, steps, &|_| true, releases)));
    let whole = [("visitors of a day, at the best pad", pad), ("a page's visitors less its shown value", values)];
    for (name, right) in whole.into_iter().chain(read) {
        writeln!(out, "| {name} | {:.1} % |", 100.0 * right).unwrap();
    }
    out.push_str("\n| figures of a day that hold a visit | tens everywhere | released |\n|---|---|---|\n");
    let [tens, released] = [SCHEMES[0].1, SCHEMES[2].1];
    for (table, figures, _, rows) in FAMILIES {
        let [in_tens, as_released] = [tens, released].map(|steps| right(&mut draws, steps, &|name| name == table, 1));
        writeln!(
            out,
            "| `{table}`: {} | {:.1} % | {:.1} % |",
            figures.len() * rows,
            100.0 * in_tens,
            100.0 * as_released
        )
        .unwrap();
    }
    let by_day = |name: &str| ["site_days", "page_days"].contains(&name);
    let [in_tens, as_released] = [tens, released].map(|steps| right(&mut draws, steps, &by_day, 1));
    writeln!(out, "| site and page by day | {:.1} % | {:.1} % |", 100.0 * in_tens, 100.0 * as_released).unwrap();
    out.push_str(
        "\n| steps | figures | right: by all of a day | and its week | and its month | value's pageviews, month | bounce rate \
         of a value with 400 visits | 100 pageviews a day of a value on a page, month |\n|---|---|---|---|---|---|---|---|\n",
    );
    for (name, steps) in SCHEMES {
        let published = |(table, figures, _, rows): &(&str, &[&str], bool, usize)| {
            figures.iter().filter(|figure| steps(table, figure).is_some()).count() * rows
        };
        let figures: usize = FAMILIES.iter().map(published).sum();
        let [day, week, month] = [1, 2, 3].map(|releases| 100.0 * right(&mut draws, steps, &|_| true, releases));
        let unit = steps("dimension_days", "pageviews").unwrap_or(1);
        let views = spread(&mut draws, |draws| (draws.draw(1_200, unit) - 1_200) as f64);
        let bounces = match [steps("dimension_days", "bounces"), steps("dimension_days", "visits")] {
            [Some(bounces), Some(visits)] => {
                let error =
                    |draws: &mut Draws| 100.0 * draws.draw(160, bounces) as f64 / draws.draw(400, visits) as f64 - 40.0;
                format!("± {:.1} points", spread(&mut draws, error))
            }
            _ => "not published".to_owned(),
        };
        let unit = steps("dimension_page_days", "pageviews").unwrap_or(1);
        let days = spread(&mut draws, |draws| (0..28).map(|_| draws.draw(100, unit) - 100).sum::<i64>() as f64 / 28.0);
        writeln!(
            out,
            "| {name} | {figures} | {day:.1} % | {week:.1} % | {month:.1} % | ± {views:.0} | {bounces} | ± {days:.1} % |"
        )
        .unwrap();
    }
    println!("{out}");
}
