//! The schema that `schema/` declares, parsed from its own statements: an audit compares the database with the text
//! that made it. Must not answer queries that the server can answer: it parses only our own style of SQL.

use crate::store::client::Store;
use crate::store::migrate;
use crate::store::migrate::MigrationSettings;

/// A table as `schema/` declares it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExpectedTable {
    /// Name of the table, without its database.
    pub name: String,
    /// Name of the engine, without its arguments.
    pub engine: String,
    /// Column names and types, in order.
    pub columns: Vec<(String, String)>,
    /// Columns of the sorting key, in the server's spelling.
    pub sorting_key: String,
    /// Whether rows are deleted after the retention.
    pub forgets: bool,
    /// Settings that differ from the server's defaults, each as `name = value`.
    pub settings: Vec<String>,
}

/// A view as `schema/` declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedView {
    /// Name of the view, without its database.
    pub name: String,
    /// Its SELECT, as `schema/` writes it.
    pub select: String,
}

/// All tables and views that the database may hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExpectedSchema {
    /// Declared tables, in the order of `schema/`.
    pub tables: Vec<ExpectedTable>,
    /// Declared views, in the order of `schema/`.
    pub views: Vec<ExpectedView>,
}

impl ExpectedSchema {
    /// The schema for this store and these settings.
    pub fn of(store: &Store, settings: &MigrationSettings) -> Self {
        let mut declared = Self::default();
        for statement in migrate::statements(store, settings) {
            if let Some(view) = view(&statement) {
                declared.views.push(view);
            } else if let Some(mut table) = table(&statement) {
                // A distributed table has the columns of its local table.
                if let Some(over) = statement.lines().next().and_then(|line| line.split_once(" AS ")) {
                    let over = last_name(over.1);
                    let below = declared.tables.iter().find(|below| below.name == over);
                    table.columns = below.map(|below| below.columns.clone()).unwrap_or_default();
                }
                declared.tables.push(table);
            } else if let Some((name, (column, kind))) = altered(&statement) {
                let tables = declared.tables.iter_mut().filter(|table| table.name == name);
                let columns = tables.flat_map(|table| &mut table.columns).filter(|(other, _)| *other == column);
                columns.for_each(|(_, old)| old.clone_from(&kind));
            } else if let Some(dropped) = statement.strip_prefix("DROP TABLE IF EXISTS ") {
                declared.tables.retain(|table| table.name != last_name(dropped));
            }
        }
        declared
    }
}

fn view(statement: &str) -> Option<ExpectedView> {
    let rest = statement.strip_prefix("CREATE OR REPLACE VIEW ")?;
    let (head, select) = rest.split_once(" AS\n")?;
    Some(ExpectedView { name: last_name(head), select: select.to_owned() })
}

fn table(statement: &str) -> Option<ExpectedTable> {
    let rest = statement.strip_prefix("CREATE TABLE IF NOT EXISTS ")?;
    let line = |start: &str| statement.lines().find_map(|line| line.strip_prefix(start));
    let columns = statement.lines().skip_while(|line| *line != "(").take_while(|line| *line != ")");
    let engine = line("ENGINE = ").unwrap_or_default();
    // Settings span several lines, up to the comment.
    let settings = statement.split_once("\nSETTINGS ").map_or("", |(_, rest)| rest);
    let settings = settings.split_once("\nCOMMENT ").map_or(settings, |(settings, _)| settings);
    let sorting_key = line("ORDER BY ").unwrap_or_default();
    Some(ExpectedTable {
        name: last_name(rest),
        engine: engine.split('(').next().unwrap_or_default().to_owned(),
        columns: columns.filter_map(column).collect(),
        sorting_key: sorting_key.trim_matches(['(', ')']).to_owned(),
        forgets: line("TTL ").is_some(),
        settings: settings.split(',').map(str::trim).filter(|set| !set.is_empty()).map(str::to_owned).collect(),
    })
}

/// The table, and its column with the new type.
fn altered(statement: &str) -> Option<(String, (String, String))> {
    let (table, column) = statement.strip_prefix("ALTER TABLE ")?.split_once(" MODIFY COLUMN ")?;
    Some((last_name(table), self::column(&format!("    {column}"))?))
}

/// `page_days` of `database.page_days ON CLUSTER …`.
fn last_name(text: &str) -> String {
    let first_word = text.split_whitespace().next().unwrap_or_default();
    first_word.rsplit('.').next().unwrap_or_default().to_owned()
}

/// Name and type of a line inside the parentheses.
fn column(line: &str) -> Option<(String, String)> {
    let (name, rest) = line.strip_prefix("    ")?.split_once(' ')?;
    if name.is_empty() {
        return None;
    }
    // A type ends at the first space outside of its own parentheses.
    let mut depth = 0_i32;
    let end = rest.char_indices().find_map(|(at, letter)| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        (depth == 0 && matches!(letter, ' ' | ',')).then_some(at)
    });
    Some((name.to_owned(), rest.get(..end.unwrap_or(rest.len()))?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::store::client::{Endpoint, Login};
    use crate::store::published::TABLES;

    fn declared(cluster: &str) -> ExpectedSchema {
        let writer = Login { user: "sillage".into(), password: String::new() };
        let endpoint = Endpoint {
            url: "http://127.0.0.1:1".into(),
            writer,
            reader: None,
            process: None,
            scoped_readers: Vec::new(),
        };
        let config = config::ClickHouseConfig { cluster: cluster.into(), ..Default::default() };
        ExpectedSchema::of(
            &Store::connect(&config, &endpoint),
            &MigrationSettings { retention_months: 25, rounding: 10 },
        )
    }

    #[test]
    fn tables_and_views_are_read_from_the_schema_itself() {
        let declared = declared("");
        let table = |name: &str| declared.tables.iter().find(|table| table.name == name).unwrap();
        let record = table("schema_migrations");
        assert_eq!(record.columns[2], ("at".to_owned(), "DateTime64(6, 'UTC')".to_owned()));
        assert!(!record.forgets);
        let pages = table("waiting_pages");
        assert_eq!(pages.engine, "SummingMergeTree");
        assert_eq!(pages.sorting_key, "site, day, hour, page");
        assert_eq!(pages.columns.len(), 17);
        assert_eq!(pages.columns[0], ("site".to_owned(), "LowCardinality(String)".to_owned()));
        assert!(pages.forgets);
        assert_eq!(pages.settings[0], "non_replicated_deduplication_window = 10000");
        assert!(pages.settings.iter().all(|set| set.split(" = ").count() == 2), "{:?}", pages.settings);
        let values = &table("dimension_page_days").columns[6];
        assert_eq!(*values, ("value".to_owned(), "LowCardinality(String)".to_owned()), "as a later file makes it");
        assert_eq!(declared.views, [], "readers ask tables");
        for published in TABLES {
            let columns = table(published.name).columns.clone();
            let held = |name: &str| columns.iter().any(|(column, _)| column == name);
            let known: Vec<_> = published.keys.iter().chain(published.figures).map(|column| column.name).collect();
            assert!(known.iter().all(|name| held(name)), "{}: {columns:?}", published.name);
            let common = ["site", "day", "period", "origin"];
            let unknown = columns.iter().find(|(name, _)| !known.contains(&&**name) && !common.contains(&&**name));
            assert_eq!(unknown, None, "{}", published.name);
        }
    }

    #[test]
    fn on_a_cluster_a_distributed_table_has_the_columns_of_the_one_below() {
        let declared = declared("north");
        let table = |name: &str| declared.tables.iter().find(|table| table.name == name).unwrap();
        assert_eq!(table("page_days").columns, table("page_days_local").columns);
        assert_eq!(table("page_days").engine, "Distributed");
        assert_eq!(table("page_days_local").engine, "ReplicatedSummingMergeTree");
    }
}
