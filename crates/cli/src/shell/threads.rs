//! The thread pool that all parallel work runs on.

use anyhow::{Context, Result};

/// Starts `threads` threads, or as many as `RAYON_NUM_THREADS` or else the number of cores says.
///
/// # Errors
/// When the operating system refuses that many threads.
pub fn start(threads: Option<usize>) -> Result<()> {
    rayon::ThreadPoolBuilder::new()
        // 0 stands for rayon's own default.
        .num_threads(threads.unwrap_or(0))
        .thread_name(|index| format!("worker-{index}"))
        .build_global()
        .with_context(|| {
            format!(
                "--threads: cannot start {}",
                threads.map_or("threads".into(), |n| n.to_string())
            )
        })
}
