//! Ctrl-C: the first one asks the work to finish in good order, the second one ends the process at
//! once. SIGTERM, which batch systems and containers send, has the same effect.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// 128 + SIGINT, the exit code that shells report for Ctrl-C.
pub const EXIT_CODE: u8 = 130;

/// An error that ends the program as Ctrl-C does; see [`check`].
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

static REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Installs the handlers: from now on Ctrl-C sets a flag instead of ending the process. Called
/// once, by programs whose work polls [`requested`].
///
/// # Errors
/// When the operating system refuses the signal handler.
pub fn install() -> Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // Handlers run in the order of registration, so the shutdown does not yet see the flag that
        // the same signal sets.
        flag::register_conditional_shutdown(signal, EXIT_CODE.into(), Arc::clone(&REQUESTED))
            .and_then(|_| flag::register(signal, Arc::clone(&REQUESTED)))
            .context("cannot listen for Ctrl-C")?;
    }
    Ok(())
}

/// Makes SIGTERM end the process at once again, as without [`install`]. For interactive sessions,
/// in which Ctrl-C stops one text only and nothing polls [`requested`] while the user types.
///
/// # Errors
/// When the operating system refuses the signal handler.
pub fn end_on_sigterm() -> Result<()> {
    let always = Arc::new(AtomicBool::new(true));
    flag::register_conditional_default(SIGTERM, always).context("cannot listen for SIGTERM")?;
    Ok(())
}

/// Returns `true` if Ctrl-C was pressed.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// Forgets Ctrl-C, where it stops one task and not the program.
pub fn clear() {
    REQUESTED.store(false, Ordering::SeqCst);
}

/// Fails once Ctrl-C was pressed, for long loops that leave nothing to put in order. The error ends
/// the program with exit code 130, and unfinished output files are removed on the way.
///
/// # Errors
/// [`Interrupted`] after Ctrl-C.
pub fn check() -> Result<()> {
    if requested() { Err(Interrupted.into()) } else { Ok(()) }
}
