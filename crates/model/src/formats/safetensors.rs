//! One `safetensors` file: eight bytes of header length, a JSON header, then the numbers.
//!
//! The header is read first and checked against the length of the file; then each tensor is read by
//! itself, so that a tensor needs no more memory than its own. Written files hold `f32`.
//! Format: that of the crate of the same name, whose checks of the header are used.

use super::error::{CUT_OFF, LoadError};
use ::safetensors::Dtype;
use ::safetensors::tensor::{Metadata, TensorInfo};
use half::{bf16, f16};
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tensor::{NamedTensorsError, Tensor};

/// Bytes of the header's length.
const LENGTH_BYTES: u64 = 8;
/// The longest header that is read; so long is the format's own limit.
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// Bytes that are converted at a time.
const PIECE: usize = 1 << 20;

/// A file whose header was read and found to fit the file.
#[derive(Debug)]
pub struct SafetensorsFile {
    path: PathBuf,
    file: File,
    header: Metadata,
    /// Where the numbers begin.
    data_start: u64,
}

impl SafetensorsFile {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// If the file cannot be read, has no valid header, or is not as long as its header says.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let io = |cause| LoadError::io(path, cause);
        let malformed = |found: String| LoadError::malformed(path, "a safetensors file", found);
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
                "its first 8 bytes ask for a header of {header_bytes} bytes, but the file has {length}; {CUT_OFF}"
            )));
        }
        let mut header = vec![0; header_bytes as usize];
        file.read_exact(&mut header).map_err(io)?;
        let header: Metadata =
            serde_json::from_slice(&header).map_err(|cause| malformed(cause.to_string()))?;
        let data_start = LENGTH_BYTES + header_bytes;
        let expected = data_start.saturating_add(header.data_len() as u64);
        if expected != length {
            return Err(LoadError::Length { path: path.to_path_buf(), expected, found: length });
        }
        Ok(Self { path: path.to_path_buf(), file, header, data_start })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the tensors, in the order of the file.
    pub fn names(&self) -> Vec<String> {
        self.header.offset_keys()
    }

    /// An entry of the free-form metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.header.metadata().as_ref()?.get(key).map(String::as_str)
    }

    /// The shape of a tensor; `None` if there is no such tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.header.info(name).map(|info| info.shape.as_slice())
    }

    /// Checks that a tensor is there, of the given shape and of numbers that can be read.
    ///
    /// # Errors
    /// If it is not.
    pub fn check(&self, name: &str, expected: &[usize]) -> Result<(), LoadError> {
        self.info(name, expected).map(|_| ())
    }

    fn info(&self, name: &str, expected: &[usize]) -> Result<&TensorInfo, LoadError> {
        let (name, expected) = (name.to_string(), expected.to_vec());
        let different = |cause| LoadError::tensors(&self.path, cause);
        let Some(info) = self.header.info(&name) else {
            return Err(different(NamedTensorsError::Missing { name, expected }));
        };
        if info.shape != expected {
            let found = info.shape.clone();
            return Err(different(NamedTensorsError::Shape { name, expected, found }));
        }
        if !matches!(info.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
            let (path, found) = (self.path.clone(), info.dtype.to_string());
            return Err(LoadError::Dtype { path, name, found });
        }
        Ok(info)
    }

    /// Reads a tensor of the given shape as `f32`.
    ///
    /// # Errors
    /// If it is missing, of another shape, of another kind of number, or cannot be read.
    pub fn read(&mut self, name: &str, shape: &[usize]) -> Result<Tensor, LoadError> {
        let info = self.info(name, shape)?;
        let (dtype, start) = (info.dtype, self.data_start + info.data_offsets.0 as u64);
        let mut tensor = Tensor::scratch(shape);
        self.file
            .seek(SeekFrom::Start(start))
            .and_then(|_| read_floats(&mut self.file, dtype, tensor.as_mut_slice()))
            .map_err(|cause| LoadError::io(&self.path, cause))?;
        Ok(tensor)
    }
}

/// Reads as many numbers of kind `dtype` as `out` holds.
fn read_floats(file: &mut File, dtype: Dtype, out: &mut [f32]) -> io::Result<()> {
    let size = if dtype == Dtype::F32 { 4 } else { 2 };
    let mut bytes = vec![0; PIECE.min(out.len() * size)];
    for out in out.chunks_mut(PIECE / size) {
        let bytes = &mut bytes[..out.len() * size];
        file.read_exact(bytes)?;
        let pairs = |bytes: &[u8]| u16::from_le_bytes([bytes[0], bytes[1]]);
        for (x, bytes) in out.iter_mut().zip(bytes.chunks_exact(size)) {
            *x = match dtype {
                Dtype::F16 => f16::from_bits(pairs(bytes)).to_f32(),
                Dtype::BF16 => bf16::from_bits(pairs(bytes)).to_f32(),
                _ => f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
            };
        }
    }
    Ok(())
}

/// Writes `tensors` in the given order, and `metadata`, to a new file that takes the place of
/// `path` when it is whole.
///
/// # Errors
/// If the file cannot be written.
pub fn write<'a>(
    path: &Path,
    tensors: impl IntoIterator<Item = (impl AsRef<str>, &'a Tensor)>,
    metadata: &[(&str, &str)],
) -> files::Result<()> {
    let tensors: Vec<_> = tensors.into_iter().collect();
    let mut header = Map::new();
    let entries = metadata.iter().map(|&(key, value)| (key.to_string(), json!(value)));
    header.insert("__metadata__".to_string(), Value::Object(entries.collect()));
    let mut end = 0;
    for (name, tensor) in &tensors {
        let start = end;
        end += size_of_val(tensor.as_slice());
        let info = json!({ "dtype": "F32", "shape": tensor.shape(), "data_offsets": [start, end] });
        header.insert(name.as_ref().to_string(), info);
    }
    let mut header = Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(LENGTH_BYTES as usize), b' '); // aligns the numbers

    files::write_with(path, |out| {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        tensors.iter().try_for_each(|(_, tensor)| write_floats(out, tensor))
    })
}

/// Writes a tensor's numbers, little-endian, in the order in which they lie.
pub(super) fn write_floats(out: &mut impl Write, tensor: &Tensor) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(PIECE.min(size_of_val(tensor.as_slice())));
    for piece in tensor.as_slice().chunks(PIECE / size_of::<f32>()) {
        bytes.clear();
        bytes.extend(piece.iter().flat_map(|x| x.to_le_bytes()));
        out.write_all(&bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
