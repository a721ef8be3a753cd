//! Tells `sillage doctor` how the client address of its own request was resolved. Only a request that holds the key is
//! answered; the collector writes the key into `runtime.dir`, which its user alone reads. Must never tell an address.

use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::Path;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use subtle::ConstantTimeEq as _;

use crate::collect::answer::CollectResponse;
use crate::collect::client_address::TrustedProxies;
use crate::hex::hex;
use crate::runtime_dir::create_private;

/// Header of a probe: the key.
pub(crate) const PROBE_HEADER: HeaderName = HeaderName::from_static("x-sillage-doctor");
/// Name of the key's file in `runtime.dir`.
pub(crate) const PROBE_KEY_FILE: &str = "doctor.key";

/// The key that a probe must hold.
pub(crate) struct AddressProbe {
    /// Hexadecimal.
    key: String,
}

impl AddressProbe {
    /// Writes a new key into `runtime_dir`.
    ///
    /// # Errors
    /// When the system gives no random bytes, or the file cannot be written.
    pub(crate) fn open(runtime_dir: &Path) -> io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let key = hex(&bytes);
        create_private(&runtime_dir.join(PROBE_KEY_FILE))?.write_all(key.as_bytes())?;
        Ok(Self { key })
    }

    /// Whether the request holds the key; compared in constant time.
    fn is_held_by(&self, headers: &HeaderMap) -> bool {
        headers.get(&PROBE_HEADER).is_some_and(|held| bool::from(held.as_bytes().ct_eq(self.key.as_bytes())))
    }

    /// Response to a probe from peer `socket`; `None` for any other request.
    pub(super) fn answer(
        &self,
        socket: IpAddr,
        headers: &HeaderMap,
        peers: &TrustedProxies,
    ) -> Option<CollectResponse> {
        let report = self.is_held_by(headers).then(|| peers.examine(socket, headers))?;
        let mut answer = Response::new(Full::new(Bytes::from(serde_json::to_vec(&report).ok()?)));
        *answer.status_mut() = StatusCode::OK;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Some(answer)
    }
}
