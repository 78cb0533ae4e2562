//! Standard output, where results go.

use std::io::{self, Write};

use anyhow::{Context, Result};

#[cfg(unix)]
use super::ready::{self, Ready};

/// Unbuffered standard output. A pipe that is full and would not block, as some parents set it, is
/// waited for; after Ctrl-C the wait fails with [`Interrupted`](super::interrupt::Interrupted)
/// inside.
#[derive(Debug)]
pub struct Stdout {
    #[cfg(unix)]
    file: std::fs::File,
}

impl Stdout {
    /// Opens standard output.
    ///
    /// # Errors
    /// When it is closed, or what was printed in another way cannot be written.
    pub fn new() -> Result<Stdout> {
        io::stdout().flush().context("standard output")?;
        Ok(Stdout {
            #[cfg(unix)]
            file: {
                use std::os::fd::AsFd;
                io::stdout().as_fd().try_clone_to_owned().context("standard output")?.into()
            },
        })
    }
}

impl Write for Stdout {
    #[cfg(unix)]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.file.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready::wait(&self.file, Ready::ToWrite)?;
                }
                result => return result,
            }
        }
    }

    #[cfg(not(unix))]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

/// Writes to standard output at once.
///
/// # Errors
/// When standard output is closed or cannot be written.
pub fn print(text: impl AsRef<[u8]>) -> Result<()> {
    Stdout::new()?.write_all(text.as_ref()).context("standard output")
}
