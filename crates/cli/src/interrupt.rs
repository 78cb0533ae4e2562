//! Ctrl-C: the first one asks the work to end in good order, the second one ends the process at once.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use crate::exit::{INTERRUPTED, Interrupted};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C is noted instead of fatal. To be called once, by programs whose work looks at [`requested`].
///
/// # Errors
/// When the operating system refuses the signal handler.
pub fn install() -> Result<()> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(INTERRUPTED.into());
        }
    })
    .context("cannot listen for Ctrl-C")
}

/// Whether Ctrl-C was pressed.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// Takes note of Ctrl-C and forgets it: where it stops one piece of work and not the program.
pub fn take() -> bool {
    REQUESTED.swap(false, Ordering::SeqCst)
}

/// For long loops without anything to put in order: fails once Ctrl-C was pressed, which ends the program with exit
/// code 130 and lets unfinished output files vanish on the way.
///
/// # Errors
/// [`Interrupted`] after Ctrl-C.
pub fn check() -> Result<()> {
    if requested() { Err(Interrupted.into()) } else { Ok(()) }
}
