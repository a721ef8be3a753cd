//! Bodies of responses. A request counts as in progress until its last byte is sent, so that clients that do not read
//! cannot fill memory with responses.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};

use crate::http::idle::UnsentAnswer;

/// Bodies up to this size release their request early: they are no larger than HTTP/2's own state of a stream.
const SHORT_BYTES: usize = 1_024;

/// A complete body that holds its request's permit.
pub(super) struct CollectBody {
    body: Full<Bytes>,
    unsent: Option<UnsentAnswer>,
}

/// Bytes that release the permit once they are written.
struct HeldBytes {
    bytes: Bytes,
    _unsent: UnsentAnswer,
}

impl AsRef<[u8]> for HeldBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl CollectBody {
    pub(super) fn new(body: Full<Bytes>, unsent: Option<UnsentAnswer>) -> Self {
        Self { body, unsent }
    }
}

impl Body for CollectBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Self { body, unsent } = self.get_mut();
        let frame = std::task::ready!(Pin::new(body).poll_frame(context));
        let frame = frame.map(|frame| {
            frame.map(|frame| {
                frame.map_data(|bytes| match unsent.take() {
                    Some(unsent) if bytes.len() > SHORT_BYTES => {
                        Bytes::from_owner(HeldBytes { bytes, _unsent: unsent })
                    }
                    Some(_) | None => bytes,
                })
            })
        });
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt as _;

    use super::*;
    use crate::http::idle::{IdleLimits, OpenConnections};

    #[tokio::test]
    async fn a_long_body_holds_its_place_until_its_bytes_are_gone_and_a_short_one_until_it_is_asked_for() {
        let waits = IdleLimits { idle: Duration::from_secs(75), head: Duration::from_secs(10) };
        for (length, holds) in [(SHORT_BYTES + 1, true), (SHORT_BYTES, false)] {
            let connection = OpenConnections::new(waits, 1).connection();
            let unsent = connection.begin().unwrap().answered();
            let mut body = CollectBody::new(Full::new(vec![0; length].into()), Some(unsent));
            assert!(connection.begin().is_none(), "nothing of it has left");
            let bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert!(body.is_end_stream() && bytes.len() == length);
            drop(body);
            assert_eq!(connection.begin().is_none(), holds);
            drop(bytes);
            assert!(connection.begin().is_some());
        }
    }
}
