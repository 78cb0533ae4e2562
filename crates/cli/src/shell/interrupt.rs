//! Ctrl-C: the first one asks the work to end in good order, the second one ends the process at
//! once. SIGTERM, by which batch systems and containers end a process, means the same.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::shell::exit::{INTERRUPTED, Interrupted};

static REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// From now on Ctrl-C is noted instead of fatal. To be called once, by programs whose work looks at
/// [`requested`].
///
/// # Errors
/// When the operating system refuses the signal handler.
pub fn install() -> Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first one finds the flag not set yet.
        flag::register_conditional_shutdown(signal, INTERRUPTED.into(), Arc::clone(&REQUESTED))
            .and_then(|_| flag::register(signal, Arc::clone(&REQUESTED)))
            .context("cannot listen for Ctrl-C")?;
    }
    Ok(())
}

/// From now on SIGTERM ends the process at once, as it would without [`install`]: for sessions with
/// a person, of which Ctrl-C stops one piece of work only, and in which nobody looks at
/// [`requested`] while a line is awaited.
///
/// # Errors
/// When the operating system refuses the signal handler.
pub fn end_on_sigterm() -> Result<()> {
    let always = Arc::new(AtomicBool::new(true));
    flag::register_conditional_default(SIGTERM, always).context("cannot listen for SIGTERM")?;
    Ok(())
}

/// Whether Ctrl-C was pressed.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// Takes note of Ctrl-C and forgets it: where it stops one piece of work and not the program.
pub fn take() -> bool {
    REQUESTED.swap(false, Ordering::SeqCst)
}

/// For long loops without anything to put in order: fails once Ctrl-C was pressed, which ends the
/// program with exit code 130 and lets unfinished output files vanish on the way.
///
/// # Errors
/// [`Interrupted`] after Ctrl-C.
pub fn check() -> Result<()> {
    if requested() { Err(Interrupted.into()) } else { Ok(()) }
}
