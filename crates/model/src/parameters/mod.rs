//! The parameters of a model: their list, their first values, and the tensors themselves.

mod init;
pub(crate) mod list;

pub use list::{ParameterKind, ParameterSpec, parameter_specs};

use crate::ModelConfig;
use init::init;
use rayon::prelude::*;
use tensor::{NamedTensorsError, Tensor, tensors_in_order};

/// The parameters of a model, in the order of [`parameter_specs`].
#[derive(Clone, Debug)]
pub struct Parameters {
    pub(crate) specs: Vec<ParameterSpec>,
    pub(crate) tensors: Vec<Tensor>,
}

impl Parameters {
    /// Creates random parameters. The name of each selects its stream of random numbers, so that
    /// its values depend on `seed`, name and shape alone. `config` must be valid.
    pub fn init(config: &ModelConfig, seed: u64) -> Self {
        let specs = parameter_specs(config);
        let tensors = specs.par_iter().map(|spec| init(spec, seed)).collect();
        Self { specs, tensors }
    }

    /// Takes the given tensors, in any order. `config` must be valid.
    ///
    /// # Errors
    /// If one is missing, of another shape, or belongs to no parameter.
    pub fn from_tensors(
        config: &ModelConfig,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
    ) -> Result<Self, NamedTensorsError> {
        let specs = parameter_specs(config);
        let wanted = specs.iter().map(|spec| (spec.name.clone(), spec.shape.clone()));
        let tensors = tensors_in_order(tensors, wanted)?;
        Ok(Self { specs, tensors })
    }

    /// Returns the name, shape and kind of each.
    pub fn specs(&self) -> &[ParameterSpec] {
        &self.specs
    }

    /// Returns the values.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Returns the values for an optimizer to change.
    pub fn tensors_mut(&mut self) -> &mut [Tensor] {
        &mut self.tensors
    }

    /// Returns the parameter called `name`.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.iter().find(|(found, _)| *found == name).map(|(_, tensor)| tensor)
    }

    /// Returns the name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.specs.iter().map(|spec| spec.name.as_str()).zip(&self.tensors)
    }
}

/// Iterates over the values, in order.
impl<'a> IntoIterator for &'a mut Parameters {
    type Item = &'a mut Tensor;
    type IntoIter = std::slice::IterMut<'a, Tensor>;

    fn into_iter(self) -> Self::IntoIter {
        self.tensors.iter_mut()
    }
}

/// Iterates over the name and the value of each, in order.
impl<'a> IntoIterator for &'a Parameters {
    type Item = (&'a str, &'a Tensor);
    type IntoIter = Box<dyn Iterator<Item = Self::Item> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

#[cfg(test)]
mod tests;
