//! URL and referrer hygiene: removes all parts of a URL that could identify a person or a click. A whole URL never
//! leaves this file, except to be parsed by `fast` or the `url` crate; hosts, cleaned pages and referring hosts do.
//!
//! | part of the URL | result |
//! |---|---|
//! | scheme, port, user and password | dropped; other schemes than `http` and `https` are rejected |
//! | host | lower case, international names in punycode, without `www.` and a trailing dot |
//! | path | keeps its case; `.` and `..` resolved; duplicate and trailing slashes dropped (`/` stays); decoded once where that gives readable characters (see `percent`); `;name=value` dropped; placeholders (see `redact`) |
//! | query | dropped, except for the names that the site keeps: in the configured order, the first of each, values with placeholders and encoded again |
//! | fragment | dropped, unless the site's router uses it: then a path of its own after `#`, without a query; dropped if it holds `=`, which data has and routes do not |
//!
//! A page has at most 500 bytes. A longer path is cut between characters; a kept pair or a fragment that does not fit
//! is left out. `index.html` is an ordinary page. Cleaning is idempotent, and most paths arrive clean: one pass (see
//! `byte_counts`) clears them.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Host, Url};

use crate::privacy::budget::CleaningBudget;
use crate::privacy::redact;
use crate::privacy::url::path::{READ_BYTES_MAX, cleaned_path, push_path};
use crate::privacy::url::{fast, percent};
use crate::sites::{Site, without_www};

pub use crate::privacy::url::path::PAGE_BYTES_MAX;

/// Longest URL in bytes that is read: the limit of browsers and other collectors.
pub const URL_BYTES_MAX: usize = 2_000;
/// Longest host in bytes, by the rules of the domain name system.
const HOST_BYTES_MAX: usize = 253;

/// Parameters of a query that are read, empty ones included: each is compared with every known name.
const PARAMETERS_READ_MAX: usize = 100;
/// Last labels of names that are valid within one network only, such as a person's own machine.
const PRIVATE_ENDINGS: &[&str] = &["local", "localhost", "internal", "intranet", "lan", "home", "corp", "arpa"];

const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The URL is not a page's: not `http` or `https`, relative, longer than 2 000 bytes before its query, or with control
/// characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an absolute http or https URL of at most 2000 bytes")]
pub struct UrlError;

/// The parsed URL of a page: cut by `fast` where possible, else by the `url` crate.
pub struct PageUrl<'a> {
    /// Normalised as in the module's table.
    host: Cow<'a, str>,
    /// The host is a name, not an address.
    is_named: bool,
    path: Cow<'a, str>,
    /// Query and fragment as sent: parsed only if the site keeps a part of them.
    query: &'a str,
    fragment: &'a str,
}

/// Origin of a pageview, as far as it may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Referrer {
    /// No referrer, or one that may not be kept.
    None,
    /// Another site's host, or an Android app's name.
    Outside(Box<str>),
    /// Another page of the site itself.
    Inside(Box<str>),
}

impl<'a> PageUrl<'a> {
    /// Parses a page's URL.
    ///
    /// # Errors
    /// When the URL is not a page's, see [`UrlError`].
    pub fn parse(url: &'a str) -> Result<Self, UrlError> {
        let url = if url.len() > URL_BYTES_MAX { shortened_query(url)? } else { url };
        match fast::cut(url) {
            Some(cut) if cut.host.len() <= HOST_BYTES_MAX => {
                // A URL with control characters in host or path is not cut.
                if has_control(cut.rest) {
                    return Err(UrlError);
                }
                let (host, path) = (without_www(cut.host).into(), cut.path.into());
                let (_, query, fragment) = if cut.rest.is_empty() { ("", "", "") } else { split(cut.rest) };
                Ok(Self { host, is_named: true, path, query, fragment })
            }
            _ => Self::read(url),
        }
    }

    /// Parses any URL by the `url` crate.
    fn read(url: &'a str) -> Result<Self, UrlError> {
        if has_control(url) {
            return Err(UrlError);
        }
        let (base, query, fragment) = split(url);
        let url = Url::parse(base).map_err(|_| UrlError)?;
        let host =
            url.host_str().filter(|host| !host.is_empty() && host.len() <= HOST_BYTES_MAX + 1).ok_or(UrlError)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlError);
        }
        Ok(Self {
            host: without_www(host.strip_suffix('.').unwrap_or(host)).to_owned().into(),
            is_named: matches!(url.host(), Some(Host::Domain(_))),
            path: url.path().to_owned().into(),
            query,
            fragment,
        })
    }

    /// The host in lower case, without `www.`, port and trailing dot.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The query as sent, without its question mark.
    pub(in crate::privacy) fn query(&self) -> &'a str {
        self.query
    }

    /// The site's own page, cleaned: see this module's table.
    pub fn page(&self, site: &Site, fragment_is_page: bool) -> Box<str> {
        self.page_within(site, fragment_is_page, &CleaningBudget::default())
    }

    /// The site's own page, as far as the hit's budget holds it.
    pub(in crate::privacy) fn page_within(
        &self,
        site: &Site,
        fragment_is_page: bool,
        budget: &CleaningBudget,
    ) -> Box<str> {
        let mut page = cleaned_path(&self.path, budget);
        if !self.query.is_empty() && !site.query_names_kept.is_empty() {
            push_kept(page.to_mut(), self.query, &site.query_names_kept, budget);
        }
        if fragment_is_page && !self.fragment.is_empty() {
            push_fragment(page.to_mut(), self.fragment, budget);
        }
        page.into()
    }

    /// The cleaned path without query and fragment.
    pub(in crate::privacy) fn clean_path(&self) -> Cow<'_, str> {
        cleaned_path(&self.path, &CleaningBudget::default())
    }

    /// Whether the host is a public name: not an address, not a machine of one network.
    fn is_public(&self) -> bool {
        let host = self.host();
        let ending = host.rsplit_once('.').map(|(_, ending)| ending);
        self.is_named
            && host.len() <= HOST_BYTES_MAX
            && ending.is_some_and(|ending| !ending.is_empty() && !PRIVATE_ENDINGS.contains(&ending))
    }
}

/// The origin of a pageview: another host, a page of the site itself, or none. Addresses, names of private networks,
/// other schemes and malformed referrers give none. `page_host` is the host of the page itself; where its router uses
/// the fragment, so does the previous page's.
pub fn referrer(url: &str, site: &Site, page_host: &str, fragment_is_page: bool) -> Referrer {
    referrer_within(url, site, page_host, fragment_is_page, &CleaningBudget::default())
}

/// The origin of a pageview, as far as the hit's budget holds it.
pub(in crate::privacy) fn referrer_within(
    url: &str,
    site: &Site,
    page_host: &str,
    fragment_is_page: bool,
    budget: &CleaningBudget,
) -> Referrer {
    const APP: &str = "android-app://";
    if let Some((_, app)) = url.split_at_checked(APP.len()).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(APP)) {
        let name = app.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
        let is_name = name.contains('.') && name.len() <= HOST_BYTES_MAX && name.bytes().all(is_letter);
        return if is_name { Referrer::Outside(name.into()) } else { Referrer::None };
    }
    let Ok(location) = PageUrl::parse(url) else { return Referrer::None };
    if site.is_own(location.host(), page_host) {
        Referrer::Inside(location.page_within(site, fragment_is_page, budget))
    } else if location.is_public() {
        Referrer::Outside(location.host().into())
    } else {
        Referrer::None
    }
}

/// Whether the text contains a control character; ASCII, as nearly all URLs are, is checked many bytes at a time.
fn has_control(url: &str) -> bool {
    match url.is_ascii() {
        true => url.bytes().fold(false, |found, byte| found | byte.is_ascii_control()),
        false => url.chars().any(char::is_control),
    }
}

/// Shortens the query of a URL that is too long, between two pairs. The part before the query must be short enough.
fn shortened_query(url: &str) -> Result<&str, UrlError> {
    let base = url.find(['?', '#']).filter(|end| *end <= URL_BYTES_MAX).ok_or(UrlError)?;
    let start = url.get(..url.floor_char_boundary(URL_BYTES_MAX)).ok_or(UrlError)?;
    let end = start.rfind(['&', '?', '#']).filter(|end| *end >= base).unwrap_or(base);
    url.get(..end).ok_or(UrlError)
}

/// Splits a URL into the part before the query, the query, and the fragment.
fn split(url: &str) -> (&str, &str, &str) {
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (base, query) = rest.split_once('?').unwrap_or((rest, ""));
    (base, query, fragment)
}

/// Appends the pairs whose names the site keeps; a value beyond the hit's budget is left out, as one that does not fit.
fn push_kept(page: &mut String, query: &str, names: &[String], budget: &CleaningBudget) {
    let mut separator = '?';
    for name in names {
        let Some(value) = value_of(query, name).and_then(|value| budget.take_whole(value, READ_BYTES_MAX)) else {
            continue;
        };
        let value = spaced(value);
        let value = percent::decoded_once(&value, "&+");
        // In a value that is a path, slashes are encoded at this point, and segments are cleaned as a page's.
        let value = value.split("%2F").map(|part| redact::redacted(part.into())).collect::<Vec<_>>().join("%2F");
        let name = utf8_percent_encode(name, NAME);
        let before = page.len();
        page.push(separator);
        page.extend(name);
        page.push('=');
        page.push_str(&value);
        if page.len() > PAGE_BYTES_MAX {
            page.truncate(before);
        } else {
            separator = '&';
        }
    }
}

/// The first value of a name, as sent.
pub(in crate::privacy) fn value_of<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let is_named = |found: &str| {
        found == name || (found.contains(['%', '+']) && percent_decode_str(&spaced(found)).eq(name.bytes()))
    };
    parameters(query).find(|(found, _)| is_named(found)).map(|(_, value)| value)
}

/// The parameters of a query that are read, as sent: name and value.
pub(in crate::privacy) fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').take(PARAMETERS_READ_MAX).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Replaces the plus of form encoding by a blank.
pub(in crate::privacy) fn spaced(text: &str) -> Cow<'_, str> {
    if text.contains('+') { text.replace('+', "%20").into() } else { text.into() }
}

/// Appends the route of a page whose router uses the fragment: `#/users` and `#users` are two routes.
fn push_fragment(page: &mut String, fragment: &str, budget: &CleaningBudget) {
    let path = fragment.split('?').next().unwrap_or_default();
    let Some(path) = budget.take_whole(path, READ_BYTES_MAX) else { return };
    let mut route = String::new();
    push_path(&mut route, path);
    // Checked as sent, since cleaning removes parameters, and decoded, since `%3D` is an `=` too.
    if path.contains('=') || route.contains('=') {
        return;
    }
    let route = if path.starts_with('/') { &*route } else { route.get(1..).unwrap_or_default() };
    if !route.is_empty() && page.len() + 1 + route.len() <= PAGE_BYTES_MAX {
        page.push('#');
        page.push_str(route);
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
