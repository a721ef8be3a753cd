//! Texts follow the configuration: a setting that a visitor may ask about changes every text that mentions it.

use crate::compliance::bilingual::Bilingual;
use crate::compliance::notice::document::Block;
use crate::compliance::notice::page;
use crate::compliance::notice::page::{OptOutReach, PageLinks};
use crate::compliance::notice::{ConfigFacts, Lang, for_publishers, machine, notice};
use crate::compliance::rules::{RULES, SELF_ASSESSMENT};
use crate::config::{Config, ContactDetails, PrivacyConfig};
use crate::event::Dimension;
use crate::sites::Sites;

const NOW: &str = "2026-11-22T12:00:00Z";
const SITE: &str = "[[site]]\nname = \"shop.example\"\n";

/// Facts of this configuration text; controller and review of the retention are filled in where it has none.
pub(super) fn facts(text: &str) -> ConfigFacts {
    let mut config = Config::from_toml(text).unwrap();
    if !text.contains("controller") {
        config.privacy.controller = ContactDetails { name: "Quai SA".into(), contact: "dpo@quai.example".into() };
    }
    if !text.contains("last_review") {
        config.privacy.last_review = Some(jiff::civil::date(2026, 11, 1));
    }
    let sites = Sites::new(&config.site).unwrap();
    ConfigFacts::new(&config, NOW.parse().unwrap()).of(sites.iter().map(AsRef::as_ref))
}

fn links() -> PageLinks {
    PageLinks { privacy: "/privacy".into(), opt_out: "/opt-out".into(), machine: "/privacy.json".into() }
}

/// Page, data and notices as they are sent, without their no-break spaces.
pub(super) fn texts(facts: &ConfigFacts, lang: Lang) -> [(&'static str, String); 4] {
    [
        ("page", page::privacy(facts, &links()).markdown(lang)),
        ("opt-out", page::opt_out(facts, &OptOutReach::Elsewhere, &links()).markdown(lang)),
        ("notice", notice(facts).markdown(lang)),
        ("machine", machine::json(facts)),
    ]
    .map(|(name, text)| (name, text.replace(['\u{a0}', '\u{202f}'], " ")))
}

/// A configuration, and phrases that the texts then hold or lack, in English and in French.
struct Case {
    toml: &'static str,
    says: &'static [(&'static str, &'static str, &'static str)],
    keeps_silent: &'static [&'static str],
}

const PAGE_NOTICE: [&str; 2] = ["page", "notice"];

static CASES: &[Case] = &[
    Case {
        toml: "[privacy]\nprotection = \"exact\"",
        says: &[
            ("page", "rounding is off", "l’arrondi est désactivé"),
            (
                "notice",
                "**Not held.** Figures are not rounded.",
                "**Non respectée.** Les chiffres ne sont pas arrondis.",
            ),
            ("notice", "`privacy.protection = \"tens\"`", "`privacy.protection = \"tens\"`"),
            ("machine", "\"rounding\": 1,", "\"rounding\": 1,"),
        ],
        keeps_silent: &["published in tens", "publiés par dizaines"],
    },
    Case {
        toml: "[privacy]\nretention_months = 13",
        says: &[
            ("page", "for 13 months", "conservés 13 mois"),
            ("notice", "for 13 months", "conservés 13 mois"),
            ("machine", "\"months\": 13", "\"months\": 13"),
        ],
        keeps_silent: &["for 25 months", "conservés 25 mois"],
    },
    Case {
        toml: "[privacy]\nhonour_gpc = false",
        says: &[
            ("page", "`Sec-GPC: 1` of a browser is not treated", "`Sec-GPC: 1` d’un navigateur n’est pas traité"),
            ("notice", "`privacy.honour_gpc = true`", "`privacy.honour_gpc = true`"),
            ("machine", "\"sec_gpc\": false", "\"sec_gpc\": false"),
        ],
        keeps_silent: &["the signal “Global Privacy Control”", "le signal « Global Privacy Control »"],
    },
    Case {
        toml: "[privacy]\nhonour_dnt = false",
        says: &[
            ("page", "`DNT: 1` of a browser is not treated", "`DNT: 1` d’un navigateur n’est pas traité"),
            ("machine", "\"dnt\": false", "\"dnt\": false"),
        ],
        keeps_silent: &["its signal “Do Not Track”", "son signal « Do Not Track »"],
    },
    Case {
        toml: "[privacy]\nhash_address = \"truncated\"",
        says: &[("page", "24 bits of an IPv4 address", "24 bits d’une adresse IPv4")],
        keeps_silent: &["its first 64 bits", "ses 64 premiers bits"],
    },
    Case {
        toml: "[privacy]\nmarketing = \"with_consent\"",
        says: &[
            ("page", "who have consented to it", "qui y ont consenti"),
            ("notice", "the parameters of campaigns are read (R8)", "les paramètres de campagne sont lus (R8)"),
            ("notice", "Ask for consent before this is measured", "Recueillir le consentement avant"),
            ("machine", "\"measured\": \"with_consent\"", "\"measured\": \"with_consent\""),
        ],
        keeps_silent: &["Not held", "Non respectée", "channels are not measured", "ne sont pas mesurés."],
    },
    Case {
        toml: "[privacy]\nmarketing = \"always\"",
        says: &[
            ("page", "No exemption from consent is claimed", "Aucune dispense de consentement"),
            ("page", "measured for every visit", "mesurés à chaque visite"),
            ("notice", "**Not held.** Campaigns", "**Non respectée.** Les campagnes"),
            ("machine", "\"measured\": \"always\"", "\"measured\": \"always\""),
        ],
        keeps_silent: &["channels are not measured", "d’acquisition ne sont pas mesurés"],
    },
    Case {
        toml: "[privacy]\ncontroller = { name = \"Port SARL\", contact = \"dpo@port.example\" }",
        says: &[
            ("page", "Port SARL", "Port SARL"),
            ("notice", "(mailto:dpo@port.example)", "(mailto:dpo@port.example)"),
            ("machine", "\"name\": \"Port SARL\"", "\"name\": \"Port SARL\""),
        ],
        keeps_silent: &["Quai SA"],
    },
    Case {
        toml: "[privacy]\ncontroller = { name = \"\", contact = \"\" }",
        says: &[
            ("page", "does not name the controller", "ne nomme pas le responsable"),
            ("page", "are in its legal notice", "dans ses mentions légales"),
            ("notice", "**to be completed**", "**à compléter**"),
            ("notice", "Name the controller", "Nommer le responsable"),
        ],
        keeps_silent: &["Quai SA"],
    },
    Case {
        toml: "[privacy]\ndpo = \"dpo@port.example\"",
        says: &[
            ("page", "officer: [dpo@port.example]", "données : [dpo@port.example]"),
            ("notice", "officer: [dpo@port.example]", "données : [dpo@port.example]"),
        ],
        keeps_silent: &["`privacy.dpo` is empty", "`privacy.dpo` est vide"],
    },
    Case {
        toml: "[privacy]\nprocessor = { name = \"Mesures SARL\", contact = \"x@mesures.example\" }",
        says: &[("notice", "Mesures SARL", "Mesures SARL")],
        keeps_silent: &["The operator of the server", "L’exploitant du serveur"],
    },
    Case {
        toml: "[privacy]\nlast_review = 2026-11-21",
        says: &[("notice", "Last review of this duration: 2026-11-21", "réexamen de cette durée : 2026-11-21")],
        keeps_silent: &["2026-11-01"],
    },
    Case {
        toml: "[geo]\ndatabases = [\"node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb\"]",
        says: &[
            ("page", "Country", "Pays"),
            ("page", "and looked up in a file", "et recherchée dans un fichier"),
            ("machine", "\"location\": true", "\"location\": true"),
            ("machine", "\"name\": \"city\"", "\"name\": \"city\""),
        ],
        keeps_silent: &["No location file is configured", "Aucun fichier de géolocalisation n’est configuré"],
    },
    Case {
        toml: "[runtime]\nallow_disk = true\ndir = \"target/nowhere\"",
        says: &[
            ("page", "may be written to a disk", "sur un disque du serveur"),
            ("notice", "may be written to a disk", "sur un disque du serveur"),
        ],
        keeps_silent: &[
            "stay in memory and never",
            "restent en mémoire et ne sont",
            "never reach a disk",
            "ne sont jamais écrits sur un disque",
        ],
    },
    Case {
        toml: "[clickhouse]\nmode = \"remote\"",
        says: &[("page", "a database that the controller has chosen", "choisie par le responsable")],
        keeps_silent: &["on the machine that counts them", "sur la machine qui les compte"],
    },
    Case {
        toml: "[spool]\nflush_seconds = 60",
        says: &[("notice", "usually for 60 seconds", "en général 60 secondes")],
        keeps_silent: &["for 15 seconds", "15 secondes"],
    },
    Case {
        toml: "[[site]]\nname = \"shop.example\"\nquery_names_kept = [\"page\"]\nproperties = [\"plan\"]\nsearch_parameter = \"q\"\nproblems = true",
        says: &[
            ("page", "of its query string only `page`", "chaîne de requête seulement `page`"),
            ("page", "each separately: `plan`", "chacune séparément : `plan`"),
            ("page", "(`q`)", "(`q`)"),
            ("notice", "own search (`q`)", "moteur du site (`q`)"),
            ("page", "Errors of the site’s scripts are counted", "Les erreurs des scripts du site sont comptées"),
            ("notice", "Parameters named here: `page`", "Paramètres nommés ici : `page`"),
            ("machine", "\"search_parameter\": \"q\"", "\"search_parameter\": \"q\""),
        ],
        keeps_silent: &["without query string", "sans chaîne de requête"],
    },
];

#[test]
fn every_setting_that_matters_to_visitors_changes_what_they_are_told() {
    let default = facts(SITE);
    for case in CASES {
        let text = if case.toml.contains("[[site]]") { case.toml.to_owned() } else { format!("{}\n{SITE}", case.toml) };
        let changed = facts(&text);
        for (lang, of) in [(Lang::En, 0), (Lang::Fr, 1)] {
            let (before, after) = (texts(&default, lang), texts(&changed, lang));
            for (name, en, fr) in case.says {
                let phrase = [en, fr][of];
                let find = |texts: &[(&str, String); 4]| {
                    texts.iter().any(|(text, body)| text == name && body.contains(*phrase))
                };
                assert!(find(&after), "{}: the {name} does not say “{phrase}”", case.toml);
                assert!(!find(&before), "{}: the {name} always says “{phrase}”", case.toml);
            }
            for silent in case.keeps_silent {
                let says = |(name, body): &(&str, String)| PAGE_NOTICE.contains(name) && body.contains(silent);
                assert!(!after.iter().any(says), "{}: “{silent}” is still said", case.toml);
            }
        }
        for silent in case.keeps_silent {
            let somewhere =
                Lang::ALL.into_iter().any(|lang| texts(&default, lang).iter().any(|(_, body)| body.contains(silent)));
            let exception = silent.starts_with("Not held") || silent.starts_with("Non respectée");
            assert!(somewhere || exception, "“{silent}” is never said at all");
        }
    }
}

#[test]
fn the_exemption_is_claimed_by_the_one_permitted_sentence_and_only_where_nothing_leaves_it() {
    let leaving = ["protection = \"exact\"", "marketing = \"always\"", "honour_gpc = false", "honour_dnt = false"];
    let claims = |facts: &ConfigFacts| {
        let sentence = Bilingual::from(SELF_ASSESSMENT);
        // Data hold the value as written, texts as typeset.
        let [en, fr] = Lang::ALL.map(|lang| {
            let claims_it =
                |(_, text): &(&str, String)| text.contains(&sentence.text(lang)) || text.contains(&sentence.en);
            texts(facts, lang).iter().filter(|text| claims_it(text)).map(|(name, _)| *name).collect::<Vec<_>>()
        });
        assert_eq!(en, fr);
        en
    };
    assert_eq!(claims(&facts(SITE)), ["page", "notice", "machine"]);
    assert_eq!(
        claims(&facts(&format!("[privacy]\nmarketing = \"with_consent\"\n{SITE}"))),
        ["page", "notice", "machine"]
    );
    for leaving in leaving {
        let facts = facts(&format!("[privacy]\n{leaving}\n{SITE}"));
        assert_eq!(claims(&facts), [""; 0], "{leaving}");
        assert!(!facts.deviations().is_empty());
    }
    assert_eq!(claims(&facts(&format!("[runtime]\nallow_disk = true\ndir = \"target\"\n{SITE}"))), [""; 0]);
}

#[test]
fn the_assessment_goes_through_every_rule_once_and_in_order() {
    let document = notice(&facts(SITE));
    let terms =
        document.blocks.iter().filter_map(|block| if let Block::Terms(terms) = block { Some(terms) } else { None });
    let titles: Vec<&str> =
        terms.flatten().map(|(term, _)| term.en.as_str()).filter(|term| term.contains(" · ")).collect();
    let expected: Vec<String> = RULES.iter().map(|rule| format!("R{} · {}", rule.number, rule.title.en)).collect();
    assert_eq!(titles, expected);
}

#[test]
fn every_dimension_is_named_in_the_data_places_where_there_are_files_and_campaigns_where_they_are_measured() {
    let places = ["country", "region", "city"];
    let without = facts(SITE);
    let with = ConfigFacts { location: true, ..without.clone() };
    let campaigns = facts(&format!("[privacy]\nmarketing = \"with_consent\"\n{SITE}"));
    for dimension in Dimension::ALL {
        let name = format!("\"name\": \"{}\"", dimension.name());
        let marketing = dimension.is_marketing();
        assert_eq!(machine::json(&with).contains(&name), !marketing, "{name}");
        assert_eq!(
            machine::json(&campaigns).contains(&name),
            marketing || !places.contains(&dimension.name()),
            "{name}"
        );
        assert_eq!(
            machine::json(&without).contains(&name),
            !marketing && !places.contains(&dimension.name()),
            "{name}"
        );
    }
}

#[test]
fn mails_are_named_among_the_recipients_and_the_mail_server_in_the_register() {
    let hook = "[[mail.alert]]\nsites = [\"*\"]\nwebhook_file = \"hook\"\n";
    let (without, with) = (facts(SITE), facts(&format!("{hook}{SITE}")));
    for (lang, sent, server) in [
        (Lang::En, "Published figures are sent to people whom the publisher names", "operator of the mail server"),
        (
            Lang::Fr,
            "Les chiffres publiés sont envoyés à des personnes désignées",
            "exploitant du serveur de messagerie",
        ),
    ] {
        let read = |facts: &ConfigFacts| texts(facts, lang).map(|(_, text)| text);
        let [page, _, notice, _] = read(&with);
        assert!(page.contains(sent) && notice.contains(sent) && notice.contains(server), "{page}{notice}");
        let [page, _, notice, _] = read(&without);
        assert!(!page.contains(sent) && !notice.contains(server));
    }
}

#[test]
fn a_review_older_than_a_year_is_asked_for_again() {
    let facts = facts(&format!("[privacy]\nlast_review = 2025-11-22\n{SITE}"));
    let rules =
        |now: &str| facts.at(now.parse().unwrap()).deviations().iter().map(|left| left.rules).collect::<Vec<_>>();
    assert_eq!(rules("2026-11-22T23:59:59Z"), [[0; 0]; 0]);
    assert_eq!(rules("2026-11-23T00:00:00Z"), [[17]]);
    let never = ConfigFacts { privacy: PrivacyConfig { last_review: None, ..facts.privacy.clone() }, ..facts.clone() };
    assert!(texts(&never, Lang::En)[2].1.contains("**Not held.** The retention has not been reviewed yet."));
}

#[test]
fn both_languages_have_the_same_parts_and_no_sentence_is_left_untranslated() {
    for (en, fr) in
        texts(&facts(SITE), Lang::En).iter().zip(texts(&facts(SITE), Lang::Fr)).filter(|(en, _)| en.0 != "machine")
    {
        assert_eq!(en.1.lines().count(), fr.1.lines().count(), "{}", en.0);
        for (english, french) in en.1.lines().zip(fr.1.lines()).filter(|(english, _)| english.contains(' ')) {
            let same = english == french
                && !english.contains("shop.example")
                && english != "## Sources"
                && english != "### Sources";
            assert!(!same, "{english}");
        }
    }
}

#[test]
fn a_configured_value_is_not_markup_on_the_privacy_page() {
    let hostile =
        "[privacy]\ncontroller = { name = \"<script>[x](javascript:1)`\", contact = \"javascript:alert(1)@x\" }";
    let facts = facts(&format!("{hostile}\n{SITE}"));
    let document = page::privacy(&facts, &links());
    let html = crate::compliance::notice::html::page(
        &document,
        Lang::En,
        &crate::compliance::notice::html::PageFrame::default(),
    );
    assert!(!html.contains("<script") && !html.contains("href=\"javascript"), "{html}");
}

#[test]
fn the_document_for_publishers_names_version_criteria_and_clauses_in_both_languages() {
    let facts = facts(&format!("[privacy]\nprocessor = {{ name = \"Mesures SARL\", contact = \"\" }}\n{SITE}"));
    let document = for_publishers(&facts);
    for (lang, clause) in [(Lang::En, "purposes of its own"), (Lang::Fr, "à ses propres fins")] {
        let text = document.markdown(lang).replace(['\u{a0}', '\u{202f}'], " ");
        for phrase in [env!("CARGO_PKG_VERSION"), &facts.config_hash, "Mesures SARL", "R23 · ", clause] {
            assert!(text.contains(phrase), "{phrase} in {text}");
        }
    }
}
