//! Tensors with names, as files hold them, matched with the names and shapes that are wanted.

use super::Tensor;
use std::collections::BTreeMap;

/// A difference between named tensors and those that are wanted.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum NamedTensorsError {
    /// A tensor is missing.
    #[error("lacks the tensor `{name}` of shape {expected:?}")]
    Missing {
        /// The tensor's name.
        name: String,
        /// The shape that is wanted.
        expected: Vec<usize>,
    },
    /// A tensor is not wanted.
    #[error("has a tensor `{name}`, which the model has no place for")]
    Unexpected {
        /// The tensor's name.
        name: String,
    },
    /// A tensor has another shape.
    #[error("the tensor `{name}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The tensor's name.
        name: String,
        /// The shape that is wanted.
        expected: Vec<usize>,
        /// The shape that it has.
        found: Vec<usize>,
    },
}

/// Returns `tensors` in the order of `wanted`, pairs of name and shape.
///
/// # Errors
/// If a tensor is missing, not wanted, or of another shape.
pub fn tensors_in_order(
    tensors: impl IntoIterator<Item = (String, Tensor)>,
    wanted: impl IntoIterator<Item = (String, Vec<usize>)>,
) -> Result<Vec<Tensor>, NamedTensorsError> {
    let mut tensors: BTreeMap<String, Tensor> = tensors.into_iter().collect();
    let take = |(name, expected): (String, Vec<usize>)| match tensors.remove(&name) {
        Some(tensor) if tensor.shape() == expected => Ok(tensor),
        Some(tensor) => {
            let found = tensor.shape().to_vec();
            Err(NamedTensorsError::Shape { name, expected, found })
        }
        None => Err(NamedTensorsError::Missing { name, expected }),
    };
    let ordered = wanted.into_iter().map(take).collect::<Result<_, _>>()?;
    match tensors.pop_first() {
        Some((name, _)) => Err(NamedTensorsError::Unexpected { name }),
        None => Ok(ordered),
    }
}
