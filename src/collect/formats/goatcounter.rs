//! GoatCounter's `GET` or `POST /count`, with parameters in the query for both methods. `docs/formats.md` describes the
//! use of every parameter.

use std::borrow::Cow;

use url::form_urlencoded;

use crate::collect::formats::foreign::{ForeignContext, absolute, width};
use crate::collect::formats::native::{ForeignAction, ForeignPage, NativeEvent};

/// Longest path, in bytes.
pub(super) const PATH_BYTES_MAX: usize = 2_048;

/// Smallest value of `b` that means a robot-driven browser.
pub(super) const ROBOT: u32 = 150;

/// Result of parsing a count.
pub(crate) enum GoatCount<'a> {
    Event(Box<NativeEvent<'a>>),
    /// The script detected a robot-driven browser.
    Robot,
}

/// Parses the query of `/count`.
///
/// # Errors
/// The fault, without any input text.
pub(crate) fn count<'a>(query: &'a str, context: &ForeignContext<'a>) -> Result<GoatCount<'a>, &'static str> {
    let (mut path, mut referrer, mut screen, mut campaign, mut is_event, mut robot) =
        (None, None, None, None, false, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "p" => path = Some(value),
            "r" => referrer = Some(value),
            "s" => screen = width(&value),
            "q" => campaign = Some(value),
            "e" => is_event = matches!(&*value, "true" | "1"),
            "b" => robot = Some(value),
            _ => {}
        }
    }
    let path = path.filter(|path| !path.is_empty() && path.len() <= PATH_BYTES_MAX).ok_or("p: 1 to 2048 bytes")?;
    match robot.map(|hint| hint.parse::<u32>()) {
        None | Some(Ok(0)) => {}
        Some(Ok(ROBOT..)) => return Ok(GoatCount::Robot),
        Some(Ok(_) | Err(_)) => return Err("b: must be 0, or 150 or more"),
    }
    let site = context.site_of_host();
    let host = context.page_host(site.as_deref());
    let page = |url: String| ForeignPage {
        site: site.clone().map(Cow::Owned),
        url: url.into(),
        referrer: referrer.clone(),
        width: screen,
        language: None,
    };
    let event = if is_event {
        let on = context.referer.map_or_else(|| absolute("/", host.as_deref()).into_owned(), str::to_owned);
        let action = ForeignAction { name: path, interactive: true, properties: Vec::new() };
        NativeEvent::action(page(on), action)?
    } else {
        let mut url = absolute(&path, host.as_deref()).into_owned();
        if let Some(campaign) = campaign.filter(|campaign| !campaign.is_empty()) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(campaign.trim_start_matches('?'));
        }
        NativeEvent::foreign_pageview(page(url))?
    };
    Ok(GoatCount::Event(Box::new(event)))
}
