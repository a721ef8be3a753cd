//! Forwarding headers, one value a line. Nothing panics; headers from an untrusted peer are ignored.
#![no_main]

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use sillage::collect::client_address::TrustedProxies;
use sillage::config::CollectConfig;

fuzz_target!(|lines: &[u8]| {
    for name in ["x-forwarded-for", "forwarded"] {
        let trusted_proxies =
            ["10.0.0.0/8", "fd00::/8"].into_iter().map(|net| net.parse().expect("a network")).collect();
        let collect = CollectConfig { trusted_proxies, client_address_header: name.into(), ..CollectConfig::default() };
        let peers = TrustedProxies::new(&collect).expect("a header's name");
        let mut headers = HeaderMap::new();
        for line in lines.split(|byte| *byte == b'\n').take(20) {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        for socket in [[10, 0, 0, 1], [192, 0, 2, 9]] {
            peers.client(IpAddr::from(socket), &headers);
        }
    }
});
