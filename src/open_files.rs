//! Open files: how many the system allows, and how many connections of both listeners fit into them. A connection
//! that cannot be accepted for want of a file stops its listener; one for which another makes room does not. Must
//! never leave the spool without a file.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;
use crate::console::{CONNECTIONS_MAX, PROBE_CONNECTIONS};

/// Files that are open beside connections: the spool, the journal, location files, runtimes, the way to the engine.
const OTHER_FILES: usize = 128;

/// Raises the soft limit of open files to the hard one, and lowers the connections of both listeners to what fits.
/// Gives the console's number.
pub(crate) fn fit(mut config: Config) -> (Config, usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let allowed = if raised.is_ok() { limit.maximum } else { limit.current };
    let allowed = allowed.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    let (collect, console) = fit_connections(allowed, config.collect.max_connections);
    if collect < config.collect.max_connections {
        tracing::warn!(allowed, collect, console, "app: open files limit connections; raise `ulimit -n` for more");
    }
    config.collect.max_connections = collect;
    (config, console)
}

/// How many connections of each listener fit into so many open files; the console has a quarter of the room, at most
/// what it needs.
fn fit_connections(files: usize, wanted: usize) -> (usize, usize) {
    let room = files.saturating_sub(OTHER_FILES + PROBE_CONNECTIONS).max(8);
    let console = CONNECTIONS_MAX.min(room / 4);
    (wanted.min(room - console), console)
}

#[cfg(test)]
mod tests {
    use super::fit_connections;

    #[test]
    fn connections_are_fitted_into_the_open_files_that_are_allowed() {
        assert_eq!(fit_connections(usize::MAX, 10_000), (10_000, 256));
        assert_eq!(fit_connections(20_000, 10_000), (10_000, 256));
        assert_eq!(fit_connections(400, 10_000), (192, 64));
        assert_eq!(fit_connections(10, 10_000), (6, 2));
        assert_eq!(fit_connections(400, 50), (50, 64));
    }
}
