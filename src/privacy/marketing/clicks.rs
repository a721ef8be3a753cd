//! Click ids by parameter name, and the source that each name implies. Their values are never read: each identifies one
//! click of one person to the advertising network.

use crate::privacy::marketing::sources::SourceKind;

/// Meaning of a click id's presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClickId {
    /// Parameter name in lower case.
    pub(super) name: &'static str,
    /// Source that adds it to links.
    pub(super) source: &'static str,
    pub(super) says: LinkKind,
}

/// Kind of link that carries a click id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkKind {
    /// An advertisement at a source of this kind.
    Paid(SourceKind),
    /// An advertisement on a third party's page.
    Display,
    /// A mass mailing to subscribers.
    Mail,
    /// A link of a paid partner.
    Affiliate,
    /// Any link from a source of this kind, paid or not.
    Link(SourceKind),
}

impl ClickId {
    /// Kind of the source that adds it, if it has one.
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

/// All known click ids. Each is also among the parameters that a page never keeps.
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

/// The click id of this name, case-insensitive.
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
