//! URLs and referrers. A page is clean, bounded, and unchanged when it is cleaned again; a referring host holds nothing
//! but a host.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sillage::privacy::url::page::{PAGE_BYTES_MAX, PageUrl, Referrer, referrer};
use sillage::sites::Sites;

static SITES: LazyLock<Sites> = LazyLock::new(sillage_fuzz::sites);

fuzz_target!(|text: &str| {
    let site = sillage_fuzz::site(&SITES);
    for url in [text.to_owned(), format!("https://a.example/{text}"), format!("https://{text}")] {
        for route in [false, true] {
            match referrer(&url, site, "a.example", route) {
                Referrer::Outside(host) => {
                    let is_letter = |byte: u8| !byte.is_ascii_uppercase() && !b"/?#@: ".contains(&byte);
                    assert!(host.len() <= 253 && host.bytes().all(is_letter), "{host}");
                }
                Referrer::Inside(page) => assert!(page.starts_with('/') && page.len() <= PAGE_BYTES_MAX, "{page}"),
                Referrer::None => {}
            }
            let Ok(location) = PageUrl::parse(&url) else { continue };
            let page = location.page(site, route);
            assert!(page.starts_with('/') && page.len() <= PAGE_BYTES_MAX, "{page}");
            assert!(!page.chars().any(|c| c.is_control() || c.is_whitespace()), "{page}");
            let again = format!("https://a.example{page}");
            let again = PageUrl::parse(&again).expect("a clean page is a page").page(site, route);
            assert_eq!(again, page, "cleaning a clean page changed it");
        }
    }
});
