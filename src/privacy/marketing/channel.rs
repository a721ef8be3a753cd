//! Channel of a pageview: the first rule of the table that holds. `docs/channels.md` has the same table, and a test
//! compares them.

use crate::privacy::marketing::clicks::{ClickId, LinkKind};
use crate::privacy::marketing::sources::SourceKind;
use crate::privacy::url::page::Referrer;

/// Origin signs of a pageview. Texts are in lower case, or empty.
#[derive(Clone, Copy)]
pub(super) struct ArrivalSigns<'s> {
    /// Kind of the source in `utm_source`, else of the referrer, else of the click id.
    pub(super) kind: Option<SourceKind>,
    pub(super) source: &'s str,
    pub(super) medium: &'s str,
    pub(super) click: Option<&'static ClickId>,
    pub(super) referrer: &'s Referrer,
    /// The URL has a `utm_*` parameter or a click id.
    pub(super) tagged: bool,
}

struct ChannelRule {
    channel: &'static str,
    when: &'static str,
    holds: fn(&ArrivalSigns<'_>) -> bool,
}

/// Channel of a pageview without any origin sign.
const DIRECT: &str = "Direct";

const PAID: [&str; 9] = ["cpc", "cpm", "cpv", "cpa", "cpp", "cpl", "ppc", "retargeting", "remarketing"];
const DISPLAY: [&str; 6] = ["display", "banner", "cpm", "expandable", "interstitial", "native"];
const MAIL: [&str; 7] = ["email", "e-mail", "e_mail", "e mail", "mail", "newsletter", "emailing"];
const SOCIAL: [&str; 6] = ["social", "social-network", "social-media", "sm", "social network", "social media"];

const RULES: [ChannelRule; 15] = [
    ChannelRule {
        channel: "Paid Search",
        when: "paid, from a search engine",
        holds: |s| s.is_paid() && s.kind == Some(SourceKind::Search),
    },
    ChannelRule {
        channel: "Paid Social",
        when: "paid, from a social network",
        holds: |s| s.is_paid() && s.kind == Some(SourceKind::Social),
    },
    ChannelRule {
        channel: "Paid Video",
        when: "paid, from a video site",
        holds: |s| s.is_paid() && s.kind == Some(SourceKind::Video),
    },
    ChannelRule {
        channel: "Display",
        when: "the medium is a word for display, or a click id of display",
        holds: |s| DISPLAY.contains(&s.medium) || s.clicked(LinkKind::Display),
    },
    ChannelRule { channel: "Paid Other", when: "paid, from elsewhere", holds: |s| s.is_paid() },
    ChannelRule {
        channel: "Email",
        when: "medium or source is a word for mail, or from webmail, or a click id of mail",
        holds: |s| {
            MAIL.contains(&s.medium)
                || MAIL.contains(&s.source)
                || s.kind == Some(SourceKind::Mail)
                || s.clicked(LinkKind::Mail)
        },
    },
    ChannelRule {
        channel: "Affiliates",
        when: "the medium is `affiliate` or `affiliates`, or a click id of a partner",
        holds: |s| matches!(s.medium, "affiliate" | "affiliates") || s.clicked(LinkKind::Affiliate),
    },
    ChannelRule {
        channel: "Messages",
        when: "medium or source is `sms`, or the medium ends with `push`",
        holds: |s| s.medium == "sms" || s.source == "sms" || s.medium.ends_with("push"),
    },
    ChannelRule {
        channel: "Audio",
        when: "the medium is `audio` or `podcast`",
        holds: |s| matches!(s.medium, "audio" | "podcast"),
    },
    ChannelRule {
        channel: "Organic Social",
        when: "from a social network, or the medium is a word for one",
        holds: |s| s.kind == Some(SourceKind::Social) || SOCIAL.contains(&s.medium),
    },
    ChannelRule {
        channel: "Organic Video",
        when: "from a video site, or the medium holds `video`",
        holds: |s| s.kind == Some(SourceKind::Video) || s.medium.contains("video"),
    },
    ChannelRule {
        channel: "AI Assistants",
        when: "from an AI assistant",
        holds: |s| s.kind == Some(SourceKind::Assistant),
    },
    ChannelRule {
        channel: "Organic Search",
        when: "from a search engine, or the medium is `organic`",
        holds: |s| s.kind == Some(SourceKind::Search) || s.medium == "organic",
    },
    ChannelRule {
        channel: "Referral",
        when: "from any other host, or the medium is `referral`, `link` or `app`",
        holds: |s| matches!(s.referrer, Referrer::Outside(_)) || matches!(s.medium, "referral" | "link" | "app"),
    },
    ChannelRule { channel: "Other Campaigns", when: "any other tag", holds: |s| s.tagged },
];

/// All channels with their conditions in words; the first that holds decides.
pub fn table() -> impl Iterator<Item = (&'static str, &'static str)> {
    RULES.iter().map(|rule| (rule.channel, rule.when)).chain([(DIRECT, "none of these")])
}

/// Word lists that the conditions refer to.
#[cfg(test)]
pub(super) const WORDS: [(&str, &[&str]); 4] =
    [("paid", &PAID), ("display", &DISPLAY), ("mail", &MAIL), ("social network", &SOCIAL)];

impl ArrivalSigns<'_> {
    fn is_paid(&self) -> bool {
        PAID.contains(&self.medium)
            || self.medium.starts_with("paid")
            || self.click.is_some_and(|click| matches!(click.says, LinkKind::Paid(_)))
    }

    fn clicked(&self, says: LinkKind) -> bool {
        self.click.is_some_and(|click| click.says == says)
    }

    /// The channel for these signs.
    pub(super) fn channel(&self) -> &'static str {
        RULES.iter().find(|rule| (rule.holds)(self)).map_or(DIRECT, |rule| rule.channel)
    }
}
