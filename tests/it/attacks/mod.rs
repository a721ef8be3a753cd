//! Attacks on published tables, on a real engine. Each comment states the leak before figures were released in tens,
//! and the leak now; the test fails when there is more.

use sillage::store::Store;
use sillage::store::published::TABLES;

mod doors;
mod draws;
mod imports;
mod levels;
mod month;
mod priming;
mod rest;
mod taken;

/// Rows of the published tables, and by table those with a figure that is not a multiple of ten.
async fn rows_in_tens(store: &Store) -> (u64, Vec<(&'static str, u64)>) {
    let (mut rows, mut exact) = (0, Vec::new());
    for table in TABLES.iter().filter(|table| !table.figures.is_empty()) {
        let figures: Vec<&str> = table.figures.iter().map(|figure| figure.name).collect();
        let sql = format!(
            "SELECT count(), countIf(arrayExists(figure -> figure % 10 != 0, [{}])) FROM {}.{}",
            figures.join(", "),
            store.database(),
            table.name
        );
        let (all, others) = store.ask_as_owner(&sql).rows::<(u64, u64)>().await.unwrap()[0];
        rows += all;
        exact.extend((others > 0).then_some((table.name, others)));
    }
    (rows, exact)
}

/// Estimates of an attacker, one for each of many cells, in a world without a visit and in one with it: the
/// share of right guesses, by the threshold between both.
struct Worlds {
    without: Vec<f64>,
    with: Vec<f64>,
}

impl Worlds {
    /// Splits estimates of cells by their world's letter, `a` without and `b` with.
    fn of(estimates: &[(String, f64)]) -> Self {
        let of_world = |world: &str| {
            let cells = estimates.iter().filter(|(name, _)| name.starts_with(world));
            cells.map(|(_, estimate)| *estimate).collect()
        };
        Self { without: of_world("a"), with: of_world("b") }
    }

    /// Share of right guesses with the threshold `between`.
    fn right(&self, between: f64) -> f64 {
        assert!(self.without.len() > 500 && self.with.len() > 500, "{} {}", self.without.len(), self.with.len());
        let share = |estimates: &[f64], is_right: &dyn Fn(f64) -> bool| {
            let is_even = |estimate: f64| (estimate - between).abs() < 1e-9;
            let half = estimates.iter().filter(|estimate| is_even(**estimate)).count();
            let right = estimates.iter().filter(|estimate| !is_even(**estimate) && is_right(**estimate)).count();
            let count = |number: usize| f64::from(u32::try_from(number).unwrap());
            (count(right) + count(half) / 2.0) / count(estimates.len())
        };
        let (without, with) = (share(&self.without, &|one| one < between), share(&self.with, &|one| one > between));
        (without + with) / 2.0
    }
}
