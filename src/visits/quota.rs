//! Quotas of a bound that all sites share: half is divided evenly between the sites, the other half is first come,
//! first served. A flood on one site thus leaves the others their visits and tags.

/// Usage of a shared bound's common half.
#[derive(Debug, Default)]
pub(super) struct SharedQuota {
    taken: usize,
}

/// A site's own share of `bound`.
fn own_part(bound: usize, sites: usize) -> usize {
    bound / 2 / sites.max(1)
}

impl SharedQuota {
    /// Remaining room of a site that has `used`.
    pub(super) fn room(&self, used: usize, bound: usize, sites: usize) -> usize {
        let own = own_part(bound, sites);
        let common = bound - own * sites.max(1);
        own.saturating_sub(used) + common.saturating_sub(self.taken)
    }

    /// Records that a site's usage changed from `before` to `after`.
    pub(super) fn moved(&mut self, before: usize, after: usize, bound: usize, sites: usize) {
        let own = own_part(bound, sites);
        self.taken = (self.taken + after.saturating_sub(own)).saturating_sub(before.saturating_sub(own));
    }

    /// Recomputes the usage of the common half.
    pub(super) fn recount(&mut self, used: impl Iterator<Item = usize>, bound: usize, sites: usize) {
        let own = own_part(bound, sites);
        self.taken = used.map(|used| used.saturating_sub(own)).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_site_s_flood_leaves_every_other_its_part() {
        let (bound, sites) = (1_000, 5);
        let mut quota = SharedQuota::default();
        let mut flooded = 0;
        while quota.room(flooded, bound, sites) > 0 {
            quota.moved(flooded, flooded + 1, bound, sites);
            flooded += 1;
        }
        assert_eq!(flooded, 600, "its hundred and the common half");
        assert_eq!(quota.room(0, bound, sites), 100);
        assert_eq!(quota.room(99, bound, sites), 1);
        quota.recount([0, 100, 40].into_iter(), bound, sites);
        assert_eq!(quota.room(0, bound, sites), 600);
        assert_eq!(SharedQuota::default().room(0, bound, 1), bound, "a site alone has all of it");
    }
}
