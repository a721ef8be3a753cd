//! Database errors, as far as the caller can act on them. Must never carry the server's text: it quotes the offending
//! values. A code and our own name for it are enough.

use std::fmt;

use clickhouse::error::Error as ClientError;

use crate::http::certificate::CertificateFault;

/// Class of a failed operation: retry or give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The same operation may succeed later: keep the batch and retry.
    #[error("database temporarily unavailable: {0}")]
    Retryable(ServerError),
    /// The same operation fails again until the schema, the rights or the program change.
    #[error("database rejected the statement: {0}")]
    Refused(ServerError),
}

/// Number and name of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerError {
    /// ClickHouse's error code; 0 for a failure outside the server.
    pub code: u32,
    /// Our name for the code.
    pub name: &'static str,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code == 0 { f.write_str(self.name) } else { write!(f, "{} (code {})", self.name, self.code) }
    }
}

impl StoreError {
    /// Number and name of the failure, in both classes.
    pub fn failure(&self) -> ServerError {
        match self {
            Self::Retryable(failure) | Self::Refused(failure) => *failure,
        }
    }

    /// The error in a reader's own query; `None` where the database is away or busy, or the fault is ours.
    pub(super) fn of_asker(&self) -> Option<ServerError> {
        let failure = self.failure();
        let is_ours = failure.code == 0 && failure.name != ANSWER_TOO_LONG;
        (!is_ours && !NOT_THE_ASKERS.contains(&failure.code)).then_some(failure)
    }

    pub(crate) fn timeout() -> Self {
        Self::Retryable(ServerError { code: 0, name: "no answer in time" })
    }

    fn of_code(code: u32) -> Self {
        if let Some((_, name)) = REFUSED.iter().find(|(refused, _)| *refused == code) {
            return Self::Refused(ServerError { code, name });
        }
        let name = RETRYABLE.iter().find(|(known, _)| *known == code).map_or("other error", |(_, name)| name);
        Self::Retryable(ServerError { code, name })
    }
}

/// Name of the failure for an answer above the size limit.
pub(super) const ANSWER_TOO_LONG: &str = "answer longer than 16 MB";

/// Failures that do not depend on the query: the server is away, busy or full, or does not know our user.
const NOT_THE_ASKERS: [u32; 20] =
    [164, 192, 193, 194, 195, 201, 202, 209, 210, 225, 236, 243, 244, 252, 254, 279, 285, 286, 319, 516];

/// Codes that no retry resolves. Every code that is not listed is retried: a batch that retries in vain shows in the
/// metrics, one that is set aside too early is lost.
const REFUSED: &[(u32, &str)] = &[
    (6, "text could not be parsed"),
    (10, "no such column"),
    (16, "no such column"),
    (20, "wrong number of columns"),
    (27, "input could not be parsed"),
    (36, "bad argument"),
    (42, "wrong number of arguments"),
    (43, "wrong type of argument"),
    (44, "wrong column"),
    (46, "unknown function"),
    (47, "unknown column"),
    (48, "not implemented"),
    (50, "unknown type"),
    (53, "wrong type"),
    (57, "table already exists"),
    (60, "unknown table"),
    (62, "syntax error"),
    (63, "unknown aggregate function"),
    (70, "type cannot be converted"),
    (73, "unknown format"),
    (80, "query not allowed"),
    (81, "unknown database"),
    (115, "unknown setting"),
    (117, "incorrect data"),
    (139, "setting missing in the server's configuration; on a cluster, give each node the macros shard and replica"),
    (192, "unknown user"),
    (193, "wrong password"),
    (194, "password required"),
    (195, "address not allowed"),
    (215, "not an aggregate"),
    (253, "replica exists already in Keeper; drop it there with SYSTEM DROP REPLICA"),
    (371, "nodes have different definitions of the cluster; give all of them the same remote_servers"),
    (386, "no common type"),
    (392, "ON CLUSTER not offered; give the servers Keeper, or set clickhouse.replication = \"distributed\""),
    (452, "setting not allowed"),
    (456, "parameter not set"),
    (457, "bad parameter"),
    (497, "access denied"),
    (701, "unknown cluster; set clickhouse.cluster to a name in remote_servers"),
    (516, "user or password not accepted"),
];

/// Names of the usual transient errors.
const RETRYABLE: &[(u32, &str)] = &[
    (33, "input ended early"),
    (159, "query took too long"),
    (164, "not allowed to a read-only user; on a cluster its profile needs skip_unavailable_shards = 0"),
    (173, "out of memory"),
    (201, "quota used up"),
    (202, "too many queries"),
    (209, "network timeout"),
    (210, "network error"),
    (225, "no Keeper; name it in the servers' configuration, or set clickhouse.replication = \"distributed\""),
    (236, "aborted"),
    (241, "memory limit reached"),
    (242, "table is read-only; check the server's connection to Keeper and its interserver address"),
    (243, "disk full"),
    (244, "Keeper answered with an error; check the servers' connection to it"),
    (252, "too many parts"),
    (254, "no active replica; check the servers' connection to Keeper"),
    (279, "a shard is away: none of its nodes answers"),
    (285, "too few replicas; rows wait until most replicas of the shard are back"),
    (286, "quorum of the previous insert not reached; wait for its replicas"),
    (319, "insert status unknown"),
    (394, "query cancelled"),
    (999, "Keeper does not answer; check the servers' connection to it"),
];

impl From<ClientError> for StoreError {
    fn from(error: ClientError) -> Self {
        let refused = |name| Self::Refused(ServerError { code: 0, name });
        let retryable = |name| Self::Retryable(ServerError { code: 0, name });
        #[allow(clippy::wildcard_enum_match_arm, reason = "the enum is non-exhaustive; the rest are ours to correct")]
        match error {
            ClientError::BadResponse(text) => {
                code_of(&text).map_or_else(|| retryable("answer is not from ClickHouse"), Self::of_code)
            }
            ClientError::Network(cause) => {
                retryable(CertificateFault::of(&*cause).map_or("not reachable", CertificateFault::sentence))
            }
            ClientError::TimedOut => Self::timeout(),
            ClientError::Compression(_) | ClientError::Decompression(_) | ClientError::NotEnoughData => {
                retryable("answer truncated")
            }
            ClientError::SchemaMismatch(_) => refused("rows and table differ"),
            ClientError::RowNotFound => refused("no row"),
            _ => refused("request or answer could not be parsed"),
        }
    }
}

/// The number after `Code: `, at the start of every ClickHouse error.
pub(crate) fn code_of(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("Code: ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> StoreError {
        ClientError::BadResponse(text.into()).into()
    }

    #[test]
    fn the_code_decides_and_the_text_is_not_kept() {
        let error = of("Code: 53. DB::Exception: Cannot parse '198.51.100.7' here (TYPE_MISMATCH) (version 26.7)");
        assert_eq!(error, StoreError::Refused(ServerError { code: 53, name: "wrong type" }));
        assert_eq!(error.to_string(), "database rejected the statement: wrong type (code 53)");
        assert!(!format!("{error:?}").contains("198.51"));
    }

    #[test]
    fn transient_errors_and_unknown_codes_are_retried() {
        for code in [159, 164, 202, 209, 210, 225, 241, 242, 252, 319, 999, 123_456] {
            let error = of(&format!("Code: {code}. DB::Exception: x"));
            assert!(matches!(error, StoreError::Retryable(failure) if failure.code == code), "{error}");
        }
        assert!(matches!(of("<html>502 Bad Gateway</html>"), StoreError::Retryable(_)));
        assert!(matches!(StoreError::from(ClientError::TimedOut), StoreError::Retryable(_)));
    }

    #[test]
    fn mistakes_are_refused() {
        for code in [16, 47, 53, 60, 62, 81, 192, 193, 497, 516] {
            assert!(matches!(of(&format!("Code: {code}. DB::Exception: x")), StoreError::Refused(_)), "{code}");
        }
        assert!(matches!(ClientError::SchemaMismatch("x".into()).into(), StoreError::Refused(_)));
    }
}
