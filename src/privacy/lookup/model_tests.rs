//! Model families by example; invented models; the list itself.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const CHROME: &str = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36";

#[test]
fn agents_of_telephones_and_tablets_give_their_family() {
    for (system, family) in [
        ("Linux; Android 13; SM-S918B", "Samsung Galaxy S23"),
        ("Linux; Android 14; SM-S921B Build/UP1A.231005.007; wv", "Samsung Galaxy S24"),
        ("Linux; Android 9; SAMSUNG SM-G960F", "Samsung Galaxy S9"),
        ("Linux; Android 14; SM-A546B", "Samsung Galaxy A54"),
        ("Linux; Android 6.0.1; SM-A310F", "Samsung Galaxy A"),
        ("Linux; Android 12; SM-X205", "Samsung Galaxy Tab A"),
        ("Linux; Android 13; SM-X710", "Samsung Galaxy Tab S"),
        ("Linux; U; Android 4.4.2; fr-fr; GT-I9505 Build/KOT49H", "Samsung Galaxy"),
        ("Linux; Android 14; Pixel 8", "Google Pixel 8"),
        ("Linux; Android 14; Pixel 8 Pro", "Google Pixel 8"),
        ("Linux; Android 14; Pixel 8a", "Google Pixel 8a"),
        ("Linux; Android 16; Pixel 10 Pro XL", "Google Pixel 10"),
        ("Linux; Android 13; 2201117TY", "Xiaomi Redmi Note 11"),
        ("Linux; Android 10; Redmi Note 8 Pro", "Xiaomi Redmi Note 8"),
        ("Linux; Android 11; M2007J20CG", "Xiaomi POCO"),
        ("Linux; Android 10; ELE-L29", "Huawei P30"),
        ("Linux; Android 10; HUAWEI MAR-LX1A", "Huawei P30"),
        ("Linux; Android 12; moto g(60)", "Motorola Moto G"),
        ("Linux; Android 13; FP4", "Fairphone 4"),
        ("Linux; Android 13; CPH2409", "OnePlus Nord"),
        ("Linux; Android 13; CPH2477", "Oppo"),
        ("Linux; Android 9; KFMAWI", "Amazon Fire"),
        ("iPhone; CPU iPhone OS 17_1 like Mac OS X", "Apple iPhone"),
        ("iPad; CPU OS 15_0 like Mac OS X", "Apple iPad"),
    ] {
        assert_eq!(model_family(None, &format!("Mozilla/5.0 ({system}) {CHROME}")), Some(family), "{system}");
    }
}

#[test]
fn agents_without_a_model_give_none() {
    for system in [
        "Linux; Android 10; K",
        "Android 13; Mobile; rv:109.0",
        "Android 13; Tablet; rv:109.0",
        "Linux; U; Android 4.4; fr",
        "Linux; Android 13",
        "Linux; Android 13; wv",
        "Windows NT 10.0; Win64; x64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "X11; Linux x86_64",
        "compatible; iPhone",
    ] {
        assert_eq!(model_family(None, &format!("Mozilla/5.0 ({system}) {CHROME}")), None, "{system}");
    }
    assert_eq!(model_family(None, ""), None);
    assert_eq!(model_family(None, crate::privacy::hit::NOT_LOGGED), None);
}

#[test]
fn a_client_hint_goes_before_the_agent_and_an_empty_one_does_not() {
    let agent = "Mozilla/5.0 (Linux; Android 13; SM-S918B)";
    for (hint, family) in [
        ("\"Pixel 7a\"", "Google Pixel 7a"),
        ("Pixel 7a", "Google Pixel 7a"),
        ("\"SM-S921U\"", "Samsung Galaxy S24"),
        ("\"\"", "Samsung Galaxy S23"),
        (" ", "Samsung Galaxy S23"),
    ] {
        assert_eq!(model_family(Some(hint), agent), Some(family), "{hint}");
    }
    assert_eq!(model_family(Some("\"\""), "Mozilla/5.0 (Windows NT 10.0)"), None);
}

#[test]
fn invented_models_are_other_or_a_listed_family() {
    for model in ["jane@shop.example", "Zqcanary", "Pixel-jane", "Pixel 80", "iPhonejane", "SM", "é", "\u{0}", "(other"]
    {
        let families = [model_family(Some(model), ""), model_family(None, &format!("M (Linux; Android 13; {model})"))];
        for family in families.into_iter().flatten() {
            assert!([OTHER, "Google Pixel", "Apple iPhone"].contains(&family), "{model}: {family}");
        }
    }
    assert_eq!(model_family(Some("SM-S921-jane"), ""), Some("Samsung Galaxy S24"));
    assert_eq!(model_family(Some("Zqcanary"), ""), Some(OTHER));
}

#[test]
fn each_prefix_of_the_list_stands_once_and_finds_its_own_family() {
    let mut prefixes = HashSet::new();
    for line in LIST.lines() {
        let (family, listed) = line.split_once('\t').unwrap();
        for prefix in listed.split('\t') {
            assert!(
                prefix.len() >= 2 && prefix.len() < NAME_BYTES_MAX && prefixes.insert(prefix.to_lowercase()),
                "{prefix}"
            );
            assert_eq!(listed_family(prefix.trim_end()).or_else(|| listed_family(prefix)), Some(family), "{prefix}");
        }
    }
}

proptest! {
    #[test]
    fn no_input_makes_a_label_of_its_own(hint in "(SM-|Pixel |iPhone|\"|\\PC){0,20}", agent in "(\\(|\\)|Android|; |SM-A|\\PC){0,40}") {
        if let Some(family) = model_family(Some(&hint), &agent) {
            let listed = LIST.lines().any(|line| line.split('\t').next() == Some(family));
            prop_assert!(listed || family == OTHER);
        }
    }
}
