//! A set of uniformly distributed 64-bit numbers, such as tags, at little more than eight bytes each. It grows by a few
//! thousand numbers at a time, so that no hit waits while millions are moved.
//!
//! Hand-written because a general hash table took 341 bytes per visitor of a day of a million and moved millions of
//! entries at once; with this set it is 156 with all visits open (`make bench BENCH=memory`). Tests compare it with a
//! tree.
//!
//! Numbers are divided into shards, and a shard into sorted lists with gaps. A number is at the slot given by its upper
//! half or after it, without a gap in between, so that a look-up scans from that slot to the first number that is not
//! smaller. A full shard is rebuilt with one more list. Above [`SHARD`] numbers per shard on average, a new shard takes
//! half of the oldest undivided one (linear hashing): shards never all grow at once. All lists of a large set have the
//! same allocation size, so that freed ones are reused; a set of a few numbers is one short list.

/// Numbers of a shard on average. Undivided shards hold up to twice as many.
const SHARD: usize = 2_048;

/// Slots of a list, once a shard has more than one: a page of memory.
const LIST: usize = 512;

/// A shard grows when more than 9 of 10 slots are taken: up to there a look-up passes five numbers on average.
const FULL: (usize, usize) = (9, 10);

/// Value of an empty slot.
const GAP: u64 = 0;

/// Upper bound of bytes per number, including half-filled shards and the ends of lists (measured by
/// `a_number_takes_little_more_than_its_eight_bytes_and_no_step_moves_more_than_a_shard`), and of a nearly empty set.
pub(super) const NUMBER_BYTES_MAX: u64 = 13;

/// The set. 0 is stored as 1: for tags, a chance of one in 2⁶⁴.
#[derive(Default)]
pub(super) struct TagSet {
    shards: Vec<Shard>,
    len: usize,
}

impl TagSet {
    /// Adds a number; false if it was present.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        let number = number.max(1);
        if self.len >= self.shards.len() * SHARD {
            self.divide();
        }
        let at = self.shard_of(number);
        let fresh = self.shards.get_mut(at).is_some_and(|shard| shard.insert(number));
        self.len += usize::from(fresh);
        fresh
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        let number = number.max(1);
        self.shards.get(self.shard_of(number)).is_some_and(|shard| shard.from(number).first() == Some(&number))
    }

    /// Numbers with the same upper half as this one, including it, in ascending order.
    pub(super) fn alike(&self, number: u64) -> impl Iterator<Item = u64> {
        let upper = number >> 32;
        let found = self.shards.get(self.shard_of(number)).map(|shard| shard.from((upper << 32).max(1)));
        found.unwrap_or_default().iter().copied().take_while(move |tag| tag >> 32 == upper && *tag != GAP)
    }

    /// Removes a number; false if it was absent.
    pub(super) fn remove(&mut self, number: u64) -> bool {
        let number = number.max(1);
        let at = self.shard_of(number);
        let known = self.shards.get_mut(at).is_some_and(|shard| shard.remove(number));
        self.len -= usize::from(known);
        known
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All numbers of the set, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> + Clone {
        self.shards.iter().flat_map(Shard::iter)
    }

    /// Bytes of all allocations.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let shard_bytes = |shard: &Shard| shard.slots() * 8 + shard.lists.capacity() * size_of::<Box<[u64]>>();
        self.shards.iter().map(shard_bytes).sum::<usize>() + self.shards.capacity() * size_of::<Shard>()
    }

    /// Shard of a number: the low bits of its upper half, one bit more for divided shards.
    fn shard_of(&self, number: u64) -> usize {
        let all = self.shards.len().next_power_of_two();
        let number = (number >> 32) as usize & (all - 1);
        if number < self.shards.len() { number } else { number ^ all >> 1 }
    }

    /// Adds a shard, which takes its numbers out of the one that held them until now.
    fn divide(&mut self) {
        let number = self.shards.len();
        self.shards.push(Shard::default());
        let Some(before) = number.checked_ilog2().map(|bits| number ^ 1 << bits) else { return };
        let Some(whole) = self.shards.get_mut(before).map(std::mem::take) else { return };
        let (mut stay, mut go) = (Vec::with_capacity(whole.taken), Vec::with_capacity(whole.taken));
        for one in whole.numbers() {
            if self.shard_of(one) == number { go.push(one) } else { stay.push(one) }
        }
        for (at, part) in [(before, stay), (number, go)] {
            if let Some(shard) = self.shards.get_mut(at) {
                *shard = Shard::of(&part, part.len() * FULL.1 / FULL.0 + 1, LIST);
            }
        }
    }
}

/// Sorted lists with gaps, all of one length.
#[derive(Default)]
struct Shard {
    lists: Vec<Box<[u64]>>,
    taken: usize,
}

impl Shard {
    /// At least `slots` slots with these numbers, which are in ascending order, in lists of at most `longest`.
    fn of(numbers: &[u64], slots: usize, longest: usize) -> Self {
        let length = allocated(slots.min(longest));
        let lists = (0..slots.div_ceil(length)).map(|_| vec![GAP; length].into()).collect();
        let mut shard = Self { lists, taken: numbers.len() };
        let mut next = (0, 0);
        for number in numbers {
            let (list, place) = shard.place(*number);
            let place = if next.0 == list { place.max(next.1) } else { place };
            match shard.lists.get_mut(list).and_then(|list| list.get_mut(place)) {
                Some(slot) => *slot = *number,
                // The end of a list overflowed.
                None => return Self::of(numbers, shard.slots() + 1, shard.longest()),
            }
            next = (list, place + 1);
        }
        shard
    }

    /// Length of lists when slots are added. A list that overflows at its end while half of the slots are empty has
    /// numbers with equal upper halves, which tags do not have; longer lists give them more room.
    fn longest(&self) -> usize {
        let length = self.lists.first().map_or(0, |list| list.len()).max(LIST);
        if self.taken * 2 < self.slots() && self.slots() > LIST { length * 2 } else { length }
    }

    fn slots(&self) -> usize {
        self.lists.len() * self.lists.first().map_or(0, |list| list.len())
    }

    /// List and slot of a number, by its upper half, so that numbers with equal upper halves are adjacent.
    fn place(&self, number: u64) -> (usize, usize) {
        let length = self.lists.first().map_or(0, |list| list.len());
        let among = (number >> 32) * self.lists.len() as u64;
        let within = (among & u64::from(u32::MAX)) * (length - behind(length)) as u64;
        ((among >> 32) as usize, (within >> 32) as usize)
    }

    /// The number's list, from its present or future slot on.
    fn from(&self, number: u64) -> &[u64] {
        let (list, place) = self.place(number);
        let list = self.lists.get(list).and_then(|list| list.get(place..)).unwrap_or_default();
        list.get(smaller(list, number)..).unwrap_or_default()
    }

    fn insert(&mut self, number: u64) -> bool {
        loop {
            let (list, place) = self.place(number);
            let is_room = self.taken * FULL.1 < self.slots() * FULL.0;
            let list = self.lists.get_mut(list).and_then(|list| list.get_mut(place..)).unwrap_or_default();
            let at = smaller(list, number);
            let behind = list.get_mut(at..).unwrap_or_default();
            if behind.first() == Some(&number) {
                return false;
            }
            if is_room
                && let Some(gap) = behind.iter().position(|slot| *slot == GAP)
                && let Some(moved) = behind.get_mut(..=gap)
            {
                moved.copy_within(..gap, 1);
                moved.iter_mut().take(1).for_each(|slot| *slot = number);
                self.taken += 1;
                return true;
            }
            let numbers = self.numbers();
            *self = Self::of(&numbers, self.slots() + 1, self.longest());
        }
    }

    fn remove(&mut self, number: u64) -> bool {
        let (list, place) = self.place(number);
        let Some(whole) = self.lists.get(list) else { return false };
        let at = place + smaller(whole.get(place..).unwrap_or_default(), number);
        if whole.get(at) != Some(&number) {
            return false;
        }
        // Later numbers move up, as far as none moves before its own slot.
        let behind = whole.get(at + 1..).unwrap_or_default().iter().enumerate();
        let moved = behind.take_while(|(far, one)| **one != GAP && self.place(**one).1 <= at + far).count();
        if let Some(list) = self.lists.get_mut(list) {
            list.copy_within(at + 1..=at + moved, at);
            list.iter_mut().skip(at + moved).take(1).for_each(|slot| *slot = GAP);
        }
        self.taken -= 1;
        true
    }

    /// Collects all numbers in ascending order.
    fn numbers(&self) -> Vec<u64> {
        let mut numbers = Vec::with_capacity(self.taken);
        for list in &self.lists {
            for slot in list {
                if *slot != GAP {
                    numbers.push(*slot);
                }
            }
        }
        numbers
    }

    /// Iterates over all numbers in ascending order.
    fn iter(&self) -> impl Iterator<Item = u64> + Clone {
        self.lists.iter().flat_map(|list| list.iter().copied()).filter(|slot| *slot != GAP)
    }
}

/// Count of numbers smaller than `number`, up to the first gap. A gap is 0 and wraps to the maximum when decremented,
/// so that one comparison covers both.
fn smaller(list: &[u64], number: u64) -> usize {
    list.iter().take_while(|slot| slot.wrapping_sub(1) < number - 1).count()
}

/// Slots at the end of a list for overflow: no number hashes to them.
fn behind(slots: usize) -> usize {
    slots / 32
}

/// The slots of a full allocation of at least `slots`: the allocator has four sizes per doubling.
fn allocated(slots: usize) -> usize {
    let step = (slots.max(8).next_power_of_two() / 8).max(1);
    slots.max(8).next_multiple_of(step)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::mix::mix;

    /// A small set of numbers, many of which share their upper half, and some at both ends of the range.
    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![
            4 => (0..6_000u64).prop_map(mix),
            2 => (0..50u64, 0..4u64).prop_map(|(upper, lower)| mix(upper) >> 32 << 32 | lower),
            1 => (0..40u64).prop_map(|back| u64::MAX - back),
            1 => 1..40u64,
        ]
        .prop_map(|number| number.max(1))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn it_is_the_set_that_a_tree_is(steps in prop::collection::vec((number(), 0..8u8), 1..12_000)) {
            let (mut numbers, mut model) = (TagSet::default(), BTreeSet::new());
            for (number, what) in steps {
                match what {
                    0 => prop_assert_eq!(numbers.remove(number), model.remove(&number)),
                    1 => prop_assert_eq!(numbers.contains(number), model.contains(&number)),
                    2 => {
                        let (upper, lower) = (number >> 32 << 32, u64::from(u32::MAX));
                        let alike: Vec<u64> = model.range(upper..=upper | lower).copied().collect();
                        prop_assert_eq!(numbers.alike(number).collect::<Vec<_>>(), alike);
                    }
                    _ => prop_assert_eq!(numbers.insert(number), model.insert(number)),
                }
                prop_assert_eq!(numbers.len(), model.len());
            }
            let mut all: Vec<u64> = numbers.iter().collect();
            all.sort_unstable();
            prop_assert_eq!(all, model.iter().copied().collect::<Vec<_>>());
            for number in model {
                prop_assert!(numbers.remove(number));
            }
            prop_assert_eq!((numbers.len(), numbers.iter().count()), (0, 0));
        }
    }

    #[test]
    fn a_number_takes_little_more_than_its_eight_bytes_and_no_step_moves_more_than_a_shard() {
        let mut numbers = TagSet::default();
        let (mut most, mut mean) = (0.0f64, 0.0);
        for count in 1..=400_000u32 {
            assert!(numbers.insert(mix(u64::from(count))));
            if count >= 1_000 && count % 500 == 0 {
                let each = numbers.bytes() as f64 / f64::from(count);
                most = most.max(each);
                mean += each / 799.0;
            }
        }
        assert!(most <= NUMBER_BYTES_MAX as f64 && mean < 10.5, "{most} at the most, {mean} in the mean");
        let largest = numbers.shards.iter().map(|shard| shard.taken).max().unwrap();
        assert!(largest < 3 * SHARD, "{largest}");
    }

    #[test]
    fn a_handful_takes_a_handful_of_bytes() {
        let mut numbers = TagSet::default();
        assert_eq!(numbers.shards.capacity(), 0, "nothing is nothing");
        (1..=5).for_each(|number| assert!(numbers.insert(mix(number))));
        let [shard] = &*numbers.shards else { panic!("one shard") };
        assert!(shard.slots() <= 10, "{}", shard.slots());
    }
}
