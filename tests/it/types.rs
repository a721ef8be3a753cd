//! Types that hold an identity cannot be printed, copied or written: asserted when this file is compiled.

use std::fmt::{Debug, Display};

use serde::{Deserialize, Serialize};
use sillage::privacy::Sighting;
use sillage::privacy::hit::{ClientIp, Hit, HitKind, UserAgent};
use sillage::privacy::tag::day_key::{DayKey, KeyRing};
use sillage::privacy::tag::visitor_tag::VisitorTag;
use sillage::spool::Durable;
use sillage::visits::Visits;
use static_assertions::assert_not_impl_any;

assert_not_impl_any!(Hit<'static>: Debug, Display, Clone, Serialize, Deserialize<'static>);
assert_not_impl_any!(HitKind<'static>: Debug, Display, Clone, Serialize);
assert_not_impl_any!(ClientIp: Debug, Display, Clone, Serialize, AsRef<[u8]>, AsRef<str>, ToString, Into<std::net::IpAddr>);
assert_not_impl_any!(UserAgent<'static>: Debug, Display, Clone, Serialize, AsRef<str>, Into<String>, std::ops::Deref);
assert_not_impl_any!(Sighting<'static>: Debug, Display, Clone, Serialize);
assert_not_impl_any!(VisitorTag: Debug, Display, Clone, Serialize, Into<u64>, AsRef<[u8]>);
assert_not_impl_any!(DayKey: Debug, Display, Clone, Serialize, Into<[u8; 32]>, AsRef<[u8]>, std::ops::Deref);
assert_not_impl_any!(KeyRing: Debug, Clone, Serialize);
assert_not_impl_any!(Visits: Debug, Clone, Serialize);
// Proof of a finished sync: no other code can make one.
assert_not_impl_any!(Durable: Clone, Default, Deserialize<'static>);
