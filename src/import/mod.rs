//! Counting what was logged elsewhere, as live hits would have been counted at those times.
