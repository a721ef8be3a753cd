//! Trial of the visitor tags for an audit: a fictitious visitor is tagged on two sites and on two days, with the
//! production code and keys generated in the same way. Must never touch the keys of live hits.

use jiff::Timestamp;

use crate::clock::DAY_SECONDS;
use crate::config::{self, HashAddress};
use crate::privacy::hit::{ClientIp, UserAgent};
use crate::privacy::tag::day_key::{KeyError, KeyRing};
use crate::privacy::tag::visitor_tag::VisitorTag;
use crate::sites::Sites;

/// An evening, seconds since 1970; the second trial is on the next day, when the first key has expired.
const EVENING: i64 = 1_773_172_800;

/// Findings about a fictitious visitor's tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagTrial {
    /// The same site and day give the same tag; required for correct counts.
    pub knows_a_return: bool,
    /// Two sites give the same tag; must be false.
    pub links_sites: bool,
    /// Two days give the same tag; must be false.
    pub links_days: bool,
    /// The first day's key still exists on the next day.
    pub keeps_past_key: bool,
}

/// Tags a fictitious visitor on two sites and two days.
///
/// # Errors
/// When the system provides no random bytes.
pub fn try_tags(hash_address: HashAddress) -> Result<TagTrial, KeyError> {
    let named = |name: &str| config::SiteConfig { name: name.into(), ..Default::default() };
    let sites = Sites::new(&[named("one.example"), named("two.example")]).map_err(|_| KeyError)?;
    let [Some(one), Some(two)] = [sites.find("one.example"), sites.find("two.example")] else {
        return Err(KeyError);
    };
    let evening = Timestamp::from_second(EVENING).unwrap_or(Timestamp::UNIX_EPOCH);
    let next = Timestamp::from_second(EVENING + DAY_SECONDS).unwrap_or(Timestamp::MAX);
    let keys = KeyRing::default();
    let tag = |site: &crate::sites::Site, at: Timestamp| {
        let moment = keys.moment(site, at, site.day(at))?;
        let address = ClientIp::new([192, 0, 2, 1].into());
        Ok(VisitorTag::new(&moment.today, &address, &UserAgent::new("trial"), &site.name, hash_address).bits())
    };
    let (first, again, elsewhere, later) =
        (tag(one, evening)?, tag(one, evening)?, tag(two, evening)?, tag(one, next)?);
    keys.destroy_past(one, next);
    Ok(TagTrial {
        knows_a_return: first == again,
        links_sites: first == elsewhere,
        links_days: first == later,
        keeps_past_key: keys.of(one, one.day(evening)).is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_is_known_within_a_site_and_day_and_nowhere_else() {
        for part in [HashAddress::Full, HashAddress::Truncated] {
            let expected =
                TagTrial { knows_a_return: true, links_sites: false, links_days: false, keeps_past_key: false };
            assert_eq!(try_tags(part).unwrap(), expected);
        }
    }
}
