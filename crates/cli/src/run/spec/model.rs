//! The shape of a model.

use anyhow::Result;
use clap::Args;
use model::{FeedForward, ModelConfig, Norm};
use serde::{Deserialize, Serialize};

use super::fields::{defaults, fields, flag};
use crate::shell::choice;
use crate::shell::exit::usage;

/// The shape of a model, as flags and in `run.json`.
#[derive(Args, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[command(next_help_heading = "Model")]
pub struct ModelSpec {
    /// Number of token ids [default: the tokenizer's, else 10000]
    #[arg(long)]
    #[arg(hide_short_help = true)]
    pub vocab_size: Option<usize>,
    /// Tokens that the model sees at once
    #[arg(long, default_value_t = 256)]
    pub context_length: usize,
    /// Width of the residual stream
    #[arg(long, default_value_t = 512)]
    pub d_model: usize,
    /// Attention heads; they divide the width
    #[arg(long, default_value_t = 16)]
    pub num_heads: usize,
    /// Transformer blocks
    #[arg(long, default_value_t = 4)]
    pub num_layers: usize,
    /// Inner width of the feed-forward networks [default: 1344; 2016 for silu and gelu]
    #[arg(long)]
    #[arg(hide_short_help = true)]
    pub d_ff: Option<usize>,
    /// Base of the rotary position embedding's wavelengths
    #[arg(long, default_value = "10000")]
    #[arg(hide_short_help = true)]
    pub rope_theta: Option<f64>,
    /// Leave out the rotary position embedding
    #[arg(long, conflicts_with = "rope_theta")]
    #[arg(hide_short_help = true)]
    pub no_rope: bool,
    /// Place of the normalisations in a block
    #[arg(long, value_name = "PLACE", default_value = "pre")]
    #[arg(value_parser = choice::parser(&Norm::ALL))]
    #[serde(with = "choice")]
    #[arg(hide_short_help = true)]
    pub norm: Norm,
    /// Kind of feed-forward network
    #[arg(long, value_name = "KIND", default_value = "swiglu")]
    #[arg(value_parser = choice::parser(&FeedForward::ALL))]
    #[serde(with = "choice")]
    #[arg(hide_short_help = true)]
    pub ffn: FeedForward,
}

impl Default for ModelSpec {
    fn default() -> ModelSpec {
        defaults()
    }
}

impl From<&ModelConfig> for ModelSpec {
    fn from(model: &ModelConfig) -> ModelSpec {
        ModelSpec {
            vocab_size: Some(model.vocab_size),
            context_length: model.context_length,
            d_model: model.d_model,
            num_heads: model.num_heads,
            num_layers: model.num_layers,
            d_ff: Some(model.d_ff),
            rope_theta: model.rope.then_some(model.rope_theta),
            no_rope: !model.rope,
            norm: model.norm,
            ffn: model.ffn,
        }
    }
}

impl ModelSpec {
    /// Returns the options without the values that [`ModelSpec::config`] would fill in just so.
    pub fn unresolved(&self) -> ModelSpec {
        ModelSpec {
            d_ff: self.d_ff.filter(|&d_ff| d_ff != self.ffn.default_d_ff()),
            ..self.clone()
        }
    }

    /// Returns the shape of a new model. `tokenizer_size` is the size of the tokenizer's
    /// vocabulary.
    ///
    /// # Errors
    /// A usage error that names the flag with the wrong value.
    pub fn config(&self, tokenizer_size: Option<usize>) -> Result<ModelConfig> {
        let default = ModelConfig::default();
        let config = ModelConfig {
            vocab_size: self.vocab_size.or(tokenizer_size).unwrap_or(default.vocab_size),
            context_length: self.context_length,
            d_model: self.d_model,
            num_heads: self.num_heads,
            num_layers: self.num_layers,
            d_ff: self.d_ff.unwrap_or(self.ffn.default_d_ff()),
            rope: !self.no_rope,
            rope_theta: self.rope_theta.unwrap_or(default.rope_theta),
            norm: self.norm,
            ffn: self.ffn,
            ..default
        };
        config.validate().map_err(|error| usage(with_flags(&error.to_string())))?;
        Ok(config)
    }
}

/// Replaces the names of fields in a message (`num_heads`) by the flags that set them
/// (`--num-heads`).
fn with_flags(message: &str) -> String {
    let fields = fields(&ModelSpec::default());
    let of_several_words = fields.keys().filter(|field| field.contains('_'));
    of_several_words
        .fold(message.to_string(), |message, field| message.replace(field, &flag(field)))
}
