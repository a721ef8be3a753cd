//! Whose hit it is: the socket's address or, behind a trusted proxy, the one that its header names, read from the
//! right. A client's own word is never believed.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::HeaderName;
use ipnet::IpNet;

use crate::config::{Collect, ConfigError};
use crate::privacy::hit::ClientIp;

/// Which peers are believed, and which of their headers.
pub struct Peers {
    trusted: Vec<IpNet>,
    header: HeaderName,
}

impl Peers {
    /// From the configuration.
    ///
    /// # Errors
    /// When `client_address_header` is no header name.
    pub fn new(collect: &Collect) -> Result<Self, ConfigError> {
        let header = collect.client_address_header.parse().map_err(|_| ConfigError::Value {
            key: "collect.client_address_header".into(),
            why: "write the name of a header, such as x-forwarded-for".into(),
        })?;
        Ok(Self { trusted: collect.trusted_proxies.clone(), header })
    }

    /// The client of a request that came over `socket`. Every trusted proxy hands on the address that it saw; the first
    /// address from the right that is not a trusted proxy's is the client. What cannot be read ends the search.
    pub fn client(&self, socket: IpAddr, headers: &HeaderMap) -> ClientIp {
        let mut client = socket.to_canonical();
        if self.trusts(client) {
            let lines = headers.get_all(&self.header).iter().collect::<Vec<_>>();
            let named = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
            for entry in named {
                let Some(address) = address(entry) else { break };
                client = address.to_canonical();
                if !self.trusts(client) {
                    break;
                }
            }
        }
        ClientIp::new(client)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }
}

/// Reads one entry of a forwarding header: an address, with or without a port, in brackets or quotes, or RFC 7239's
/// `for=…` among other pairs.
fn address(entry: &str) -> Option<IpAddr> {
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
        let collect = Collect {
            trusted_proxies: trusted.iter().map(|net| net.parse().unwrap()).collect(),
            client_address_header: header.into(),
            ..Collect::default()
        };
        let peers = Peers::new(&collect).unwrap();
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
    }

    #[test]
    fn rfc_7239_is_understood() {
        let through = |lines: &[&str]| client(&["10.0.0.0/8"], "forwarded", "10.0.0.1", lines);
        assert_eq!(through(&["for=192.0.2.60;proto=http;by=203.0.113.43"]), "192.0.2.60");
        assert_eq!(through(&["for=unknown, For=\"[2001:db8:cafe::17]:4711\""]), "2001:db8:cafe::17");
    }
}
