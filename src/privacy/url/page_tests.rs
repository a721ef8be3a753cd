//! Tests of URL and referrer hygiene: tables of results, and properties of arbitrary inputs.

use crate::config;
use crate::privacy::redact;
use crate::privacy::url::page::*;
use crate::privacy::url::path::*;
use crate::sites::Sites;
use proptest::prelude::*;
use std::sync::Arc;

fn site(kept: &[&str]) -> Arc<Site> {
    let written = config::SiteConfig {
        name: "a.example".into(),
        query_names_kept: kept.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    };
    Sites::new(&[written]).unwrap().find("a.example").unwrap().clone()
}

fn page(path: &str) -> String {
    PageUrl::parse(&format!("https://a.example{path}")).unwrap().page(&site(&[]), false).into()
}

#[test]
fn a_hundred_parameters_are_read_and_no_more() {
    let of = |empty: usize| {
        let url = format!("https://a.example/?{}page=2", "&".repeat(empty));
        String::from(PageUrl::parse(&url).unwrap().page(&site(&["page"]), false))
    };
    assert_eq!((of(0), of(99), of(100)), ("/?page=2".into(), "/?page=2".into(), "/".into()));
}

#[test]
fn a_path_has_one_spelling() {
    for (path, expected) in [
        ("", "/"),
        ("/", "/"),
        ("//", "/"),
        ("/a/", "/a"),
        ("//a///b//", "/a/b"),
        ("/a/./b/../c", "/a/c"),
        ("/a/%2e%2E/c", "/c"),
        ("\\a\\b", "/a/b"),
        ("/Case/STAYS", "/Case/STAYS"),
        ("/index.html", "/index.html"),
        ("/caf%C3%A9", "/café"),
        ("/café", "/café"),
        ("/my%20page", "/my%20page"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a%2541", "/a%2541"),
        ("/%c3%28/%ff", "/%C3(/%FF"),
        ("/a%00b%0d%0aSet-Cookie", "/a%00b%0D%0ASet-Cookie"),
        ("/a%E2%80%AEb", "/a%E2%80%AEb"),
        ("/shop;jsessionid=1A2B3C/cart", "/shop/cart"),
        ("/shop%3Bjsessionid=1A2B3C", "/shop"),
        ("/a/..;x=1/b", "/a/b"),
        ("/;jsessionid=1", "/"),
        ("/stadt/bericht;art372448,991", "/stadt/bericht;art372448,991"),
        // A token of twenty characters after a folder of the same length.
        ("/programme-de-la-ville/aB_cD_eF_gH_iJ_kl_mn", "/programme-de-la-ville/:id"),
        (
            "/article/2026/03/10/le-titre-de-l-article_6543210_3224.html",
            "/article/2026/03/10/le-titre-de-l-article_6543210_3224.html",
        ),
        ("/users/jean%2540x.fr/orders/12345678?x=y#z", "/users/:email/orders/:id"),
        ("/cart;JSESSIONID=0A1B2C.node1?x=1", "/cart"),
        ("/a;v=1.2/b;c", "/a/b;c"),
        ("/a/../../../etc/passwd", "/etc/passwd"),
        ("/%2e%2e/%2e%2e/a", "/a"),
        ("/a/.%2e/b", "/b"),
        ("/index.html?/#/?y", "/index.html"),
        ("/#/list?page=2", "/"),
        ("/%E4%B8%AD%E6%96%87/", "/中文"),
        ("/wiki/C%2B%2B_(langage)", "/wiki/C++_(langage)"),
        ("/c/s/a.example/page", "/c/s/a.example/page"),
        ("/?", "/"),
        ("?a=b", "/"),
        ("#a", "/"),
    ] {
        assert_eq!(page(path), expected, "{path}");
    }
}

#[test]
fn a_query_is_dropped_but_for_the_names_kept() {
    let site = site(&["page", "q", "a b"]);
    for (query, expected) in [
        ("", "/s"),
        ("x=1&utm_source=n", "/s"),
        ("q=a&x=1&page=2", "/s?page=2&q=a"),
        ("page=1&page=2", "/s?page=1"),
        ("page", "/s?page="),
        ("p%61ge=2", "/s?page=2"),
        ("a+b=1", "/s?a%20b=1"),
        ("Page=2", "/s"),
        ("q=caf%C3%A9+noir", "/s?q=café%20noir"),
        ("q=a%26b%2Bc/d#e", "/s?q=a%26b%2Bc%2Fd"),
        ("q=jean%40x.fr", "/s?q=:email"),
        ("q=%2B33612345678", "/s?q=:phone"),
        ("q=d41d8cd98f00b204e9800998ecf8427e", "/s?q=:id"),
        ("q=a=b", "/s?q=a=b"),
    ] {
        let url = format!("https://a.example/s?{query}");
        assert_eq!(&*PageUrl::parse(&url).unwrap().page(&site, false), expected, "{query}");
    }
}

#[test]
fn a_fragment_counts_only_where_it_is_a_route() {
    let site = site(&["page"]);
    for (rest, expected) in [
        ("/app#/users/", "/app#/users"),
        ("/app#!/users", "/app#!/users"),
        ("/app#users", "/app#users"),
        ("/app#", "/app"),
        ("/app#/", "/app"),
        ("/app?page=2#/a?page=3", "/app?page=2#/a"),
        ("/app#/users/jean@x.fr", "/app#/users/:email"),
        ("/app#access_token=abc&x", "/app"),
        ("/app#access_token%3Dabc", "/app"),
        ("/app#/a;j=1", "/app"),
        ("/app#a#b", "/app#a%23b"),
    ] {
        let url = format!("https://a.example{rest}");
        let location = PageUrl::parse(&url).unwrap();
        assert_eq!(&*location.page(&site, true), expected, "{rest}");
        assert!(!location.page(&site, false).contains('#'), "{rest}");
    }
}

#[test]
fn canonically_equal_spellings_are_one_page_however_they_are_encoded() {
    for spelling in ["/cafe\u{301}", "/caf\u{e9}", "/cafe%CC%81", "/caf%C3%A9", "/caf%c3%a9/"] {
        assert_eq!(page(spelling), "/caf\u{e9}", "{spelling}");
    }
    for spelling in ["/\u{1112}\u{1161}\u{11ab}", "/\u{d55c}", "/%E1%84%92%E1%85%A1%E1%86%AB", "/%ED%95%9C"] {
        assert_eq!(page(spelling), "/\u{d55c}", "{spelling}");
    }
    // The Kelvin and Angstrom signs are canonically letters; a ligature only compatibly.
    assert_eq!(page("/\u{212a}\u{212b}"), "/K\u{c5}");
    assert_eq!(page("/\u{fb01}n"), "/\u{fb01}n");
}

#[test]
fn a_long_page_is_cut_between_characters() {
    let long = page(&format!("/blog/{}", "é".repeat(400)));
    assert_eq!((long.len(), long.starts_with("/blog/é")), (500, true));
    let escapes = page(&format!("/{}", "%00".repeat(400)));
    assert_eq!(escapes, format!("/{}", "%00".repeat(166)));
    // After the cut the last segment is a number: the title was cut off.
    let number = page(&format!("/{}/1234567-title", "a".repeat(490)));
    assert!(number.ends_with("a/:id"), "{number}");
}

#[test]
fn a_host_has_one_spelling() {
    for (url, expected) in [
        ("https://WWW.A.Example/", "a.example"),
        ("http://a.example:8080/x", "a.example"),
        ("https://a.example./", "a.example"),
        ("https://user:pass@a.example/", "a.example"),
        ("https://www.com/", "www.com"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("http://127.0.0.1:8080/demo/", "127.0.0.1"),
        ("http://localhost/", "localhost"),
    ] {
        assert_eq!(PageUrl::parse(url).unwrap().host(), expected, "{url}");
    }
}

#[test]
fn a_url_that_is_not_a_page_is_refused() {
    let long = format!("https://a.example/{}", "a".repeat(2_000));
    for url in [
        "",
        "/relative",
        "a.example/x",
        "//a.example/x",
        "file:///etc/passwd",
        "data:text/html,x",
        "javascript:alert(1)",
        "about:blank",
        "blob:https://a.example/x",
        "ftp://a.example/",
        "https://",
        "https://a b/",
        "https://a.example/\n",
        "https://a.example/\0",
        "https://a.example/\u{85}",
        "https://a.example/a?b\n",
        "https://a.example/a#b\u{85}",
        "https://[::1",
        "https://a.example:99999/",
        &long,
    ] {
        assert_eq!(PageUrl::parse(url).err(), Some(UrlError), "{url:?}");
    }
}

#[test]
fn a_referrer_is_a_host_or_a_page_of_the_site() {
    let outside = |host: &str| Referrer::Outside(host.into());
    let inside = |page: &str| Referrer::Inside(page.into());
    for (url, expected) in [
        ("https://www.News.example:8443/x?y=z#w", outside("news.example")),
        ("https://user:secret@news.example/", outside("news.example")),
        ("https://www.a.example/pricing/?x=1", inside("/pricing")),
        ("http://a.example/users/jean@x.fr", inside("/users/:email")),
        ("android-app://com.Google.android.gm/path", outside("com.google.android.gm")),
        ("android-app://jean dupont/", Referrer::None),
        ("https://203.0.113.77/", Referrer::None),
        ("http://[2001:db8::1]/", Referrer::None),
        ("http://2130706433/", Referrer::None),
        ("http://0x7f.1/", Referrer::None),
        ("https://intranet/", Referrer::None),
        ("https://jeans-macbook.local/", Referrer::None),
        ("HTTPS://NEWS.EXAMPLE/", outside("news.example")),
        ("http://news.example:80", outside("news.example")),
        ("https://www.news.example./", outside("news.example")),
        ("https://b\u{fc}cher.example/x", outside("xn--bcher-kva.example")),
        ("https://B\u{dc}CHER.EXAMPLE", outside("xn--bcher-kva.example")),
        ("https://l.news.example/l.php?u=https%3A%2F%2Fa.example%2F&h=AT3", outside("l.news.example")),
        ("https://a-example.translate.goog/x?_x_tr_sl=fr", outside("a-example.translate.goog")),
        ("https://a-example.cdn.ampproject.org/c/s/a.example/x", outside("a-example.cdn.ampproject.org")),
        ("ANDROID-APP://com.example.reader/", outside("com.example.reader")),
        ("android-app://com.example.reader/https/news.example/x", outside("com.example.reader")),
        ("ios-app://544007664/vnd.youtube/www.youtube.com", Referrer::None),
        ("http://localhost:3000/", Referrer::None),
        ("https://[2001:db8::1]:8443/x", Referrer::None),
        ("data:text/html,x", Referrer::None),
        ("blob:https://news.example/1", Referrer::None),
        ("about:blank", Referrer::None),
        ("about:srcdoc", Referrer::None),
        ("chrome-extension://abcdefghijklmnop/x.html", Referrer::None),
        ("moz-extension://0f3d-11/x.html", Referrer::None),
        ("mailto:jean@x.fr", Referrer::None),
        ("//news.example/x", Referrer::None),
        ("null", Referrer::None),
        ("about:client", Referrer::None),
        ("file:///home/jean/a.html", Referrer::None),
        ("javascript:void(0)", Referrer::None),
        ("news.example", Referrer::None),
        ("", Referrer::None),
        ("\u{0}", Referrer::None),
    ] {
        assert_eq!(referrer(url, &site(&[]), "a.example", false), expected, "{url:?}");
    }
    let long = format!("https://news.example/?{}", "a".repeat(5_000));
    assert_eq!(referrer(&long, &site(&[]), "a.example", false), outside("news.example"));
}

/// Paths, queries and fragments of error-prone pieces.
fn rest() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "/",
        "/",
        "/",
        "/",
        "/",
        "/",
        ".",
        "..",
        "%2e",
        "%2F",
        "%5C",
        "%25",
        "%3D",
        "%40",
        "@",
        "＠",
        "%",
        "%2",
        "%ff",
        "%C3",
        "%A9",
        "é",
        "%E2%80%8B",
        "\u{202e}",
        ";",
        "=",
        ";j=1",
        "&",
        "+",
        "?",
        "?page=",
        "#",
        "\\",
        " ",
        "-",
        "_",
        ":",
        "1234567",
        "06",
        "12",
        "2026",
        "jean@x.fr",
        "550e8400-e29b-41d4-a716-446655440000",
        "d41d8cd98f00b204e9800998ecf8427e",
        "HJK4EJHZQ5DXJMMVZC3NMGUHDI",
        "eyJhbGciOiJIUzI1NiJ9",
        "aB3xY9",
        "titre",
        "x",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
}

/// Typical paths of sites, most of them clean.
fn ordinary() -> impl Strategy<Value = String> {
    "(/{1,2}([a-z]{1,14}[-_.]?|[A-Z][a-z]{2,4}|[0-9]{1,4}[-.]?|[0-9][a-z]|([a-z][A-Z]_){4,7}|[:@;=~!.]){0,6}){0,5}/{0,2}[?#]{0,1}"
}

/// Cleans a path without the fast path.
fn carefully(path: &str) -> String {
    let mut page = String::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let segment = redact::redacted(without_parameters(percent::decoded_once(segment, "")));
        if !matches!(&*segment, "" | "." | "..") {
            page = page + "/" + &segment;
        }
    }
    match page.len() {
        0 => "/".into(),
        1..=PAGE_BYTES_MAX => page,
        _ => shortened(&page),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), kept in any::<String>()) {
        let site = site(&["page"]);
        if let Ok(location) = PageUrl::parse(&text) {
            location.page(&site, true);
        }
        if let Ok(location) = PageUrl::parse(&format!("https://a.example/{text}?page={kept}")) {
            location.page(&site, true);
        }
        referrer(&text, &site, "a.example", false);
        referrer(&format!("https://{text}/"), &site, "a.example", false);
    }

    #[test]
    fn a_page_is_clean_bounded_and_stays_as_it_is(rest in rest(), route in any::<bool>()) {
        let site = site(&["page"]);
        if let Ok(location) = PageUrl::parse(&format!("https://a.example/{rest}")) {
            let page = location.page(&site, route);
            prop_assert!(page.starts_with('/') && page.len() <= PAGE_BYTES_MAX, "{page}");
            prop_assert!(!page.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\u{202e}'), "{page}");
            prop_assert!(&*page == "/" || !page.ends_with('/'), "{page}");
            prop_assert!(!page.contains("jean@x"), "{page}");
            prop_assert!(!page.replacen("?page=", "", 1).contains('?'), "{page}");
            prop_assert!(!crate::privacy::url::page::tests::page(&format!("/{rest}")).contains(['?', '#']), "{rest}");
            let again = format!("https://a.example{page}");
            let again = PageUrl::parse(&again).unwrap().page(&site, route);
            prop_assert_eq!(again, page);
        }
    }

    #[test]
    fn a_path_that_is_kept_as_it_is_would_come_out_of_cleaning_as_it_is(rest in rest(), ordinary in ordinary()) {
        for path in [format!("/{rest}"), ordinary] {
            if let Ok(location) = PageUrl::parse(&format!("https://a.example{path}")) {
                prop_assert_eq!(cleaned_path(&location.path, &CleaningBudget::default()), carefully(&location.path), "{}", path);
            }
            prop_assert_eq!(cleaned_path(&path, &CleaningBudget::default()), carefully(&path), "{}", path);
        }
    }

    #[test]
    fn a_url_cut_by_hand_equals_the_url_crate_s_result(rest in rest(), ordinary in ordinary(), text in any::<String>()) {
        for url in [format!("https://{rest}"), format!("https://www.a.example{ordinary}"), format!("http://a.example/{text}")] {
            let parts = |location: PageUrl<'_>| {
                let (host, path) = (location.host().to_owned(), cleaned_path(&location.path, &CleaningBudget::default()).into_owned());
                (host, path, location.query.to_owned(), location.fragment.to_owned(), location.is_public())
            };
            let read = PageUrl::read(&url).ok().map(parts);
            prop_assert_eq!(PageUrl::parse(&url).ok().map(parts), read, "{}", url);
        }
    }

    #[test]
    fn a_referring_host_holds_no_more_than_a_host(rest in rest()) {
        if let Referrer::Outside(host) = referrer(&format!("https://{rest}"), &site(&[]), "a.example", false) {
            let is_letter = |byte: u8| !byte.is_ascii_uppercase() && !b"/?#@:".contains(&byte);
            prop_assert!(host.len() <= 253 && host.bytes().all(is_letter), "{host}");
        }
    }
}
