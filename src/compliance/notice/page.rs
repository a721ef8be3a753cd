//! Contents of the public pages, `/privacy` and `/opt-out`, from the running configuration. Must name no site but the
//! one that the reader came for.

use crate::compliance::bilingual::{Bilingual, plain, said};
use crate::compliance::facts::ConfigFacts;
use crate::compliance::notice::document::{Block, Document};
use crate::compliance::notice::{inventory, rights};

/// URLs of the other pages, in the same language and for the same site.
#[derive(Default)]
pub struct PageLinks {
    /// URL of `/privacy`.
    pub privacy: String,
    /// URL of `/opt-out`.
    pub opt_out: String,
    /// URL of `/privacy.json`.
    pub machine: String,
}

/// Whether a choice made on the page reaches the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptOutReach {
    /// The page is served under a host of the site: the site's pages see the choice.
    Site(String),
    /// The page is served elsewhere: the site's pages do not see it.
    Elsewhere,
}

/// The content of `/privacy`.
pub fn privacy(facts: &ConfigFacts, links: &PageLinks) -> Document {
    let mut blocks = vec![Block::Paragraph(intro(facts))];
    standing(facts, &mut blocks);
    blocks.extend([
        Block::Section(said!("Who answers for it", "Qui en répond")),
        Block::Paragraph(rights::controller(facts)),
        Block::Section(said!("What it is for", "À quoi elle sert")),
        Block::List(rights::purposes()),
        Block::Paragraph(
            said!("For the publisher of the site alone. Legal basis:", "Pour l'éditeur du site seul. Base légale :")
                .then(" ", &rights::basis()),
        ),
        Block::Paragraph(rights::marketing(facts)),
        Block::Section(said!("What is read for a moment", "Ce qui est lu un instant")),
        Block::Terms(inventory::read(facts).into_iter().map(inventory::InventoryEntry::term).collect()),
        Block::Section(said!("What is kept: counters", "Ce qui est gardé : des compteurs")),
        Block::Paragraph(said!("Sums, by page and hour of the day:", "Des sommes, par page et par heure :")),
        Block::List(inventory::figures()),
        Block::Paragraph(said!(
            "They are broken down, by page and day, by one of these properties at a time:",
            "Elles sont ventilées, par page et par jour, selon une seule de ces propriétés à la fois :"
        )),
        Block::Terms(inventory::dimensions(facts).into_iter().map(inventory::InventoryEntry::term).collect()),
    ]);
    if facts.measures_campaigns() {
        blocks.push(Block::Paragraph(campaigns(facts)));
    }
    blocks.extend([
        Block::Paragraph(inventory::actions(facts)),
        Block::Paragraph(timings()),
        Block::Section(said!("How long, how exact, and where", "Combien de temps, avec quelle précision, et où")),
        Block::List(vec![
            rights::retention(facts),
            rights::rounding(facts),
            rights::recipients(facts),
            said!(
                "Nothing is stored on your device, except the objection that you ask for. There is no other cookie.",
                "Rien n'est conservé sur votre appareil, hormis l'opposition que vous demandez. Il n'y a pas d'autre cookie."
            ),
        ]),
        Block::Section(said!("How to object", "Comment s'opposer")),
        Block::Paragraph(said!("Each of these ways is enough:", "Chacun de ces moyens suffit :")),
        Block::List(rights::objections(facts)),
        Block::Paragraph(object_here(links)),
        Block::Section(said!("Your rights", "Vos droits")),
        Block::Terms(rights()),
        Block::Section(said!("For machines", "Pour les machines")),
        Block::Paragraph(machine(links)),
    ]);
    Document { title: said!("Audience measurement and privacy", "Mesure d'audience et vie privée"), blocks }
}

fn intro(facts: &ConfigFacts) -> Bilingual {
    let general = said!(
        "It is written by the program that measures, Sillage, from the configuration that is in force now.",
        "Elle est écrite par le programme qui mesure, Sillage, à partir de la configuration en vigueur."
    );
    let what = match facts.sites.first() {
        Some(site) => {
            let name = plain(&site.name);
            said!(
                "This page says what is measured of visits to the site {name}, and what is not.",
                "Cette page dit ce qui est mesuré des visites du site {name}, et ce qui ne l'est pas."
            )
        }
        None => said!(
            "This page says what is measured of visits to the site that you came from, and what is not.",
            "Cette page dit ce qui est mesuré des visites du site d'où vous venez, et ce qui ne l'est pas."
        ),
    };
    what.then(" ", &general)
}

/// The self-assessment in one sentence, or the deviations.
pub(super) fn standing(facts: &ConfigFacts, blocks: &mut Vec<Block>) {
    let departures = facts.departures();
    if departures.is_empty() {
        blocks.push(Block::Paragraph(rights::standing(facts)));
        return;
    }
    blocks.push(Block::Warning(rights::standing(facts)));
    blocks.push(Block::List(departures.into_iter().map(|departure| departure.said).collect()));
}

pub(super) fn campaigns(facts: &ConfigFacts) -> Bilingual {
    let added = inventory::campaigns();
    let (en, fr) = (&added.en, &added.fr);
    match facts.privacy.marketing {
        crate::config::MarketingPolicy::WithConsent => said!(
            "For visitors who have consented, these properties are added: {en}.",
            "Pour les visiteurs qui y ont consenti s'y ajoutent : {fr}."
        ),
        crate::config::MarketingPolicy::Never | crate::config::MarketingPolicy::Always => {
            said!("These properties are added for every visit: {en}.", "S'y ajoutent, à chaque visite : {fr}.")
        }
    }
}

pub(super) fn timings() -> Bilingual {
    let names = |pick: fn(&Bilingual) -> &str| {
        inventory::timings().iter().map(|timing| pick(&timing.label).to_owned()).collect::<Vec<_>>().join(", ")
    };
    let (en, fr) = (names(|said| &said.en), names(|said| &said.fr));
    said!(
        "Load times ({en}), as counts of coarse steps, by page and hour.",
        "Des temps de chargement ({fr}), en décomptes par paliers, par page et par heure."
    )
}

fn object_here(links: &PageLinks) -> Bilingual {
    let opt_out = &links.opt_out;
    said!(
        "The switch is also [on a page of its own]({opt_out}). All of them act before anything is hashed; whoever objects is \
         counted nowhere.",
        "L'interrupteur se trouve aussi [sur une page à part]({opt_out}). Tous agissent avant tout hachage ; qui s'oppose \
         n'est compté nulle part."
    )
}

fn rights() -> Vec<(Bilingual, Vec<Bilingual>)> {
    let term = |right: rights::DataRight| {
        let articles = match right.articles {
            [first, .., last] => said!("(GDPR, {first} to {last})", "(RGPD, {first} à {last})"),
            [one] => said!("(GDPR, {one})", "(RGPD, {one})"),
            [] => Bilingual::same(""),
        };
        (right.label.then(" ", &articles), vec![right.answer])
    };
    rights::rights().into_iter().map(term).collect()
}

fn machine(links: &PageLinks) -> Bilingual {
    let machine = &links.machine;
    said!("The same as data: [`privacy.json`]({machine}).", "La même chose en données : [`privacy.json`]({machine}).")
}

/// The content of `/opt-out`.
pub fn opt_out(facts: &ConfigFacts, reach: &OptOutReach, links: &PageLinks) -> Document {
    let privacy = &links.privacy;
    let blocks = vec![
        Block::Paragraph(said!(
            "Visits are counted here without cookies and without knowing who you are. You may still prefer not to be \
             counted. It changes nothing in what the site offers you.",
            "Les visites sont comptées ici sans cookie et sans savoir qui vous êtes. Vous pouvez préférer ne pas être \
             compté. Cela ne change rien à ce que le site vous offre."
        )),
        switch(facts),
        Block::Paragraph(acts_for(reach)),
        Block::Section(said!("Other ways", "Autres moyens")),
        Block::Paragraph(by_cookie(links)),
        Block::Paragraph(signals(facts)),
        Block::Section(said!("What becomes of it", "Ce qu'il en advient")),
        Block::Paragraph(said!(
            "The switch keeps your choice as one entry in the storage of your browser, `sillage_opt_out`. It is sent to \
             nobody: it is the script that stays silent. It lasts until you turn the switch off or clear your browser's \
             data (Safari clears it after seven days without a visit), and holds for this browser on this device.",
            "L'interrupteur garde votre choix comme une entrée dans la mémoire de votre navigateur, `sillage_opt_out`. Elle \
             n'est envoyée à personne : c'est le script qui se tait. Elle dure jusqu'à ce que vous éteigniez \
             l'interrupteur ou effaciez les données du navigateur (Safari les efface après sept jours sans visite), et vaut \
             pour ce navigateur sur cet appareil."
        )),
        Block::Paragraph(cookie()),
        Block::Paragraph(said!(
            "What is measured otherwise: [audience measurement and privacy]({privacy}).",
            "Ce qui est mesuré sinon : [mesure d'audience et vie privée]({privacy})."
        )),
    ];
    Document { title: said!("Not to be counted", "Ne pas être compté"), blocks }
}

/// The links that set the cookie of an objection and take it back: they need no script.
fn by_cookie(links: &PageLinks) -> Bilingual {
    let page = &links.opt_out;
    let and = if page.contains('?') { '&' } else { '?' };
    said!(
        "Without script, and where it is to last: [do not count my visits, by a cookie]({page}{and}object=1). [Take that \
         cookie back]({page}{and}object=0).",
        "Sans script, et pour que cela dure : [ne pas compter mes visites, par un cookie]({page}{and}object=1). [Retirer ce \
         cookie]({page}{and}object=0)."
    )
}

fn cookie() -> Bilingual {
    said!(
        "The cookie has the same name and holds `1`, the same for everybody who objects. It lasts 13 months from that day \
         and is not renewed; it goes with every request to this address, so that images are not counted either.",
        "Le cookie a le même nom et contient `1`, comme pour toutes les personnes qui s'opposent. Il dure 13 mois à compter \
         de ce jour et n'est pas renouvelé ; il accompagne toute requête à cette adresse, si bien que les images ne \
         comptent pas non plus."
    )
}

fn switch(facts: &ConfigFacts) -> Block {
    let signals = facts.privacy.honour_gpc || facts.privacy.honour_dnt;
    let without_script = said!(
        "The switch needs the measuring script, which does not run in your browser. Where it does not run, it counts \
         nothing.",
        "L'interrupteur a besoin du script de mesure, qui ne s'exécute pas dans votre navigateur. Là où il ne s'exécute \
         pas, il ne compte rien."
    );
    Block::Switch {
        label: said!("Do not count my visits", "Ne pas compter mes visites"),
        on: said!("Your visits are not counted.", "Vos visites ne sont pas comptées."),
        off: said!("Your visits are counted, anonymously.", "Vos visites sont comptées, anonymement."),
        signal: said!(
            "Your browser says so by itself, with a signal to every site: the script sends nothing.",
            "Votre navigateur le dit de lui-même, par un signal à tous les sites : le script n'envoie rien."
        ),
        without_script: match signals {
            true => without_script.then(
                " ",
                &said!(
                    "A site may also count by an image: the signals below stop that too.",
                    "Un site peut aussi compter par une image : les signaux ci-dessous arrêtent cela aussi."
                ),
            ),
            false => without_script,
        },
    }
}

fn acts_for(reach: &OptOutReach) -> Bilingual {
    match reach {
        OptOutReach::Site(host) => {
            let host = plain(host);
            said!(
                "The switch acts for {host}: a browser keeps such a choice for one address at a time, the one that you see \
                 in its address bar.",
                "L'interrupteur agit pour {host} : un navigateur garde un tel choix pour une seule adresse à la fois, celle \
                 que vous voyez dans sa barre d'adresse."
            )
        }
        OptOutReach::Elsewhere => said!(
            "The switch acts only for the address that you see in your browser's address bar, because a browser keeps such \
             a choice for one address at a time. If the site that you came from has another address, use the switch in \
             that site's own privacy policy.",
            "L'interrupteur n'agit que pour l'adresse que vous voyez dans la barre d'adresse, car un navigateur garde un tel \
             choix pour une seule adresse à la fois. Si le site d'où vous venez a une autre adresse, utilisez \
             l'interrupteur qui se trouve dans sa propre politique de confidentialité."
        ),
    }
}

pub(super) fn signals(facts: &ConfigFacts) -> Bilingual {
    match (facts.privacy.honour_gpc, facts.privacy.honour_dnt) {
        (true, true) => said!(
            "Browsers can say it by themselves to every site: with “Global Privacy Control” (`Sec-GPC: 1`) or “Do Not Track” \
             (`DNT: 1`), in their settings. Both are honoured here, also without script and for every site.",
            "Un navigateur peut le dire de lui-même à tous les sites : par « Global Privacy Control » (`Sec-GPC: 1`) ou « Do \
             Not Track » (`DNT: 1`), dans ses réglages. Les deux sont respectés ici, même sans script et pour tous les \
             sites."
        ),
        (true, false) => said!(
            "Browsers can say it by themselves to every site, with “Global Privacy Control” (`Sec-GPC: 1`) in their settings. \
             It is honoured here, also without script.",
            "Un navigateur peut le dire de lui-même à tous les sites, par « Global Privacy Control » (`Sec-GPC: 1`) dans ses \
             réglages. Ce signal est respecté ici, même sans script."
        ),
        (false, true) => said!(
            "Browsers can say it by themselves to every site, with “Do Not Track” (`DNT: 1`) in their settings. It is \
             honoured here, also without script.",
            "Un navigateur peut le dire de lui-même à tous les sites, par « Do Not Track » (`DNT: 1`) dans ses réglages. Ce \
             signal est respecté ici, même sans script."
        ),
        (false, false) => said!(
            "The signals of browsers (“Global Privacy Control”, “Do Not Track”) are not taken as an objection here. You can \
             also block the script, or images from this host.",
            "Les signaux des navigateurs (« Global Privacy Control », « Do Not Track ») ne sont pas traités ici comme une \
             opposition. Vous pouvez aussi bloquer le script, ou les images de cet hôte."
        ),
    }
}
