//! Channels by example, and cleaning of tag values.

use proptest::prelude::*;

use super::*;
use crate::privacy::marketing::clicks::LinkKind;
use crate::privacy::marketing::sources::SourceKind;

fn origin(query: &str, referrer: &str) -> Origin {
    let referrer = if referrer.is_empty() { Referrer::None } else { Referrer::Outside(referrer.into()) };
    Origin::new(query, &referrer, &CleaningBudget::default())
}

#[test]
fn every_coming_has_its_source_and_channel() {
    for (query, referrer, source, channel) in [
        ("", "", "(direct)", "Direct"),
        ("page=2", "", "(direct)", "Direct"),
        ("", "google.fr", "Google", "Organic Search"),
        ("", "news.example", "news.example", "Referral"),
        ("", "l.facebook.com", "Facebook", "Organic Social"),
        ("", "m.youtube.com", "YouTube", "Organic Video"),
        ("", "mail.google.com", "Gmail", "Email"),
        ("", "com.google.android.gm", "Gmail", "Email"),
        ("", "chatgpt.com", "ChatGPT", "AI Assistants"),
        ("utm_source=chatgpt.com", "", "ChatGPT", "AI Assistants"),
        ("utm_source=google&utm_medium=cpc", "", "Google", "Paid Search"),
        ("utm_source=Google&utm_medium=CPC", "google.com", "Google", "Paid Search"),
        ("utm_source=fb&utm_medium=paid_social", "", "Facebook", "Paid Social"),
        ("utm_source=youtube&utm_medium=cpv", "", "YouTube", "Paid Video"),
        ("utm_source=paper.example&utm_medium=banner", "", "paper.example", "Display"),
        ("utm_source=paper&utm_medium=cpm", "", "paper", "Display"),
        ("utm_source=paper&utm_medium=cpc", "", "paper", "Paid Other"),
        ("utm_source=newsletter&utm_medium=email", "", "newsletter", "Email"),
        ("utm_source=newsletter", "", "newsletter", "Email"),
        ("utm_source=march&utm_medium=e+mail", "t.co", "march", "Email"),
        ("utm_source=partner&utm_medium=affiliate", "partner.example", "partner", "Affiliates"),
        ("utm_source=shop&utm_medium=sms", "", "shop", "Messages"),
        ("utm_source=shop&utm_medium=web-push", "", "shop", "Messages"),
        ("utm_source=show&utm_medium=podcast", "", "show", "Audio"),
        ("utm_source=club&utm_medium=social", "", "club", "Organic Social"),
        ("utm_source=x&utm_medium=organic", "", "Twitter", "Organic Social"),
        ("utm_source=unknown&utm_medium=organic", "", "unknown", "Organic Search"),
        ("utm_source=blog&utm_medium=referral", "", "blog", "Referral"),
        ("utm_source=flyer&utm_medium=qr", "", "flyer", "Other Campaigns"),
        ("utm_source=flyer", "google.com", "flyer", "Referral"),
        ("gclid=zq", "", "Google", "Paid Search"),
        ("gclid=zq", "google.com", "Google", "Paid Search"),
        ("gclid=zq", "youtube.com", "YouTube", "Paid Video"),
        ("GCLID", "", "Google", "Paid Search"),
        ("dclid=zq", "", "Google", "Display"),
        ("msclkid=zq", "bing.com", "Bing", "Paid Search"),
        ("fbclid=zq", "", "Facebook", "Organic Social"),
        ("fbclid=zq&utm_source=facebook&utm_medium=paid", "l.facebook.com", "Facebook", "Paid Social"),
        ("ttclid=zq", "", "TikTok", "Paid Social"),
        ("mc_eid=zq&mc_cid=zq", "", "Mailchimp", "Email"),
        ("irclickid=zq", "", "Impact", "Affiliates"),
        ("srsltid=zq", "google.com", "Google", "Organic Search"),
        ("utm_source=(not set)&utm_medium=(none)", "", "(direct)", "Direct"),
        ("utm_source=(direct)", "", "(direct)", "Direct"),
        ("utm_source=", "bing.com", "Bing", "Organic Search"),
        ("ref=jane&source=jane&utm_id=jane", "", "(direct)", "Direct"),
    ] {
        let origin = origin(query, referrer);
        let found = (origin.value(Dimension::Source), origin.value(Dimension::Channel));
        assert_eq!(found, (Some(source), Some(channel)), "{query} from {referrer}");
    }
}

#[test]
fn a_medium_without_a_source_has_none() {
    let origin = origin("utm_medium=cpc", "");
    assert_eq!((origin.value(Dimension::Source), origin.value(Dimension::Channel)), (None, Some("Paid Other")));
}

#[test]
fn a_page_of_the_site_is_not_a_source() {
    let origin = Origin::new("", &Referrer::Inside("/".into()), &CleaningBudget::default());
    assert_eq!((origin.value(Dimension::Source), origin.value(Dimension::Channel)), (Some(DIRECT), Some("Direct")));
}

#[test]
fn each_tag_goes_to_its_own_dimension_and_the_first_counts() {
    let query = "utm_content=e&utm_term=d&utm_campaign=c&UTM_Medium=b&utm_source=a&utm_source=z&utm_content=z";
    let found = [
        Dimension::UtmSource,
        Dimension::UtmMedium,
        Dimension::UtmCampaign,
        Dimension::UtmTerm,
        Dimension::UtmContent,
        Dimension::Country,
    ]
    .map(|dimension| origin(query, "").value(dimension).map(str::to_owned));
    assert_eq!(
        found,
        ["a", "b", "c", "d", "e"].map(|tag| Some(tag.to_owned())).into_iter().chain([None]).collect::<Vec<_>>()[..]
    );
}

#[test]
fn values_are_readable_and_personal_data_in_them_is_redacted() {
    for (value, kept) in [
        ("Spring+Sale%202026", "Spring Sale 2026"),
        ("%C3%A9t%C3%A9", "été"),
        ("home/hero?", "home/hero?"),
        ("++a%09%0A%E2%80%8Eb++", "a b"),
        ("50%25+off", "50% off"),
        ("jane%40shop.example", ":email"),
        ("jane%2540shop.example", ":email"),
        ("for+jane@shop.example+only", ":email"),
        ("%2B33612345678", ":phone"),
        ("call+06+12+34+56+78+now", "call :phone now"),
        ("550e8400-e29b-41d4-a716-446655440000", ":uuid"),
        ("EAIaIQobChMIx7Kq9f3Z8gIVh4BQBh0dAAbCEAAYASAAEgKzQfD_BwE", ":id"),
        ("203.0.113.77", ":id"),
        ("120212345678901234", ":id"),
        ("offer of march 6f3a9c0d1e2b4a58", "offer of march :id"),
        ("a%2500b", "a%00b"),
        ("ip=203.0.113.77,x", "ip=:id,x"),
        ("user1234567/b", "user:id/b"),
        ("spring_20260310-v2", "spring_20260310-v2"),
        ("0.5-2024", "0.5-2024"),
    ] {
        assert_eq!(cleaned(value, &CleaningBudget::default()).as_deref(), Some(kept), "{value}");
    }
    for value in ["", "+", "%20", "(not set)", "%E2%80%8B", "%ff"] {
        assert_eq!(cleaned(value, &CleaningBudget::default()), None, "{value}");
    }
}

#[test]
fn a_long_value_is_cut_and_its_end_is_not_a_token() {
    let long = format!("{} {}", "word ".repeat(36).trim_end(), "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0");
    let kept = cleaned(&long, &CleaningBudget::default()).unwrap();
    assert!(kept.len() <= VALUE_BYTES_MAX && !kept.contains("Ab1"), "{kept}");
    assert_eq!(cleaned(&"é".repeat(500), &CleaningBudget::default()).unwrap().len(), VALUE_BYTES_MAX);
}

#[test]
fn cleaning_a_clean_value_changes_nothing() {
    for value in ["Spring Sale", "offer of march :id", ":email", "home/hero", "été"] {
        assert_eq!(cleaned(value, &CleaningBudget::default()).as_deref(), Some(value));
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_is_bounded_printable_and_without_long_numbers(value in "([ -~]|[%+@.:/0-9a-f]|\\PC|\\pC){0,300}") {
        if let Some(kept) = cleaned(&value, &CleaningBudget::default()) {
            prop_assert!(!kept.is_empty() && kept.len() <= VALUE_BYTES_MAX);
            prop_assert!(!kept.chars().any(char::is_control));
            let numbers = kept.split(|c: char| !c.is_ascii_digit());
            prop_assert!(numbers.into_iter().all(|number| number.len() < 7 || redact::is_date(number)), "{kept}");
        }
    }

    #[test]
    fn no_query_and_no_host_makes_it_panic(query in "([a-z_]{0,8}=?[&+%=]{0,3}|utm_source=|gclid=|\\PC){0,40}", host in "\\PC{0,60}") {
        let origin = origin(&query, &host);
        prop_assert!(origin.value(Dimension::Channel).is_some());
    }
}

/// Meaning of a click id in the document's words.
fn told(says: clicks::LinkKind) -> String {
    let place = |kind| match kind {
        SourceKind::Search => "a search engine",
        SourceKind::Social => "a social network",
        SourceKind::Video => "a video site",
        SourceKind::Mail => "webmail",
        SourceKind::Assistant => "an AI assistant",
    };
    match says {
        LinkKind::Paid(kind) => format!("paid, from {}", place(kind)),
        LinkKind::Link(kind) => format!("from {}, paid or not", place(kind)),
        LinkKind::Display => "display".into(),
        LinkKind::Mail => "mail".into(),
        LinkKind::Affiliate => "a partner".into(),
    }
}

#[test]
fn the_document_has_the_table_of_the_program() {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/channels.md"));
    let rules: String =
        table().enumerate().map(|(at, (name, when))| format!("| {} | {name} | {when} |\n", at + 1)).collect();
    assert!(document.contains(&rules), "docs/channels.md lacks:\n{rules}");
    let words = channel::WORDS.map(|(what, words)| format!("| {what} | `{}` |\n", words.join("`, `"))).concat();
    assert!(document.contains(&words), "docs/channels.md lacks:\n{words}");
    let clicks: String = clicks::CLICKS
        .iter()
        .map(|click| format!("| `{}` | {} | {} |\n", click.name, click.source, told(click.says)))
        .collect();
    assert!(document.contains(&clicks), "docs/channels.md lacks:\n{clicks}");
}
