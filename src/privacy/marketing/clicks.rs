//! Click ids by their names: what it tells that one is there. Their values are never read: each is one click of one
//! person, known to whoever sold it.

use super::sources::Kind;

/// What a click id's presence tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Click {
    /// Its name in small letters.
    pub(super) name: &'static str,
    /// Who adds it to links.
    pub(super) source: &'static str,
    pub(super) says: Says,
}

/// Which kind of link carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// An advertisement of a place of this kind.
    Paid(Kind),
    /// An advertisement on somebody else's page.
    Display,
    /// A mail that was sent to many.
    Mail,
    /// A partner who is paid.
    Affiliate,
    /// Any link from a place of this kind, paid or not.
    Link(Kind),
}

impl Click {
    /// Of the place that adds it, where it has one.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self.says {
            Says::Paid(kind) | Says::Link(kind) => Some(kind),
            Says::Display | Says::Mail | Says::Affiliate => None,
        }
    }
}

const fn click(name: &'static str, source: &'static str, says: Says) -> Click {
    Click { name, source, says }
}

/// All that are known. Each is also among the names that no page ever keeps.
pub(super) const CLICKS: [Click; 25] = [
    click("gclid", "Google", Says::Paid(Kind::Search)),
    click("gbraid", "Google", Says::Paid(Kind::Search)),
    click("wbraid", "Google", Says::Paid(Kind::Search)),
    click("dclid", "Google", Says::Display),
    click("srsltid", "Google", Says::Link(Kind::Search)),
    click("msclkid", "Bing", Says::Paid(Kind::Search)),
    click("yclid", "Yandex", Says::Paid(Kind::Search)),
    click("fbclid", "Facebook", Says::Link(Kind::Social)),
    click("igshid", "Instagram", Says::Link(Kind::Social)),
    click("epik", "Pinterest", Says::Link(Kind::Social)),
    click("twclid", "Twitter", Says::Paid(Kind::Social)),
    click("ttclid", "TikTok", Says::Paid(Kind::Social)),
    click("li_fat_id", "LinkedIn", Says::Paid(Kind::Social)),
    click("rdt_cid", "reddit", Says::Paid(Kind::Social)),
    click("sccid", "Snapchat", Says::Paid(Kind::Social)),
    click("irclickid", "Impact", Says::Affiliate),
    click("mc_cid", "Mailchimp", Says::Mail),
    click("mc_eid", "Mailchimp", Says::Mail),
    click("_hsenc", "HubSpot", Says::Mail),
    click("_hsmi", "HubSpot", Says::Mail),
    click("mkt_tok", "Marketo", Says::Mail),
    click("vero_id", "Vero", Says::Mail),
    click("oly_enc_id", "Omeda", Says::Mail),
    click("oly_anon_id", "Omeda", Says::Mail),
    click("s_kwcid", "Adobe", Says::Paid(Kind::Search)),
];

/// The click id of this name, in small or capital letters.
pub(super) fn of_name(name: &str) -> Option<&'static Click> {
    CLICKS.iter().find(|click| click.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_keeps_a_click_id() {
        for click in CLICKS {
            let site = crate::config::Site {
                name: "a.example".into(),
                query_names_kept: vec![click.name.to_ascii_uppercase()],
                ..Default::default()
            };
            assert!(crate::sites::Sites::new(&[site]).is_err(), "{}", click.name);
        }
    }
}
