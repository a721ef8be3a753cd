//! The device class of an agent: see the table of `agent`. Must never say a word of the agent.

use crate::privacy::lookup::words::{WordNumbers, WordSet};

const TV: &[&str] = &[
    "SmartTV",
    "SMART-TV",
    "Smart-TV",
    "Smart TV",
    "HbbTV",
    "AppleTV",
    "Apple TV",
    "GoogleTV",
    "Google TV",
    "Android TV",
    "BRAVIA",
    "CrKey",
    "Roku",
    "Web0S",
    "NetCast",
    "; AFT",
    "Chromecast",
    "Viera",
    "DTV",
];
const OTHER: &[&str] = &["PlayStation", "Xbox", "Nintendo", "Watch", "Tesla/", "QtCarBrowser"];
const TABLET: &[&str] = &["iPad", "Tablet;", "Tablet)", "Kindle", "PlayBook", "SM-T", "Silk/"];
const ANDROID: &[&str] = &["Android"];
const MOBILE: &[&str] =
    &["Mobi", "iPhone", "iPod", "Opera Mini", "Windows Phone", "BlackBerry", "BB10", "KAIOS", "Symbian", "Phone"];
const DESKTOP: &[&str] = &["Windows", "Macintosh", "Mac OS", "X11", "CrOS", "Linux"];

/// The words of each class.
pub(super) struct DeviceWords {
    tv: WordSet,
    other: WordSet,
    tablet: WordSet,
    android: WordSet,
    mobile: WordSet,
    desktop: WordSet,
}

impl DeviceWords {
    pub(super) fn new(numbers: &mut WordNumbers) -> Self {
        Self {
            tv: numbers.set(TV),
            other: numbers.set(OTHER),
            tablet: numbers.set(TABLET),
            android: numbers.set(ANDROID),
            mobile: numbers.set(MOBILE),
            desktop: numbers.set(DESKTOP),
        }
    }

    /// The class of an agent with these words. The first matching rule decides.
    pub(super) fn class_of(&self, said: WordSet) -> &'static str {
        if said.has_any(self.tv) {
            "tv"
        } else if said.has_any(self.other) {
            "other"
        } else if said.has_any(self.tablet) || (said.has_any(self.android) && !said.has_any(self.mobile)) {
            "tablet"
        } else if said.has_any(self.mobile) {
            "mobile"
        } else if said.has_any(self.desktop) {
            "desktop"
        } else {
            "other"
        }
    }
}
