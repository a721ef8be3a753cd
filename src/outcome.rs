//! Outcomes: every hit ends in exactly one, and the outcomes of a run add up to the hits received.

/// The end of one hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Durable in the spool; answered `202`.
    Counted,
    /// Durable, but memory for visitor tags was full: the pageview counts without visitor or visit.
    Untagged,
    /// The sender left before the answer; the spool has the event and keeps it, unless its disk failed just then.
    Unanswered,
    /// Deliberately not counted; answered `202` with `x-sillage-dropped`.
    Dropped(Dropped),
    /// Rejected; the sender gets an error status.
    Refused(Rejection),
}

/// Reason why a well-formed hit is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// The agent is a robot, or the header is empty.
    Bot,
    /// The visitor opted out: `Sec-GPC: 1`, `DNT: 1` or the cookie of `/opt-out`.
    OptedOut,
    /// The site's configuration excludes this path or address.
    Excluded,
    /// No site of this name or host is configured.
    UnknownSite,
    /// The browser prefetched the page; it was not shown.
    Prefetch,
    /// The site counts only with consent, and the hit carries none.
    NoConsent,
    /// The page is on a host that is neither the site's nor allowed beside it.
    ForeignHost,
    /// The referrer is on the list of referrer spam.
    ReferrerSpam,
    /// A kind of event that this site does not measure.
    NotMeasured,
    /// One address, or the new agents of its network, exceeded the ceiling of ten minutes.
    Flood,
}

/// Reason why a hit is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// `400`: the body does not match the format.
    Malformed,
    /// `413`: longer than the configured limit.
    TooLarge,
    /// `415`: unsupported content encoding.
    Unsupported,
    /// `408`: the body did not arrive in time.
    TimedOut,
    /// `503`: the spool accepts no events now.
    Unavailable,
}

impl Outcome {
    /// Every outcome, so that each metric exists from the start. Its place is its number in the spool's format: new
    /// ones go to the end.
    pub const ALL: [Outcome; 18] = [
        Outcome::Counted,
        Outcome::Untagged,
        Outcome::Unanswered,
        Outcome::Dropped(Dropped::Bot),
        Outcome::Dropped(Dropped::OptedOut),
        Outcome::Dropped(Dropped::Excluded),
        Outcome::Dropped(Dropped::UnknownSite),
        Outcome::Dropped(Dropped::Prefetch),
        Outcome::Dropped(Dropped::NoConsent),
        Outcome::Dropped(Dropped::ForeignHost),
        Outcome::Dropped(Dropped::ReferrerSpam),
        Outcome::Dropped(Dropped::NotMeasured),
        Outcome::Dropped(Dropped::Flood),
        Outcome::Refused(Rejection::Malformed),
        Outcome::Refused(Rejection::TooLarge),
        Outcome::Refused(Rejection::Unsupported),
        Outcome::Refused(Rejection::TimedOut),
        Outcome::Refused(Rejection::Unavailable),
    ];

    /// Whether the hit is in the figures.
    pub fn is_counted(self) -> bool {
        match self {
            Outcome::Counted | Outcome::Untagged | Outcome::Unanswered => true,
            Outcome::Dropped(_) | Outcome::Refused(_) => false,
        }
    }

    /// Its place in [`Outcome::ALL`].
    pub fn number(self) -> usize {
        Self::ALL.iter().position(|one| *one == self).unwrap_or_default()
    }

    /// The label in `sillage_hits_total{outcome}` and in the `outcome_days` table.
    pub fn label(self) -> &'static str {
        match self {
            Outcome::Counted => "counted",
            Outcome::Untagged => "untagged",
            Outcome::Unanswered => "unanswered",
            Outcome::Dropped(reason) => reason.label(),
            Outcome::Refused(reason) => reason.label(),
        }
    }
}

impl Dropped {
    /// Value of the header `x-sillage-dropped`.
    pub fn label(self) -> &'static str {
        match self {
            Dropped::Bot => "bot",
            Dropped::OptedOut => "opted_out",
            Dropped::Excluded => "excluded",
            Dropped::UnknownSite => "unknown_site",
            Dropped::Prefetch => "prefetch",
            Dropped::NoConsent => "no_consent",
            Dropped::ForeignHost => "foreign_host",
            Dropped::ReferrerSpam => "referrer_spam",
            Dropped::NotMeasured => "not_measured",
            Dropped::Flood => "flood",
        }
    }
}

impl Rejection {
    /// Value of the label `outcome` in the metric.
    pub fn label(self) -> &'static str {
        match self {
            Rejection::Malformed => "malformed",
            Rejection::TooLarge => "too_large",
            Rejection::Unsupported => "unsupported",
            Rejection::TimedOut => "timed_out",
            Rejection::Unavailable => "unavailable",
        }
    }
}
