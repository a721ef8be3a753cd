//! Open files: the system's limit, and the number of connections of both listeners that fit into it. A listener that
//! runs out of files stops accepting; one with a connection limit closes idle connections instead. Must always leave
//! files for the spool.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;
use crate::console::{CONNECTIONS_MAX, PROBE_CONNECTIONS};

/// Files open besides connections: spool, journal, location files, runtimes, connections to the engine.
const OTHER_FILES: usize = 128;

/// Raises the soft limit of open files to the hard one, and lowers the connection limits of both listeners to fit.
/// Returns the console's limit.
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

/// Connections of each listener that fit into `files`; the console gets a quarter of the room, up to its need.
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
