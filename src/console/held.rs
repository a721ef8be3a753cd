//! A body that holds the permits of its request until its last byte is sent, or its client has gone. It tells its
//! connection whether the next part or the client is awaited, so that a client that does not read is closed.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::console::admission::QueryPermit;
use crate::console::reply::ReplyBody;
use crate::http::idle::StreamedAnswer;
use crate::store::StoreError;

/// `body`, with what is dropped with it.
pub(super) struct PermitBody {
    pub(super) body: ReplyBody,
    /// The request, if it has a seat.
    pub(super) answer: Option<StreamedAnswer>,
    pub(super) _permit: Option<QueryPermit>,
}

impl Body for PermitBody {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        let part = Pin::new(&mut self.body).poll_frame(context);
        if let Some(answer) = &mut self.answer {
            if part.is_pending() { answer.awaits_part() } else { answer.has_part() }
        }
        part
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
