//! Tensors from and to arrays of the crate [`ndarray`], and from arrays of Rust.

use super::Tensor;
use crate::DType;
use ndarray::{ArrayBase, ArrayD, ArrayView, ArrayViewD, ArrayViewMutD, Data, Dimension, IxDyn};

/// The reason why a tensor has no view of the type that was asked for.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ViewError {
    /// The view has another number of axes.
    #[error("a tensor of shape {shape:?} has {} axes, expected {expected}", shape.len())]
    Axes {
        /// The tensor's shape.
        shape: Vec<usize>,
        /// The number of axes of the view.
        expected: usize,
    },
    /// The elements are not `f32`.
    #[error("the elements are {found:?}, expected F32; `to_f32` converts them")]
    DType {
        /// The type of the elements.
        found: DType,
    },
}

impl Tensor {
    /// Returns the elements as an `ndarray` view, for slicing, printing and arithmetic outside the
    /// hot paths. `ArrayView2::try_from(&tensor)` has a fixed number of axes.
    ///
    /// # Panics
    /// If they are not `f32`; see [`Tensor::to_f32`].
    #[track_caller]
    pub fn view(&self) -> ArrayViewD<'_, f32> {
        ArrayViewD::from_shape(IxDyn(&self.shape), self.as_slice())
            .expect("a tensor's shape and data always agree")
    }

    /// Returns the elements as an `ndarray` view to write to; the buffer is copied first if another
    /// tensor shares it.
    ///
    /// # Panics
    /// If they are not `f32`.
    #[track_caller]
    pub fn view_mut(&mut self) -> ArrayViewMutD<'_, f32> {
        let shape = IxDyn(&self.shape);
        ArrayViewMutD::from_shape(shape, self.as_mut_slice())
            .expect("a tensor's shape and data always agree")
    }

    /// Returns the elements, of either type, as an `ndarray` array of `f32`.
    pub fn to_ndarray(&self) -> ArrayD<f32> {
        self.to_f32().view().to_owned()
    }
}

impl<S: Data<Elem = f32>, D: Dimension> From<&ArrayBase<S, D>> for Tensor {
    /// Copies an array or a view, however its elements lie in memory.
    fn from(array: &ArrayBase<S, D>) -> Self {
        Self::build(array.shape(), |out| match array.as_slice() {
            Some(elements) => out.copy_from_slice(elements),
            None => out.iter_mut().zip(array).for_each(|(out, &x)| *out = x),
        })
    }
}

impl<S: Data<Elem = f32>, D: Dimension> From<ArrayBase<S, D>> for Tensor {
    /// Copies an array or a view, however its elements lie in memory.
    fn from(array: ArrayBase<S, D>) -> Self {
        Self::from(&array)
    }
}

impl<'a, D: Dimension> TryFrom<&'a Tensor> for ArrayView<'a, f32, D> {
    type Error = ViewError;

    /// Returns the elements as a view with a fixed number of axes.
    fn try_from(tensor: &'a Tensor) -> Result<Self, ViewError> {
        if tensor.dtype != DType::F32 {
            return Err(ViewError::DType { found: tensor.dtype });
        }
        let axes = |_| ViewError::Axes {
            shape: tensor.shape.clone(),
            expected: D::NDIM.unwrap_or_default(),
        };
        tensor.view().into_dimensionality().map_err(axes)
    }
}

impl From<&Tensor> for Tensor {
    /// Returns a tensor that shares the buffer.
    fn from(tensor: &Tensor) -> Self {
        tensor.clone()
    }
}

impl<const N: usize> From<[f32; N]> for Tensor {
    /// Returns a tensor of shape (N).
    fn from(elements: [f32; N]) -> Self {
        Self::from_slice(&[N], &elements)
    }
}

impl<const M: usize, const N: usize> From<[[f32; N]; M]> for Tensor {
    /// Returns a tensor of shape (M, N).
    fn from(rows: [[f32; N]; M]) -> Self {
        Self::from_slice(&[M, N], rows.as_flattened())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;
    use ndarray::{Array3, ArrayView1, ArrayView2, array, s};

    #[test]
    fn a_view_has_the_shape_and_the_order_of_the_tensor() {
        let mut tensor = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let array = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        assert_eq!(ArrayView2::try_from(&tensor), Ok(array.view()));
        assert_eq!(tensor.view(), array.view().into_dyn());
        let before = tensor.clone();
        tensor.view_mut().slice_mut(s![.., 0]).fill(9.0);
        assert_eq!(tensor.to_ndarray(), array![[9.0, 2.0, 3.0], [9.0, 5.0, 6.0]].into_dyn());
        assert_eq!(before.view(), array.into_dyn(), "a clone was written to");
    }

    #[test]
    fn arrays_and_views_in_any_order_become_the_tensor_that_they_show() {
        let array = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (100 * i + 10 * j + k) as f32);
        assert_eq!(Tensor::from(&array).view(), array.view().into_dyn());
        let views = [array.view().permuted_axes([2, 0, 1]), array.slice(s![..;-1, 1.., ..;2])];
        for view in views {
            let tensor = Tensor::from(view);
            assert_eq!(tensor.shape(), view.shape());
            assert_eq!(tensor.view(), view.into_dyn());
        }
        assert_eq!(Tensor::from(Array3::<f32>::zeros((0, 2, 3))).shape(), [0, 2, 3]);
        assert_eq!(Tensor::from(ndarray::arr0(7.0)).item(), 7.0);
    }

    #[test]
    fn views_of_other_axes_and_types_are_refused() {
        let tensor = Tensor::zeros(&[2, 3]);
        let error = ArrayView1::try_from(&tensor).unwrap_err();
        assert_eq!(error, ViewError::Axes { shape: vec![2, 3], expected: 1 });
        assert_eq!(error.to_string(), "a tensor of shape [2, 3] has 2 axes, expected 1");
        let rounded = Tensor::full(&[2, 3], 1.5).to_bf16(Context::detect());
        let error = ArrayView2::try_from(&rounded).unwrap_err();
        assert_eq!(error, ViewError::DType { found: DType::Bf16 });
        assert_eq!(rounded.to_ndarray(), ndarray::arr2(&[[1.5; 3]; 2]).into_dyn());
    }
}
