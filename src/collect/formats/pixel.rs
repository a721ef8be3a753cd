//! The pixel, for pages without script: `GET /pixel.gif?d=site&u=page&r=referrer`. Without `u` the page is the one
//! that the browser names as the image's referrer.

use std::borrow::Cow;

use crate::collect::formats::native::NativeEvent;

/// Reads the query as a pageview.
///
/// # Errors
/// What is wrong, without a word of the input.
pub fn parse<'a>(query: &'a str, referer: Option<&'a str>) -> Result<NativeEvent<'a>, &'static str> {
    let (mut site, mut url, mut referrer) = (None, None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "d" => site = Some(value),
            "u" => url = Some(value),
            "r" => referrer = Some(value),
            _ => {}
        }
    }
    NativeEvent::pageview(url.or_else(|| referer.map(Cow::Borrowed)).unwrap_or_default(), site, referrer)
}
