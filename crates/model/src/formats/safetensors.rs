//! One `safetensors` file: eight bytes of header length, a JSON header, then the numbers.
//!
//! The header is read first and checked against the length of the file; then tensors are read, in
//! pieces by all threads, which needs no memory but theirs. The format is that of Hugging Face's
//! crate `safetensors`, which also checks the header.
//!
//! Written files have `f32` or bf16, and a header with spaces at its end, so that the numbers of
//! large ones begin at a multiple of 64 bytes: mapped into memory they begin a cache line.

use super::error::{CUT_OFF, LoadError, LoadErrorKind};
use super::pieces::{Place, Stored, floats, read_all};
use ::safetensors::Dtype;
use ::safetensors::tensor::Metadata;
use half::bf16;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tensor::{DType, NamedTensorsError, Tensor};

/// Bytes of the header's length.
const LENGTH_BYTES: u64 = 8;
/// The longest header that is read, the limit of the format.
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// Bytes written at a time.
const PIECE: usize = 1 << 20;
/// Bytes of numbers from which on it matters where they begin.
const LARGE: usize = 1 << 20;
/// The numbers of a large file begin at a multiple of this, a cache line.
const LARGE_ALIGNMENT: usize = 64;
/// Those of a small file begin at a multiple of this, as in files of version 0.1.
const SMALL_ALIGNMENT: usize = 8;

/// An open file whose header fits its length.
#[derive(Debug)]
pub struct SafetensorsFile {
    pub(super) path: PathBuf,
    file: File,
    header: Metadata,
    /// The offset of the numbers in the file.
    data_start: u64,
}

impl SafetensorsFile {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// If the file cannot be read, has no valid header, or is not as long as its header says.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let io = |cause| LoadErrorKind::Io(cause).at(path);
        let malformed = |found| {
            let expected = "a safetensors file";
            LoadErrorKind::Malformed { expected, found }.at(path)
        };
        let mut file = files::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        if length < LENGTH_BYTES {
            return Err(malformed(format!(
                "it is {length} bytes long, shorter than a header's length; {CUT_OFF}"
            )));
        }
        let mut header_bytes = [0; LENGTH_BYTES as usize];
        file.read_exact(&mut header_bytes).map_err(io)?;
        let header_bytes = u64::from_le_bytes(header_bytes);
        if header_bytes > MAX_HEADER_BYTES || header_bytes > length - LENGTH_BYTES {
            return Err(malformed(format!(
                "its first 8 bytes ask for a header of {header_bytes} bytes, \
                 but the file has {length}; {CUT_OFF}"
            )));
        }
        let mut header = vec![0; header_bytes as usize];
        file.read_exact(&mut header).map_err(io)?;
        let header: Metadata =
            serde_json::from_slice(&header).map_err(|cause| malformed(cause.to_string()))?;
        let data_start = LENGTH_BYTES + header_bytes;
        let expected = data_start.saturating_add(header.data_len() as u64);
        if expected != length {
            return Err(malformed(format!(
                "it is {length} bytes long, but its header describes {expected}; {CUT_OFF}"
            )));
        }
        Ok(Self { path: path.to_path_buf(), file, header, data_start })
    }

    /// Returns the names of the tensors, in the order of the file.
    pub fn names(&self) -> Vec<String> {
        self.header.offset_keys()
    }

    /// Returns the shape of a tensor; `None` if the file has no tensor of this name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.header.info(name).map(|info| info.shape.as_slice())
    }

    /// Returns the place of a tensor, after a check that it has the given shape and a type that can
    /// be read.
    pub(super) fn place(&self, name: &str, expected: &[usize]) -> Result<Place, LoadError> {
        let (name, expected) = (name.to_string(), expected.to_vec());
        let different = |cause| LoadErrorKind::Tensors(cause).at(&self.path);
        let Some(info) = self.header.info(&name) else {
            return Err(different(NamedTensorsError::Missing { name, expected }));
        };
        if info.shape != expected {
            let found = info.shape.clone();
            return Err(different(NamedTensorsError::Shape { name, expected, found }));
        }
        let dtype = match info.dtype {
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::Bf16,
            other => {
                let found = other.to_string();
                return Err(LoadErrorKind::Dtype { name, found }.at(&self.path));
            }
        };
        // The header was checked: sizes and places agree, and end with the file.
        let (first, end) = info.data_offsets;
        let start = self.data_start + first as u64;
        let len = (end - first) / dtype.size();
        Ok(Place { dtype, start, len })
    }

    /// Returns the open file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Returns the numbers in a place of this file.
    pub(super) fn stored(&self, place: Place) -> Stored<'_> {
        Stored { path: &self.path, file: &self.file, place }
    }

    /// Reads a tensor of the given shape as `f32`.
    ///
    /// # Errors
    /// If it is missing, of another shape, of an unsupported type, or cannot be read.
    pub fn read(&self, name: &str, shape: &[usize]) -> Result<Tensor, LoadError> {
        let stored = self.stored(self.place(name, shape)?);
        let mut tensor = Tensor::scratch(shape);
        read_all([(stored, floats(&mut tensor))])?;
        Ok(tensor)
    }
}

/// The type of the numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoredType {
    /// 32 bits: the numbers as they are.
    #[default]
    F32,
    /// 16 bits, rounded to the nearest bfloat16, ties to even.
    Bf16,
}

impl StoredType {
    /// Returns the size of a number in bytes.
    fn size(self) -> usize {
        match self {
            StoredType::F32 => size_of::<f32>(),
            StoredType::Bf16 => size_of::<bf16>(),
        }
    }

    /// Returns the name in the header of a safetensors file.
    fn name(self) -> &'static str {
        match self {
            StoredType::F32 => "F32",
            StoredType::Bf16 => "BF16",
        }
    }
}

/// Writes `tensors` in the given order, and `metadata`, to a new file that replaces `path` once it
/// is complete. Its numbers are of the type `stored`.
///
/// # Errors
/// If the file cannot be written.
pub fn write<'a>(
    path: &Path,
    tensors: impl IntoIterator<Item = (impl AsRef<str>, &'a Tensor)>,
    metadata: &[(&str, &str)],
    stored: StoredType,
) -> files::Result<()> {
    let tensors: Vec<_> = tensors.into_iter().collect();
    let mut header = Map::new();
    let entries = metadata.iter().map(|&(key, value)| (key.to_string(), json!(value)));
    header.insert("__metadata__".to_string(), Value::Object(entries.collect()));
    let mut end = 0;
    for (name, tensor) in &tensors {
        let start = end;
        end += tensor.as_slice().len() * stored.size();
        let (dtype, shape) = (stored.name(), tensor.shape());
        let info = json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, end] });
        header.insert(name.as_ref().to_string(), info);
    }
    let mut header = Value::Object(header).to_string().into_bytes();
    let alignment = if end < LARGE { SMALL_ALIGNMENT } else { LARGE_ALIGNMENT };
    let data_start = (LENGTH_BYTES as usize + header.len()).next_multiple_of(alignment);
    header.resize(data_start - LENGTH_BYTES as usize, b' ');

    files::write_with(path, |out| {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        tensors.iter().try_for_each(|(_, tensor)| match stored {
            StoredType::F32 => write_floats(out, tensor),
            StoredType::Bf16 => write_numbers(out, tensor, |x| bf16::from_f32(x).to_le_bytes()),
        })
    })
}

/// Writes a tensor's numbers, little-endian and row-major.
pub(super) fn write_floats(out: &mut impl Write, tensor: &Tensor) -> io::Result<()> {
    write_numbers(out, tensor, f32::to_le_bytes)
}

/// Writes a tensor's numbers, row-major, as the bytes that `to_bytes` gives for each.
fn write_numbers<const N: usize>(
    out: &mut impl Write,
    tensor: &Tensor,
    to_bytes: impl Fn(f32) -> [u8; N],
) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(PIECE.min(tensor.as_slice().len() * N));
    for piece in tensor.as_slice().chunks(PIECE / N) {
        bytes.clear();
        bytes.extend(piece.iter().flat_map(|&x| to_bytes(x)));
        out.write_all(&bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
