//! Migrates the database to the schema in `schema/`. Must never run a file that has changed since it was applied, and
//! never drop a table that has rows.
//!
//! - `0000_migrations.sql` always runs: it creates the database and the record of applied files.
//! - Numbered files run once, in order. A file that changed since it ran is refused.
//! - `views_*.sql` run whenever their rendered text differs from the text applied last.
//! - Retention is a setting, not a migration: tables with another TTL are altered.
//! - Tables of exact rows of earlier releases ([`former`]) are dropped once they are empty.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::client::Store;
use crate::hex::hex;
use crate::store::error::{ServerError, StoreError};
use crate::store::former::{self, FORMER_TABLES};
pub use crate::store::table_form::MigrationSettings;
use crate::store::table_form::TableForm;

/// A file of `schema/`.
#[derive(Debug, Clone, Copy)]
pub struct SchemaFile {
    /// Name of the file without `.sql`; the prefix `views_` makes it repeatable.
    pub name: &'static str,
    /// SQL text with its placeholders.
    pub text: &'static str,
}

/// One statement of a migration plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStep {
    /// Address of the node that it runs on; empty: the database that is configured, or all nodes by `ON CLUSTER`.
    pub node: String,
    /// Name of the file with the statement.
    pub file: &'static str,
    /// The statement, placeholders filled in.
    pub sql: String,
}

/// Why a migration did not complete.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A statement failed; those before it stand, and the next run resumes there.
    #[error("{file}: {cause}")]
    Statement {
        /// Name of the file with the statement.
        file: &'static str,
        /// Class and code of the failure.
        cause: StoreError,
    },
    /// The record of applied files could not be read.
    #[error("reading applied migrations failed: {0}")]
    Record(#[from] StoreError),
    /// One node of a cluster is not in its form; the others are, as far as they answer.
    #[error("node {node}: {cause}")]
    Node {
        /// Address of the node.
        node: String,
        /// Error of that node.
        cause: Box<MigrateError>,
    },
    /// An applied file has changed since it ran.
    #[error(
        "{0}: differs from the applied migration (file or cluster changed); restore it, and add a new file for the \
             change"
    )]
    Changed(&'static str),
}

impl MigrateError {
    /// Whether a retry may succeed: the database is away or busy.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Statement { cause, .. } | Self::Record(cause) => matches!(cause, StoreError::Retryable(_)),
            Self::Node { cause, .. } => cause.is_retryable(),
            Self::Changed(_) => false,
        }
    }
}

/// The file that creates the database and the record.
const RECORD: SchemaFile = SchemaFile {
    name: "0000_migrations",
    text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/0000_migrations.sql")),
};

/// All files, in the order of execution.
const FILES: &[SchemaFile] = &[
    SchemaFile {
        name: "0002_published",
        text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/0002_published.sql")),
    },
    SchemaFile {
        name: "0003_waiting",
        text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/0003_waiting.sql")),
    },
    SchemaFile {
        name: "0004_annotations",
        text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/0004_annotations.sql")),
    },
    SchemaFile {
        name: "0005_uncounted",
        text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/0005_uncounted.sql")),
    },
    SchemaFile {
        name: "0006_imports",
        text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/0006_imports.sql")),
    },
    SchemaFile {
        name: "0007_waiting_figures",
        text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/0007_waiting_figures.sql")),
    },
    SchemaFile {
        name: "0008_waiting_imports",
        text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/0008_waiting_imports.sql")),
    },
    SchemaFile {
        name: "0009_imports_in_memory",
        text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/0009_imports_in_memory.sql")),
    },
    SchemaFile {
        name: "0010_page_values",
        text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/0010_page_values.sql")),
    },
    SchemaFile {
        name: "views_reports",
        text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/views_reports.sql")),
    },
];

/// Tables whose rows are deleted after the retention.
const TABLES: [&str; 26] = [
    "annotations",
    "imports",
    "site_hours",
    "site_days",
    "page_hours",
    "page_days",
    "dimension_days",
    "dimension_page_days",
    "action_days",
    "action_page_days",
    "action_value_days",
    "timing_days",
    "timing_page_days",
    "robot_days",
    "outcome_days",
    "waiting_pages",
    "waiting_breakdowns",
    "waiting_actions",
    "waiting_timings",
    "waiting_robots",
    "waiting_outcomes",
    "waiting_figures",
    "waiting_cells",
    "staged_cells",
    "releases",
    "collectors",
];

/// All tables that a reading user may read.
pub const PUBLISHED_TABLES: [&str; 14] = [
    "annotations",
    "site_hours",
    "site_days",
    "page_hours",
    "page_days",
    "dimension_days",
    "dimension_page_days",
    "action_days",
    "action_page_days",
    "action_value_days",
    "timing_days",
    "timing_page_days",
    "robot_days",
    "outcome_days",
];

const UNKNOWN_TABLE: u32 = 60;
const UNKNOWN_DATABASE: u32 = 81;

/// Migrates the database and returns the statements that ran; none on a second run.
///
/// # Errors
/// When a file has changed since it was applied, or a statement fails.
pub async fn apply(store: &Store, settings: &MigrationSettings) -> Result<Vec<MigrationStep>, MigrateError> {
    apply_files(store, settings, FILES).await
}

/// Migrates the nodes that answer, where nodes are migrated one by one. Returns the error of the first that is away;
/// `None`: all are migrated.
///
/// # Errors
/// When no node answers, a file has changed since it was applied, or a node refuses a statement.
pub async fn apply_where_reachable(
    store: &Store,
    settings: &MigrationSettings,
) -> Result<Option<MigrateError>, MigrateError> {
    let (mut migrated, mut away) = (0_usize, None);
    for (node, store) in store.formed_nodes() {
        match of_node(&node, apply_to(&store, settings, FILES).await) {
            Ok(_) => migrated += 1,
            Err(error) if error.is_retryable() => away = away.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    match away {
        Some(error) if migrated == 0 => Err(error),
        away => Ok(away),
    }
}

/// The statements that [`apply`] would run, without running them.
///
/// # Errors
/// The same as those of [`apply`].
pub async fn dry_run(store: &Store, settings: &MigrationSettings) -> Result<Vec<MigrationStep>, MigrateError> {
    let mut steps = Vec::new();
    for (node, store) in store.formed_nodes() {
        steps.extend(of_node(&node, plan(&store, settings, FILES).await)?);
    }
    Ok(steps)
}

/// [`apply`] with other files; for tests of the rules above.
///
/// # Errors
/// The same as those of [`apply`].
pub async fn apply_files(
    store: &Store,
    settings: &MigrationSettings,
    files: &[SchemaFile],
) -> Result<Vec<MigrationStep>, MigrateError> {
    let (mut steps, mut failed) = (Vec::new(), None);
    for (node, store) in store.formed_nodes() {
        match of_node(&node, apply_to(&store, settings, files).await) {
            Ok(done) => steps.extend(done),
            // The others are brought to their form all the same.
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(steps), Err)
}

async fn apply_to(
    store: &Store,
    settings: &MigrationSettings,
    files: &[SchemaFile],
) -> Result<Vec<MigrationStep>, MigrateError> {
    let steps = plan(store, settings, files).await?;
    for step in &steps {
        store.statement(&step.sql).await.map_err(|cause| MigrateError::Statement { file: step.file, cause })?;
    }
    Ok(steps)
}

/// Says where steps ran, or failed.
fn of_node(node: &str, outcome: Result<Vec<MigrationStep>, MigrateError>) -> Result<Vec<MigrationStep>, MigrateError> {
    match outcome {
        Ok(steps) => Ok(steps.into_iter().map(|step| MigrationStep { node: node.to_owned(), ..step }).collect()),
        Err(cause) if !node.is_empty() => Err(MigrateError::Node { node: node.to_owned(), cause: Box::new(cause) }),
        Err(cause) => Err(cause),
    }
}

/// All statements of the schema, as they run in this store with these settings.
pub(super) fn statements(store: &Store, settings: &MigrationSettings) -> Vec<String> {
    let form = TableForm::of(store, settings);
    [RECORD].iter().chain(FILES).flat_map(|file| form.statements(file.text)).collect()
}

async fn plan(
    store: &Store,
    settings: &MigrationSettings,
    files: &[SchemaFile],
) -> Result<Vec<MigrationStep>, MigrateError> {
    let form = TableForm::of(store, settings);
    let applied = applied(store).await?;
    let mut steps = Vec::new();
    if applied.is_none() {
        steps.extend(form.statements(RECORD.text).into_iter().map(|sql| step(RECORD.name, sql)));
    }
    let applied = applied.unwrap_or_default();
    for file in files {
        let repeatable = file.name.starts_with("views_");
        // Retention may change under an applied file; other values may not, except in a view.
        let seen = if repeatable { form.statements(file.text) } else { form.keeping_retention().statements(file.text) };
        let checksum = checksum(&seen);
        match applied.get(file.name) {
            Some(known) if *known == checksum => continue,
            Some(_) if !repeatable => return Err(MigrateError::Changed(file.name)),
            Some(_) | None => {}
        }
        let note = format!(
            "INSERT INTO {}.schema_migrations (file, checksum) VALUES ('{}', '{checksum}')",
            form.database, file.name
        );
        let statements = form.statements(file.text).into_iter().chain([note]);
        steps.extend(statements.map(|sql| step(file.name, sql)));
    }
    let emptied = former::empty(store).await?;
    steps.extend(retention(store, &form, &emptied).await?);
    steps.extend(emptied.iter().map(|table| step("former tables", former::drop_of(store, table))));
    Ok(steps)
}

/// File → checksum of its last run; `None` when there is no record yet.
async fn applied(store: &Store) -> Result<Option<HashMap<String, String>>, StoreError> {
    let sql = "SELECT file, argMax(checksum, at) FROM {database:Identifier}.schema_migrations GROUP BY file";
    match store.ask_as_owner(sql).param("database", store.database()).rows::<(String, String)>().await {
        Ok(rows) => Ok(Some(rows.into_iter().collect())),
        Err(StoreError::Refused(ServerError { code: UNKNOWN_TABLE | UNKNOWN_DATABASE, .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Tables that exist with another TTL, or with none, are altered, except those that are dropped; the server then
/// rewrites the parts that hold expired rows.
async fn retention(store: &Store, form: &TableForm, emptied: &[String]) -> Result<Vec<MigrationStep>, StoreError> {
    let sql = "SELECT name, engine_full FROM system.tables WHERE database = {database:String}";
    let found = store.ask_as_owner(sql).param("database", store.database()).rows::<(String, String)>().await?;
    let wanted = format!("toIntervalMonth({})", form.retention);
    let names = TABLES.iter().chain(&FORMER_TABLES).map(|table| form.local(table));
    let steps = names.filter(|name| !emptied.contains(name)).filter_map(|name| {
        let (_, engine) = found.iter().find(|(found, _)| *found == name)?;
        if engine.contains(&wanted) {
            return None;
        }
        let on = &form.on_cluster;
        let months = &form.retention;
        let sql = format!("ALTER TABLE {}.{name}{on} MODIFY TTL day + INTERVAL {months} MONTH DELETE", form.database);
        Some(step("retention", sql))
    });
    Ok(steps.collect())
}

fn step(file: &'static str, sql: String) -> MigrationStep {
    MigrationStep { node: String::new(), file, sql }
}

fn checksum(statements: &[String]) -> String {
    let mut hash = Sha256::new();
    for statement in statements {
        hash.update(statement.len().to_le_bytes());
        hash.update(statement);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(cluster: &str) -> TableForm {
        TableForm {
            database: "audience".into(),
            definer: "sillage".into(),
            cluster: cluster.into(),
            on_cluster: if cluster.is_empty() { String::new() } else { format!(" ON CLUSTER '{cluster}'") },
            by_node: false,
            retention: "25".into(),
            rounding: "10".into(),
        }
    }

    fn all(form: &TableForm) -> Vec<String> {
        [RECORD].iter().chain(FILES).flat_map(|file| form.statements(file.text)).collect()
    }

    #[test]
    fn every_placeholder_is_filled_in_both_forms() {
        for statement in all(&form("")).iter().chain(&all(&form("north"))) {
            assert!(!statement.contains("{{") && !statement.contains("}}"), "{statement}");
            assert!(!statement.trim_end().ends_with(';'), "{statement}");
        }
    }

    #[test]
    fn alone_there_is_one_statement_a_table_and_no_word_of_a_cluster() {
        let statements = all(&form(""));
        // A table that no release writes any more is made, and dropped by two statements; two change a column.
        assert_eq!(statements.len(), 2 + TABLES.len() + 3 + 2 + 4);
        for statement in &statements {
            assert!(!statement.contains("CLUSTER") && !statement.contains("Replicated"), "{statement}");
        }
        assert!(statements[2].starts_with("CREATE TABLE IF NOT EXISTS audience.site_hours\n("), "{}", statements[2]);
        assert!(statements[2].contains("SETTINGS non_replicated_deduplication_window = 10000"));
    }

    #[test]
    fn a_cluster_changes_engines_and_adds_distributed_tables_and_nothing_else() {
        let (alone, spread) = (all(&form("")), all(&form("north")));
        let (distributed, local): (Vec<_>, Vec<_>) = spread.iter().partition(|text| text.contains("Distributed("));
        assert_eq!(distributed.len(), TABLES.len() + 1);
        for table in TABLES {
            let over = format!("Distributed('north', 'audience', '{table}_local', cityHash64(site))");
            assert!(distributed.iter().any(|text| text.contains(&over)), "{table}");
        }
        for (alone, local) in alone.iter().zip(local) {
            let undone = local
                .replace(" ON CLUSTER 'north'", "")
                .replace("_local", "")
                .replace("Replicated", "")
                .replace("('/clickhouse/tables/audience/schema_migrations', '{shard}-{replica}')", "")
                .replace("replicated_deduplication_window_seconds = 31536000, ", "")
                .replace(" replicated_dedup", " non_replicated_dedup");
            let undone = TABLES.iter().chain(&["waiting_import_cells"]).fold(undone, |undone, table| {
                let path = format!("'/clickhouse/tables/audience/{table}/{{shard}}', '{{replica}}'");
                undone.replace(&format!("({path})"), "").replace(&format!("{path}, "), "")
            });
            assert_eq!(&undone, alone);
        }
    }

    #[test]
    fn without_keeper_the_tables_are_plain_and_each_node_makes_its_own() {
        let form = TableForm { on_cluster: String::new(), by_node: true, ..form("north") };
        let statements = all(&form);
        assert_eq!(statements.len(), all(&self::form("north")).len());
        assert!(statements.iter().all(|text| !text.contains("ON CLUSTER") && !text.contains("Replicated")));
        assert!(statements.iter().any(|text| text.contains("audience.page_days_local\n(")));
        assert!(statements.iter().any(|text| text.contains("SETTINGS non_replicated_deduplication_window = 10000")));
    }

    #[test]
    fn every_table_has_a_comment_and_every_table_of_figures_a_ttl() {
        for statement in all(&form("")).iter().filter(|text| text.contains("CREATE TABLE")) {
            assert!(statement.contains("\nCOMMENT '"), "{statement}");
            let keeps = statement.contains("TTL day + INTERVAL 25 MONTH DELETE");
            assert!(keeps || statement.contains("schema_migrations"), "{statement}");
        }
    }

    #[test]
    fn semicolons_inside_a_line_do_not_cut_a_statement() {
        let text = "-- a; comment;\nSELECT 'a;b';\n\nSELECT 2;\n";
        assert_eq!(form("").statements(text), ["SELECT 'a;b'", "SELECT 2"]);
    }
}
