//! Host names that the console answers to. A page of another site can make a browser send requests here under a name of
//! its own (DNS rebinding); such a name is not configured. Must never trust a name that is not configured.

use std::net::IpAddr;

use hyper::header::HOST;
use hyper::http::request::Parts;

/// Whether the request names this console: by an address, as `localhost`, or by one of the `configured` names. A
/// request without a name comes from a probe, not from a browser.
pub(super) fn is_ours(head: &Parts, configured: &[String]) -> bool {
    let mut written = head.headers.get_all(HOST).iter();
    let named = match (written.next(), written.next()) {
        (None, _) => None,
        (Some(host), None) => Some(host.to_str().unwrap_or("\u{0}")),
        (Some(_), Some(_)) => return false,
    };
    let target = head.uri.authority().map(|authority| authority.as_str());
    [named, target].into_iter().flatten().all(|authority| is_known(authority, configured))
}

fn is_known(authority: &str, configured: &[String]) -> bool {
    let name = without_port(authority).trim_end_matches('.');
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || configured.iter().any(|ours| without_port(ours).eq_ignore_ascii_case(name))
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(host: Option<&str>, uri: &str) -> Parts {
        let mut request = hyper::Request::get(uri);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_foreign_name_is_not_ours_and_addresses_localhost_and_configured_names_are() {
        let ours = ["Stats.Shop.Example".to_owned()];
        for host in ["127.0.0.1:8081", "localhost", "LOCALHOST:1", "[::1]:8081", "10.0.0.7", "stats.shop.example:443"] {
            assert!(is_ours(&request(Some(host), "/metrics"), &ours), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "shop.example", "", "evil:80"]
        {
            assert!(!is_ours(&request(Some(host), "/metrics"), &ours), "{host}");
        }
        assert!(is_ours(&request(None, "/metrics"), &ours));
        assert!(!is_ours(&request(Some("localhost"), "http://evil.example/metrics"), &ours), "an absolute form");
        let mut twice = request(Some("localhost"), "/");
        twice.headers.append(HOST, "evil.example".parse().unwrap());
        assert!(!is_ours(&twice, &ours));
    }
}
