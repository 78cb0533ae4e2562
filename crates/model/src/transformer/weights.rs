//! The weights of a model at rest, for training or for inference only, and their way onto a tape.

use super::tape_weights::{TapeWeight, TapeWeights};
use crate::parameters::list::ParameterId;
use crate::{ParameterKind, ParameterSpec, Parameters};
use std::sync::Arc;
use tensor::decode::Weight;
use tensor::memory::HugePages;
use tensor::ops::{Int8Matrix, NotFinite};
use tensor::{Context, SharedBytes, Tape, Tensor};

/// All weights, in the order of the list of parameters.
pub(crate) enum Weights {
    /// In `f32`, for training and inference.
    Full(Parameters),
    /// In other types, or in memory that is not the model's own, for inference only.
    Inference(Vec<InferenceWeight>),
}

/// A weight of a model that is used for inference only.
pub(crate) enum InferenceWeight {
    /// `f32`, bf16 or f16.
    Full(Tensor),
    /// 8 bits.
    Int8(Int8Matrix),
}

/// A weight that cannot be rounded to 8 bits.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
#[error(
    "the weight `{name}` cannot be rounded to 8 bits: {cause}; \
     its file is damaged or its training failed"
)]
pub struct QuantizeError {
    /// Its name.
    pub name: String,
    /// The reason.
    pub cause: NotFinite,
}

impl Weights {
    /// Rounds the matrices of all linear layers to 8 bits. `specs` is the list of the parameters.
    pub(super) fn quantize_int8(self, specs: &[ParameterSpec]) -> Result<Self, QuantizeError> {
        let weights: Vec<_> = match self {
            Self::Full(parameters) => {
                parameters.tensors.into_iter().map(InferenceWeight::Full).collect()
            }
            Self::Inference(weights) => weights,
        };
        // The tensors to round, and the place of each in one piece of memory.
        let (mut size, mut places) = (0, Vec::new());
        for (spec, weight) in specs.iter().zip(&weights) {
            places.push(match weight {
                InferenceWeight::Full(tensor) if spec.kind == ParameterKind::Linear => {
                    let start = size;
                    size += Int8Matrix::size_for([tensor.rows(), tensor.last_dim()]);
                    Some((tensor, start))
                }
                _ => None,
            });
        }
        let mut memory = HugePages::zeroed(size);
        let mut rest = memory.as_mut();
        for (spec, place) in specs.iter().zip(&places) {
            if let Some((tensor, _)) = place {
                let size = Int8Matrix::size_for([tensor.rows(), tensor.last_dim()]);
                let (own, others) = rest.split_at_mut(size);
                Int8Matrix::quantize_into(Context::detect(), tensor, own)
                    .map_err(|cause| QuantizeError { name: spec.name.clone(), cause })?;
                rest = others;
            }
        }
        let memory: SharedBytes = Arc::new(memory);
        let int8 = |(tensor, start): (&Tensor, usize)| {
            let shape = [tensor.rows(), tensor.last_dim()];
            InferenceWeight::Int8(Int8Matrix::shared(memory.clone(), start, shape))
        };
        let int8: Vec<_> = places.into_iter().map(|place| place.map(int8)).collect();
        let weights = weights.into_iter().zip(int8);
        Ok(Self::Inference(weights.map(|(weight, int8)| int8.unwrap_or(weight)).collect()))
    }

    /// Returns a weight that is not in 8 bits.
    pub(crate) fn tensor(&self, id: ParameterId) -> &Tensor {
        match self.matrix(id) {
            Weight::Dense(tensor) => tensor,
            // Matrices of linear layers alone are rounded.
            Weight::Int8(_) => panic!("the weight {id:?} is stored in 8 bits"),
        }
    }

    /// Returns a weight as generation reads it.
    pub(crate) fn matrix(&self, id: ParameterId) -> Weight<'_> {
        match self {
            Self::Full(parameters) => Weight::Dense(&parameters.tensors()[id.0]),
            Self::Inference(weights) => match &weights[id.0] {
                InferenceWeight::Full(tensor) => Weight::Dense(tensor),
                InferenceWeight::Int8(matrix) => Weight::Int8(matrix),
            },
        }
    }

    /// Puts the weights on a tape as leaves, which get gradients if the tape records.
    pub(super) fn on_tape<'m, 't>(&'m self, tape: &'t Tape) -> TapeWeights<'m, 't> {
        let full = |tensor: &Tensor| TapeWeight::Full(tape.leaf(tensor.clone()));
        let weight = |weight: &'m InferenceWeight| match weight {
            InferenceWeight::Full(tensor) => full(tensor),
            InferenceWeight::Int8(matrix) => TapeWeight::Int8(matrix),
        };
        TapeWeights(match self {
            Self::Full(parameters) => parameters.tensors().iter().map(full).collect(),
            Self::Inference(weights) => weights.iter().map(weight).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{ModelConfig, Transformer};

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
