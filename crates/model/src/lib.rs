//! A transformer language model: its architecture, parameters, text generation and files.
//!
//! # Where to start reading
//! [`ModelConfig`] is the shape of a model and `parameters/` the one list of its parameters;
//! [`Transformer`] is both with weights. The architecture reads from the outside in:
//! `transformer/mod.rs`, `block.rs`, `attention.rs`, `feed_forward.rs`, written once for training and
//! generation. [`Generator`] yields token ids and knows nothing of text; `generate/sample.rs` chooses among
//! logits. `formats/` reads and writes directories as Hugging Face lays them out.
//!
//! The letters of shapes are those of the crate [`tensor`]: B batch, T time, C channels, H heads, D
//! channels of a head, F feed-forward width, V vocabulary.
#![forbid(unsafe_code)]

mod config;
pub mod formats;
mod generate;
mod parameters;
mod transformer;
mod variant;

pub use config::{ConfigError, ModelConfig};
pub use generate::sample::{self, Sampling, SamplingError};
pub use generate::{FinishReason, GenerateError, GenerateOptions, Generator};
pub use parameters::{ParameterKind, ParameterSpec, Parameters, parameter_specs};
pub use transformer::{KvCache, ModelError, QuantizeError, Transformer};
pub use variant::{FeedForward, Norm, UnknownChoice};
