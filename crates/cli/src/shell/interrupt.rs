//! Ctrl-C: the first one asks the work to finish in good order, the second one ends the process at
//! once. SIGTERM, which batch systems and containers send, has the same effect; only the exit code
//! tells the two apart.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Added to a signal's number, gives the exit code that shells report for it.
const OF_SIGNAL: usize = 128;

/// An error that ends the program as Ctrl-C does; see [`check`].
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

static REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// The exit code of the signal that came.
static CODE: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// Installs the handlers: from now on Ctrl-C sets a flag instead of ending the process. Called
/// once, by programs whose work polls [`requested`].
///
/// # Errors
/// When the operating system refuses the signal handler.
pub fn install() -> Result<()> {
    for signal in [SIGINT, SIGTERM] {
        let code = OF_SIGNAL + signal as usize;
        // Handlers run in the order of registration, so the shutdown does not yet see the flag that
        // the same signal sets.
        flag::register_conditional_shutdown(signal, code as i32, Arc::clone(&REQUESTED))
            .and_then(|_| flag::register_usize(signal, Arc::clone(&CODE), code))
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

/// Returns the exit code of a program that a signal ended: 143 after SIGTERM, and 130 for Ctrl-C.
pub fn exit_code() -> u8 {
    match CODE.load(Ordering::SeqCst) {
        0 => OF_SIGNAL as u8 + SIGINT as u8,
        code => code as u8,
    }
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
/// the program with [`exit_code`], and unfinished output files are removed on the way.
///
/// # Errors
/// [`Interrupted`] after Ctrl-C.
pub fn check() -> Result<()> {
    if requested() { Err(Interrupted.into()) } else { Ok(()) }
}
