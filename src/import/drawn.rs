//! An import in tens whose days come whole: it is drawn in memory while it is counted, staged, and published at its
//! end. Until everything is staged, an interrupted import starts anew under another key; then `drawn` is noted, and
//! what is staged is published, once.

use std::sync::Arc;

use crate::import::count::ImportPart;
use crate::import::job::ImportError;
use crate::release::{DrawKey, ImportRelease, Releaser};

/// Most attempts to write; each waits a second longer.
pub(super) const ATTEMPTS_MAX: u32 = 6;

/// The result of a write, which is retried while the database is away for some seconds. A second write of the same must
/// change nothing.
macro_rules! retried {
    ($write:expr) => {{
        let mut attempt = 1;
        loop {
            match $write.await {
                Err($crate::store::StoreError::Retryable(_)) if attempt < $crate::import::drawn::ATTEMPTS_MAX => {
                    tokio::time::sleep(std::time::Duration::from_secs(attempt.into())).await;
                    attempt += 1;
                }
                done => break done,
            }
        }
    }};
}
pub(super) use retried;

/// An import on its way from its parts to the staging table.
pub(super) struct DrawnImport<'r> {
    releaser: &'r Releaser,
    /// `None`: an interrupted run has staged everything.
    release: Option<ImportRelease>,
    /// Name of the import, unlike that of any other.
    import: Arc<str>,
    /// Tells this run's inserts from those of an interrupted one.
    run: String,
}

impl<'r> DrawnImport<'r> {
    /// Begins to draw; `is_drawn`: an interrupted run has staged everything.
    pub(super) async fn begin(
        releaser: &'r Releaser,
        site: &Arc<str>,
        (import, origin): (Arc<str>, Arc<str>),
        is_drawn: bool,
    ) -> Result<Self, ImportError> {
        let no_bits = |error: getrandom::Error| std::io::Error::other(error.to_string());
        let run = format!("{import} {:016x}", getrandom::u64().map_err(no_bits)?);
        let release = match is_drawn {
            true => None,
            false => {
                retried!(releaser.forget_import(&import))?;
                Some(ImportRelease::new(site, (&import, &origin), DrawKey::random().map_err(no_bits)?))
            }
        };
        Ok(Self { releaser, release, import, run })
    }

    /// Adds a part, and stages what is drawn.
    pub(super) async fn add(&mut self, ImportPart { batch, cut, .. }: ImportPart) -> Result<(), ImportError> {
        let Some(mut release) = self.release.take() else { return Ok(()) };
        let drawing = tokio::task::spawn_blocking(move || {
            release.add(&batch, &cut);
            release
        });
        let mut release = drawing.await.map_err(|_| ImportError::Stopped)?;
        retried!(self.releaser.stage_import(&mut release, false, &self.run))?;
        self.release = Some(release);
        Ok(())
    }

    /// Stages the rest. An interrupted import is published from then on, and no longer drawn.
    pub(super) async fn stage_rest(&mut self) -> Result<(), ImportError> {
        let Some(mut release) = self.release.take() else { return Ok(()) };
        release.finish();
        retried!(self.releaser.stage_import(&mut release, true, &self.run))?;
        Ok(())
    }

    /// Publishes what is staged, then deletes it there.
    pub(super) async fn publish(&self) -> Result<(), ImportError> {
        tracing::info!(import = %self.import, "import: figures drawn");
        retried!(self.releaser.publish_import(&self.import))?;
        tracing::info!(import = %self.import, "import: figures published");
        retried!(self.releaser.forget_import(&self.import))?;
        Ok(())
    }
}
