//! What is read of one hit, once for all the sites that it is sent to: its URL taken apart, its texts cleaned. Holds
//! the identity as the hit does, and lives no longer.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::outcome::Rejection;
use crate::privacy::hit::{Hit, HitKind};
use crate::privacy::hit_end::HitEnd;
use crate::privacy::url::page::PageUrl;
use crate::privacy::values;
use crate::sites::Site;

/// A hit, read as far as no site has a say in it.
pub struct HitReading<'h> {
    pub(super) hit: Hit<'h>,
    pub(super) location: PageUrl<'h>,
    /// The action's name, cleaned at its first use.
    name: OnceCell<Cow<'h, str>>,
    /// The values of its properties, in their order, each cleaned at its first use.
    values: Vec<OnceCell<Cow<'h, str>>>,
}

impl<'h> HitReading<'h> {
    /// Takes the page's URL apart.
    ///
    /// # Errors
    /// A hit whose URL is not one of a page.
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

    /// The site that the sender names.
    pub fn site_name(&self) -> Option<&'h str> {
        self.hit.site
    }

    /// What happened, as `site` may keep it: of an action the properties that the site declares, at bounded length, and
    /// placeholders for what points at a person in its name and their values.
    pub(super) fn kind_for(&self, site: &Site) -> HitKind<'h> {
        match &self.hit.kind {
            HitKind::Pageview { not_found } => HitKind::Pageview { not_found: *not_found },
            HitKind::Engagement { engaged_ms, scroll_percent, reported_percent } => HitKind::Engagement {
                engaged_ms: *engaged_ms,
                scroll_percent: *scroll_percent,
                reported_percent: *reported_percent,
            },
            HitKind::Timing(timings) => HitKind::Timing(timings.clone()),
            HitKind::Action { properties, .. } if self.is_problem() => {
                let told = properties.iter().find(|(name, _)| *name == "kind").map_or("", |(_, kind)| &**kind);
                let properties = vec![("kind", values::problem_kind(told).into())];
                HitKind::Action { name: values::PROBLEM.into(), interactive: false, properties }
            }
            HitKind::Action { name, interactive, properties } => {
                let kept = properties.iter().zip(&self.values).filter(|((name, _), _)| site.properties.contains(*name));
                let properties = kept
                    .map(|((name, value), clean)| (*name, clean.get_or_init(|| values::cleaned(value)).clone()))
                    .filter(|(_, value)| !value.is_empty())
                    .collect();
                let name = self.name.get_or_init(|| values::cleaned(name)).clone();
                HitKind::Action { name, interactive: *interactive, properties }
            }
        }
    }

    /// Whether a script error is reported.
    pub(super) fn is_problem(&self) -> bool {
        matches!(&self.hit.kind, HitKind::Action { name, .. } if name == values::PROBLEM)
    }

    /// What a pageview of `site` was the answer to, where the site counts searches.
    pub(super) fn searched(&self, site: &Site) -> Option<String> {
        let query = self.is_pageview().then(|| self.location.query())?;
        values::searched(query, &site.search_parameter)
    }

    pub(super) fn is_pageview(&self) -> bool {
        matches!(self.hit.kind, HitKind::Pageview { .. })
    }
}
