//! Click ids by their names: what it tells that one is there. Their values are never read: each is one click of one
//! person, known to whoever sold it.

use crate::privacy::marketing::sources::SourceKind;

/// What a click id's presence tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClickId {
    /// Its name in small letters.
    pub(super) name: &'static str,
    /// Who adds it to links.
    pub(super) source: &'static str,
    pub(super) says: LinkKind,
}

/// Which kind of link carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkKind {
    /// An advertisement of a place of this kind.
    Paid(SourceKind),
    /// An advertisement on somebody else's page.
    Display,
    /// A mail that was sent to many.
    Mail,
    /// A partner who is paid.
    Affiliate,
    /// Any link from a place of this kind, paid or not.
    Link(SourceKind),
}

impl ClickId {
    /// Of the place that adds it, where it has one.
    pub(super) fn kind(&self) -> Option<SourceKind> {
        match self.says {
            LinkKind::Paid(kind) | LinkKind::Link(kind) => Some(kind),
            LinkKind::Display | LinkKind::Mail | LinkKind::Affiliate => None,
        }
    }
}

const fn click(name: &'static str, source: &'static str, says: LinkKind) -> ClickId {
    ClickId { name, source, says }
}

/// All that are known. Each is also among the names that no page ever keeps.
pub(super) const CLICKS: [ClickId; 25] = [
    click("gclid", "Google", LinkKind::Paid(SourceKind::Search)),
    click("gbraid", "Google", LinkKind::Paid(SourceKind::Search)),
    click("wbraid", "Google", LinkKind::Paid(SourceKind::Search)),
    click("dclid", "Google", LinkKind::Display),
    click("srsltid", "Google", LinkKind::Link(SourceKind::Search)),
    click("msclkid", "Bing", LinkKind::Paid(SourceKind::Search)),
    click("yclid", "Yandex", LinkKind::Paid(SourceKind::Search)),
    click("fbclid", "Facebook", LinkKind::Link(SourceKind::Social)),
    click("igshid", "Instagram", LinkKind::Link(SourceKind::Social)),
    click("epik", "Pinterest", LinkKind::Link(SourceKind::Social)),
    click("twclid", "Twitter", LinkKind::Paid(SourceKind::Social)),
    click("ttclid", "TikTok", LinkKind::Paid(SourceKind::Social)),
    click("li_fat_id", "LinkedIn", LinkKind::Paid(SourceKind::Social)),
    click("rdt_cid", "reddit", LinkKind::Paid(SourceKind::Social)),
    click("sccid", "Snapchat", LinkKind::Paid(SourceKind::Social)),
    click("irclickid", "Impact", LinkKind::Affiliate),
    click("mc_cid", "Mailchimp", LinkKind::Mail),
    click("mc_eid", "Mailchimp", LinkKind::Mail),
    click("_hsenc", "HubSpot", LinkKind::Mail),
    click("_hsmi", "HubSpot", LinkKind::Mail),
    click("mkt_tok", "Marketo", LinkKind::Mail),
    click("vero_id", "Vero", LinkKind::Mail),
    click("oly_enc_id", "Omeda", LinkKind::Mail),
    click("oly_anon_id", "Omeda", LinkKind::Mail),
    click("s_kwcid", "Adobe", LinkKind::Paid(SourceKind::Search)),
];

/// The click id of this name, in small or capital letters.
pub(super) fn of_name(name: &str) -> Option<&'static ClickId> {
    CLICKS.iter().find(|click| click.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_keeps_a_click_id() {
        for click in CLICKS {
            let site = crate::config::SiteConfig {
                name: "a.example".into(),
                query_names_kept: vec![click.name.to_ascii_uppercase()],
                ..Default::default()
            };
            assert!(crate::sites::Sites::new(&[site]).is_err(), "{}", click.name);
        }
    }
}
