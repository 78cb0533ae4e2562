//! Standard input whose reads end at Ctrl-C, also while they wait for a pipe.

use std::io::{self, Read};

use anyhow::{Context, Result};

#[cfg(unix)]
use super::ready::{self, Ready};

/// Unbuffered standard input. After Ctrl-C a read fails with
/// [`Interrupted`](super::interrupt::Interrupted) inside.
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
        ready::wait(&self.file, Ready::ToRead)?;
        self.file.read(buffer)
    }

    #[cfg(not(unix))]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::stdin().read(buffer)
    }
}
