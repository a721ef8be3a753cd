//! A segment's events into counter rows, deterministically.
