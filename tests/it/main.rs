//! Everything that enters through a real listener.

mod console;
mod query;
