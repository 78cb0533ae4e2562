//! The files of a tokenizer, in a directory or in memory.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::text;
use crate::error::{Error, Result};

/// Files by name.
#[derive(Clone, Copy)]
pub(super) enum Source<'s> {
    Directory(&'s Path),
    /// Names and contents.
    Memory(&'s [(&'s str, &'s [u8])]),
}

impl<'s> Source<'s> {
    /// Returns the text of a file, or `None` if there is none of this name.
    pub(super) fn read(self, name: &str) -> Result<Option<Cow<'s, str>>> {
        let path = self.path(name);
        match self {
            Source::Directory(_) => match files::read(&path) {
                Ok(bytes) => text::utf8(bytes, &path).map(|text| Some(Cow::Owned(text))),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(Error::io(path)(error)),
            },
            Source::Memory(files) => {
                let file = files.iter().find(|(known, _)| *known == name);
                let Some((_, bytes)) = file else { return Ok(None) };
                let text = std::str::from_utf8(bytes).map_err(|_| text::not_utf8(&path))?;
                Ok(Some(Cow::Borrowed(text)))
            }
        }
    }

    /// Returns the path of a file, for errors.
    pub(super) fn path(self, name: &str) -> PathBuf {
        match self {
            Source::Directory(dir) => dir.join(name),
            Source::Memory(_) => name.into(),
        }
    }
}
