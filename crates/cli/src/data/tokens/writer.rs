//! Token files written piece by piece.

use std::fs;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bpe::TokenId;
use files::AtomicFile;

use super::header;
use super::sidecar::Sidecar;
use super::token_type::TokenType;

/// A token file being written; it appears under its name when it is finished.
pub struct TokenWriter {
    file: AtomicFile,
    path: PathBuf,
    token_type: TokenType,
    count: u64,
}

impl TokenWriter {
    /// Begins the file `path`.
    ///
    /// # Errors
    /// When the directory cannot be written to, or `path` or its sidecar is a pipe.
    pub fn create(path: &Path, token_type: TokenType) -> Result<TokenWriter> {
        Sidecar::check_place(path)?;
        let mut file = AtomicFile::create(path)?.with_early_sync()?;
        // The header comes first and is known last: finish() writes it again.
        file.file().and_then(|file| file.seek(SeekFrom::Start(0))).with_context(|| {
            format!("{}: cannot seek in it, expected a file and no pipe", path.display())
        })?;
        let mut writer = TokenWriter { file, path: path.to_path_buf(), token_type, count: 0 };
        writer.write_bytes(&header::write(token_type, 0))?;
        Ok(writer)
    }

    /// Appends ids.
    ///
    /// # Errors
    /// When the disk is full or fails.
    ///
    /// # Panics
    /// When the ids are not of the file's type.
    #[track_caller]
    pub fn write<T: TokenId>(&mut self, ids: &[T]) -> Result<()> {
        let size = self.token_type.size();
        assert_eq!(size_of::<T>(), size, "ids of another type than the token file");
        self.count += ids.len() as u64;
        let bytes: &[u8] = bytemuck::cast_slice(ids);
        if cfg!(target_endian = "little") {
            return self.write_bytes(bytes);
        }
        let little: Vec<u8> = bytes.chunks(size).flat_map(|id| id.iter().rev().copied()).collect();
        self.write_bytes(&little)
    }

    /// Completes the header, makes the file appear and returns the number of ids in it. It has no
    /// sidecar, and one of an older file is removed.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn finish(self) -> Result<u64> {
        self.commit(None)
    }

    /// Makes the file appear as [`TokenWriter::finish`] does, then its sidecar.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn finish_with(self, sidecar: &Sidecar) -> Result<u64> {
        self.commit(Some(sidecar))
    }

    fn commit(mut self, sidecar: Option<&Sidecar>) -> Result<u64> {
        let header = header::write(self.token_type, self.count);
        let rewritten = self.file.file().and_then(|file| {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&header)
        });
        rewritten.with_context(|| cannot_write(&self.path))?;
        let Some(target) = self.file.final_path().map(Path::to_path_buf) else {
            self.file.commit()?;
            return Ok(self.count);
        };
        let sidecar = sidecar.map(|sidecar| sidecar.prepare(&target)).transpose()?;
        // The older sidecar goes first and the new one comes last: between them the file has none,
        // and nobody ever finds a file with the sidecar of another.
        for path in [Sidecar::path(&target), Sidecar::path(&self.path)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| cannot_write(&path));
                }
                _ => {}
            }
        }
        self.file.commit()?;
        sidecar.map_or(Ok(()), AtomicFile::commit)?;
        Ok(self.count)
    }

    fn write_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_block(bytes).with_context(|| cannot_write(&self.path))
    }
}

fn cannot_write(path: &Path) -> String {
    format!("{}: cannot be written", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tokens::{Mismatch, TokenFile};

    fn write<T: TokenId>(path: &Path, token_type: TokenType, parts: &[&[T]]) {
        let mut writer = TokenWriter::create(path, token_type).unwrap();
        for part in parts {
            writer.write(part).unwrap();
        }
        let count: usize = parts.iter().map(|part| part.len()).sum();
        assert_eq!(writer.finish().unwrap(), count as u64);
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/a.npy");
        write::<u16>(&path, TokenType::U16, &[&[1, 2, 65535], &[], &[4]]);
        let tokens = TokenFile::open(&path).unwrap();
        assert_eq!((tokens.len(), tokens.token_type), (4, TokenType::U16));
        assert_eq!(tokens.iter(0..4).collect::<Vec<_>>(), [1, 2, 65535, 4]);
        assert_eq!(tokens.iter(1..3).collect::<Vec<_>>(), [2, 65535]);

        let many: Vec<u32> = (0..100_000).collect();
        write(&path, TokenType::U32, &[&many]);
        let tokens = TokenFile::open(&path).unwrap();
        assert_eq!((tokens.len(), tokens.token_type), (100_000, TokenType::U32));
        assert!(tokens.iter(0..100_000).eq(many));

        write::<u16>(&path, TokenType::U16, &[]);
        assert!(TokenFile::open(&path).unwrap().is_empty());
    }

    #[test]
    fn nothing_is_left_of_an_unfinished_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = TokenWriter::create(&dir.path().join("a.npy"), TokenType::U16).unwrap();
        writer.write(&[1u16]).unwrap();
        drop(writer);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn files_that_are_cut_off_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npy");
        write::<u16>(&path, TokenType::U16, &[&[1, 2, 3]]);
        let whole = std::fs::read(&path).unwrap();
        for len in 0..whole.len() {
            std::fs::write(&path, &whole[..len]).unwrap();
            let error = TokenFile::open(&path).unwrap_err();
            assert!(error.to_string().contains("a.npy") && error.is::<Mismatch>(), "{error:#}");
        }
        std::fs::write(&path, [&whole[..], &[0]].concat()).unwrap();
        let error = TokenFile::open(&path).unwrap_err();
        assert!(format!("{error:#}").contains("7 bytes of data"), "{error:#}");
        assert!(TokenFile::open(dir.path()).unwrap_err().is::<std::io::Error>());
    }
}
