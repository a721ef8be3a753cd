//! A hit's parsed URL and cleaned texts, shared by all sites that it is sent to. Holds the identity as the hit does,
//! and lives no longer.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::outcome::Rejection;
use crate::privacy::budget::CleaningBudget;
use crate::privacy::hit::{Hit, HitKind};
use crate::privacy::hit_end::HitEnd;
use crate::privacy::url::page::PageUrl;
use crate::privacy::values;
use crate::sites::Site;

/// A hit, parsed as far as the site does not matter.
pub struct HitReading<'h> {
    pub(super) hit: Hit<'h>,
    pub(super) location: PageUrl<'h>,
    /// The action's name, cleaned on first use.
    name: OnceCell<Cow<'h, str>>,
    /// Property values in their order, each cleaned on first use.
    values: Vec<OnceCell<Cow<'h, str>>>,
}

impl<'h> HitReading<'h> {
    /// Parses the page's URL.
    ///
    /// # Errors
    /// When the URL is not a page's.
    pub fn new(hit: Hit<'h>) -> Result<Self, HitEnd> {
        let location = PageUrl::parse(hit.url)
            .map_err(|_| HitEnd::refused(None, Rejection::Malformed, "u: no http(s) URL of at most 2000 bytes"))?;
        let properties = match &hit.kind {
            HitKind::Action { properties, .. } => properties.len(),
            HitKind::Pageview { .. } | HitKind::Engagement { .. } | HitKind::Timing(_) => 0,
        };
        let values = std::iter::repeat_with(OnceCell::new).take(properties).collect();
        Ok(Self { hit, location, name: OnceCell::new(), values })
    }

    /// Site that the hit names.
    pub fn site_name(&self) -> Option<&'h str> {
        self.hit.site
    }

    /// The reported event as `site` may keep it: of an action only declared properties, at bounded length, with name
    /// and values redacted. Values that exceed the hit's budget are dropped.
    pub(super) fn kind_for(&self, site: &Site, budget: &CleaningBudget) -> HitKind<'h> {
        match &self.hit.kind {
            HitKind::Pageview { not_found } => HitKind::Pageview { not_found: *not_found },
            HitKind::Engagement { engaged_ms, scroll_percent, reported_percent } => HitKind::Engagement {
                engaged_ms: *engaged_ms,
                scroll_percent: *scroll_percent,
                reported_percent: *reported_percent,
            },
            HitKind::Timing(timings) => HitKind::Timing(timings.clone()),
            HitKind::Action { properties, .. } if self.is_problem() => {
                let reported_kind = properties.iter().find(|(name, _)| *name == "kind").map_or("", |(_, kind)| &**kind);
                let properties = vec![("kind", values::problem_kind(reported_kind).into())];
                HitKind::Action { name: values::PROBLEM.into(), interactive: false, properties }
            }
            HitKind::Action { name, interactive, properties } => {
                let declared =
                    properties.iter().zip(&self.values).filter(|((name, _), _)| site.properties.contains(*name));
                let properties = declared
                    .filter(|((_, value), _)| budget.holds(value, values::VALUE_BYTES_MAX))
                    .map(|((name, value), clean)| (*name, clean.get_or_init(|| values::cleaned(value)).clone()))
                    .filter(|(_, value)| !value.is_empty())
                    .collect();
                let name = self.name.get_or_init(|| values::cleaned(name)).clone();
                HitKind::Action { name, interactive: *interactive, properties }
            }
        }
    }

    /// Whether the hit reports a script error.
    pub(super) fn is_problem(&self) -> bool {
        matches!(&self.hit.kind, HitKind::Action { name, .. } if name == values::PROBLEM)
    }

    /// The search that led to a pageview of `site`, if the site counts searches.
    pub(super) fn searched(&self, site: &Site, budget: &CleaningBudget) -> Option<String> {
        let query = self.is_pageview().then(|| self.location.query())?;
        values::searched(query, &site.search_parameter, budget)
    }

    pub(super) fn is_pageview(&self) -> bool {
        matches!(self.hit.kind, HitKind::Pageview { .. })
    }
}
