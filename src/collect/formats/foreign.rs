//! Common parts of other tools' formats: names of pages and screens, the site of a request that names none, and the
//! client of a proven server. Must read no other data about a person: no ids, no sessions.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use crate::collect::client_address::address;
use crate::collect::server_tokens::{ReportedAgent, ReportedClient, ServerToken, ServerTokens, is_recent};
use crate::sites::{Sites, host_form};

/// Context of a request besides its parameters.
pub(crate) struct ForeignContext<'r> {
    pub(crate) sites: &'r Sites,
    /// `Referer` header: the page or its origin, as browsers send it.
    pub(crate) referer: Option<&'r str>,
    /// Host that the request was sent to.
    pub(crate) host: Option<&'r str>,
    /// The tokens of servers, for formats that carry one among their parameters.
    pub(crate) servers: &'r ServerTokens,
    /// The server that the request's headers prove.
    pub(crate) server: Option<Arc<ServerToken>>,
    /// When the request came.
    pub(crate) now: Timestamp,
}

/// Address, agent and time in a format's own fields. Ignored without a proven server.
pub(super) struct ClientFields<'f> {
    pub(super) address: Option<&'f str>,
    pub(super) agent: Option<&'f str>,
    /// Seconds since 1970, or `YYYY-MM-DD hh:mm:ss` in UTC.
    pub(super) time: Option<&'f str>,
}

impl ForeignContext<'_> {
    /// The host of a page given as a path: the sending page's, else the named site's first host.
    pub(super) fn page_host(&self, site: Option<&str>) -> Option<String> {
        let sender = self.referer.and_then(|url| url::Url::parse(url).ok());
        let of_sender = sender.and_then(|url| url.host_str().map(str::to_owned));
        of_sender.or_else(|| site.and_then(|id| self.sites.find_id(id)).map(|site| site.primary_host.clone()))
    }

    /// The site id in the request's own host: `code.stats.example`, as GoatCounter uses it.
    pub(super) fn site_of_host(&self) -> Option<String> {
        let host = host_form(self.host?)?;
        let code = host.split('.').next()?;
        let site = self.sites.find_id(code).or_else(|| self.sites.find(&host))?;
        Some(site.name.to_string())
    }

    /// The client that `server` speaks for.
    ///
    /// # Errors
    /// Reason of a rejection, without any of the fields' text.
    pub(super) fn client(
        &self,
        server: Option<Arc<ServerToken>>,
        fields: &ClientFields<'_>,
    ) -> Result<Option<Box<ReportedClient<'static>>>, &'static str> {
        let Some(server) = server else { return Ok(None) };
        if let Some(time) = fields.time {
            let time = seconds(time).ok_or("the time of the hit cannot be read")?;
            if !is_recent(time, self.now) {
                return Err("the hit is more than an hour from now; import such hits with `sillage import events`");
            }
        }
        // Servers forward the whole header; only its last entry cannot be forged by a client.
        let last = fields.address.and_then(|addresses| addresses.rsplit(',').next());
        let address = last.map(|last| address(last).ok_or("the address is not one"));
        let agent = fields.agent.map_or(ReportedAgent::Absent, |agent| ReportedAgent::Named(agent.to_owned().into()));
        Ok(Some(Box::new(ReportedClient { server, address: address.transpose()?, agent })))
    }
}

fn seconds(time: &str) -> Option<Timestamp> {
    match time.parse() {
        Ok(seconds) => Timestamp::from_second(seconds).ok(),
        Err(_) => format!("{}Z", time.replacen(' ', "T", 1)).parse().ok(),
    }
}

/// The page's URL, from a URL or a path on `host`.
pub(super) fn absolute<'a>(url: &'a str, host: Option<&str>) -> Cow<'a, str> {
    if url.contains("://") {
        return url.into();
    }
    let slash = if url.starts_with('/') { "" } else { "/" };
    format!("https://{}{slash}{url}", host.unwrap_or_default()).into()
}

/// The width in a screen size such as `1920x1080` or `1920,1080,1`.
pub(super) fn width(screen: &str) -> Option<u32> {
    let width = screen.split(['x', 'X', ',']).next()?.trim().parse().ok()?;
    (1..100_000).contains(&width).then_some(width)
}
