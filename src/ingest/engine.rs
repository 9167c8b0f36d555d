//! The SQL engine: one memory pool and one spill folder for the night, a session for each view of the data.
//!
//! In: threads, memory, a folder for spills. Out: sessions. Every query runs on ONE partition, so that float sums and
//! row order do not depend on threads; the night's parallelism is between queries, bounded by [`Engine::permit`].

use std::path::Path;
use std::sync::Arc;

use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::IngestError;

/// Share of `--memory` that queries may use; the rest is for decoding, writing and learning.
const POOL_SHARE: f64 = 0.7;

/// What all queries of a night share.
pub struct Engine {
    runtime: Arc<RuntimeEnv>,
    permits: Semaphore,
}

impl Engine {
    /// An engine that runs `threads` queries at a time in `memory` bytes and spills at most `temp` bytes below `spill`.
    ///
    /// # Errors
    /// [`IngestError::Plan`] when the runtime cannot be made.
    pub fn new(threads: usize, memory: u64, temp: u64, spill: &Path) -> Result<Self, IngestError> {
        let pool = FairSpillPool::new((memory as f64 * POOL_SHARE) as usize);
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![spill.to_path_buf()]));
        let disk = disk.with_max_temp_directory_size(temp);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(|error| IngestError::Plan { file: "engine".into(), message: error.strip_backtrace() })?;
        Ok(Self { runtime, permits: Semaphore::new(threads.max(1)) })
    }

    /// A session without tables.
    #[must_use]
    pub fn session(&self) -> SessionContext {
        let config = SessionConfig::new()
            .with_target_partitions(1)
            .with_default_catalog_and_schema("polytask", "public")
            .with_information_schema(false);
        self.session_with(config)
    }

    /// A session of another configuration, in the same memory.
    #[must_use]
    pub fn session_with(&self, config: SessionConfig) -> SessionContext {
        let state =
            SessionStateBuilder::new().with_config(config).with_runtime_env(Arc::clone(&self.runtime)).with_default_features().build();
        SessionContext::new_with_state(state)
    }

    /// Waits for one of the night's threads.
    ///
    /// # Errors
    /// Never while the engine lives.
    pub async fn permit(&self) -> Result<SemaphorePermit<'_>, IngestError> {
        self.permits.acquire().await.map_err(|error| IngestError::Plan { file: "engine".into(), message: error.to_string() })
    }
}
