//! Standard input that does not sleep through Ctrl-C: a program that waits for a pipe ends at once.

use std::io::{self, Read};

use anyhow::{Context, Result};

use crate::shell::exit::Interrupted;
use crate::shell::interrupt;

/// Unbuffered standard input. After Ctrl-C a read fails with [`Interrupted`] inside.
#[derive(Debug)]
pub struct Stdin {
    #[cfg(unix)]
    file: std::fs::File,
}

impl Stdin {
    /// Standard input, of which nothing was read in another way.
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

/// Waits until there is something to read, or the end.
#[cfg(unix)]
fn wait(file: &std::fs::File) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;

    /// How long Ctrl-C may go unnoticed.
    const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    loop {
        if interrupt::requested() {
            return Err(io::Error::other(Interrupted));
        }
        match poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&LOOK)) {
            Ok(0) | Err(Errno::INTR) => {}
            // Whatever is wrong with it, reading tells.
            _ => return Ok(()),
        }
    }
}
