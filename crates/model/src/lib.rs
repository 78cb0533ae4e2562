//! A transformer language model: its architecture, parameters, text generation and files.
//!
//! The architecture is Llama's, with variants. Here a tiny model learns five tokens by heart and
//! then continues the first two:
//! ```
//! use model::{Batch, GenerateOptions, Generator, ModelConfig, Sampling, Transformer};
//! use optim::{AdamW, AdamWConfig};
//! use tensor::Context;
//!
//! let shape = ModelConfig { vocab_size: 10, context_length: 8, ..ModelConfig::default() };
//! let config = ModelConfig { d_model: 16, num_heads: 2, num_layers: 1, d_ff: 24, ..shape };
//! let (context, mut model) = (Context::detect(), Transformer::new(config, 0)?);
//! let mut adamw = AdamW::new(AdamWConfig::default(), model.parameters());
//! let batch = Batch::from_windows([&[7, 3, 1, 4, 2][..]]);
//! for _ in 0..60 {
//!     let (_, gradients) = model.loss_and_gradients(context, &batch);
//!     adamw.step(context, 0.02, model.parameters_mut(), &gradients, 1.0);
//! }
//!
//! let sampling = Sampling::greedy();
//! let options = GenerateOptions { sampling, max_tokens: 3, ..GenerateOptions::default() };
//! let generated: Vec<u32> = Generator::new(&model, context, &[7, 3], &options)?.collect();
//! assert_eq!(generated, [1, 4, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/train.rs` trains on a text, and `examples/generate.rs` continues one with the model of
//! a checkpoint.
//!
//! # The parts
//! - [`Transformer`] is a model with its weights: it [loads](Transformer::load) and
//!   [saves](Transformer::save) directories as Hugging Face lays them out ([`formats`]), computes
//!   [losses and gradients](Transformer::loss_and_gradients) of a [`Batch`],
//!   [logits](Transformer::logits), and the [probability](Transformer::score) of a text.
//! - [`ModelConfig`] is the shape of a model, with a [`Norm`] and a [`FeedForward`] network;
//!   [`parameter_specs`] is the one list of the [`Parameters`] that follow from it.
//! - [`Generator`] yields token ids one after the other, chosen by [`Sampling`] ([`sample`]), and
//!   knows nothing of text; [`BatchGenerator`] does so for many texts at a time. [`KvCache`] holds
//!   what attention has read.
//!
//! The architecture reads from the outside in: `transformer/mod.rs`, `block.rs`, `attention.rs`,
//! `feed_forward.rs`, written once for training and for reading prompts. [`Decoder`] has it again
//! in operations for few rows, which is what generates tokens; tests compare the two.
//!
//! Shapes use the letters of the crate `tensor`: B batch, T time, C channels, H heads, D channels
//! of a head, F feed-forward width, V vocabulary.
#![forbid(unsafe_code)]

mod batch;
mod config;
mod decoder;
pub mod formats;
mod generate;
mod parameters;
mod transformer;
mod variant;

pub use batch::Batch;
pub use config::{ConfigError, ModelConfig};
pub use decoder::{Decoder, Slot};
pub use generate::sample::{self, Sampling, SamplingError};
pub use generate::{
    BatchGenerator, Event, FinishReason, GenerateError, GenerateOptions, Generator,
};
pub use parameters::{ParameterKind, ParameterSpec, Parameters, parameter_specs};
pub use transformer::{KvCache, ModelError, QuantizeError, Transformer};
pub use variant::{FeedForward, Norm, UnknownChoice};
