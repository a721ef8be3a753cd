//! Pages for visitors: `/privacy`, `/privacy.json`, `/opt-out`, rendered from the running configuration and cached.
//! They contain no hits and no figures, and name only the requested site.
//!
//! `POST /opt-out`, or its link with `?object=1`, sets the opt-out cookie (see `opt_out`); `?object=0` removes it.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HOST, HeaderMap,
    HeaderName, HeaderValue, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use quick_cache::sync::Cache;
use url::form_urlencoded;

use crate::clock::Clock;
use crate::collect::answer::CollectResponse;
use crate::collect::opt_out;
use crate::compliance::notice::html;
use crate::compliance::notice::html::PageFrame;
use crate::compliance::notice::page;
use crate::compliance::notice::page::{OptOutReach, PageLinks};
use crate::compliance::notice::{ConfigFacts, Lang, machine};
use crate::config::Config;
use crate::http::asset;
use crate::privacy::Anonymiser;
use crate::sites::Site;

/// Names tried for a site, from the host upwards: `stats.eu.shop.example` has four.
const PARENTS_MAX: usize = 4;

/// Rendered pages in the cache: two languages of three pages for some twenty sites.
const WRITTEN_MAX: usize = 128;

/// Inputs and cache of the pages.
pub struct PublicPages {
    facts: ConfigFacts,
    anonymiser: Arc<Anonymiser>,
    clock: Arc<dyn Clock>,
    written: Cache<PublicPageKey, WrittenPage>,
}

/// Inputs of a page besides the configuration at start.
#[derive(PartialEq, Eq, Hash)]
struct PublicPageKey {
    page: PublicPage,
    lang: Lang,
    is_named: bool,
    /// Address of the site in memory, kept alive by [`WrittenPage::site`].
    site: usize,
    reach: Option<String>,
    day: jiff::civil::Date,
}

/// A rendered page, shared by all responses.
#[derive(Clone)]
struct WrittenPage {
    body: Bytes,
    tag: HeaderValue,
    _site: Option<Arc<Site>>,
}

/// The pages for visitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum PublicPage {
    Privacy,
    Machine,
    OptOut,
}

impl PublicPage {
    /// The page at this path, if any.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/privacy" => Some(PublicPage::Privacy),
            "/privacy.json" => Some(PublicPage::Machine),
            "/opt-out" => Some(PublicPage::OptOut),
            _ => None,
        }
    }

    /// Whether it accepts a method besides reading: an opt-out may be sent as a form.
    pub(super) fn takes(self, method: &Method) -> bool {
        self == PublicPage::OptOut && *method == Method::POST
    }

    /// Accepted methods, for `Allow`.
    pub(super) fn allow(self) -> &'static str {
        if self == PublicPage::OptOut { "GET, HEAD, POST" } else { "GET, HEAD" }
    }

    fn path(self) -> &'static str {
        match self {
            PublicPage::Privacy => "/privacy",
            PublicPage::Machine => "/privacy.json",
            PublicPage::OptOut => "/opt-out",
        }
    }
}

/// Language and site of a request.
struct PageRequest {
    lang: Lang,
    /// Site named by `?site=`, if any.
    named: Option<Arc<Site>>,
    site: Option<Arc<Site>>,
    reach: OptOutReach,
}

impl PublicPages {
    /// Built from `config`; the sites are read from `anonymiser` at each request.
    pub fn new(config: &Config, anonymiser: Arc<Anonymiser>, clock: Arc<dyn Clock>) -> Self {
        let facts = ConfigFacts::new(config, clock.now());
        Self { facts, anonymiser, clock, written: Cache::new(WRITTEN_MAX) }
    }

    /// Responds to a request for one page.
    pub(super) fn serve(&self, page: PublicPage, request: &Parts) -> CollectResponse {
        let page_request = self.page_request(request);
        let facts = self.facts.at(self.clock.now());
        let key = PublicPageKey {
            page,
            lang: page_request.lang,
            is_named: page_request.named.is_some(),
            site: page_request.site.as_ref().map_or(0, |site| Arc::as_ptr(site).addr()),
            reach: match &page_request.reach {
                OptOutReach::Site(host) => Some(host.clone()),
                OptOutReach::Elsewhere => None,
            },
            day: facts.today,
        };
        let written = self.written.get(&key).unwrap_or_else(|| {
            let written = write(page, &page_request, facts);
            self.written.insert(key, written.clone());
            written
        });
        let lang = (page != PublicPage::Machine).then_some(page_request.lang);
        let mut response = answer(&request.headers, &written, lang);
        if page == PublicPage::OptOut
            && let Some(objects) = opt_out::choice(request)
        {
            opt_out::set_cookie(&mut response, objects, &request.headers, page_request.foreign_site());
        }
        response
    }

    /// The language: `?lang=`, else the browser's. The site: `?site=`, else the site of the request's host or a parent
    /// domain.
    fn page_request(&self, request: &Parts) -> PageRequest {
        let query = request.uri.query().unwrap_or_default();
        let query_param = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        let sites = self.anonymiser.sites();
        let lang = Lang::of_request(query, text(&request.headers, &ACCEPT_LANGUAGE));
        let named = query_param("site").and_then(|(_, name)| sites.find(&name.to_ascii_lowercase()).cloned());
        let host = host(request).unwrap_or_default();
        let parents = std::iter::successors(Some(host.as_str()), |host| Some(host.split_once('.')?.1));
        let around = parents.take(PARENTS_MAX).find_map(|host| sites.find(host).filter(|site| site.serves(host)));
        let site = named.clone().or_else(|| around.cloned());
        let reach = match &site {
            Some(site) if site.serves(&host) => OptOutReach::Site(host),
            Some(_) | None => OptOutReach::Elsewhere,
        };
        PageRequest { lang, named, site, reach }
    }
}

impl PageRequest {
    /// The site, if the request's host is not its own.
    fn foreign_site(&self) -> Option<&Site> {
        match self.reach {
            OptOutReach::Site(_) => None,
            OptOutReach::Elsewhere => self.site.as_deref(),
        }
    }
}

fn write(page: PublicPage, page_request: &PageRequest, facts: ConfigFacts) -> WrittenPage {
    let facts = facts.of(page_request.site.as_deref());
    let lang = page_request.lang;
    let links = |lang: Lang| PageLinks {
        privacy: address(PublicPage::Privacy, Some(lang), page_request.named.as_deref()),
        opt_out: address(PublicPage::OptOut, Some(lang), page_request.named.as_deref()),
        machine: address(PublicPage::Machine, None, page_request.named.as_deref()),
    };
    let [in_english, in_french] = Lang::ALL.map(|lang| address(page, Some(lang), page_request.named.as_deref()));
    let languages = Some([(Lang::En, in_english.as_str()), (Lang::Fr, in_french.as_str())]);
    let body = match page {
        PublicPage::Machine => machine::json(&facts),
        PublicPage::Privacy => {
            let document = page::privacy(&facts, &links(lang));
            html::page(&document, lang, &PageFrame { languages, script: None })
        }
        PublicPage::OptOut => {
            let document = page::opt_out(&facts, &page_request.reach, &links(lang));
            html::page(&document, lang, &PageFrame { languages, script: Some(&facts.tracker_path) })
        }
    };
    let hash = blake3::hash(body.as_bytes()).to_hex();
    let tag = format!("\"{}\"", hash.get(..16).unwrap_or_default());
    let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    WrittenPage { body: body.into(), tag, _site: page_request.site.clone() }
}

/// The host of a request, without port.
fn host(request: &Parts) -> Option<String> {
    let host = request.uri.host().or_else(|| text(&request.headers, &HOST))?;
    let host = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(host, _)| host);
    Some(host.to_ascii_lowercase())
}

fn address(page: PublicPage, lang: Option<Lang>, site: Option<&Site>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(lang) = lang {
        query.append_pair("lang", lang.code());
    }
    if let Some(site) = site {
        query.append_pair("site", &site.name);
    }
    let query = query.finish();
    if query.is_empty() { page.path().to_owned() } else { format!("{}?{query}", page.path()) }
}

fn answer(request_headers: &HeaderMap, written: &WrittenPage, lang: Option<Lang>) -> CollectResponse {
    let known = asset::knows(request_headers, &written.tag);
    let mut response = Response::new(Full::new(if known { Bytes::new() } else { written.body.clone() }));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let mut set = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
    set(ETAG, written.tag.clone());
    set(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    set(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    match lang {
        None => {
            set(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Some(lang) => {
            set(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            set(CONTENT_LANGUAGE, HeaderValue::from_static(lang.code()));
            set(VARY, HeaderValue::from_static("accept-language"));
            set(CONTENT_SECURITY_POLICY, HeaderValue::from_static(html::policy()));
        }
    }
    response
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
