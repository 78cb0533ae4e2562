//! A transformer language model: its architecture, parameters, text generation and files.
//!
//! # Where to start reading
//! [`ModelConfig`] is the shape of a model, and `parameters/list.rs` the one list of its
//! parameters; [`Transformer`] is both with weights. The architecture reads from the outside in:
//! `transformer/mod.rs`, `block.rs`, `attention.rs`, `feed_forward.rs`, written once for training
//! and generation. [`Generator`] yields token ids and knows nothing of text; `generate/sample.rs`
//! chooses among logits. [`formats`] reads and writes directories as Hugging Face lays them out.
//!
//! Shapes use the letters of the crate [`tensor`]: B batch, T time, C channels, H heads, D channels
//! of a head, F feed-forward width, V vocabulary.
//!
//! # Example
//! Two steps of gradient descent on four tokens, then two more tokens in the model's own words:
//! ```
//! use model::{GenerateOptions, Generator, ModelConfig, Sampling, Transformer};
//! use tensor::Context;
//!
//! let config = ModelConfig {
//!     vocab_size: 10,
//!     context_length: 8,
//!     d_model: 16,
//!     num_heads: 2,
//!     num_layers: 1,
//!     d_ff: 24,
//!     ..ModelConfig::default()
//! };
//! let ctx = Context::detect();
//! let mut model = Transformer::new(config, 0)?;
//! let (ids, targets) = ([1, 2, 3, 4], [2, 3, 4, 5]);
//! let mut losses = Vec::new();
//! for _ in 0..2 {
//!     let (loss, gradients) = model.loss_and_gradients(ctx, &ids, &targets, [1, 4]);
//!     for (p, g) in model.parameters_mut().tensors_mut().iter_mut().zip(&gradients) {
//!         p.as_mut_slice().iter_mut().zip(g.as_slice()).for_each(|(p, g)| *p -= 0.1 * g);
//!     }
//!     losses.push(loss);
//! }
//! assert!(losses[1] < losses[0]);
//!
//! let sampling = Sampling { temperature: 0.0, ..Sampling::default() }; // greedy
//! let options = GenerateOptions { sampling, max_tokens: 2, stop_ids: vec![], seed: 0 };
//! let generated: Vec<u32> = Generator::new(&model, ctx, &ids, &options)?.collect();
//! assert_eq!(generated.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
