//! The parameters of a model: their list, their first values, and the tensors themselves.

mod init;
pub(crate) mod list;

pub use list::{ParameterKind, ParameterSpec, parameter_specs};

use crate::ModelConfig;
use init::init;
use rayon::prelude::*;
use std::collections::BTreeMap;
use tensor::Tensor;

/// Why tensors are not the parameters of a model.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParametersError {
    /// A parameter is not there.
    #[error("the tensor `{name}` of shape {expected:?} is missing")]
    Missing {
        /// The parameter's name.
        name: String,
        /// The parameter's shape.
        expected: Vec<usize>,
    },
    /// A tensor is no parameter of this architecture.
    #[error("the tensor `{name}` belongs to no part of this architecture")]
    Unexpected {
        /// The tensor's name.
        name: String,
    },
    /// A parameter has the wrong shape.
    #[error("the tensor `{name}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The parameter's name.
        name: String,
        /// The shape that the configuration asks for.
        expected: Vec<usize>,
        /// The shape that was found.
        found: Vec<usize>,
    },
}

/// The parameters of a model, in the order of [`parameter_specs`].
#[derive(Clone, Debug)]
pub struct Parameters {
    specs: Vec<ParameterSpec>,
    tensors: Vec<Tensor>,
}

impl Parameters {
    /// Random parameters. Each has a stream of random numbers of its own, told apart by its name,
    /// so that its values depend on `seed`, name and shape alone. `config` must be valid.
    pub fn init(config: &ModelConfig, seed: u64) -> Self {
        let specs = parameter_specs(config);
        let tensors = specs.par_iter().map(|spec| init(spec, seed)).collect();
        Self { specs, tensors }
    }

    /// The given tensors, in any order. `config` must be valid.
    ///
    /// # Errors
    /// If one is missing, of another shape, or belongs to no parameter.
    pub fn from_tensors(
        config: &ModelConfig,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
    ) -> Result<Self, ParametersError> {
        let mut found: BTreeMap<String, Tensor> = tensors.into_iter().collect();
        let specs = parameter_specs(config);
        let mut tensors = Vec::with_capacity(specs.len());
        for ParameterSpec { name, shape, .. } in &specs {
            let (name, expected) = (name.clone(), shape.clone());
            let Some(tensor) = found.remove(&name) else {
                return Err(ParametersError::Missing { name, expected });
            };
            if tensor.shape() != expected {
                let found = tensor.shape().to_vec();
                return Err(ParametersError::Shape { name, expected, found });
            }
            tensors.push(tensor);
        }
        match found.pop_first() {
            Some((name, _)) => Err(ParametersError::Unexpected { name }),
            None => Ok(Self { specs, tensors }),
        }
    }

    /// Tensors that are known to have the shapes of `specs`, in their order.
    pub(crate) fn in_order(specs: Vec<ParameterSpec>, tensors: Vec<Tensor>) -> Self {
        Self { specs, tensors }
    }

    /// Name, shape and kind of each.
    pub fn specs(&self) -> &[ParameterSpec] {
        &self.specs
    }

    /// The values.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The values, for an optimizer to change.
    pub fn tensors_mut(&mut self) -> &mut [Tensor] {
        &mut self.tensors
    }

    /// The parameter called `name`.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.iter().find(|(found, _)| *found == name).map(|(_, tensor)| tensor)
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.specs.iter().map(|spec| spec.name.as_str()).zip(&self.tensors)
    }
}

#[cfg(test)]
mod tests;
