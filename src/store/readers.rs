//! Reading users on a remote server: the statements with which an administrator, or a writer with the rights, makes
//! them. Must never grant a table that is not published. (Our own engine has its users in its own configuration.)

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::client::{Login, Store};
use super::cluster_settings::{ALL_SHARDS, SKIP_UNUSED_SHARDS};
use super::migrate::MigrationStep;
use super::published::TABLES;
use super::reports::Reports;
use super::scope::ReaderScope;
use crate::config;
use crate::config::EngineMode;

/// Settings that a reader may change for itself: a time limit, and filters that can only remove rows.
pub(super) const SETTINGS: &str = "readonly = 1, max_memory_usage = 1000000000, max_threads = 2, optimize_move_to_prewhere = 0, max_execution_time = 30 MIN 1 \
     MAX 60 CHANGEABLE_IN_READONLY, additional_table_filters CHANGEABLE_IN_READONLY, output_format_write_statistics = 0, \
     log_queries = 0";

/// Statements that make the user of `scope` on a remote server, for an administrator or a writer who may make users.
fn statements(scope: &ReaderScope, config: &config::ClickHouseConfig, reader: &Login) -> Vec<String> {
    let Some(filter) = scope.filter() else { return Vec::new() };
    let on = config.on_cluster();
    let (user, password) = (scope.user(), scope.password(&reader.password));
    let hash: String = Sha256::digest(&password).iter().map(|byte| format!("{byte:02x}")).collect();
    let of_cluster = [SKIP_UNUSED_SHARDS, ALL_SHARDS].map(|(name, value)| format!(", {name} = {value}")).concat();
    let of_cluster = if config.cluster.is_empty() { "" } else { &of_cluster };
    let mut statements = vec![format!(
        "CREATE USER OR REPLACE {user}{on} IDENTIFIED WITH sha256_hash BY '{hash}' SETTINGS {SETTINGS}{of_cluster}"
    )];
    let local = |name: &str| [name.to_owned(), format!("{name}_local")];
    let tables = TABLES.iter().flat_map(|table| local(table.name));
    for table in tables.filter(|name| !config.cluster.is_empty() || !name.ends_with("_local")) {
        let table = format!("{}.{table}", config.database);
        statements.push(format!("GRANT{on} SELECT ON {table} TO {user}"));
        statements
            .push(format!("CREATE ROW POLICY OR REPLACE {user}{on} ON {table} FOR SELECT USING {filter} TO {user}"));
        // A server may hide rows from users without a policy as soon as a table has one.
        statements.push(format!(
            "CREATE ROW POLICY OR REPLACE sillage_all{on} ON {table} FOR SELECT USING 1 TO {}, {}",
            config.user, config.reader
        ));
    }
    statements
}

/// Grants the reading users of a remote ClickHouse the published tables, those of a token its sites alone, and returns
/// the statements that it may not run: they are for an administrator. Existing users are not made again.
pub async fn grant_readers(
    store: &Store,
    config: &config::ClickHouseConfig,
    scopes: &BTreeSet<ReaderScope>,
) -> Vec<MigrationStep> {
    let mut refused = Vec::new();
    for (scope, steps) in reader_steps(store.reader().as_ref(), config, scopes) {
        let mut of_scope = Vec::new();
        for step in steps {
            if store.everywhere(&step.sql).await.is_err() {
                of_scope.push(step);
            }
        }
        if !of_scope.is_empty() && !Reports::new(store.reading_as(&scope)).may_read_all().await {
            refused.extend(of_scope);
        }
    }
    refused
}

/// All statements of [`grant_readers`], without running them.
pub fn steps_by_hand(
    store: &Store,
    config: &config::ClickHouseConfig,
    scopes: &BTreeSet<ReaderScope>,
) -> Vec<MigrationStep> {
    reader_steps(store.reader().as_ref(), config, scopes).into_iter().flat_map(|(_, steps)| steps).collect()
}

/// Statements that let each reading user read the published tables; none when there is no such user, or the engine is
/// ours and has them in its own configuration.
fn reader_steps(
    reader: Option<&Login>,
    config: &config::ClickHouseConfig,
    scopes: &BTreeSet<ReaderScope>,
) -> Vec<(ReaderScope, Vec<MigrationStep>)> {
    let Some(reader) = reader.filter(|_| config.mode == EngineMode::Remote) else { return Vec::new() };
    let on = config.on_cluster();
    let grant = |table| format!("GRANT{on} SELECT ON {}.{table} TO {}", config.database, config.reader);
    let step = |sql| MigrationStep { node: String::new(), file: "reader", sql };
    let all = (ReaderScope::All, TABLES.iter().map(|table| step(grant(table.name))).collect());
    let each = scopes.iter().map(|scope| {
        let steps = statements(scope, config, reader).into_iter().map(step);
        (scope.clone(), steps.collect())
    });
    std::iter::once(all).chain(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> ReaderScope {
        ReaderScope::of(["Shop.example", "a.example"])
    }

    #[test]
    fn a_server_gets_a_user_a_grant_and_a_policy_for_each_published_table() {
        let config = config::ClickHouseConfig {
            user: "writer".into(),
            reader: "grafana".into(),
            database: "audience".into(),
            ..config::ClickHouseConfig::default()
        };
        let reader = Login { user: "grafana".into(), password: "p".into() };
        let made = statements(&shop(), &config, &reader);
        assert_eq!(made.len(), 1 + 3 * TABLES.len());
        assert!(made[0].starts_with(&format!("CREATE USER OR REPLACE {} IDENTIFIED", shop().user())));
        assert!(!made.concat().contains(&shop().password("p")));
        assert!(made.iter().any(|text| text.contains("ON audience.page_days FOR SELECT USING site IN (")));
        let spread = config::ClickHouseConfig { cluster: "north".into(), ..config };
        let made = statements(&shop(), &spread, &reader).concat();
        assert!(made.contains("ON CLUSTER 'north' ON audience.page_days_local FOR SELECT"));
        assert!(made.contains("optimize_skip_unused_shards = 1, skip_unavailable_shards = 0"));
    }

    #[test]
    fn the_reading_user_of_a_remote_database_is_granted_the_published_tables_and_nothing_else() {
        let reader = Login { user: "grafana".into(), password: String::new() };
        let mut remote = config::ClickHouseConfig { reader: "grafana".into(), ..Default::default() };
        let none = BTreeSet::new();
        assert_eq!(reader_steps(Some(&reader), &remote, &none), [], "the engine of ours has them in its configuration");
        remote.mode = EngineMode::Remote;
        let steps = reader_steps(Some(&reader), &remote, &none).remove(0).1;
        let steps: Vec<_> = steps.into_iter().map(|step| step.sql).collect();
        assert_eq!(steps, TABLES.map(|table| format!("GRANT SELECT ON sillage.{} TO grafana", table.name)));
        assert_eq!(reader_steps(None, &remote, &none), []);
        assert_eq!(reader_steps(Some(&reader), &remote, &BTreeSet::from([shop()])).len(), 2);
    }

    #[test]
    fn migrations_know_the_same_published_tables() {
        assert_eq!(
            BTreeSet::from(crate::store::migrate::PUBLISHED_TABLES),
            BTreeSet::from(TABLES.map(|table| table.name))
        );
    }
}
