//! A set of 64-bit numbers that are spread evenly already, as tags are, in little more than eight bytes each. It grows
//! a few thousand numbers at a time, so that no hit waits while millions are moved.
//!
//! Hand-written because a general hash table took 341 bytes for each visitor of a day of a million and moved millions
//! of entries at once; with this set it is 156 with all visits open (`make bench BENCH=memory`). Tests compare it with
//! a tree.
//!
//! Numbers are in shards, and a shard's are in lists in ascending order with gaps: each number stands at the place that
//! its upper half gives it or behind it, with no gap between, so that looking one up is to go on from its place to the
//! first that is not smaller. A shard that is full is laid out anew over one list more. When there are [`SHARD`]
//! numbers a shard, one shard more takes a half of the oldest undivided one (linear hashing): shards are never all
//! about to grow at once. All lists of a large set are pieces of memory of one size, so that what one gives back
//! another takes; a set of a few numbers is one short list.

/// Numbers of a shard, on average. The undivided ones hold up to twice as many.
const SHARD: usize = 2_048;

/// Slots of a list, once a shard has more than one: a page of memory.
const LIST: usize = 512;

/// A shard grows when more than 9 of 10 slots are taken: up to there a look-up passes some five numbers in the mean.
const FULL: (usize, usize) = (9, 10);

/// What stands in a gap.
const GAP: u64 = 0;

/// Most bytes of a number, half-filled shards and the end of each list included (`a_number_takes_little_more_than_its_
/// eight_bytes` measures it), and of a set with hardly any.
pub(super) const NUMBER_BYTES_MAX: u64 = 13;

/// The set. 0 is taken for 1: of tags, that is one in 2⁶⁴.
#[derive(Default)]
pub(super) struct TagSet {
    shards: Vec<Shard>,
    len: usize,
}

impl TagSet {
    /// Takes a number in; false when it was there.
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

    /// The numbers that have the same upper half as this one, itself among them, in ascending order.
    pub(super) fn alike(&self, number: u64) -> impl Iterator<Item = u64> {
        let upper = number >> 32;
        let found = self.shards.get(self.shard_of(number)).map(|shard| shard.from((upper << 32).max(1)));
        found.unwrap_or_default().iter().copied().take_while(move |one| one >> 32 == upper && *one != GAP)
    }

    /// Takes a number out; false when it was not there.
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

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> + Clone {
        self.shards.iter().flat_map(Shard::iter)
    }

    /// Bytes that it takes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let of = |shard: &Shard| shard.slots() * 8 + shard.lists.capacity() * size_of::<Box<[u64]>>();
        self.shards.iter().map(of).sum::<usize>() + self.shards.capacity() * size_of::<Shard>()
    }

    /// Which shard a number is in: the lower bits of its upper half say so, one bit more where the shard was divided.
    fn shard_of(&self, number: u64) -> usize {
        let all = self.shards.len().next_power_of_two();
        let number = (number >> 32) as usize & (all - 1);
        if number < self.shards.len() { number } else { number ^ all >> 1 }
    }

    /// One shard more: it takes its numbers out of the one that they were in until now.
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

/// Lists with gaps, all of one length.
#[derive(Default)]
struct Shard {
    lists: Vec<Box<[u64]>>,
    taken: usize,
}

impl Shard {
    /// At least so many slots with these numbers, which are in ascending order, in lists of at most this length.
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
                // So many at the end of a list that they have no room behind it.
                None => return Self::of(numbers, shard.slots() + 1, shard.longest()),
            }
            next = (list, place + 1);
        }
        shard
    }

    /// How long lists may be when there are to be more slots. Half of them empty, and yet one end overflows: that are
    /// numbers alike in their upper half, as no two tags are; longer lists have more room there.
    fn longest(&self) -> usize {
        let length = self.lists.first().map_or(0, |list| list.len()).max(LIST);
        if self.taken * 2 < self.slots() && self.slots() > LIST { length * 2 } else { length }
    }

    fn slots(&self) -> usize {
        self.lists.len() * self.lists.first().map_or(0, |list| list.len())
    }

    /// The list of a number, and its place there: by its upper half, so that those that are alike there stand together.
    fn place(&self, number: u64) -> (usize, usize) {
        let length = self.lists.first().map_or(0, |list| list.len());
        let among = (number >> 32) * self.lists.len() as u64;
        let within = (among & u64::from(u32::MAX)) * (length - behind(length)) as u64;
        ((among >> 32) as usize, (within >> 32) as usize)
    }

    /// Its list from where the number is, or would be.
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
        // Those behind it move up, as far as none comes before its own place.
        let behind = whole.get(at + 1..).unwrap_or_default().iter().enumerate();
        let moved = behind.take_while(|(far, one)| **one != GAP && self.place(**one).1 <= at + far).count();
        if let Some(list) = self.lists.get_mut(list) {
            list.copy_within(at + 1..=at + moved, at);
            list.iter_mut().skip(at + moved).take(1).for_each(|slot| *slot = GAP);
        }
        self.taken -= 1;
        true
    }

    /// In ascending order, at one go.
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

    /// In ascending order.
    fn iter(&self) -> impl Iterator<Item = u64> + Clone {
        self.lists.iter().flat_map(|list| list.iter().copied()).filter(|slot| *slot != GAP)
    }
}

/// How many of these come before the number, up to the first gap. A gap is 0: less one it is greater than all, so that
/// one comparison tells both.
fn smaller(list: &[u64], number: u64) -> usize {
    list.iter().take_while(|slot| slot.wrapping_sub(1) < number - 1).count()
}

/// Slots of a list that no number is given as its place, for the last ones to give way to.
fn behind(slots: usize) -> usize {
    slots / 32
}

/// The number of slots, at least so many, that an allocation has in full: the allocator's sizes are four to a doubling.
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

    /// Numbers few of which differ, many of which are alike in their upper half, and some at the ends of all.
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
