//! Every metric, and the log set-up. Both describe the process, never a visitor.
