//! A body that holds a value until its last byte is sent, or its client has gone.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::console::reply::ReplyBody;
use crate::store::StoreError;

/// `body`, with a value that is dropped with it.
pub(super) struct PermitBody<H> {
    pub(super) body: ReplyBody,
    pub(super) _held: H,
}

impl<H: Unpin> Body for PermitBody<H> {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
