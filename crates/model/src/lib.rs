//! A transformer language model: its architecture, parameters, text generation and files.
//!
//! # Where to start reading
//! [`ModelConfig`] is the shape of a model and `params.rs` the one list of its parameters;
//! [`Transformer`] is both with weights. The architecture reads from the outside in:
//! `transformer.rs`, `block.rs`, `attention.rs`, `feed_forward.rs`, written once for training and
//! generation. [`Generator`] yields token ids and knows nothing of text; `sample.rs` chooses among
//! logits. `formats/` reads and writes directories as Hugging Face lays them out.
//!
//! The letters of shapes are those of the crate [`tensor`]: B batch, T time, C channels, H heads, D
//! channels of a head, F feed-forward width, V vocabulary.
#![forbid(unsafe_code)]

mod attention;
mod block;
mod bound;
mod cache;
mod config;
mod feed_forward;
pub mod formats;
mod generate;
mod init;
mod params;
pub mod sample;
mod score;
mod transformer;
mod variant;

pub use cache::KvCache;
pub use config::{ConfigError, ModelConfig};
pub use generate::{FinishReason, GenerateError, GenerateOptions, Generator};
pub use params::{ParameterKind, ParameterSpec, Parameters, ParametersError, parameter_specs};
pub use sample::{Sampling, SamplingError};
pub use transformer::{ModelError, QuantizeError, Transformer};
pub use variant::{FeedForward, Norm, UnknownChoice};
