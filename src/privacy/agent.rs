//! Browser, system, device class and bots, from the User-Agent header.
