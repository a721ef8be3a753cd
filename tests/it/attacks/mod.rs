//! Attacks on published tables, on a real engine. Each says in its comment what it told before figures were released in
//! tens, and what it tells now; the test fails when it tells more.

mod draws;
mod rest;
