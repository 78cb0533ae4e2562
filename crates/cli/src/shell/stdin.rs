//! Standard input whose reads end at Ctrl-C, also while they wait for a pipe.

use std::io::{self, Read};

use anyhow::{Context, Result};

use super::interrupt::{self, Interrupted};

/// Unbuffered standard input. After Ctrl-C a read fails with [`Interrupted`] inside.
#[derive(Debug)]
pub struct Stdin {
    #[cfg(unix)]
    file: std::fs::File,
}

impl Stdin {
    /// Opens standard input, of which nothing must have been read in another way.
    ///
    /// # Errors
    /// When it is closed.
    pub fn new() -> Result<Stdin> {
        Ok(Stdin {
            #[cfg(unix)]
            file: {
                use std::os::fd::AsFd;
                io::stdin().as_fd().try_clone_to_owned().context("standard input")?.into()
            },
        })
    }
}

impl Read for Stdin {
    #[cfg(unix)]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        wait(&self.file)?;
        self.file.read(buffer)
    }

    #[cfg(not(unix))]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::stdin().read(buffer)
    }
}

/// Waits until a read would not block.
#[cfg(unix)]
fn wait(file: &std::fs::File) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;

    /// The longest time that Ctrl-C goes unnoticed.
    const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    loop {
        if interrupt::requested() {
            return Err(io::Error::other(Interrupted));
        }
        match poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&POLL_INTERVAL)) {
            Ok(0) | Err(Errno::INTR) => {}
            // The read that follows reports errors.
            _ => return Ok(()),
        }
    }
}
