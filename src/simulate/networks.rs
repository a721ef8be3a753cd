//! Addresses of simulated visitors: numbered within networks of providers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::mix::GOLDEN;

/// The address with this number in a network of 2^`bits` addresses; IPv6 counts networks of 64 bits.
pub(super) fn within(network: IpAddr, bits: u32, number: u64) -> IpAddr {
    // An odd factor scatters the numbers and keeps them distinct.
    let host = number.wrapping_mul(GOLDEN) & ((1 << bits) - 1);
    match network {
        IpAddr::V4(network) => Ipv4Addr::from_bits(network.to_bits() | u32::try_from(host).unwrap_or_default()).into(),
        IpAddr::V6(network) => Ipv6Addr::from_bits(network.to_bits() | (u128::from(host) << 64) | 1).into(),
    }
}

pub(super) const fn v4(first: u8, second: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(first, second, 0, 0))
}

pub(super) const fn v6(first: u16, second: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0))
}
