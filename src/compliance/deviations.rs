//! Deviations: the points at which a configuration deviates from the rules. A rule that an audit reports as not held
//! because of the configuration must be one of them, so that no text claims the opposite of the audit.

use jiff::Span;

use crate::compliance::bilingual::{Bilingual, text};
use crate::compliance::facts::ConfigFacts;
use crate::config::MarketingPolicy;

/// A point at which the configuration deviates from the rules, with its remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// Numbers of the rules that it concerns.
    pub rules: &'static [u8],
    /// How the configuration differs from the rules.
    pub text: Bilingual,
    /// The change that restores the rules.
    pub remedy: Bilingual,
}

impl ConfigFacts {
    /// The deviations of this configuration; empty when it keeps every rule that a configuration decides.
    pub fn deviations(&self) -> Vec<Deviation> {
        let Self { privacy, .. } = self;
        let signals =
            [(privacy.honour_gpc, "Sec-GPC", "privacy.honour_gpc"), (privacy.honour_dnt, "DNT", "privacy.honour_dnt")];
        let settings =
            [tags_on_disk(self), campaigns(self), rounding(self), review(self), controller(self), pooled_token(self)];
        let ignored_signals =
            signals.into_iter().filter(|(honoured, ..)| !honoured).map(|(_, name, key)| signal(name, key));
        settings.into_iter().flatten().chain(ignored_signals).collect()
    }
}

fn tags_on_disk(facts: &ConfigFacts) -> Option<Deviation> {
    facts.tags_on_disk.then(|| Deviation {
        rules: &[5, 13],
        text: text!(
            "The tags and the keys of the day may be written to a disk, and may remain there after the day.",
            "Les identifiants et les clés du jour peuvent être écrits sur un disque, et donc y rester après la journée."
        ),
        remedy: text!(
            "Set `runtime.dir` to a folder in memory and `runtime.allow_disk = false`.",
            "Placer `runtime.dir` en mémoire et mettre `runtime.allow_disk = false`."
        ),
    })
}

fn campaigns(facts: &ConfigFacts) -> Option<Deviation> {
    (facts.privacy.marketing == MarketingPolicy::Always).then(|| Deviation {
        rules: &[8, 9],
        text: text!(
            "Campaigns and acquisition channels are measured for every visit, without asking for consent.",
            "Les campagnes et les canaux d'acquisition sont mesurés à chaque visite, sans demander le consentement."
        ),
        remedy: text!("Set `privacy.marketing = \"never\"`.", "Mettre `privacy.marketing = \"never\"`."),
    })
}

fn rounding(facts: &ConfigFacts) -> Option<Deviation> {
    let rounding = facts.privacy.protection.step();
    let text = text!("Figures are not rounded.", "Les chiffres ne sont pas arrondis.");
    let remedy = text!("Set `privacy.protection = \"tens\"`.", "Mettre `privacy.protection = \"tens\"`.");
    (rounding < 10).then_some(Deviation { rules: &[12], text, remedy })
}

fn review(facts: &ConfigFacts) -> Option<Deviation> {
    let a_year_ago = facts.today.saturating_sub(Span::new().months(12));
    let text = match facts.privacy.last_review {
        Some(day) if day >= a_year_ago => return None,
        Some(day) => text!(
            "The last review of the retention, on {day}, is more than 12 months ago.",
            "Le dernier réexamen de la durée de conservation, le {day}, date de plus de 12 mois."
        ),
        None => {
            text!("The retention has not been reviewed yet.", "La durée de conservation n'a pas encore été réexaminée.")
        }
    };
    let remedy = text!(
        "Review the retention, and write the date down (`privacy.last_review`).",
        "Réexaminer la durée de conservation et en noter la date (`privacy.last_review`)."
    );
    Some(Deviation { rules: &[17], text, remedy })
}

fn controller(facts: &ConfigFacts) -> Option<Deviation> {
    (facts.controller().is_none() || facts.contact().is_none()).then(|| Deviation {
        rules: &[18],
        text: text!(
            "The configuration does not name the controller, or its contact.",
            "La configuration ne nomme pas le responsable du traitement, ou son contact."
        ),
        remedy: text!(
            "Name the controller and its contact (`privacy.controller`).",
            "Nommer le responsable du traitement et son contact (`privacy.controller`)."
        ),
    })
}

fn pooled_token(facts: &ConfigFacts) -> Option<Deviation> {
    facts.pooled_token.then(|| Deviation {
        rules: &[23],
        text: text!(
            "A console token reads the figures of all publishers together.",
            "Un jeton de console lit ensemble les chiffres de tous les éditeurs."
        ),
        remedy: text!(
            "Name the sites of one publisher in each token (`console.tokens`).",
            "Nommer dans chaque jeton les sites d'un seul éditeur (`console.tokens`)."
        ),
    })
}

fn signal(name: &str, key: &str) -> Deviation {
    Deviation {
        rules: &[19],
        text: text!(
            "The signal `{name}: 1` of a browser is not treated as an objection.",
            "Le signal `{name}: 1` d'un navigateur n'est pas traité comme une opposition."
        ),
        remedy: text!("Set `{key} = true`.", "Mettre `{key} = true`."),
    }
}
