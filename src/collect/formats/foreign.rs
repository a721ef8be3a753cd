//! What the formats of other tools have in common: how they name pages and screens, and which site is meant where they
//! name none. Nothing that they say of a person is read: no ids, no sessions, no addresses, no agents.

use std::borrow::Cow;

use crate::sites::{Sites, host_form};

/// What a request tells beside its parameters.
pub(crate) struct ForeignContext<'r> {
    pub(crate) sites: &'r Sites,
    /// `Referer`: the page, or its origin, as browsers send it.
    pub(crate) referer: Option<&'r str>,
    /// The host that the request came to.
    pub(crate) host: Option<&'r str>,
}

impl ForeignContext<'_> {
    /// The host that a path without one is on: that of the page that sent it, else the first of the named site.
    pub(super) fn page_host(&self, site: Option<&str>) -> Option<String> {
        let sender = self.referer.and_then(|url| url::Url::parse(url).ok());
        let of_sender = sender.and_then(|url| url.host_str().map(str::to_owned));
        of_sender.or_else(|| site.and_then(|id| self.sites.find_id(id)).map(|site| site.primary_host.clone()))
    }

    /// The id of the site that the request's own host stands for: `code.stats.example`, as GoatCounter has it.
    pub(super) fn site_of_host(&self) -> Option<String> {
        let host = host_form(self.host?)?;
        let code = host.split('.').next()?;
        let site = self.sites.find_id(code).or_else(|| self.sites.find(&host))?;
        Some(site.name.to_string())
    }
}

/// A page's URL, from a URL or a path on `host`.
pub(super) fn absolute<'a>(url: &'a str, host: Option<&str>) -> Cow<'a, str> {
    if url.contains("://") {
        return url.into();
    }
    let slash = if url.starts_with('/') { "" } else { "/" };
    format!("https://{}{slash}{url}", host.unwrap_or_default()).into()
}

/// The width of a screen that is written `1920x1080` or `1920,1080,1`.
pub(super) fn width(screen: &str) -> Option<u32> {
    let width = screen.split(['x', 'X', ',']).next()?.trim().parse().ok()?;
    (1..100_000).contains(&width).then_some(width)
}
