//! How the client address of a request was resolved, in words. Must never hold an address.

use serde::{Deserialize, Serialize};

/// Address that a probe claims for itself, of a network that belongs to nobody (RFC 5737).
pub(crate) const CLAIMED_ADDRESS: &str = "192.0.2.77";

/// Headers by which a delivery network names the client; a proxy behind it must hand that address on.
pub(crate) const NETWORK_HEADERS: [&str; 8] = [
    "cf-connecting-ip",
    "true-client-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "x-vercel-forwarded-for",
    "x-nf-client-connection-ip",
    "x-azure-clientip",
    "cloudfront-viewer-address",
];

/// State of the configured address header in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HeaderState {
    /// The header is missing.
    Absent,
    /// Its last entry is not an address.
    Unreadable,
    /// It holds the sender's claim and nothing else.
    Claimed,
    /// The proxy added its entry to the sender's claim.
    Appended,
    /// The proxy wrote it anew.
    Replaced,
}

/// State of the header that proves a proxy by a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProofState {
    /// `collect.trusted_header_secret` is empty.
    Unset,
    /// The header is missing.
    Absent,
    /// The header holds another text.
    Wrong,
    /// The header holds the secret.
    Right,
}

/// How the client address of a request was resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AddressReport {
    /// The peer is in `collect.trusted_proxies`.
    pub(crate) is_trusted: bool,
    /// The peer is an address of this machine or of a private network.
    pub(crate) is_local: bool,
    pub(crate) header: HeaderState,
    pub(crate) proof: ProofState,
    /// Other known headers of the request that name another client.
    pub(crate) others: Vec<String>,
}
