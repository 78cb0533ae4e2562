//! A tensor: a shape and a shared, contiguous, row-major buffer of `f32`.

use crate::Context;
use crate::pool::Buffer;
use ndarray::{ArrayViewD, IxDyn};
use std::sync::Arc;

/// A contiguous, row-major array of `f32`. Clones share the buffer; writing copies it if it is shared.
#[derive(Clone)]
pub struct Tensor {
    buffer: Arc<Buffer>,
    /// Where this tensor begins in the buffer.
    offset: usize,
    shape: Vec<usize>,
}

fn volume(shape: &[usize]) -> usize {
    shape.iter().product()
}

impl Tensor {
    /// A tensor with arbitrary contents, to be overwritten.
    pub fn scratch(shape: &[usize]) -> Self {
        let buffer = Arc::new(Buffer::scratch(volume(shape)));
        Self { buffer, offset: 0, shape: shape.to_vec() }
    }

    /// All elements `value`.
    pub fn full(shape: &[usize], value: f32) -> Self {
        Self::build(shape, |data| data.fill(value))
    }

    /// All elements zero.
    pub fn zeros(shape: &[usize]) -> Self {
        Self::full(shape, 0.0)
    }

    /// A tensor whose elements `fill` writes; it must write all of them.
    pub fn build(shape: &[usize], fill: impl FnOnce(&mut [f32])) -> Self {
        let mut buffer = Buffer::scratch(volume(shape));
        fill(buffer.as_mut_slice());
        Self { buffer: Arc::new(buffer), offset: 0, shape: shape.to_vec() }
    }

    /// A copy of the elements in row-major order.
    ///
    /// # Panics
    /// If the shape and `data` differ in size.
    #[track_caller]
    pub fn from_slice(shape: &[usize], data: &[f32]) -> Self {
        assert_eq!(
            volume(shape),
            data.len(),
            "from_slice: shape {shape:?} and data differ in size"
        );
        Self::build(shape, |out| out.copy_from_slice(data))
    }

    /// The elements in row-major order; they are copied to where a cache line begins.
    ///
    /// # Panics
    /// If the shape and `data` differ in size.
    #[track_caller]
    pub fn from_vec(shape: &[usize], data: Vec<f32>) -> Self {
        Self::from_slice(shape, &data)
    }

    /// A tensor of rank 0.
    pub fn scalar(value: f32) -> Self {
        Self::full(&[], value)
    }

    /// The elements as an `ndarray` view, for slicing, printing and arithmetic outside the hot paths.
    #[allow(clippy::missing_panics_doc)] // It never does.
    pub fn view(&self) -> ArrayViewD<'_, f32> {
        ArrayViewD::from_shape(IxDyn(&self.shape), self.as_slice())
            .expect("a tensor's shape and data always agree")
    }

    /// The size of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        volume(&self.shape)
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The size of the last axis; 1 for a scalar.
    pub fn last_dim(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// The number of rows if all axes but the last are taken together.
    pub fn rows(&self) -> usize {
        volume(&self.shape[..self.shape.len().saturating_sub(1)])
    }

    /// The elements in row-major order.
    pub fn as_slice(&self) -> &[f32] {
        &self.buffer.as_slice()[self.offset..self.offset + self.len()]
    }

    /// The elements, to write to; the buffer is copied first if another tensor shares it.
    #[allow(clippy::missing_panics_doc)] // It never does.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        if Arc::get_mut(&mut self.buffer).is_none() {
            *self = Self::from_slice(&self.shape, self.as_slice());
        }
        let range = self.offset..self.offset + self.len();
        let buffer = Arc::get_mut(&mut self.buffer).expect("the buffer was made unshared above");
        &mut buffer.as_mut_slice()[range]
    }

    /// The only element.
    ///
    /// # Panics
    /// If there are more elements, or none.
    #[track_caller]
    pub fn item(&self) -> f32 {
        assert_eq!(
            self.len(),
            1,
            "item: a tensor of shape {:?} is not a single number",
            self.shape
        );
        self.as_slice()[0]
    }

    /// The same elements under another shape of the same size.
    ///
    /// # Panics
    /// If the two shapes differ in size.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Self {
        assert_eq!(self.len(), volume(shape), "reshape: {:?} to {shape:?}", self.shape);
        Self { shape: shape.to_vec(), ..self.clone() }
    }

    /// Entries `start..end` of the first axis, sharing the buffer.
    ///
    /// # Panics
    /// If there are no such entries.
    #[track_caller]
    pub fn slice_first(&self, start: usize, end: usize) -> Self {
        let shape = &self.shape;
        assert!(
            !shape.is_empty() && start <= end && end <= shape[0],
            "slice_first: {start}..{end} of {shape:?}"
        );
        let stride = volume(&shape[1..]);
        let mut slice = self.clone();
        slice.shape[0] = end - start;
        slice.offset += start * stride;
        slice
    }

    /// Each element through `f`, into a new tensor.
    pub fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        Self::build(&self.shape, |out| {
            for (out, &x) in out.iter_mut().zip(self.as_slice()) {
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
        crate::ops::elementwise::add_into(context, self.as_mut_slice(), other.as_slice());
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tensor {:?}", self.view())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_to_a_clone_leaves_the_original() {
        let a = Tensor::from_vec(&[2, 2], vec![1.0, 2.0, 3.0, 4.0]);
        let mut b = a.clone();
        b.as_mut_slice()[0] = 9.0;
        assert_eq!(a.as_slice(), &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(b.as_slice(), &[9.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn slices_share_and_copy_on_write() {
        let a = Tensor::from_vec(&[3, 2], (0..6).map(|x| x as f32).collect());
        let mut tail = a.slice_first(1, 3);
        assert_eq!(tail.shape(), &[2, 2]);
        assert_eq!(tail.as_slice(), &[2.0, 3.0, 4.0, 5.0]);
        tail.as_mut_slice()[0] = -1.0;
        assert_eq!(a.as_slice()[2], 2.0);
    }

    #[test]
    fn a_view_has_the_shape_and_the_order_of_the_tensor() {
        let tensor = Tensor::from_vec(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let array = ndarray::arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        assert_eq!(tensor.view(), array.into_dyn());
    }

    #[test]
    fn empty_and_scalar_shapes() {
        assert_eq!(Tensor::zeros(&[0, 4]).len(), 0);
        assert_eq!(Tensor::zeros(&[0, 4]).rows(), 0);
        assert_eq!(Tensor::scalar(3.0).item(), 3.0);
        assert_eq!(Tensor::scalar(3.0).rows(), 1);
    }
}
