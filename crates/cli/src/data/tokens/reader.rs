//! Token files read through a memory map.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{TokenFileError, TokenType, header};
use crate::data::mmap::MappedFile;

/// A token file. Ids are read from disk as they are asked for.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    map: MappedFile,
    data_start: usize,
    len: usize,
    token_type: TokenType,
}

impl TokenFile {
    /// Opens the file and checks that it is what its header says.
    ///
    /// # Errors
    /// When it cannot be read, is not a one-dimensional `.npy` of `uint16` or `uint32`, or is cut
    /// off.
    pub fn open(path: &Path) -> Result<TokenFile, TokenFileError> {
        let map = MappedFile::open(path)
            .map_err(|source| TokenFileError::Io { path: path.to_path_buf(), source })?;
        let refused = |(found, expected): header::Mismatch| TokenFileError::Format {
            path: path.to_path_buf(),
            found,
            expected,
        };
        let header = header::parse(map.bytes()).map_err(refused)?;
        let size = header.token_type.size() as u64;
        let there = (map.bytes().len() - header.data_start) as u64;
        if header.count.checked_mul(size) != Some(there) {
            return Err(refused((
                format!("{there} bytes of data"),
                format!(
                    "{} ids of {size} bytes as the header says (is the file cut off?)",
                    header.count
                ),
            )));
        }
        // It is as long as the data in memory.
        let len = (there / size) as usize;
        Ok(TokenFile {
            path: path.to_path_buf(),
            map,
            data_start: header.data_start,
            len,
            token_type: header.token_type,
        })
    }

    /// The file's name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of ids.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How ids are stored.
    pub fn token_type(&self) -> TokenType {
        self.token_type
    }

    /// The ids in `range`, in order.
    ///
    /// # Panics
    /// When `range` is not within the file.
    #[track_caller]
    pub fn iter(&self, range: Range<usize>) -> impl ExactSizeIterator<Item = u32> {
        let size = self.token_type.size();
        let bytes = self.range_bytes(&range);
        bytes.chunks_exact(size).map(|bytes| match *bytes {
            [a, b] => u32::from(u16::from_le_bytes([a, b])),
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
            _ => unreachable!("an id has two or four bytes"),
        })
    }

    /// Copies the ids from `start` on to `ids`.
    ///
    /// # Panics
    /// When they are not within the file.
    #[track_caller]
    pub fn read(&self, start: usize, ids: &mut [u32]) {
        let bytes = self.range_bytes(&(start..start + ids.len()));
        match self.token_type {
            TokenType::U16 => {
                for (id, bytes) in ids.iter_mut().zip(bytes.chunks_exact(2)) {
                    *id = u32::from(u16::from_le_bytes([bytes[0], bytes[1]]));
                }
            }
            TokenType::U32 => {
                for (id, bytes) in ids.iter_mut().zip(bytes.chunks_exact(4)) {
                    *id = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                }
            }
        }
    }

    /// The largest id, `None` when there are no ids: reads the whole file.
    pub fn max_id(&self) -> Option<u32> {
        const BLOCK: usize = 1 << 14;
        let mut block = vec![0; BLOCK];
        (0..self.len)
            .step_by(BLOCK)
            .filter_map(|start| {
                let ids = &mut block[..BLOCK.min(self.len - start)];
                self.read(start, ids);
                ids.iter().copied().max()
            })
            .max()
    }

    #[track_caller]
    fn range_bytes(&self, range: &Range<usize>) -> &[u8] {
        assert!(
            range.start <= range.end && range.end <= self.len,
            "ids {range:?} of a token file with {}",
            self.len
        );
        let size = self.token_type.size();
        &self.map.bytes()[self.data_start + range.start * size..self.data_start + range.end * size]
    }
}
