//! The database of a command: that of a running collector, or an engine that the command starts and stops.

use crate::app;
use crate::commands::terminal::CommandError;
use crate::config::{Config, EngineMode};
use crate::store::client::Store;
use crate::store::engine::Engine;

/// A connection, and the engine behind it if this command started one.
pub(super) struct Database {
    /// Client of the database.
    pub(super) store: Store,
    engine: Option<Engine>,
}

impl Database {
    /// Connects, to the engine of a running collector if there is one.
    ///
    /// # Errors
    /// When the engine does not start.
    pub(super) async fn open(config: &Config) -> Result<Self, CommandError> {
        if config.clickhouse.mode == EngineMode::Embedded
            && let Some(endpoint) = Engine::running(&config.runtime.dir).await
        {
            return Ok(Self { store: Engine::store_of_running(config, &endpoint), engine: None });
        }
        let (store, engine) = app::reach_database(config).await?;
        Ok(Self { store, engine })
    }

    /// Stops the engine that this command started. Connections close first: a stopping engine waits some seconds for
    /// open ones.
    pub(super) async fn close(self) {
        drop(self.store);
        if let Some(engine) = self.engine {
            engine.stop().await;
        }
    }
}
