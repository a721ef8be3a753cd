//! Exports reports as files: the rows in one of the engine's formats, streamed. They are the rows of [`Reports::rows`],
//! from the same tables.

use std::task::{Context, Poll};

use bytes::Bytes;
use clickhouse::query::BytesCursor;
use tokio::sync::OwnedSemaphorePermit;

use super::error::StoreError;
use super::report::{Grain, Metric, Report};
use super::reports::{NOT_PUBLISHED, ReportError, Reports, in_time};
use super::statement::Statement;

/// Most rows of one file: the limit of a spreadsheet.
pub const EXPORT_ROWS_MAX: u32 = 1_000_000;

/// Format of an exported file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object per line.
    Jsonl,
    /// Apache Parquet, as the engine writes it.
    Parquet,
}

/// Bytes of a file, streamed from the database.
pub struct RowStream {
    first: Option<Bytes>,
    cursor: BytesCursor,
    /// Its statement runs until the last byte.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Reports {
    /// Starts to read a report as a file; the caller checks the number of rows first ([`Reports::total`]).
    ///
    /// # Errors
    /// When the database refuses or does not answer: see [`ReportError`].
    pub async fn export(&self, report: &Report, format: FileFormat) -> Result<RowStream, ReportError> {
        let statement = Statement::file(report, &report.exported(format), EXPORT_ROWS_MAX).ok_or(NOT_PUBLISHED)?;
        let query = statement.ask(|text| self.store.ask(text));
        let started = async {
            let permit = self.permit().await;
            let mut cursor = query.stream(format.name())?;
            // A failing query has failed by its first bytes: the response can still report it.
            let first = cursor.next().await?;
            Ok::<_, StoreError>(RowStream { first, cursor, _permit: permit })
        };
        in_time(started).await
    }
}

impl RowStream {
    /// The next bytes; `None` at the end of the file.
    ///
    /// # Errors
    /// When the database ends the answer early.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StoreError>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Ok(Some(first))),
            None => self.cursor.poll_next(context).map_err(StoreError::from),
        }
    }
}

impl FileFormat {
    /// The engine's name for the format.
    fn name(self) -> &'static str {
        match self {
            FileFormat::Csv => "CSVWithNames",
            FileFormat::Jsonl => "JSONEachRow",
            FileFormat::Parquet => "Parquet",
        }
    }
}

/// Beginning of a cell that spreadsheets calculate as a formula, some also behind blanks or in full-width form; a
/// regular expression in a literal of SQL.
const FORMULA: &str = r"^[\\s 　]*[=+@\t\r\n＝＋＠－﹣−-]";

impl Report {
    /// The columns of the file: the keys of its rows, and every figure published for them.
    fn exported(&self, format: FileFormat) -> String {
        let told_apart = [(self.grain != Grain::Whole, "time"), (self.by_page, "page"), (self.by_value, "value")];
        let text = |name: &str| match format {
            // A leading quote makes it a text.
            FileFormat::Csv => format!("if(match({name}, '{FORMULA}'), concat('\\'', {name}), {name}) AS {name}"),
            FileFormat::Jsonl | FileFormat::Parquet => name.to_owned(),
        };
        let told_apart = told_apart.into_iter().filter(|(shown, _)| *shown).map(|(_, name)| text(name));
        let figure = |metric: Metric| match format {
            // The engine writes `\N` for a missing figure, and a reading user may not change that.
            FileFormat::Csv => format!("ifNull(toString({0}), '') AS {0}", metric.name()),
            FileFormat::Jsonl | FileFormat::Parquet => metric.name().to_owned(),
        };
        let figures = Metric::ALL.into_iter().filter(|metric| metric.is_column() && self.stores(*metric)).map(figure);
        told_apart.chain(figures).collect::<Vec<_>>().join(", ")
    }
}
