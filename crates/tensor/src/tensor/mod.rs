//! A tensor: a shape and a shared, contiguous, row-major buffer of numbers.

pub mod arrays;
pub mod convert;
pub mod named;
pub mod shared;
pub mod storage;

use self::storage::Storage;
use crate::matrix::element::{self, DType, Element, Slice, with_any_element_type};
use crate::matrix::{Mat, MatMut};
use crate::memory::pool::Buffer;
use crate::{Context, vectorize};
use rayon::prelude::*;
use std::sync::Arc;

/// Elements per task.
const CHUNK: usize = 1 << 14;

/// A contiguous, row-major array of `f32`, or of bf16 where an operation in that precision made it
/// so ([`Tensor::dtype`]). Clones share the buffer; writing copies it if it is shared. Weights may
/// also lie in memory that the tensor does not own ([`Tensor::shared`]).
///
/// ```
/// use tensor::{Tensor, ndarray::{array, s}};
///
/// let mut x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// let row = x.reshape(&[6]); // the same buffer
/// x.view_mut().slice_mut(s![.., 0]).fill(0.0); // a copy of it, as `row` is still there
/// assert_eq!(x.view(), array![[0.0, 2.0, 3.0], [0.0, 5.0, 6.0]].into_dyn());
/// assert_eq!(row.as_slice(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// assert_eq!(format!("{:.1}", row.slice_first(0, 2)), "[1.0, 2.0]");
/// ```
#[derive(Clone)]
pub struct Tensor {
    storage: Storage,
    dtype: DType,
    /// The element with which this tensor begins in the storage.
    offset: usize,
    shape: Vec<usize>,
}

/// Returns the number of elements of a shape. As in `ndarray`, its sizes other than 0 have to
/// multiply to what memory can hold, so that no part of the shape is larger than that either.
#[track_caller]
fn volume(shape: &[usize]) -> usize {
    let sizes = shape.iter().filter(|&&size| size > 0);
    let volume = sizes.copied().try_fold(1, usize::checked_mul);
    let most = isize::MAX as usize / size_of::<f32>();
    let Some(volume) = volume.filter(|&volume| volume <= most) else {
        panic!("Tensor: more elements in the shape {shape:?} than memory can hold");
    };
    if shape.contains(&0) { 0 } else { volume }
}

impl Tensor {
    /// Returns a tensor with arbitrary contents, to be overwritten.
    #[track_caller]
    pub fn scratch(shape: &[usize]) -> Self {
        Self::scratch_of(DType::F32, shape)
    }

    /// Returns a tensor of a type with arbitrary contents, to be overwritten.
    #[track_caller]
    pub(crate) fn scratch_of(dtype: DType, shape: &[usize]) -> Self {
        let floats = (volume(shape) * dtype.size()).div_ceil(size_of::<f32>());
        let storage = Storage::Buffer(Arc::new(Buffer::scratch(floats)));
        Self { storage, dtype, offset: 0, shape: shape.to_vec() }
    }

    /// Returns a tensor whose elements are all `value`.
    #[track_caller]
    pub fn full(shape: &[usize], value: f32) -> Self {
        Self::build(shape, |data| data.fill(value))
    }

    /// Returns a tensor whose elements are all zero.
    #[track_caller]
    pub fn zeros(shape: &[usize]) -> Self {
        Self::full(shape, 0.0)
    }

    /// Returns a tensor whose elements `fill` writes; it must write all of them.
    #[track_caller]
    pub fn build(shape: &[usize], fill: impl FnOnce(&mut [f32])) -> Self {
        let mut tensor = Self::scratch(shape);
        fill(tensor.as_mut_slice());
        tensor
    }

    /// Returns a tensor with a copy of the elements, in row-major order.
    ///
    /// # Panics
    /// If the shape and `data` differ in size.
    #[track_caller]
    pub fn from_slice(shape: &[usize], data: &[f32]) -> Self {
        let len = volume(shape);
        assert_eq!(len, data.len(), "from_slice: shape {shape:?} and data differ in size");
        Self::build(shape, |out| out.copy_from_slice(data))
    }

    /// Returns a tensor of rank 0.
    pub fn scalar(value: f32) -> Self {
        Self::full(&[], value)
    }

    /// Returns the size of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        volume(&self.shape)
    }

    /// Returns `true` if there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the size of the last axis; 1 for a scalar.
    pub fn last_dim(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// Returns the number of rows, all axes but the last taken together.
    pub fn rows(&self) -> usize {
        volume(&self.shape[..self.shape.len().saturating_sub(1)])
    }

    /// Returns the type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Returns the elements in row-major order.
    ///
    /// # Panics
    /// If they are not `f32`; see [`Tensor::to_f32`].
    #[track_caller]
    pub fn as_slice(&self) -> &[f32] {
        self.elements()
    }

    /// Returns the elements to write to; the buffer is copied first if another tensor shares it.
    ///
    /// # Panics
    /// If they are not `f32`.
    #[track_caller]
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        self.elements_mut()
    }

    /// Returns the elements, which must be of type `E`.
    #[track_caller]
    pub(crate) fn elements<E: Element>(&self) -> &[E] {
        self.assert_dtype(E::DTYPE);
        &self.storage.elements()[self.offset..self.offset + self.len()]
    }

    /// Returns the elements to write to, which must be of type `E`; the buffer is copied first if
    /// another tensor shares it.
    #[track_caller]
    pub(crate) fn elements_mut<E: Element>(&mut self) -> &mut [E] {
        self.assert_dtype(E::DTYPE);
        if self.storage.own().is_none() {
            let mut copy = Self::scratch_of(self.dtype, &self.shape);
            copy.elements_mut::<E>().copy_from_slice(self.elements());
            *self = copy;
        }
        let range = self.offset..self.offset + self.len();
        let buffer = self.storage.own().expect("the tensor was given a buffer of its own above");
        &mut bytemuck::cast_slice_mut(buffer.as_mut_slice())[range]
    }

    #[track_caller]
    fn assert_dtype(&self, dtype: DType) {
        let Self { dtype: found, shape, .. } = self;
        assert!(*found == dtype, "a tensor {shape:?} of {found:?}, expected {dtype:?}");
    }

    /// Returns the elements, of any type.
    pub(crate) fn data(&self) -> Slice<'_> {
        match self.dtype {
            DType::F32 => Slice::F32(self.elements()),
            DType::Bf16 => Slice::Bf16(self.elements()),
            DType::F16 => Slice::F16(self.elements()),
        }
    }

    /// Writes row `index`, of all axes but the last taken together, to `row` in `f32`.
    ///
    /// # Panics
    /// If there is no such row, or it has another length.
    #[track_caller]
    pub fn read_row(&self, index: usize, row: &mut [f32]) {
        let width = self.last_dim();
        assert!(index < self.rows(), "row {index} of a tensor {:?}", self.shape);
        assert_eq!(row.len(), width, "read_row: a tensor {:?}", self.shape);
        with_any_element_type!(self, |E| {
            element::load(row, &self.elements::<E>()[index * width..][..width]);
        });
    }

    /// Returns a matrix whose rows are all axes but the last.
    pub(crate) fn matrix(&self) -> Mat<'_> {
        let (rows, cols) = (self.rows(), self.last_dim());
        with_any_element_type!(self, |E| Mat::new(self.elements::<E>(), rows, cols))
    }

    /// Returns a matrix to write to, whose rows are all axes but the last.
    pub(crate) fn matrix_mut<E: Element>(&mut self) -> MatMut<'_, E> {
        let (rows, cols) = (self.rows(), self.last_dim());
        MatMut::new(self.elements_mut(), rows, cols)
    }

    /// Returns the only element.
    ///
    /// # Panics
    /// If there are more elements, or none.
    #[track_caller]
    pub fn item(&self) -> f32 {
        let Self { shape, .. } = self;
        assert_eq!(self.len(), 1, "item: a tensor of shape {shape:?} is not a single number");
        self.to_f32().as_slice()[0]
    }

    /// Returns the elements in another shape of the same size; both share the buffer.
    ///
    /// # Panics
    /// If the two shapes differ in size.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Self {
        assert_eq!(self.len(), volume(shape), "reshape: {:?} to {shape:?}", self.shape);
        Self { shape: shape.to_vec(), ..self.clone() }
    }

    /// Returns entries `start..end` of the first axis; both share the buffer.
    ///
    /// # Panics
    /// If there are no such entries.
    #[track_caller]
    pub fn slice_first(&self, start: usize, end: usize) -> Self {
        let shape = &self.shape;
        let exists = !shape.is_empty() && start <= end && end <= shape[0];
        assert!(exists, "slice_first: {start}..{end} of {shape:?}");
        let stride = volume(&shape[1..]);
        let mut slice = self.clone();
        slice.shape[0] = end - start;
        slice.offset += start * stride;
        slice
    }

    /// Returns a tensor of f(x) for each element x, in `f32`.
    pub fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        Self::build(&self.shape, |out| {
            for (out, &x) in out.iter_mut().zip(self.to_f32().as_slice()) {
                *out = f(x);
            }
        })
    }

    /// Adds `other`, which has the same shape.
    ///
    /// # Panics
    /// If it has another shape.
    #[track_caller]
    pub fn add_assign(&mut self, context: Context, other: &Tensor) {
        assert_eq!(self.shape, other.shape, "add_assign: shapes differ");
        let other = other.to_f32();
        let chunks = self.widen().par_chunks_mut(CHUNK).zip(other.as_slice().par_chunks(CHUNK));
        chunks.for_each(|(x, y)| {
            vectorize!(context.kernels, {
                for (x, &y) in x.iter_mut().zip(y) {
                    *x += y;
                }
            });
        });
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tensor {:?}", self.to_f32().view())
    }
}

/// Writes the elements, as `ndarray` does: `{:.2}` rounds each to two digits.
impl std::fmt::Display for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.to_f32().view().fmt(f)
    }
}

#[cfg(test)]
mod tests;
