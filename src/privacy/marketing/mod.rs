//! Origin of a pageview for marketing: source, channel and the five `utm_*`. Used only if the configuration and the
//! visitor allow it; must never read a click id's value, nor any other part of a query.
//!
//! | query parameter | result |
//! |---|---|
//! | `utm_source`, `utm_medium`, `utm_campaign`, `utm_term`, `utm_content` | the first of each: decoded, blanks and invisible characters reduced to single blanks, personal data replaced by placeholders (see `redact`; here also any number of seven or more digits that is not a date), at most 200 bytes |
//! | the same, empty or in brackets, such as `(not set)` | dropped: tools write that for a missing value, and brackets are reserved |
//! | the name of a click id | its presence, see `clicks` |
//! | anything else | dropped |

mod channel;
mod clicks;
mod sources;

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

pub use self::channel::table;
use crate::event::{DIRECT, Dimension, OTHER};
use crate::privacy::budget::CleaningBudget;
use crate::privacy::marketing::channel::ArrivalSigns;
use crate::privacy::marketing::clicks::ClickId;
use crate::privacy::redact;
use crate::privacy::url::page::{Referrer, parameters};
use crate::privacy::url::percent;

/// Longest value in bytes: campaign names are shorter, and a longer value may hold more than a name.
const VALUE_BYTES_MAX: usize = 200;

/// Bytes of a value that are read: placeholders are shorter than what they stand for.
const BYTES_READ_MAX: usize = 2 * VALUE_BYTES_MAX;

const NAMES: [&str; 5] = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];

/// Origin of a pageview, in the parts that are kept.
pub(super) struct Origin {
    source: Option<Box<str>>,
    channel: &'static str,
    /// Tag values in the order of [`NAMES`].
    tags: [Option<Box<str>>; 5],
}

impl Origin {
    /// Reads a page's query and its cleaned referrer.
    pub(super) fn new(query: &str, referrer: &Referrer, budget: &CleaningBudget) -> Self {
        let mut tags = [const { None }; 5];
        let mut click: Option<&'static ClickId> = None;
        for (name, value) in parameters(query) {
            let at = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name));
            match at.and_then(|at| tags.get_mut(at)) {
                Some(tag @ None) => *tag = cleaned(value, budget),
                Some(Some(_)) => {}
                None => click = click.or_else(|| clicks::of_name(name)),
            }
        }
        Self::of(tags, click, referrer)
    }

    fn of(tags: [Option<Box<str>>; 5], click: Option<&'static ClickId>, referrer: &Referrer) -> Self {
        let small = |tag: &Option<Box<str>>| tag.as_deref().unwrap_or_default().to_lowercase();
        let [source, medium, ..] = &tags;
        let (word, medium) = (small(source), small(medium));
        let host = match referrer {
            Referrer::Outside(host) => Some(&**host),
            Referrer::Inside(_) | Referrer::None => None,
        };
        let known = if word.is_empty() { host.and_then(sources::of_host) } else { sources::of_word(&word) };
        let kind = known.map(|known| known.kind).or_else(|| click?.kind());
        let tagged = click.is_some() || tags.iter().any(Option::is_some);
        let name = known.map(|known| known.name).or(source.as_deref()).or(host);
        let name = name.or(click.map(|click| click.source)).or((!tagged).then_some(DIRECT));
        let signs = ArrivalSigns { kind, source: &word, medium: &medium, click, referrer, tagged };
        Self { source: name.map(Into::into), channel: signs.channel(), tags }
    }

    /// Puts [`OTHER`] in the place of texts that `keeps` does not keep; says whether there were any. The channel is one
    /// of our own names.
    pub(super) fn retain(&mut self, mut keeps: impl FnMut(Dimension, &str) -> bool) -> bool {
        const TAGS: [Dimension; 5] = [
            Dimension::UtmSource,
            Dimension::UtmMedium,
            Dimension::UtmCampaign,
            Dimension::UtmTerm,
            Dimension::UtmContent,
        ];
        let source = std::iter::once((Dimension::Source, &mut self.source));
        let mut is_any = false;
        for (dimension, text) in source.chain(TAGS.into_iter().zip(&mut self.tags)) {
            if text.as_deref().is_some_and(|text| text != DIRECT && !keeps(dimension, text)) {
                *text = Some(OTHER.into());
                is_any = true;
            }
        }
        is_any
    }

    /// Value of a marketing dimension.
    pub(super) fn value(&self, dimension: Dimension) -> Option<&str> {
        let [source, medium, campaign, term, content] = &self.tags;
        let tag = match dimension {
            Dimension::Source => &self.source,
            Dimension::Channel => return Some(self.channel),
            Dimension::UtmSource => source,
            Dimension::UtmMedium => medium,
            Dimension::UtmCampaign => campaign,
            Dimension::UtmTerm => term,
            Dimension::UtmContent => content,
            Dimension::Referrer
            | Dimension::PreviousPage
            | Dimension::Country
            | Dimension::Region
            | Dimension::City
            | Dimension::Device
            | Dimension::Browser
            | Dimension::BrowserVersion
            | Dimension::System
            | Dimension::SystemVersion
            | Dimension::Screen
            | Dimension::Language
            | Dimension::Hostname
            | Dimension::DeviceModel => return None,
        };
        tag.as_deref()
    }
}

/// Cleans a value; `None` if nothing of it may be kept.
fn cleaned(value: &str, budget: &CleaningBudget) -> Option<Box<str>> {
    // Each byte may be encoded in three.
    let spaced = budget.take(value, 3 * BYTES_READ_MAX).replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8_lossy();
    let readable = decoded.replace(percent::is_unprintable, " ");
    let text = readable.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let mut text = redacted(percent::cut_between_words(&text, BYTES_READ_MAX).to_owned());
    if text.len() > VALUE_BYTES_MAX {
        // Cutting can create a pattern that the whole text did not match.
        text = redacted(percent::cut(&text, VALUE_BYTES_MAX).trim_end().to_owned());
    }
    let is_kept = !text.is_empty() && text.len() <= VALUE_BYTES_MAX && !(text.starts_with('(') && text.ends_with(')'));
    is_kept.then(|| text.into())
}

/// Redacts a value as a whole and between its separators. Stricter than for a page: a customer's number has no reason
/// to be here, as an article's number has in a path.
fn redacted(text: String) -> String {
    let is_separator = |c: char| !(c.is_alphanumeric() || ".:-@+_%".contains(c));
    let clean = redact::redacted(Cow::Owned(text));
    let pieces = clean.split_inclusive(is_separator).map(|piece| {
        let body = piece.trim_end_matches(is_separator);
        let separator = piece.strip_prefix(body).unwrap_or_default();
        without_numbers(&redact::redacted(body.into())) + separator
    });
    pieces.collect()
}

/// Replaces each number of seven or more digits that is not a date.
fn without_numbers(text: &str) -> String {
    let mut without = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        without.push_str(before);
        let is_short = number.len() < 7 || (number.len() == 8 && redact::is_date(number));
        without.push_str(if is_short { number } else { ":id" });
        rest = after;
    }
    without + rest
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
