//! Fathom Lite's `GET /collect`. `docs/formats.md` describes the use of every parameter.

use std::borrow::Cow;

use url::form_urlencoded;

use crate::collect::formats::foreign::{ForeignContext, absolute};
use crate::collect::formats::native::{ForeignPage, NativeEvent};

/// Parses a query; a query without a path is rejected.
///
/// # Errors
/// The fault, without any input text.
pub(crate) fn collect<'a>(
    query: &'a str,
    context: &ForeignContext<'_>,
) -> Result<Option<NativeEvent<'a>>, &'static str> {
    let (mut host, mut path, mut referrer, mut site) = (None, None, None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "h" => host = Some(value),
            "p" => path = Some(value),
            "r" => referrer = Some(value),
            "sid" => site = Some(value).filter(|site| !site.is_empty()),
            _ => {}
        }
    }
    let Some(path) = path.filter(|path| !path.is_empty()) else { return Ok(None) };
    let url = match host.filter(|host| host.contains("://")) {
        Some(host) => format!("{}{path}", host.trim_end_matches('/')),
        None => absolute(&path, context.page_host(site.as_deref()).as_deref()).into_owned(),
    };
    let page = ForeignPage { site, url: Cow::Owned(url), referrer, width: None, language: None };
    NativeEvent::foreign_pageview(page).map(Some)
}
