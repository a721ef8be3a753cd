//! A CSV file with a header: rows whose columns are found by name.

use std::collections::HashMap;

use csv::StringRecord;

/// One row of a CSV export.
pub(super) struct ExportRow<'t> {
    columns: &'t HashMap<String, usize>,
    record: StringRecord,
}

impl ExportRow<'_> {
    /// The text of a column; empty where it is missing.
    pub(super) fn text(&self, column: &str) -> &str {
        self.columns.get(column).and_then(|at| self.record.get(*at)).unwrap_or_default()
    }

    /// The number of a column; 0 where it is missing.
    pub(super) fn number(&self, column: &str) -> i64 {
        let text = self.text(column);
        let integer = text.split('.').next().unwrap_or_default();
        integer.parse().unwrap_or(0)
    }
}

/// Calls `each` for every row of a CSV file with a header; `#` lines before the header are skipped.
///
/// # Errors
/// When a line is not valid CSV.
pub(super) fn rows(bytes: &[u8], mut each: impl FnMut(&ExportRow<'_>)) -> std::io::Result<()> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).comment(Some(b'#')).from_reader(bytes);
    let head = reader.headers().map_err(std::io::Error::other)?.clone();
    let columns: HashMap<String, usize> =
        head.iter().enumerate().map(|(at, name)| (name.trim().to_owned(), at)).collect();
    for record in reader.records() {
        let record = record.map_err(|_| std::io::Error::other("a line is not CSV"))?;
        each(&ExportRow { columns: &columns, record });
    }
    Ok(())
}
