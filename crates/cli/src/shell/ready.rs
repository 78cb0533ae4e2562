//! Waiting for pipes and terminals.

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::interrupt::{self, Interrupted};

/// The work that a file is to be ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// A read would not block.
    ToRead,
    /// A write would not block.
    ToWrite,
}

/// The longest time that Ctrl-C goes unnoticed.
const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Waits until `file` is ready.
///
/// # Errors
/// [`Interrupted`] inside, after Ctrl-C.
pub fn wait(file: &impl AsFd, ready: Ready) -> io::Result<()> {
    let events = match ready {
        Ready::ToRead => PollFlags::IN,
        Ready::ToWrite => PollFlags::OUT,
    };
    loop {
        if interrupt::requested() {
            return Err(io::Error::other(Interrupted));
        }
        match poll(&mut [PollFd::new(file, events)], Some(&POLL_INTERVAL)) {
            Ok(0) | Err(Errno::INTR) => {}
            // The read or the write that follows reports errors.
            _ => return Ok(()),
        }
    }
}
