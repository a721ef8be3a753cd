//! Reports as files: the rows of a report in a format of the engine's, handed on as they come. They are the rows that
//! [`Reports::rows`] gives, from the same tables.

use std::task::{Context, Poll};

use bytes::Bytes;
use clickhouse::query::BytesCursor;
use tokio::sync::OwnedSemaphorePermit;

use super::error::StoreError;
use super::report::{Grain, Metric, Report};
use super::reports::{NOT_PUBLISHED, ReportError, Reports, in_time};
use super::statement::Statement;

/// Most rows of one file: what a spreadsheet takes.
pub const EXPORT_ROWS_MAX: u32 = 1_000_000;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// Comma-separated values, the first line names them.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

/// A file's bytes, as the database gives them.
pub struct RowStream {
    first: Option<Bytes>,
    cursor: BytesCursor,
    /// Its statement runs until the last byte.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Reports {
    /// Starts to read a report as a file; how many rows it has is for the caller to ask first ([`Reports::total`]).
    ///
    /// # Errors
    /// See [`ReportError`].
    pub async fn export(&self, report: &Report, format: FileFormat) -> Result<RowStream, ReportError> {
        let statement = Statement::file(report, &report.exported(format), EXPORT_ROWS_MAX).ok_or(NOT_PUBLISHED)?;
        let question = statement.ask(|text| self.store.ask(text));
        let begun = async {
            let permit = self.permit().await;
            let mut cursor = question.stream(format.name())?;
            // A query that fails has failed by its first bytes: whoever asked can still be told.
            let first = cursor.next().await?;
            Ok::<_, StoreError>(RowStream { first, cursor, _permit: permit })
        };
        in_time(begun).await
    }
}

impl RowStream {
    /// The next bytes; nothing at the end of the file.
    ///
    /// # Errors
    /// When the database breaks off.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StoreError>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Ok(Some(first))),
            None => self.cursor.poll_next(context).map_err(StoreError::from),
        }
    }
}

impl FileFormat {
    /// The engine's name for it.
    fn name(self) -> &'static str {
        match self {
            FileFormat::Csv => "CSVWithNames",
            FileFormat::Jsonl => "JSONEachRow",
            FileFormat::Parquet => "Parquet",
        }
    }
}

impl Report {
    /// The columns of the file: what tells its rows apart, and every figure that is published in this way.
    fn exported(&self, format: FileFormat) -> String {
        let told_apart = [(self.grain != Grain::Whole, "time"), (self.by_page, "page"), (self.by_value, "value")];
        let text = |name: &str| match format {
            // A spreadsheet takes a cell that begins so for a formula; a quote before it makes it a text.
            FileFormat::Csv => {
                format!("if(match({name}, '^[=+@\\t\\r\\n-]'), concat('\\'', {name}), {name}) AS {name}")
            }
            FileFormat::Jsonl | FileFormat::Parquet => name.to_owned(),
        };
        let told_apart = told_apart.into_iter().filter(|(shown, _)| *shown).map(|(_, name)| text(name));
        let figure = |metric: Metric| match format {
            // The engine writes `\N` for no figure, and a reading user may not set another word.
            FileFormat::Csv => format!("ifNull(toString({0}), '') AS {0}", metric.name()),
            FileFormat::Jsonl | FileFormat::Parquet => metric.name().to_owned(),
        };
        let figures = Metric::ALL.into_iter().filter(|metric| metric.is_column() && self.stores(*metric)).map(figure);
        told_apart.chain(figures).collect::<Vec<_>>().join(", ")
    }
}
