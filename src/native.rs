//! The one file with unsafe code: loads the engine's library and maps location files.
