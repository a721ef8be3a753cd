//! Figures of another tool, summed by day and one dimension: the levels of the published tables and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::event::{Day, Dimension};
use crate::privacy::url::page::{PageUrl, Referrer, referrer};
use crate::rollup::levels::cells::FIGURES;
use crate::sites::Site;

/// Sums in the order of [`UNITS`](crate::release::rules::UNITS).
pub(super) type Sums = [i64; FIGURES];

/// One figure, by its index among the sums; the pageviews of an action are its uses.
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
pub(super) enum Figure {
    Visitors = 0,
    Pageviews = 1,
    Visits = 2,
    Bounces = 3,
    VisitSeconds = 4,
    EngagedMs = 5,
    EngagedViews = 6,
    ScrollPercent = 7,
    ScrollViews = 8,
    NotFound = 9,
    Exits = 10,
}

/// Key of a cell within its day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum FigureKey {
    Site,
    Page(Arc<str>),
    /// Name of a dimension, and a value of it.
    Dimension(&'static str, Arc<str>),
    Action(Arc<str>),
    /// Path of a page, and the name of an action.
    ActionPage(Arc<str>, Arc<str>),
}

impl FigureKey {
    /// Name of its level in a release.
    pub(super) fn level(&self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Page(_) => "page",
            Self::Dimension(..) => "dimension",
            Self::Action(_) => "action",
            Self::ActionPage(..) => "action_page",
        }
    }

    /// The published table that the cell is in.
    pub(super) fn table(&self) -> &'static str {
        match self {
            Self::Site => "site_days",
            Self::Page(_) => "page_days",
            Self::Dimension(..) => "dimension_days",
            Self::Action(_) => "action_days",
            Self::ActionPage(..) => "action_page_days",
        }
    }
}

/// Sums that were read from an export.
pub(super) struct FigureSet {
    pub(super) site: Arc<Site>,
    pub(super) cells: BTreeMap<(Day, FigureKey), Sums>,
    /// Parts of the export that could not be imported, with the reason.
    pub(super) left: BTreeSet<String>,
    /// Number of rows of single visits, sessions or views; they were summed and dropped.
    pub(super) person_rows: u64,
}

impl FigureSet {
    pub(super) fn new(site: Arc<Site>) -> Self {
        Self { site, cells: BTreeMap::new(), left: BTreeSet::new(), person_rows: 0 }
    }

    /// Adds figures to a cell of a day.
    pub(super) fn add(&mut self, day: Day, key: FigureKey, figures: &[(Figure, i64)]) {
        if figures.iter().all(|(_, number)| *number == 0) {
            return;
        }
        let sums = self.cells.entry((day, key)).or_default();
        for (figure, number) in figures {
            if let Some(sum) = sums.get_mut(*figure as usize) {
                *sum += number;
            }
        }
    }

    /// Adds figures to the value of a dimension; an empty value is ignored.
    pub(super) fn dimension(&mut self, day: Day, dimension: Dimension, value: &str, figures: &[(Figure, i64)]) {
        let value = value.trim();
        if !matches!(value, "" | "(not set)" | "(none)" | "Unknown" | "unknown") {
            self.add(day, FigureKey::Dimension(dimension.name(), value.into()), figures);
        }
    }

    /// Adds figures to a referrer's host.
    pub(super) fn referrer(&mut self, day: Day, trimmed: &str, figures: &[(Figure, i64)]) {
        let trimmed = trimmed.trim();
        let host = match trimmed {
            "" | "(direct)" | "Direct / None" | "direct" | "(none)" => Some(crate::event::DIRECT.into()),
            _ => {
                let url = if trimmed.contains("://") { trimmed.to_owned() } else { format!("https://{trimmed}") };
                match referrer(&url, &self.site, &self.site.primary_host, false) {
                    Referrer::Outside(host) => Some(host),
                    Referrer::Inside(_) | Referrer::None => None,
                }
            }
        };
        match host {
            Some(host) => self.add(day, FigureKey::Dimension(Dimension::Referrer.name(), (&*host).into()), figures),
            None => self.leave("sources that are names of the tool, not host names"),
        }
    }

    /// The page of a path, normalised like every page; `None` where it is not a page.
    pub(super) fn page(&self, path: &str) -> Option<Arc<str>> {
        let url = match path.contains("://") {
            true => path.to_owned(),
            false => format!("https://{}/{}", self.site.primary_host, path.trim_start_matches('/')),
        };
        let url = PageUrl::parse(&url).ok()?;
        let page = url.page(&self.site, false);
        (!self.site.excludes_path(&page)).then(|| (&*page).into())
    }

    /// Adds figures to a page.
    pub(super) fn page_figures(&mut self, day: Day, path: &str, figures: &[(Figure, i64)]) {
        match self.page(path) {
            Some(page) => self.add(day, FigureKey::Page(page), figures),
            None => self.leave("pages that the site excludes, or without a path"),
        }
    }

    /// Notes a part of the export that could not be imported.
    pub(super) fn leave(&mut self, what: &str) {
        self.left.insert(what.to_owned());
    }

    /// The days with at least one figure.
    pub(super) fn days(&self) -> BTreeSet<Day> {
        self.cells.keys().map(|(day, _)| *day).collect()
    }
}

/// Class of a device, from another tool's name for it.
pub(super) fn device(name: &str) -> &'static str {
    match name.to_ascii_lowercase().as_str() {
        "desktop" | "laptop" => "desktop",
        "mobile" | "smartphone" | "phablet" | "phone" => "mobile",
        "tablet" => "tablet",
        "tv" | "smart tv" | "smarttv" => "tv",
        _ => "other",
    }
}

/// The day of `2026-03-04` or `20260304`.
pub(super) fn day(text: &str) -> Option<Day> {
    let text = text.get(..10).filter(|text| text.contains('-')).unwrap_or(text);
    let plain: String = text.chars().filter(|digit| *digit != '-').collect();
    let number = |range: std::ops::Range<usize>| plain.get(range).and_then(|digits| digits.parse().ok());
    let year: i16 = plain.get(..4)?.parse().ok()?;
    let date = jiff::civil::Date::new(year, number(4..6)?, number(6..8)?).ok().filter(|_| plain.len() == 8)?;
    day_of(date)
}

/// The [`Day`] of a calendar date.
pub(super) fn day_of(date: jiff::civil::Date) -> Option<Day> {
    let days = date.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days();
    u16::try_from(days).ok().map(Day)
}
