//! What holds an identity cannot be printed, cloned or written out: asserted when this compiles.

use std::fmt::{Debug, Display};

use serde::Serialize;
use sillage::privacy::Sighting;
use sillage::privacy::hit::{ClientIp, Hit, HitKind, UserAgent};
use sillage::privacy::salt::DayKey;
use sillage::privacy::visitor::VisitorTag;
use static_assertions::assert_not_impl_any;

assert_not_impl_any!(Hit<'static>: Debug, Display, Clone, Serialize);
assert_not_impl_any!(HitKind<'static>: Debug, Display, Clone, Serialize);
assert_not_impl_any!(ClientIp: Debug, Display, Clone, Serialize);
assert_not_impl_any!(UserAgent<'static>: Debug, Display, Clone, Serialize);
assert_not_impl_any!(Sighting<'static>: Debug, Display, Clone, Serialize);
assert_not_impl_any!(VisitorTag: Debug, Display, Clone, Serialize);
assert_not_impl_any!(DayKey: Debug, Display, Clone, Serialize);
