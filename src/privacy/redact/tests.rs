//! Tests of placeholders: personal data in, and titles that stay.

use super::*;
use proptest::prelude::*;

fn shown(segment: &str) -> String {
    redacted(percent::decoded_once(segment, "")).into_owned()
}

#[test]
fn personal_data_in_a_segment_is_replaced_by_its_placeholder() {
    for (segment, expected) in [
        ("jean.dupont@example.fr", ":email"),
        ("jean%40example.fr", ":email"),
        ("jean%2540example.fr", ":email"),
        ("jean%252525252525252540example.fr", ":id"),
        ("jean＠example.fr", ":email"),
        ("unsubscribe-jean@example.fr.html", ":email"),
        ("mailto:jean@example", ":email"),
        ("a%2Fjean@example.fr", ":email"),
        ("@alice@mastodon.example", ":email"),
        ("root@[192.0.2.1]", ":email"),
        ("203.0.113.77", ":id"),
        ("2001:db8::1", ":id"),
        ("550e8400-e29b-41d4-a716-446655440000", ":uuid"),
        ("invoice-550E8400-E29B-41D4-A716-446655440000.pdf", "invoice-:uuid.pdf"),
        ("deadbeef-dead-beef-dead-beefdeadbeef", ":uuid"),
        ("1234567", ":id"),
        ("12345678.html", ":id.html"),
        ("id-6543210", ":id"),
        ("6543210_3224", ":id"),
        ("1234-5678-9012-3456", ":id"),
        ("0612345678", ":phone"),
        ("+33612345678", ":phone"),
        ("%2B33%206%2012%2034%2056%2078", ":phone"),
        ("06-12-34-56-78", ":phone"),
        ("(555) 123-4567", ":phone"),
        ("555-123-4567", ":phone"),
        ("tel-06.12.34.56.78.html", "tel-:phone.html"),
        ("appelez-0612345678", "appelez-:phone"),
        ("commande-492912341234", "commande-:id"),
        ("FR7630006000011234567890189", ":id"),
        ("507f1f77bcf86cd799439011", ":id"),
        ("reset-d41d8cd98f00b204e9800998ecf8427e", ":id"),
        (
            "minutes-of-the-last-general-assembly-d41d8cd98f00b204e9800998ecf8427e",
            "minutes-of-the-last-general-assembly-:id",
        ),
        (
            "how-we-planned-the-next-summer-holiday-3MtwBwLkdIwHu7ix28a3_x4F9k-titre",
            "how-we-planned-the-next-summer-holiday-:id_:id-titre",
        ),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", ":id"),
        ("V1StGXR8_Z5jdHi6B-myT", ":id"),
        ("tz4a98xxat96iws9zmbrgj3a", ":id"),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV", ":id"),
        ("le-titre-10-03-2026-HJK4EJHZQ5DXJMMVZC3NMGUHDI.php", "le-titre-10-03-2026-:id.php"),
        ("pi_3MtwBwLkdIwHu7ix28a3tqPa", ":id"),
        ("a%20d41d8cd98f00b204e9800998ecf8427e", ":id"),
    ] {
        assert_eq!(shown(segment), expected, "{segment}");
    }
}

#[test]
fn titles_and_numbers_that_newspapers_and_shops_publish_stay() {
    for segment in [
        "le-titre-de-l-article_6543210_3224.html",
        "how-to-build-a-house-in-2026",
        "HowToBuildAHouseIn2026",
        "article-123456",
        "world-europe-12345678",
        "2026",
        "20260310",
        "2026-03-10",
        "10-03-2026",
        "20260310123000",
        "20260310-titre",
        "compte-rendu-du-05-03-2026-12-30",
        "9782070360246",
        "978-2-07-036024-6",
        "@alice",
        "vue@3.4.1",
        "v1.2.3",
        "115.0.57",
        "iphone-15-pro-max-256gb-titane-bleu",
        "iPhone15ProMax256GBBlueTitanium",
        "4K-OLED-TV-55inch-A95L-2024",
        "B08N5WRWNB",
        "SKU-48213-XL",
        "Donaudampfschifffahrtsgesellschaft",
        "Достопримечательности-Санкт-Петербурга",
        "東京都の観光案内",
        "jean.dupont",
        "abc123f",
        ":email",
        "invoice-:uuid.pdf",
    ] {
        assert_eq!(shown(segment), segment);
    }
}

/// Parts of titles, and personal data that could hide in them.
fn titles() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "-",
        "-",
        "-",
        "-",
        "_",
        ".",
        ":",
        "the",
        "of",
        "last",
        "house",
        "beefdeadbeef",
        "deadbeef",
        "dead",
        "beef",
        "1234",
        "12",
        "eyJ",
        "eyJhbGci",
        ":id",
        "aB",
        "a1",
        "Title",
        "v1",
        "html",
        "+",
        "(",
        "é",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 8..28).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn a_redacted_text_stays_as_it_is(text in titles(), any in any::<String>()) {
        for text in [text, any] {
            let once = redacted(text.as_str().into()).into_owned();
            prop_assert_eq!(redacted(once.as_str().into()), once.as_str(), "{}", text);
        }
    }

    #[test]
    fn a_long_title_that_is_let_through_holds_nothing(text in titles(), at in 0usize..60) {
        let at = text.floor_char_boundary(at);
        let uuid = format!("{}-deadbeef-dead-beef-dead-beefdeadbeef-{}", &text[..at], &text[at..]);
        for text in [text, uuid] {
            let shape = ByteCounts::of(&text);
            if shape.is_harmless() && shape.bytes >= 36 && shape.hyphens >= 4 {
                prop_assert_eq!(replaced(&text, &nothing_ruled_out()), None, "{}", text);
            }
        }
    }

    #[test]
    fn counts_rule_out_only_rules_that_do_not_match(
        text in "[a-f0-9.:@＠ +()/-]{0,60}", words in "([a-z]{1,6}|[0-9]{1,5}|[-.: @+]|550e8400-e29b-41d4-a716-446655440000|192.0.2.1|06 12 34 56 78|a@b.example){0,8}",
    ) {
        for text in [text, words] {
            prop_assert_eq!(replaced(&text, &ByteCounts::of(&text)), replaced(&text, &nothing_ruled_out()), "{}", text);
        }
    }
}

/// Counts under which every rule is tried.
fn nothing_ruled_out() -> ByteCounts {
    let mut counts = ByteCounts::default();
    (counts.at, counts.dots, counts.colons, counts.hyphens, counts.digits) = (true, 99, 99, 99, 99);
    counts
}
