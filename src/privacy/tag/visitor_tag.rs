//! The visitor tag: a keyed hash of address, agent and site that identifies, within one site and one day, hits of the
//! same visitor and nothing else. It lives in memory; without its key it cannot be recomputed.

use std::net::IpAddr;

use zeroize::zeroize_stack;

use siphasher::sip::SipHasher13;

use crate::config::HashAddress;
use crate::privacy::hit::{AGENT_BYTES_MAX, ClientIp, UserAgent};
use crate::privacy::tag::day_key::DayKey;

/// 64 bits of `blake3(key, address ‖ agent ‖ site)`, each part prefixed by its length. The probability that any two of
/// a million visitors of a day share a tag is 3 in 100 million.
pub struct VisitorTag(u64);

impl VisitorTag {
    pub(in crate::privacy) fn new(
        key: &DayKey,
        address: &ClientIp,
        agent: &UserAgent<'_>,
        site: &str,
        part: HashAddress,
    ) -> Self {
        let (octets, length) = hashed_part(address.0, part);
        let octets = octets.get(..length).unwrap_or(&octets);
        Self(keyed(key, &[octets, agent.0.as_bytes(), site.as_bytes()]))
    }

    /// Restores a tag from the journal.
    pub(crate) fn recall(bits: u64) -> Self {
        Self(bits)
    }

    /// Key of this visitor in the day's tag set.
    pub(crate) fn bits(&self) -> u64 {
        self.0
    }

    /// Key of "this visitor on this page" in the day's tag set. Pages, actions and values are numbers of the day's
    /// interner.
    pub(crate) fn on_page(&self, key: &DayKey, page: u32) -> u64 {
        self.with(key, (PAGE, page), (0, 0))
    }

    /// Key of "this visitor did this action" in the day's tag set.
    pub(crate) fn doing(&self, key: &DayKey, action: u32) -> u64 {
        self.with(key, (ACTION, action), (0, 0))
    }

    /// Key of "this visitor did this action with this value" in the day's tag set.
    pub(crate) fn doing_with(&self, key: &DayKey, action: u32, property: u32, value: u32) -> u64 {
        self.with(key, (PROPERTY, action), (property, value))
    }

    /// Derives a tag from this one. The function is keyed: without the day's key, tags of one visitor cannot be linked,
    /// and colliding pages cannot be chosen. A derived key permits the faster SipHash.
    fn with(&self, key: &DayKey, (kind, what): (u32, u32), (property, value): (u32, u32)) -> u64 {
        let word = |upper, lower| u64::from(upper) << 32 | u64::from(lower);
        sip(key.derived(), [self.0, word(kind, what), word(property, value)])
    }
}

/// Domain tags: tags of different kinds collide only by chance.
const PAGE: u32 = 1;
const ACTION: u32 = 2;
const PROPERTY: u32 = 3;

/// SipHash-1-3 of three words: fast, and without its key collisions cannot be constructed.
fn sip([first, second]: [u64; 2], words: [u64; 3]) -> u64 {
    let mut bytes = [0; 3 * size_of::<u64>()];
    bytes.as_chunks_mut().0.iter_mut().zip(words).for_each(|(chunk, word)| *chunk = word.to_le_bytes());
    SipHasher13::new_with_keys(first, second).hash(&bytes)
}

/// Longest site name, as the configuration accepts it.
const SITE_BYTES_MAX: usize = 255;

/// Bytes of an address, the longest agent and the longest site, each with its length: less than one chunk of blake3.
const GATHERED_BYTES_MAX: usize = 16 + AGENT_BYTES_MAX + SITE_BYTES_MAX + 3 * size_of::<u64>();

/// Stack bytes wiped after [`gathered`]: more than it uses with all its calls, in any build.
const GATHERED_STACK: usize = 2_048;

/// 64 bits of a keyed blake3 over length-prefixed parts, so that no two lists of parts collide by concatenation. Leaves
/// no copy of the key: blake3's copies on the stack are wiped here.
fn keyed(key: &DayKey, parts: &[&[u8]]) -> u64 {
    let bits = gathered(key, parts);
    zeroize_stack::<GATHERED_STACK>();
    bits
}

/// Hashes the parts as one buffer. Never inlined: its stack frame must begin where the wiped range begins. A part that
/// the buffer does not hold is cut; the parts of a tag are bounded.
#[inline(never)]
fn gathered(key: &DayKey, parts: &[&[u8]]) -> u64 {
    let mut text = [0; GATHERED_BYTES_MAX];
    let mut end = 0;
    for part in parts {
        for bytes in [&(part.len() as u64).to_le_bytes(), *part] {
            let room = text.get_mut(end..).unwrap_or_default();
            let length = bytes.len().min(room.len());
            if let (Some(to), Some(from)) = (room.get_mut(..length), bytes.get(..length)) {
                to.copy_from_slice(from);
            }
            end += length;
        }
    }
    let hash = blake3::keyed_hash(key.bytes(), text.get(..end).unwrap_or(&text));
    let (words, _) = hash.as_bytes().as_chunks();
    words.first().map_or(0, |first| u64::from_le_bytes(*first))
}

/// The octets of an address that are hashed, and their number: IPv4 whole or its /24, IPv6 by its /64 or /48.
fn hashed_part(address: IpAddr, part: HashAddress) -> ([u8; 16], usize) {
    let mut octets = [0; 16];
    let length = match (address, part) {
        (IpAddr::V4(_), HashAddress::Full) => 4,
        (IpAddr::V4(_), HashAddress::Truncated) => 3,
        (IpAddr::V6(_), HashAddress::Full) => 8,
        (IpAddr::V6(_), HashAddress::Truncated) => 6,
    };
    match address {
        IpAddr::V4(four) => {
            for (to, from) in octets.iter_mut().zip(four.octets()) {
                *to = from;
            }
        }
        IpAddr::V6(six) => octets = six.octets(),
    }
    (octets, length)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;
    use crate::event::Day;
    use crate::privacy::tag::day_key::KeyRing;
    use crate::sites::Sites;

    fn key() -> Arc<DayKey> {
        let configured = crate::config::SiteConfig { name: "a".into(), ..Default::default() };
        let sites = Sites::new(&[configured]).unwrap();
        KeyRing::default().moment(sites.find("a").unwrap(), jiff::Timestamp::UNIX_EPOCH, Day(0)).unwrap().today
    }

    fn tag(key: &DayKey, address: &str, agent: &str, site: &str) -> u64 {
        let address = ClientIp::new(address.parse().unwrap());
        VisitorTag::new(key, &address, &UserAgent::new(agent), site, HashAddress::Full).bits()
    }

    #[test]
    fn the_same_visitor_has_the_same_tag_and_another_has_another() {
        let key = key();
        let of = |address, agent, site| tag(&key, address, agent, site);
        let one = of("192.0.2.1", "Firefox", "a");
        assert_eq!(one, of("192.0.2.1", "Firefox", "a"));
        assert_eq!(one, of("::ffff:192.0.2.1", "Firefox", "a"));
        assert_ne!(one, of("192.0.2.2", "Firefox", "a"));
        assert_ne!(one, of("192.0.2.1", "Chrome", "a"));
        assert_ne!(one, of("192.0.2.1", "Firefox", "b"));
    }

    #[test]
    fn a_tag_is_the_keyed_hash_of_its_parts_with_their_lengths() {
        let (key, text) = (key(), "x".repeat(AGENT_BYTES_MAX));
        let site = "s".repeat(SITE_BYTES_MAX);
        for length in 0..=text.len() {
            let parts: [&[u8]; 3] = [&[1; 16], &text.as_bytes()[..length], site.as_bytes()];
            let mut hasher = blake3::Hasher::new_keyed(key.bytes());
            for part in parts {
                hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
            }
            let whole = hasher.finalize();
            assert_eq!(keyed(&key, &parts).to_le_bytes(), whole.as_bytes()[..8], "{length}");
        }
    }

    #[test]
    fn an_agent_longer_than_its_limit_has_the_tag_of_its_beginning() {
        let (key, agent) = (key(), "x".repeat(AGENT_BYTES_MAX));
        let tag_of = |agent: &str| tag(&key, "192.0.2.1", agent, "a");
        assert_eq!(tag_of(&format!("{agent}y")), tag_of(&agent));
        assert_ne!(tag_of(&agent), tag_of(&agent[1..]));
    }

    /// The tagging thread is parked with its stack intact; another thread reads that stack.
    #[test]
    fn no_copy_of_a_key_stays_on_the_stack() {
        const DEPTH: usize = 128 << 10;
        for length in [0, 10, 100, GATHERED_BYTES_MAX, 2 * GATHERED_BYTES_MAX, 5_000, 50_000] {
            let (key, agent) = (key(), "x".repeat(length));
            let (top, seen) = (AtomicUsize::new(0), AtomicBool::new(false));
            let stack = std::thread::scope(|threads| {
                threads.spawn(|| {
                    let here = tag(&key, "192.0.2.1", &agent, "a.example");
                    top.store(std::ptr::from_ref(&here).addr(), Ordering::Release);
                    while !seen.load(Ordering::Acquire) {
                        std::hint::spin_loop();
                    }
                });
                let top = std::iter::repeat_with(|| top.load(Ordering::Acquire)).find(|top| *top > 0).unwrap();
                let mut stack = vec![0; DEPTH];
                let memory = std::fs::File::open("/proc/self/mem").unwrap();
                memory.read_exact_at(&mut stack, (top - DEPTH) as u64).unwrap();
                seen.store(true, Ordering::Release);
                stack
            });
            assert!(stack.iter().any(|byte| *byte != 0), "it is the stack");
            // Half a key counts as a copy, since a key may have been moved in halves.
            let found = key.bytes().chunks(16).any(|half| stack.windows(16).any(|part| part == half));
            assert!(!found, "an agent of {length} bytes");
        }
    }

    #[test]
    fn parts_cannot_flow_into_one_another() {
        let key = key();
        assert_ne!(tag(&key, "192.0.2.1", "ab", "c"), tag(&key, "192.0.2.1", "a", "bc"));
    }

    #[test]
    fn an_ipv6_visitor_is_known_by_the_first_64_bits() {
        let key = key();
        assert_eq!(tag(&key, "2001:db8::1", "x", "a"), tag(&key, "2001:db8::ffff", "x", "a"));
        assert_ne!(tag(&key, "2001:db8::1", "x", "a"), tag(&key, "2001:db8:0:1::1", "x", "a"));
    }

    #[test]
    fn one_visitor_has_another_tag_on_every_site_and_every_day() {
        let named = |name: &str| crate::config::SiteConfig { name: name.into(), ..Default::default() };
        let sites = Sites::new(&[named("a"), named("b")]).unwrap();
        let keys = KeyRing::default();
        let tags = ["a", "b"].into_iter().flat_map(|site| [0, 1, 2].map(|day| (site, day))).map(|(site, day)| {
            let at = jiff::Timestamp::from_second(i64::from(day) * 86_400).unwrap();
            let key = keys.moment(sites.find(site).unwrap(), at, Day(day)).unwrap().today;
            // The same site name in both tags: only the keys differ.
            tag(&key, "192.0.2.1", "Firefox", "a")
        });
        let tags: std::collections::HashSet<u64> = tags.collect();
        assert_eq!(tags.len(), 6);
    }

    #[test]
    fn the_quick_function_is_siphash() {
        use std::hash::Hasher;
        for number in 0..100u64 {
            let words = [number, number << 40, !number];
            // The standard library's `DefaultHasher` is the same function with a zero key.
            #[allow(clippy::disallowed_types, reason = "it is what the function is compared with")]
            let mut known = std::hash::DefaultHasher::new();
            words.iter().for_each(|word| known.write_u64(*word));
            assert_eq!(sip([0, 0], words), known.finish());
        }
    }

    #[test]
    fn no_two_things_that_two_visitors_do_have_one_tag_and_another_day_has_others() {
        let (key, tomorrow) = (key(), key());
        let mut tags = std::collections::HashSet::new();
        for visitor in 0..40u64 {
            let tag = VisitorTag::recall(visitor);
            for number in 0..200 {
                tags.insert(tag.on_page(&key, number));
                tags.insert(tag.doing(&key, number));
                tags.insert(tag.doing_with(&key, number, 1, 2));
                tags.insert(tag.doing_with(&key, 1, number + 3, 2));
                tags.insert(tag.doing_with(&key, 1, 2, number + 3));
                tags.insert(tag.on_page(&tomorrow, number));
            }
        }
        assert_eq!(tags.len(), 40 * 200 * 6);
        let again = DayKey::recalled(key.for_journal()).unwrap();
        let tag = VisitorTag::recall(7);
        assert_eq!(tag.on_page(&key, 3), tag.on_page(&again, 3), "a restart makes the same tags");
    }

    #[test]
    fn another_key_gives_unrelated_tags() {
        assert_ne!(tag(&key(), "192.0.2.1", "x", "a"), tag(&key(), "192.0.2.1", "x", "a"));
    }
}
