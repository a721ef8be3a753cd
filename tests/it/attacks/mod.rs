//! Attacks on published tables, on a real engine. Each says in its comment what it told before figures were released in
//! tens, and what it tells now; the test fails when it tells more.

use sillage::store::Store;
use sillage::store::published::TABLES;

mod draws;
mod imports;
mod rest;

/// Rows of the published tables, and by table those of which a figure is no multiple of ten.
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
