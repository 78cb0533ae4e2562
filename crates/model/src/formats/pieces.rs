//! Reading numbers from files by all threads at once, in pieces, straight to where they belong.

use super::error::{LoadError, LoadErrorKind};
use std::fs::File;
use std::io;
use std::path::Path;

use rayon::prelude::*;
use tensor::{Context, DType, Numbers, Tensor, convert};

/// Numbers per piece.
const PIECE: usize = 1 << 18;

/// The place of numbers in a file, where they lie one after the other, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) dtype: DType,
    /// The offset of the first.
    pub(super) start: u64,
    /// The number of them.
    pub(super) len: usize,
}

/// Numbers in an open file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored<'a> {
    /// The path of the file, for errors.
    pub(super) path: &'a Path,
    pub(super) file: &'a File,
    pub(super) place: Place,
}

impl<'a> Stored<'a> {
    /// Returns pieces of at most [`PIECE`] numbers.
    fn pieces(self) -> impl Iterator<Item = Stored<'a>> {
        let Place { dtype, start, len } = self.place;
        (0..len).step_by(PIECE).map(move |first| {
            let start = start + (first * dtype.size()) as u64;
            Stored { place: Place { dtype, start, len: PIECE.min(len - first) }, ..self }
        })
    }

    /// Reads all numbers, each as the nearest one of the type in `to`. `scratch` is used where the
    /// types differ.
    fn read(self, context: Context, to: Numbers<'_>, scratch: &mut Vec<f32>) -> io::Result<()> {
        let Stored { file, place: Place { dtype, start, len }, .. } = self;
        let read = |bytes: &mut [u8]| {
            files::read_exact_at(file, bytes, start)?;
            if cfg!(target_endian = "big") {
                bytes.chunks_exact_mut(dtype.size()).for_each(<[u8]>::reverse);
            }
            Ok(())
        };
        if dtype == to.dtype {
            return read(to.bytes);
        }
        let count = len * dtype.size();
        if size_of_val(&scratch[..]) < count {
            scratch.resize(count.div_ceil(size_of::<f32>()), 0.0);
        }
        let bytes = &mut bytemuck::cast_slice_mut(scratch)[..count];
        read(bytes)?;
        convert(context, dtype, bytes, to);
        Ok(())
    }

    /// Returns the error that this file has.
    fn error(&self, cause: io::Error) -> LoadError {
        LoadErrorKind::Io(cause).at(self.path)
    }
}

/// Reads numbers to the memory beside them, which has room for as many, each as the nearest one of
/// the type there.
///
/// # Errors
/// If a file cannot be read, or has become shorter.
pub(super) fn read_all<'a>(
    all: impl IntoIterator<Item = (Stored<'a>, Numbers<'a>)>,
) -> Result<(), LoadError> {
    let pieces = all.into_iter().flat_map(|(stored, Numbers { dtype, bytes })| {
        let bytes = bytes.chunks_mut(PIECE * dtype.size());
        stored.pieces().zip(bytes.map(move |bytes| Numbers { dtype, bytes }))
    });
    let pieces: Vec<_> = pieces.collect();
    let context = Context::detect();
    pieces.into_par_iter().try_for_each_init(Vec::new, |scratch, (stored, to)| {
        stored.read(context, to, scratch).map_err(|cause| stored.error(cause))
    })
}

/// Returns the numbers of a tensor of `f32`, to write.
pub(super) fn floats(tensor: &mut Tensor) -> Numbers<'_> {
    Numbers { dtype: DType::F32, bytes: bytemuck::cast_slice_mut(tensor.as_mut_slice()) }
}

/// Returns `true` if two runs of numbers, of whatever types, are equal.
///
/// # Errors
/// As for [`read_all`].
pub(super) fn are_equal(a: Stored<'_>, b: Stored<'_>) -> Result<bool, LoadError> {
    let context = Context::detect();
    let read = |stored: Stored<'_>| {
        let mut numbers = vec![0.0_f32; stored.place.len];
        let bytes = bytemuck::cast_slice_mut(&mut numbers);
        let to = Numbers { dtype: DType::F32, bytes };
        stored.read(context, to, &mut Vec::new()).map_err(|cause| stored.error(cause))?;
        Ok(numbers)
    };
    let pieces: Vec<_> = a.pieces().zip(b.pieces()).collect();
    let different = pieces.into_par_iter().map(|(a, b)| Ok(read(a)? != read(b)?));
    let different = different.find_any(|piece| !matches!(piece, Ok(false)));
    Ok(a.place.len == b.place.len && !different.transpose()?.unwrap_or(false))
}
