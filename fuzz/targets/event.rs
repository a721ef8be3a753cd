//! Bodies of native events, one a line: parsed, anonymised, counted, merged. Nothing panics, and no sum drops below
//! zero.
#![no_main]

use std::cell::RefCell;
use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use sillage::collect::formats::native::NativeEvent;
use sillage::rollup::Rollup;
use sillage_fuzz::Counter;

thread_local!(static COUNTER: RefCell<Counter> = RefCell::default());

fuzz_target!(|bodies: &[u8]| {
    COUNTER.with_borrow_mut(|counter| {
        counter.fresh();
        let (mut at, mut sums) = (0, BTreeMap::new());
        for (number, body) in bodies.split(|byte| *byte == b'\n').take(40).enumerate() {
            // Visitor and time derive from the length, so that bodies stay readable.
            let length = body.len() as i64;
            at += if length % 7 == 0 { 1_800 + length % 3 - 1 } else { length };
            let mut rollup = Rollup::default();
            if let Ok(message) = NativeEvent::parse(body) {
                counter.count(&message, (length % 3) as u8, at, &mut rollup);
            }
            sillage_fuzz::add(&mut sums, &rollup.finish(number.to_string()));
        }
    });
});
