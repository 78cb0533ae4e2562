//! Token files read through a memory map.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use files::MappedFile;

use super::header::{self, Header};
use super::mismatch::Mismatch;
use super::token_type::TokenType;

/// A token file. The operating system reads ids from disk when they are accessed.
#[derive(Debug)]
pub struct TokenFile {
    map: MappedFile,
    data_start: usize,
    len: usize,
    /// The type of the ids.
    pub token_type: TokenType,
}

impl TokenFile {
    /// Opens the file and checks its size against its header.
    ///
    /// # Errors
    /// When it cannot be read, is not a one-dimensional `.npy` of `uint16` or `uint32`, or is cut
    /// off.
    pub fn open(path: &Path) -> Result<TokenFile> {
        TokenFile::open_as(path, &path.display().to_string())
    }

    /// Opens the file as [`TokenFile::open`] does; in messages its name is `name`.
    ///
    /// # Errors
    /// As for [`TokenFile::open`].
    pub fn open_as(path: &Path, name: &str) -> Result<TokenFile> {
        let map = MappedFile::open(path).with_context(|| name.to_string())?;
        let refused = |mismatch: Mismatch| anyhow!(mismatch).context(name.to_string());
        let Header { token_type, count, data_start } =
            header::parse(map.bytes()).map_err(refused)?;
        let size = token_type.size();
        let data_len = map.bytes().len() - data_start;
        if count.checked_mul(size as u64) != Some(data_len as u64) {
            let expected =
                format!("{count} ids of {size} bytes as the header says (is the file cut off?)");
            return Err(refused(Mismatch::new(format!("{data_len} bytes of data"), expected)));
        }
        Ok(TokenFile { map, data_start, len: data_len / size, token_type })
    }

    /// Returns the number of ids.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if there are no ids.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Iterates over the ids in `range`, in order.
    ///
    /// # Panics
    /// When `range` is not within the file.
    #[track_caller]
    pub fn iter(&self, range: Range<usize>) -> impl ExactSizeIterator<Item = u32> {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "ids {range:?} of a token file with {}",
            self.len
        );
        let size = self.token_type.size();
        let bytes = &self.map.bytes()[self.data_start..][range.start * size..range.end * size];
        bytes.chunks_exact(size).map(|bytes| match *bytes {
            [a, b] => u32::from(u16::from_le_bytes([a, b])),
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
            _ => unreachable!("an id has two or four bytes"),
        })
    }
}
