//! The body of a hit's request, read within its bound. Must never hold more of it than that.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::outcome::Rejection;

/// The whole body; one that came in one piece, as nearly all do, is not copied.
pub(super) async fn read(mut body: Incoming, bytes_max: usize) -> Result<Bytes, Rejection> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Rejection::Malformed)?.into_data() else { continue };
        if first.len().max(whole.len()) + data.len() > bytes_max {
            return Err(Rejection::TooLarge);
        }
        if first.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}
