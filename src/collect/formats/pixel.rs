//! The pixel, for pages without script: `GET /pixel.gif?d=site&u=page&r=referrer`. Without `u`, the page is the image
//! request's referrer.

use std::borrow::Cow;

use crate::collect::formats::native::NativeEvent;

/// Parses the query as a pageview.
///
/// # Errors
/// The fault, without any input text.
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

/// Agent substrings of mail clients and of the proxies that fetch images for them.
const MAIL_CLIENTS: &[&str] = &[
    "Thunderbird/",
    "Microsoft Outlook",
    "ms-office",
    "MSOffice",
    "GoogleImageProxy",
    "YahooMailProxy",
    "Airmail",
    "Evolution/",
    "KMail/",
    "Lotus-Notes",
    "Postbox/",
    "eM Client",
    "Superhuman",
    "AppleMail",
    "Outlook-iOS",
    "Outlook-Android",
];

/// Whether a mail client sent the request: opening a mail is not a visit, and measuring it needs consent.
pub(in crate::collect) fn is_mail_client(agent: &str) -> bool {
    // Apple's mail privacy proxy sends exactly this agent.
    agent.trim() == "Mozilla/5.0" || MAIL_CLIENTS.iter().any(|word| agent.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_for_mail_are_told_from_browsers() {
        for agent in [
            "Mozilla/5.0",
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.5.0",
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        ] {
            assert!(is_mail_client(agent), "{agent}");
        }
        assert!(!is_mail_client("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"));
    }
}
