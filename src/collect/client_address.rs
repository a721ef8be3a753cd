//! Resolves the client address: the socket's or, behind a trusted proxy, the one that its header names, read from the
//! right. A client's own word is never believed; the word of a server is that a token proves.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use ipnet::IpNet;
use subtle::ConstantTimeEq;

use crate::collect::address_report::{AddressReport, CLAIMED_ADDRESS, HeaderState, NETWORK_HEADERS, ProofState};
use crate::config::{CollectConfig, ConfigError};
use crate::privacy::hit::ClientIp;

/// Trusted peers and the header that they set.
pub struct TrustedProxies {
    trusted: Vec<IpNet>,
    header: HeaderName,
    /// Value of [`SECRET_HEADER`] that makes a proxy trusted at any address; empty: off.
    secret: Vec<u8>,
}

/// Header for `collect.trusted_header_secret`, sent by proxies whose addresses change.
const SECRET_HEADER: &str = "x-sillage-secret";

/// Headers in which proxies and hosts name the client, beside those of delivery networks.
const PROXY_HEADERS: [&str; 4] = ["x-forwarded-for", "forwarded", "x-real-ip", "x-appengine-user-ip"];

impl TrustedProxies {
    /// Built from the configuration.
    ///
    /// # Errors
    /// When `client_address_header` is not a valid header name.
    pub fn new(collect: &CollectConfig) -> Result<Self, ConfigError> {
        let header = collect.client_address_header.parse().map_err(|_| ConfigError::Value {
            key: "collect.client_address_header".into(),
            why: "write the name of a header, such as x-forwarded-for".into(),
        })?;
        let secret = collect.trusted_header_secret.as_bytes().to_vec();
        Ok(Self { trusted: collect.trusted_proxies.clone(), header, secret })
    }

    /// The client of a request from peer `socket`. Each trusted proxy appends the address that it saw; the first
    /// address from the right that is not a trusted proxy's is the client. An unreadable entry ends the search.
    pub fn client(&self, socket: IpAddr, headers: &HeaderMap) -> ClientIp {
        ClientIp::new(self.resolve(socket, headers, false))
    }

    /// The same where a token proves that the client is a site's server: it is passed over, as a trusted proxy is, and
    /// the address that it hands on counts.
    pub(super) fn client_of_server(&self, socket: IpAddr, headers: &HeaderMap) -> ClientIp {
        ClientIp::new(self.resolve(socket, headers, true))
    }

    fn resolve(&self, socket: IpAddr, headers: &HeaderMap, mut server_ahead: bool) -> IpAddr {
        let mut client = socket.to_canonical();
        if self.trusts(client) || self.knows_secret(headers) || std::mem::take(&mut server_ahead) {
            let lines = headers.get_all(&self.header).iter();
            // Entry by entry: a malformed entry further left must not affect the proxy's own.
            for entry in lines.rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
                let Some(address) = std::str::from_utf8(entry).ok().and_then(address) else { break };
                client = address.to_canonical();
                if !self.trusts(client) && !std::mem::take(&mut server_ahead) {
                    break;
                }
            }
        }
        client
    }

    /// Describes how [`Self::client`] resolves a request from peer `socket`, without an address.
    pub(super) fn examine(&self, socket: IpAddr, headers: &HeaderMap) -> AddressReport {
        let socket = socket.to_canonical();
        let client = self.resolve(socket, headers, false);
        let last_entry = |name: &str| {
            let line = headers.get_all(name).iter().next_back()?;
            Some(line.to_str().ok().and_then(|line| address(line.rsplit(',').next()?)))
        };
        let lines = headers.get_all(&self.header).iter();
        let entries = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        let is_claim = |entry: &[u8]| entry.trim_ascii() == CLAIMED_ADDRESS.as_bytes();
        let (claims, added): (Vec<&[u8]>, Vec<&[u8]>) = entries.partition(|entry| is_claim(entry));
        let header = match last_entry(self.header.as_str()) {
            None => HeaderState::Absent,
            Some(None) => HeaderState::Unreadable,
            Some(Some(_)) if claims.is_empty() => HeaderState::Replaced,
            Some(Some(_)) if added.is_empty() => HeaderState::Claimed,
            Some(Some(_)) => HeaderState::Appended,
        };
        let proof = match headers.get(SECRET_HEADER) {
            _ if self.secret.is_empty() => ProofState::Unset,
            None => ProofState::Absent,
            Some(_) if self.knows_secret(headers) => ProofState::Right,
            Some(_) => ProofState::Wrong,
        };
        let is_other = |name: &str| {
            let named = last_entry(name).flatten().map(|named| named.to_canonical());
            name != self.header.as_str() && named.is_some_and(|named| named != client)
        };
        let is_local = match socket {
            IpAddr::V4(address) => address.is_loopback() || address.is_private(),
            IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
        };
        let others = PROXY_HEADERS.iter().chain(&NETWORK_HEADERS).filter(|name| is_other(name));
        let others = others.map(|name| (*name).to_owned()).collect();
        AddressReport { is_trusted: self.trusts(socket), is_local, header, proof, others }
    }

    /// Whether the peer sent the secret; compared in constant time.
    fn knows_secret(&self, headers: &HeaderMap) -> bool {
        let sent_secret = || headers.get(SECRET_HEADER).map(HeaderValue::as_bytes);
        !self.secret.is_empty() && sent_secret().is_some_and(|sent_secret| bool::from(sent_secret.ct_eq(&self.secret)))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }
}

/// Parses one entry of a forwarding header: an address, with or without a port, in brackets or quotes, or RFC 7239's
/// `for=…` among other pairs.
pub(super) fn address(entry: &str) -> Option<IpAddr> {
    // Fast path: nearly all entries are plain addresses.
    if let Ok(address) = entry.trim().parse() {
        return Some(address);
    }
    let pairs = entry.split(';').map(str::trim);
    let text = pairs
        .clone()
        .find_map(|pair| pair.get(..4).filter(|name| name.eq_ignore_ascii_case("for=")).and_then(|_| pair.get(4..)))
        .unwrap_or(entry)
        .trim()
        .trim_matches('"');
    text.parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], header: &str, socket: &str, lines: &[&str]) -> String {
        let collect = CollectConfig {
            trusted_proxies: trusted.iter().map(|net| net.parse().unwrap()).collect(),
            client_address_header: header.into(),
            ..CollectConfig::default()
        };
        let peers = TrustedProxies::new(&collect).unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header.parse::<HeaderName>().unwrap(), line.parse().unwrap());
        }
        peers.client(socket.parse().unwrap(), &headers).for_test()
    }

    #[test]
    fn a_stranger_s_header_is_not_believed() {
        assert_eq!(client(&[], "x-forwarded-for", "192.0.2.9", &["198.51.100.1"]), "192.0.2.9");
        assert_eq!(client(&["10.0.0.0/8"], "x-forwarded-for", "192.0.2.9", &["198.51.100.1"]), "192.0.2.9");
    }

    #[test]
    fn the_first_untrusted_address_from_the_right_is_the_client() {
        let through = |lines: &[&str]| client(&["10.0.0.0/8"], "x-forwarded-for", "10.0.0.1", lines);
        assert_eq!(through(&["203.0.113.66, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(through(&["203.0.113.66, 198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(through(&["203.0.113.66", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(through(&["spoof", "junk, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(through(&[]), "10.0.0.1");
        assert_eq!(through(&["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(through(&["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(through(&["::ffff:198.51.100.1"]), "198.51.100.1");
        assert_eq!(through(&["\u{e9}, 198.51.100.1, 10.0.0.2"]), "198.51.100.1");
    }

    #[test]
    fn a_proxy_that_knows_the_secret_is_believed_from_any_address() {
        const SECRET: &str = "a secret of thirty-two characters";
        let collect = CollectConfig { trusted_header_secret: SECRET.into(), ..CollectConfig::default() };
        let client = |collect: &CollectConfig, secret: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", "203.0.113.66, 198.51.100.1".parse().unwrap());
            secret.map(|secret| headers.insert(SECRET_HEADER, secret.parse().unwrap()));
            TrustedProxies::new(collect).unwrap().client("192.0.2.9".parse().unwrap(), &headers).for_test()
        };
        assert_eq!(client(&collect, Some(SECRET)), "198.51.100.1");
        for secret in [None, Some(""), Some("another secret")] {
            assert_eq!(client(&collect, secret), "192.0.2.9", "{secret:?}");
        }
        assert_eq!(client(&CollectConfig::default(), Some("")), "192.0.2.9", "no secret is set");
    }

    #[test]
    fn a_proven_server_is_passed_over_once_and_what_it_hands_on_counts() {
        let proven = |trusted: &[&str], socket: &str, line: &str| {
            let trusted_proxies = trusted.iter().map(|net| net.parse().unwrap()).collect();
            let peers = TrustedProxies::new(&CollectConfig { trusted_proxies, ..CollectConfig::default() }).unwrap();
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", line.parse().unwrap());
            peers.client_of_server(socket.parse().unwrap(), &headers).for_test()
        };
        assert_eq!(proven(&[], "192.0.2.9", "198.51.100.1"), "198.51.100.1");
        assert_eq!(proven(&[], "192.0.2.9", "203.0.113.66, 198.51.100.1"), "198.51.100.1", "from the right");
        let through_proxy = "203.0.113.66, 198.51.100.1, 192.0.2.9";
        assert_eq!(proven(&["10.0.0.0/8"], "10.0.0.1", through_proxy), "198.51.100.1");
        assert_eq!(proven(&["10.0.0.0/8"], "10.0.0.1", "192.0.2.9"), "192.0.2.9", "it hands on nothing");
        assert_eq!(proven(&[], "192.0.2.9", "junk"), "192.0.2.9");
    }

    #[test]
    fn rfc_7239_is_understood() {
        let through = |lines: &[&str]| client(&["10.0.0.0/8"], "forwarded", "10.0.0.1", lines);
        assert_eq!(through(&["for=192.0.2.60;proto=http;by=203.0.113.43"]), "192.0.2.60");
        assert_eq!(through(&["for=unknown, For=\"[2001:db8:cafe::17]:4711\""]), "2001:db8:cafe::17");
    }

    use proptest::prelude::*;

    /// Malformed and valid entries of forwarding headers.
    fn junk() -> impl Strategy<Value = String> {
        const PIECES: &[&str] = &[
            "198.51.100.7",
            "10.0.0.2",
            ",",
            " ",
            ";",
            "for=",
            "For=\"",
            "\"",
            "[",
            "]",
            "::1",
            ":80",
            "unknown",
            "é",
            "%",
        ];
        prop_oneof![
            prop::collection::vec(prop::sample::select(PIECES), 0..12).prop_map(|pieces| pieces.concat()),
            "[ -~]{0,40}",
        ]
    }

    proptest! {
        #[test]
        fn nothing_to_the_left_of_a_stranger_s_address_is_believed(left in junk(), more in junk(), proxies in 0..3u8) {
            let own = (1..=proxies).map(|number| format!(", 10.0.0.{number}")).collect::<String>();
            let header = format!("{left}, 203.0.113.9{own}");
            let lines = [&*more, &*header];
            prop_assume!(lines.iter().all(|line| line.parse::<hyper::header::HeaderValue>().is_ok()));
            for name in ["x-forwarded-for", "forwarded"] {
                prop_assert_eq!(client(&["10.0.0.0/8"], name, "10.0.0.1", &lines), "203.0.113.9");
                prop_assert_eq!(client(&["10.0.0.0/8"], name, "192.0.2.1", &lines), "192.0.2.1");
            }
        }
    }
}
