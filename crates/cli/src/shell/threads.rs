//! The thread pool that all parallel work runs on.

use anyhow::{Context, Result};

/// Starts `threads` threads; by default `RAYON_NUM_THREADS`, else one per core.
///
/// # Errors
/// When the operating system refuses that many threads.
pub fn start(threads: Option<usize>) -> Result<()> {
    rayon::ThreadPoolBuilder::new()
        // 0 stands for rayon's own default.
        .num_threads(threads.unwrap_or(0))
        .thread_name(|index| format!("worker-{index}"))
        .build_global()
        .context("--threads: cannot start that many threads")
}
