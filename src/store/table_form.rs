//! The statements of `schema/` as a database takes them: on one machine, on a cluster with Keeper, or on each node of
//! one without. Must never fill in a value that a visitor sent.

use crate::store::client::Store;

/// Seconds that replicated tables remember the token of an insert, within their 10 000 tokens: a year, longer than a
/// spool holds rows back. The server's default is an hour.
const TOKEN_SECONDS: u32 = 31_536_000;

/// Placeholders of the schema files.
#[derive(Debug, Clone, Copy)]
pub struct MigrationSettings {
    /// Months that rows are kept.
    pub retention_months: u32,
    /// Figures leave rounded to a multiple of this.
    pub rounding: u32,
}

/// Values of the placeholders: the only difference between a single machine and a cluster.
#[derive(Clone)]
pub(super) struct TableForm {
    pub(super) database: String,
    pub(super) definer: String,
    pub(super) cluster: String,
    pub(super) on_cluster: String,
    pub(super) by_node: bool,
    pub(super) retention: String,
    pub(super) rounding: String,
}

impl TableForm {
    pub(super) fn of(store: &Store, settings: &MigrationSettings) -> Self {
        Self {
            database: store.database().to_owned(),
            definer: store.definer().to_owned(),
            cluster: store.cluster().to_owned(),
            on_cluster: store.on_cluster().to_owned(),
            by_node: store.is_by_node(),
            retention: settings.retention_months.to_string(),
            rounding: settings.rounding.to_string(),
        }
    }

    pub(super) fn keeping_retention(&self) -> Self {
        Self { retention: "{{retention}}".into(), ..self.clone() }
    }

    pub(super) fn local(&self, table: &str) -> String {
        if self.cluster.is_empty() { table.to_owned() } else { format!("{table}_local") }
    }

    /// The statements of a file, filled in; on a cluster each table of figures is followed by the distributed one
    /// over it. Comments on lines of their own are left out.
    pub(super) fn statements(&self, text: &str) -> Vec<String> {
        let code: String =
            text.lines().filter(|line| !line.starts_with("--")).flat_map(|line| [line.trim_end(), "\n"]).collect();
        let mut statements = Vec::new();
        for template in code.split(";\n").map(str::trim).filter(|template| !template.is_empty()) {
            let table = template.split_once("{{table:").and_then(|(_, rest)| rest.split("}}").next());
            statements.push(self.fill(template, table.unwrap_or_default()));
            let is_made = template.starts_with("CREATE ") && !self.cluster.is_empty();
            if let Some(table) = table.filter(|_| is_made) {
                statements.push(self.distributed(table));
            }
        }
        statements
    }

    /// One shard holds a site whole: a release draws each cell where it lies, and an insert offered again is cut the
    /// same way, so that shards know its token.
    fn distributed(&self, table: &str) -> String {
        let (database, cluster, local, on) = (&self.database, &self.cluster, self.local(table), &self.on_cluster);
        format!(
            "CREATE TABLE IF NOT EXISTS {database}.{table}{on} AS {database}.{local}\n\
             ENGINE = Distributed('{cluster}', '{database}', '{local}', cityHash64(site))\n\
             COMMENT 'All shards of {local}'"
        )
    }

    /// `table` is the one that the statement makes; empty for another statement.
    fn fill(&self, template: &str, table: &str) -> String {
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let (placeholder, after) = after.split_once("}}").unwrap_or((after, ""));
            filled.push_str(before);
            filled.push_str(&self.value(placeholder, table));
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    fn value(&self, placeholder: &str, table: &str) -> String {
        let alone = self.cluster.is_empty() || self.by_node;
        let (kind, name) = placeholder.split_once(':').unwrap_or((placeholder, ""));
        match kind {
            "database" => self.database.clone(),
            "definer" => self.definer.clone(),
            "retention" => self.retention.clone(),
            "rounding" => self.rounding.clone(),
            "on_cluster" => self.on_cluster.clone(),
            "table" => format!("{}.{}{}", self.database, self.local(name), self.on_cluster),
            "window" if alone => "non_replicated_deduplication_window".into(),
            "window" => {
                format!("replicated_deduplication_window_seconds = {TOKEN_SECONDS}, replicated_deduplication_window")
            }
            "engine" | "engine_everywhere" if alone => name.into(),
            "engine" => self.replicated(name, &format!("{table}/{{shard}}"), "{replica}"),
            "engine_everywhere" => self.replicated(name, "schema_migrations", "{shard}-{replica}"),
            // Left as it is, an unknown placeholder is a syntax error for the server and a failure for the test below.
            _ => format!("{{{{{placeholder}}}}}"),
        }
    }

    /// An engine that Keeper keeps equal on the nodes of one path. The path names the table: a node that makes its
    /// table later joins the others, where the server's default path would give it one of its own.
    fn replicated(&self, engine: &str, place: &str, replica: &str) -> String {
        let (family, argument) = engine.split_once('(').unwrap_or((engine, ""));
        let argument = argument.trim_end_matches(')');
        let comma = if argument.is_empty() { "" } else { ", " };
        format!("Replicated{family}('/clickhouse/tables/{}/{place}', '{replica}'{comma}{argument})", self.database)
    }
}
