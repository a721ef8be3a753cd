//! A 64-bit mixer for numbers that must look scattered but keep no secret.

/// An odd number whose multiples scatter: 2⁶⁴ divided by the golden ratio.
pub(crate) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A bijection that moves every bit: the last step of SplitMix64.
pub(crate) const fn mix(number: u64) -> u64 {
    let mixed = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixer_gives_the_published_numbers_of_splitmix64() {
        // The first three outputs of the generator with seed 0.
        let state = |step: u64| GOLDEN.wrapping_mul(step);
        assert_eq!(
            [mix(state(1)), mix(state(2)), mix(state(3))],
            [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]
        );
    }
}
