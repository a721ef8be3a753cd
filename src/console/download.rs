//! `GET /api/export`: a report as a file. Streams the database's rows: the process never holds a whole file.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame};
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue, LINK};
use hyper::{Response, StatusCode};

use crate::console::query::export::ExportDraft;
use crate::console::reply;
use crate::console::reply::ConsoleResponse;
use crate::console::state::ConsoleState;
use crate::sites::Site;
use crate::store::StoreError;
use crate::store::export::{FileFormat, RowStream};
use crate::store::reports::{ReportError, Reports};

/// Answers `request` about `site`, which was asked for with `query`.
pub(super) async fn answer(
    console: &ConsoleState,
    reports: &Reports,
    (request, query): (&ExportDraft, &str),
    site: &Site,
) -> ConsoleResponse {
    let export = match request.export(site, console.clock.now(), console.kept) {
        Ok(export) => export,
        Err(bad) => return reply::error(StatusCode::BAD_REQUEST, &bad.0),
    };
    let rows = async {
        let total = reports.total(&export.report).await?;
        match export.check(total) {
            Ok(()) => Ok(Ok(reports.export(&export.report, export.format).await?)),
            Err(bad) => Ok::<_, ReportError>(Err(bad)),
        }
    };
    match rows.await {
        Ok(Ok(rows)) => file(export.file_name(), query, export.format, rows),
        Ok(Err(bad)) => reply::error(StatusCode::BAD_REQUEST, &bad.0),
        Err(ReportError::Unavailable | ReportError::Refused(_) | ReportError::Pattern) => reply::no_database(),
    }
}

fn file(name: &str, query: &str, format: FileFormat, rows: RowStream) -> ConsoleResponse {
    let content_type = match format {
        FileFormat::Csv => "text/csv; charset=utf-8; header=present",
        FileFormat::Jsonl => "application/jsonl",
        FileFormat::Parquet => "application/vnd.apache.parquet",
    };
    let mut reply = Response::new(DownloadBody(rows).boxed_unsync());
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(attached) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        reply.headers_mut().insert(CONTENT_DISPOSITION, attached);
    }
    // The data dictionary stands beside the file.
    if let Ok(link) = HeaderValue::from_str(&format!("</api/export/dictionary?{query}>; rel=\"describedby\"")) {
        reply.headers_mut().insert(LINK, link);
    }
    reply
}

/// A body of rows. If the database fails mid-stream, the connection is reset: half a file must not pass for a whole.
struct DownloadBody(RowStream);

impl Body for DownloadBody {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        self.0.poll_next(context).map(|bytes| bytes.map(|bytes| bytes.map(Frame::data)).transpose())
    }
}
