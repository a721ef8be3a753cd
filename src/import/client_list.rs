//! The client's address, parsed from the forms that logs use: with a port, in brackets, in a list of proxies.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;

/// The address of `1.2.3.4`, `1.2.3.4:5123`, `[v6]`, `[v6]:443`, `fe80::1%eth0`, `090.000.000.003`; `None` for a host
/// name, a socket or a masked address.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches(|character: char| character.is_whitespace() || matches!(character, '"' | '\'' | ','));
    let first = text.bytes().next()?;
    if !first.is_ascii_hexdigit() && first != b'[' && first != b':' {
        return None;
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(with_port) = text.parse::<SocketAddr>() {
        return Some(with_port.ip());
    }
    let text = text.strip_prefix('[').and_then(|inner| inner.split(']').next()).unwrap_or(text);
    let text = text.split('%').next().unwrap_or(text);
    text.parse().ok().or_else(|| padded_v4(text))
}

/// An IPv4 address whose numbers are padded with zeros.
fn padded_v4(text: &str) -> Option<IpAddr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next().filter(|part| part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *octet = part.parse().ok()?;
    }
    parts.next().is_none().then_some(IpAddr::V4(Ipv4Addr::from(octets)))
}

/// The client of a list `client, proxy, proxy`: its first public address, or its first address where none is public.
pub(super) fn client(list: &str) -> Option<IpAddr> {
    let addresses = || list.split([',', ' ', ';']).filter_map(address);
    addresses().find(|address| !is_local(*address)).or_else(|| addresses().next())
}

/// The client that a proxy names, if the peer is in a local network or in one of `trusted`; otherwise the peer, since
/// any client may send such a header.
pub(super) fn behind_proxy(peer: IpAddr, told: Option<&str>, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_local(peer) && !trusted.iter().any(|network| network.contains(&peer)) {
        return peer;
    }
    told.and_then(client).unwrap_or(peer)
}

/// Whether the address belongs to this machine or a local network.
fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && (64..128).contains(&second);
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_ports_brackets_zones_and_zeros() {
        let of = |text: &str| address(text).map(|address| address.to_canonical().to_string());
        for (text, expected) in [
            ("90.0.0.2:5123", "90.0.0.2"),
            ("[2001:db8::2]", "2001:db8::2"),
            ("[2001:db8::3]:443", "2001:db8::3"),
            ("fe80::1%eth0", "fe80::1"),
            ("090.000.000.003", "90.0.0.3"),
            ("::ffff:90.0.0.1", "90.0.0.1"),
            ("::1", "::1"),
            ("81.2.69.142,", "81.2.69.142"),
        ] {
            assert_eq!(of(text).as_deref(), Some(expected));
        }
        for text in ["unix:", "-", "90.0.0.x", "90.0.0", "web-1.example", "", "cafe"] {
            assert_eq!(address(text), None, "{text}");
        }
    }

    #[test]
    fn the_client_of_a_list_is_its_first_public_address() {
        let of = |text: &str| client(text).map(|address| address.to_string());
        assert_eq!(of("81.2.69.142, 10.183.250.139").as_deref(), Some("81.2.69.142"));
        assert_eq!(of("10.0.0.1, 203.0.113.9").as_deref(), Some("203.0.113.9"));
        assert_eq!(of("unknown, 10.0.0.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(of("-"), None);
    }

    #[test]
    fn a_told_client_is_believed_of_a_local_or_trusted_peer_only() {
        let trusted = ["198.51.100.0/24".parse().unwrap()];
        let peer = |text: &str, told| behind_proxy(address(text).unwrap(), told, &trusted).to_string();
        assert_eq!(peer("198.51.100.7", Some("203.0.113.9")), "203.0.113.9");
        assert_eq!(peer("::ffff:198.51.100.7", Some("203.0.113.9")), "203.0.113.9");
        assert_eq!(peer("172.18.0.1", Some("203.0.113.9, 10.0.0.1")), "203.0.113.9");
        assert_eq!(peer("90.0.0.1", Some("203.0.113.9")), "90.0.0.1");
        assert_eq!(peer("172.18.0.1", Some("-")), "172.18.0.1");
    }
}
