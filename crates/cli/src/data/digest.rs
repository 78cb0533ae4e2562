//! SHA-256 of files, of their ends and of tokens, to notice when something has changed.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Returns the SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// When it cannot be read.
pub fn of_file(path: &Path) -> Result<String> {
    let failed = || path.display().to_string();
    let mut file = files::open(path).with_context(failed)?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block).with_context(failed)? {
            0 => return Ok(hex(&hasher.finalize())),
            count => hasher.update(&block[..count]),
        }
    }
}

/// Returns the SHA-256 of bytes, in hexadecimal.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes of a text's beginning and end that its fingerprint covers.
const MIB: usize = 1 << 20;

/// The fingerprint of a text: its length and its ends. A digest of all of it would take about a
/// seventh of the time of encoding it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The number of bytes.
    pub bytes: u64,
    /// SHA-256 of the first MiB, or of all if there is less.
    pub sha256_of_first_mib: String,
    /// SHA-256 of the last MiB, or of all if there is less.
    pub sha256_of_last_mib: String,
}

impl Fingerprint {
    /// Reads the beginning and the end of the file `path`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_file(path: &Path) -> Result<Fingerprint> {
        let failed = || path.display().to_string();
        let mut file = files::open(path).with_context(failed)?;
        let bytes = file.metadata().with_context(failed)?.len();
        let mut part = |from: u64| -> Result<String> {
            let mut part = Vec::new();
            file.seek(SeekFrom::Start(from)).with_context(failed)?;
            (&mut file).take(MIB as u64).read_to_end(&mut part).with_context(failed)?;
            Ok(of_bytes(&part))
        };
        let (first, last) = (part(0)?, part(bytes.saturating_sub(MIB as u64))?);
        Ok(Fingerprint { bytes, sha256_of_first_mib: first, sha256_of_last_mib: last })
    }
}

/// Makes a [`Fingerprint`] of a text that is read piece by piece.
#[derive(Debug)]
pub struct Fingerprinter {
    bytes: u64,
    first: Sha256,
    /// The newest bytes, a MiB of them or somewhat more.
    last: Vec<u8>,
    /// The number of bytes before those that may be among the last.
    skip: u64,
}

impl Fingerprinter {
    /// Begins a text of `len` bytes, if that is known.
    pub fn new(len: Option<u64>) -> Fingerprinter {
        let skip = len.unwrap_or(0).saturating_sub(MIB as u64);
        Fingerprinter { bytes: 0, first: Sha256::new(), last: Vec::new(), skip }
    }

    /// Returns the number of bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds the bytes that come next.
    pub fn update(&mut self, piece: &[u8]) {
        let done = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        self.first.update(&piece[..piece.len().min(MIB.saturating_sub(done))]);
        self.bytes += piece.len() as u64;
        if self.bytes > self.skip {
            let surplus = (self.last.len() + piece.len()).saturating_sub(MIB);
            if self.last.len() >= 2 * MIB {
                self.last.drain(..surplus.min(self.last.len()));
            }
            self.last.extend_from_slice(&piece[piece.len().saturating_sub(MIB)..]);
        }
    }

    /// Ends the text.
    pub fn finish(self) -> Fingerprint {
        let last = &self.last[self.last.len().saturating_sub(MIB)..];
        Fingerprint {
            bytes: self.bytes,
            sha256_of_first_mib: hex(&self.first.finalize()),
            sha256_of_last_mib: of_bytes(last),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_example() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_bytes(b"abc"), expected);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        assert_eq!(of_file(file.path()).unwrap(), expected);
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_is_refused_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(Fingerprint::of_file(&pipe).is_err());
        assert!(of_file(&pipe).is_err());
    }

    #[test]
    fn a_fingerprint_covers_both_ends_whatever_the_pieces() {
        let text: Vec<u8> = (0..5 * MIB + 77).map(|at| (at / 1000) as u8).collect();
        for len in [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, text.len()] {
            let text = &text[..len];
            let expected = Fingerprint {
                bytes: len as u64,
                sha256_of_first_mib: of_bytes(&text[..len.min(MIB)]),
                sha256_of_last_mib: of_bytes(&text[len.saturating_sub(MIB)..]),
            };
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(Fingerprint::of_file(file.path()).unwrap(), expected, "{len} bytes");
            for piece in [4096, 300_000, 3 * MIB] {
                for known in [None, Some(len as u64)] {
                    let mut fingerprinter = Fingerprinter::new(known);
                    text.chunks(piece).for_each(|piece| fingerprinter.update(piece));
                    assert_eq!(fingerprinter.finish(), expected, "{len} bytes by {piece}");
                }
            }
        }
    }
}
