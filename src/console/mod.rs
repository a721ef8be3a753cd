//! The private listener: routing, tokens, statistics, probes. Never sees a hit.
