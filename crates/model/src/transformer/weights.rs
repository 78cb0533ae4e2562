//! A model at rest: how it is made, how its weights are held, and how they get onto a tape.

use super::Transformer;
use super::tape_weights::{TapeWeight, TapeWeights};
use crate::parameters::{self, ParameterKind};
use crate::{ConfigError, ModelConfig, Parameters, ParametersError};
use tensor::ops::{Int8Matrix, NotFinite, RopeLayout, RopeTable};
use tensor::{Tape, Tensor};

/// How the weights are held.
pub(super) enum Weights {
    /// In `f32`, for training and inference.
    Full(Parameters),
    /// Matrices of linear layers in 8 bits, for inference only.
    Int8(Vec<InferenceWeight>),
}

pub(super) enum InferenceWeight {
    Full(Tensor),
    Int8(Int8Matrix),
}

/// Why a model cannot be built.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ModelError {
    /// The shape is not that of a model.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tensors are not the parameters of a model of this shape.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
}

/// Why a model's weights cannot be rounded to 8 bits.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
#[error(
    "the weight `{name}` cannot be rounded to 8 bits: {cause}; its file is damaged or its training failed"
)]
pub struct QuantizeError {
    /// The weight.
    pub name: String,
    /// What is wrong with it.
    pub cause: NotFinite,
}

/// The angles of the rotary embedding, if the model has one.
fn rope_table(config: &ModelConfig) -> Option<RopeTable> {
    let &ModelConfig { rope_theta, context_length, .. } = config;
    let table = || RopeTable::new(rope_theta, config.d_head(), context_length, RopeLayout::Halves);
    config.rope.then(table)
}

impl Transformer {
    /// A model with random weights, which depend on `seed` alone.
    ///
    /// # Errors
    /// If the shape is not that of a model.
    pub fn new(config: ModelConfig, seed: u64) -> Result<Self, ConfigError> {
        config.validate()?;
        let parameters = Parameters::init(&config, seed);
        Ok(Self::with_weights(config, parameters))
    }

    /// A model with the given weights, in any order.
    ///
    /// # Errors
    /// If the shape is not that of a model, or the tensors are not its parameters.
    pub fn from_tensors(
        config: ModelConfig,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
    ) -> Result<Self, ModelError> {
        config.validate()?;
        let parameters = Parameters::from_tensors(&config, tensors)?;
        Ok(Self::with_weights(config, parameters))
    }

    /// `config` is valid and `parameters` are its own.
    pub(crate) fn with_weights(config: ModelConfig, parameters: Parameters) -> Self {
        let (_, layout) = parameters::list(&config);
        let rope = rope_table(&config);
        let weights = Weights::Full(parameters);
        Self { config, layout, rope, weights, was_tied: false }
    }

    /// The same model, which was read from a directory whose output layer is its embedding, if
    /// `tied`.
    pub(crate) fn read_tied(self, tied: bool) -> Self {
        Self { was_tied: tied, ..self }
    }

    /// Whether this model was read from a directory whose output layer is its embedding
    /// (`tie_word_embeddings`). It has two equal matrices since, which training makes different,
    /// and is saved with both.
    pub fn was_tied(&self) -> bool {
        self.was_tied
    }

    /// The model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Attends to another number of positions from now on; no weight depends on it.
    ///
    /// # Errors
    /// If no model has this context length.
    pub fn set_context_length(&mut self, context_length: usize) -> Result<(), ConfigError> {
        let config = ModelConfig { context_length, ..self.config.clone() };
        config.validate()?;
        self.rope = rope_table(&config);
        self.config = config;
        Ok(())
    }

    /// Says which tokens begin and end a text.
    ///
    /// # Errors
    /// If a token is not in the vocabulary.
    pub fn set_special_tokens(
        &mut self,
        bos_token_id: Option<u32>,
        eos_token_ids: Vec<u32>,
    ) -> Result<(), ConfigError> {
        let config = ModelConfig { bos_token_id, eos_token_ids, ..self.config.clone() };
        config.validate()?;
        self.config = config;
        Ok(())
    }

    /// The weights.
    ///
    /// # Panics
    /// If they are held in 8 bits.
    #[track_caller]
    pub fn parameters(&self) -> &Parameters {
        match &self.weights {
            Weights::Full(parameters) => parameters,
            Weights::Int8(_) => panic!("Transformer::parameters: the weights are held in 8 bits"),
        }
    }

    /// The weights, for an optimizer to change.
    ///
    /// # Panics
    /// If they are held in 8 bits.
    #[track_caller]
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        match &mut self.weights {
            Weights::Full(parameters) => parameters,
            Weights::Int8(_) => {
                panic!("Transformer::parameters_mut: the weights are held in 8 bits")
            }
        }
    }

    /// The same model with the matrices of all linear layers rounded to 8 bits, a quarter of the
    /// memory to read for each token. Embedding and norms stay as they are. Such a model cannot be
    /// trained or saved.
    ///
    /// # Errors
    /// If a matrix holds something that is not a finite number.
    pub fn quantize_int8(self) -> Result<Self, QuantizeError> {
        let Weights::Full(parameters) = self.weights else { return Ok(self) };
        let weights = parameters.specs().iter().zip(parameters.tensors());
        let weights = weights.map(|(spec, tensor)| match spec.kind {
            ParameterKind::Linear => match Int8Matrix::quantize(tensor) {
                Ok(matrix) => Ok(InferenceWeight::Int8(matrix)),
                Err(cause) => Err(QuantizeError { name: spec.name.clone(), cause }),
            },
            ParameterKind::Embedding | ParameterKind::Norm => {
                Ok(InferenceWeight::Full(tensor.clone()))
            }
        });
        Ok(Self { weights: Weights::Int8(weights.collect::<Result<_, _>>()?), ..self })
    }

    /// Puts the weights on a tape: as leaves, whose gradients are wanted if the tape records.
    pub(super) fn bind<'m, 't>(&'m self, tape: &'t Tape) -> TapeWeights<'m, 't> {
        let full = |tensor: &Tensor| TapeWeight::Full(tape.leaf(tensor.clone()));
        TapeWeights(match &self.weights {
            Weights::Full(parameters) => parameters.tensors().iter().map(full).collect(),
            Weights::Int8(weights) => weights
                .iter()
                .map(|weight| match weight {
                    InferenceWeight::Full(tensor) => full(tensor),
                    InferenceWeight::Int8(matrix) => TapeWeight::Int8(matrix),
                })
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_that_is_not_a_number_cannot_be_rounded() {
        let config = ModelConfig { vocab_size: 20, num_layers: 1, ..ModelConfig::default() };
        let mut model = Transformer::new(config, 0).unwrap();
        let name = "model.layers.0.self_attn.k_proj.weight";
        let index = model.parameters().iter().position(|(found, _)| found == name).unwrap();
        model.parameters_mut().tensors_mut()[index].as_mut_slice()[513] = f32::NAN;
        let error = model.quantize_int8().err().expect("an error");
        assert_eq!((error.cause.row, error.cause.column), (1, 1));
        assert!(
            error.to_string().contains(&format!("`{name}` cannot be rounded to 8 bits: row 1"))
        );
    }
}
