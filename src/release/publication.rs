//! From the staging table to the published ones, one insert a table, each under the token of its release. Imports that
//! were drawn in memory are staged here too, and published once all of their periods are staged.

use tokio::task::JoinSet;

use crate::release::import_release::ImportRelease;
use crate::release::periods::{ReleaseKind, ReleaseName};
use crate::release::releaser::{Releaser, quoted};
use crate::release::statements::{self, HOUR_LEVELS, LEVELS, Level};
use crate::store::{ServerError, StoreError};

/// Inserts of a release of an import at the same time: each is one thread that mostly waits for the disk.
const IMPORT_INSERTS: usize = 4;
/// Drawn rows of an import that are staged in one insert, some 50 MB.
const STAGED_ROWS: usize = 200_000;

/// Columns of `staged_cells` that a drawn row has.
const STAGED_COLUMNS: &str = "release, day, hour, origin, site, level, name, property, value, page, shown, outs";
/// The same from a drawn row.
const STAGED_VALUES: &str = "release, day, hour, origin, site, level, name, property, value, page, 1, \
     [visitors, pageviews, visits, bounces, visit_seconds, engaged_ms, engaged_views, scroll_percent, scroll_views, \
     not_found, exits]";

impl Releaser {
    /// Publishes the shown cells of a release, and hands on its remainder.
    pub(super) async fn publish(&self, name: &ReleaseName) -> Result<(), StoreError> {
        let hours = HOUR_LEVELS.iter().filter(|_| matches!(name.kind, ReleaseKind::Hour | ReleaseKind::Day));
        let levels = LEVELS.iter().filter(|_| name.kind != ReleaseKind::Hour);
        // Each insert waits for the disk. Those of measured figures leave the cores to hits.
        let at_once = if name.origin.is_empty() { 1 } else { IMPORT_INSERTS };
        self.publish_levels(name, &[name.to_string()], levels.chain(hours).collect(), at_once).await?;
        if let Some(kind) = name.rest_to() {
            self.before("rest")?;
            let rest = self.about(&statements::rest(self.table_names()), name).param("scope", kind.word());
            rest.once(&format!("release {name} rest")).execute().await?;
        }
        Ok(())
    }

    /// Publishes these levels of staged releases under the token of the release `name`.
    async fn publish_levels(
        &self,
        name: &ReleaseName,
        staged: &[String],
        levels: Vec<&Level>,
        at_once: usize,
    ) -> Result<(), StoreError> {
        for levels in levels.chunks(at_once) {
            let mut inserts = JoinSet::new();
            for level in levels {
                self.before(level.table)?;
                let insert = self.about(&level.publish(self.table_names()), name).param("releases", staged);
                let insert = insert.with_setting("max_partitions_per_insert_block", "0");
                inserts.spawn(insert.once(&format!("release {name} {}", level.name)).execute());
            }
            while let Some(inserted) = inserts.join_next().await {
                inserted.map_err(|_| StoreError::Retryable(ServerError { code: 0, name: "insert aborted" }))??;
            }
        }
        Ok(())
    }

    /// Stages what an import drew in memory, once that is many rows, or `all` of it. `run` tells this attempt from an
    /// interrupted one. Called again after an error, it stages the same rows once.
    ///
    /// # Errors
    /// The database's error; the next call resumes.
    pub async fn stage_import(&self, release: &mut ImportRelease, all: bool, run: &str) -> Result<(), StoreError> {
        while release.drawn().len() >= STAGED_ROWS || all && !release.drawn().is_empty() {
            self.before("stage")?;
            let rows = release.drawn().get(..STAGED_ROWS).unwrap_or(release.drawn());
            let (count, token) = (rows.len(), format!("staged {run} {}", release.staged()));
            self.store().insert_selected(("staged_cells", STAGED_COLUMNS, STAGED_VALUES), &token, rows).await?;
            release.note_staged(count);
        }
        Ok(())
    }

    /// Publishes the staged periods of the import with this name. Idempotent until [`Releaser::forget_import`].
    ///
    /// # Errors
    /// The database's error; the next call resumes.
    pub async fn publish_import(&self, import: &str) -> Result<(), StoreError> {
        let name = ReleaseName::of_import(ReleaseKind::Day, import);
        let levels = LEVELS.iter().chain(&HOUR_LEVELS).collect();
        self.publish_levels(&name, &staged_names(import), levels, IMPORT_INSERTS).await
    }

    /// Deletes what an import has staged.
    ///
    /// # Errors
    /// The database's error; the next call deletes the rest.
    pub async fn forget_import(&self, import: &str) -> Result<(), StoreError> {
        let partitions: Vec<String> = staged_names(import).iter().map(|name| quoted(name)).collect();
        self.drop_partitions("staged_cells", &partitions).await
    }
}

fn staged_names(import: &str) -> [String; 3] {
    [ReleaseKind::Day, ReleaseKind::Week, ReleaseKind::Month]
        .map(|kind| ReleaseName::of_import(kind, import).to_string())
}
