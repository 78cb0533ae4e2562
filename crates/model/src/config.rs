//! The shape of a model, from which the list of its weights follows.

use crate::{FeedForward, Norm};

/// The longest context that [`ModelConfig::validate`] accepts.
const MAX_CONTEXT_LENGTH: usize = 1 << 20;
/// The most positions times channels of a head that the rotary embedding's table may cover: 256 MB.
const MAX_ROPE_TABLE: usize = 1 << 26;
/// The largest width, vocabulary or feed-forward width.
const MAX_WIDTH: usize = 1 << 24;
/// The most blocks.
const MAX_LAYERS: usize = 1 << 12;
/// The most parameters: 4 TB of `f32`.
const MAX_PARAMETERS: u64 = 1 << 40;

/// The shape of a model.
///
/// ```
/// use model::ModelConfig;
///
/// let config = ModelConfig { vocab_size: 4000, d_model: 256, num_heads: 8, ..Default::default() };
/// assert_eq!(config.parameter_count(), 7_227_648);
/// let error = ModelConfig { num_heads: 7, ..config }.validate().unwrap_err();
/// assert_eq!(error.to_string(), "d_model 256 is not divisible by num_heads 7");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// V, the number of token ids.
    pub vocab_size: usize,
    /// The most positions that attention spans.
    pub context_length: usize,
    /// C, the channels of a position.
    pub d_model: usize,
    /// H, the attention heads.
    pub num_heads: usize,
    /// The number of blocks.
    pub num_layers: usize,
    /// F, the width of the feed-forward network's inner layer.
    pub d_ff: usize,
    /// Rotates queries and keys by their position (RoPE) if `true`.
    pub rope: bool,
    /// θ, the base of the rotation's wavelengths.
    pub rope_theta: f64,
    /// The places where a block normalises.
    pub norm: Norm,
    /// The kind of feed-forward network.
    pub ffn: FeedForward,
    /// ε, added to the mean square under the root of a norm.
    pub rms_norm_eps: f64,
    /// BOS, the token that begins a text, if the model has one.
    pub bos_token_id: Option<u32>,
    /// EOS, the tokens that end a text.
    pub eos_token_ids: Vec<u32>,
}

impl Default for ModelConfig {
    /// Returns the shape that `train-model` trains by default: 23 million parameters.
    fn default() -> Self {
        Self {
            vocab_size: 10_000,
            context_length: 256,
            d_model: 512,
            num_heads: 16,
            num_layers: 4,
            d_ff: FeedForward::SwiGlu.default_d_ff(),
            rope: true,
            rope_theta: 10_000.0,
            norm: Norm::Pre,
            ffn: FeedForward::SwiGlu,
            rms_norm_eps: 1e-5,
            bos_token_id: None,
            eos_token_ids: Vec::new(),
        }
    }
}

/// A shape that no model can have. Fields are named as in [`ModelConfig`].
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ConfigError {
    /// A size is zero or too large.
    #[error("{field} is {found}, expected 1 to {max}")]
    Size {
        /// The field.
        field: &'static str,
        /// Its value.
        found: usize,
        /// The largest valid value.
        max: usize,
    },
    /// The channels do not divide evenly among the heads.
    #[error("d_model {d_model} is not divisible by num_heads {num_heads}")]
    Heads {
        /// The model's channels.
        d_model: usize,
        /// The number of heads.
        num_heads: usize,
    },
    /// The rotary embedding rotates pairs of channels, but a head has an odd number.
    #[error(
        "d_model {d_model} ÷ num_heads {num_heads} gives heads of {} channels, \
         but the rotary embedding needs an even number; change one of them or turn it off",
        d_model / num_heads
    )]
    OddHead {
        /// The model's channels.
        d_model: usize,
        /// The number of heads.
        num_heads: usize,
    },
    /// The table of the rotary embedding would be too large.
    #[error(
        "context_length {context_length} is too long for the rotary embedding's table with heads \
         of {d_head} channels, expected at most {}", MAX_ROPE_TABLE / d_head
    )]
    RopeTable {
        /// The number of positions.
        context_length: usize,
        /// D, the channels of a head.
        d_head: usize,
    },
    /// A number is not positive and finite, or not after rounding to `f32`.
    #[error("{field} is {found:?}, expected a positive, finite number that `f32` can hold")]
    NotPositive {
        /// The field.
        field: &'static str,
        /// Its value.
        found: f64,
    },
    /// A special token is not in the vocabulary.
    #[error("{field} is {found}, but the vocabulary ends at {}", vocab_size - 1)]
    TokenId {
        /// The field.
        field: &'static str,
        /// The token.
        found: u32,
        /// The size of the vocabulary.
        vocab_size: usize,
    },
    /// Each size is valid, but the model as a whole is too large.
    #[error("the model would have {found} parameters, expected at most {MAX_PARAMETERS}")]
    TooLarge {
        /// The number of parameters.
        found: u64,
    },
}

impl ModelConfig {
    /// Returns D, the channels of a head.
    pub fn d_head(&self) -> usize {
        self.d_model / self.num_heads
    }

    /// Checks that a model of this shape can be built.
    ///
    /// # Errors
    /// If a field, or two together, have no valid value; the message says what would be valid.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let sizes = [
            ("vocab_size", self.vocab_size, MAX_WIDTH),
            ("context_length", self.context_length, MAX_CONTEXT_LENGTH),
            ("d_model", self.d_model, MAX_WIDTH),
            ("num_heads", self.num_heads, MAX_WIDTH),
            ("num_layers", self.num_layers, MAX_LAYERS),
            ("d_ff", self.d_ff, MAX_WIDTH),
        ];
        for (field, found, max) in sizes {
            if found == 0 || found > max {
                return Err(ConfigError::Size { field, found, max });
            }
        }
        let &Self { d_model, num_heads, vocab_size, context_length, .. } = self;
        if !d_model.is_multiple_of(num_heads) {
            return Err(ConfigError::Heads { d_model, num_heads });
        }
        let d_head = self.d_head();
        if self.rope && !d_head.is_multiple_of(2) {
            return Err(ConfigError::OddHead { d_model, num_heads });
        }
        if self.rope && context_length * d_head > MAX_ROPE_TABLE {
            return Err(ConfigError::RopeTable { context_length, d_head });
        }
        for (field, found) in [("rope_theta", self.rope_theta), ("rms_norm_eps", self.rms_norm_eps)]
        {
            let used = found as f32;
            if !(used.is_finite() && used > 0.0) {
                return Err(ConfigError::NotPositive { field, found });
            }
        }
        let bos = self.bos_token_id.iter().map(|&id| ("bos_token_id", id));
        let eos = self.eos_token_ids.iter().map(|&id| ("eos_token_id", id));
        for (field, found) in bos.chain(eos) {
            if found as usize >= vocab_size {
                return Err(ConfigError::TokenId { field, found, vocab_size });
            }
        }
        let found = self.parameter_count();
        if found > MAX_PARAMETERS {
            return Err(ConfigError::TooLarge { found });
        }
        Ok(())
    }

    /// Returns the number of weights of a model of this shape, each size of which is valid.
    pub fn parameter_count(&self) -> u64 {
        let [v, c, f, layers] =
            [self.vocab_size, self.d_model, self.d_ff, self.num_layers].map(|n| n as u64);
        let matrices = if self.ffn.is_gated() { 3 } else { 2 };
        let norm = if self.norm == Norm::None { 0 } else { c };
        layers * (4 * c * c + matrices * c * f + 2 * norm) + 2 * v * c + norm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(change: impl FnOnce(&mut ModelConfig)) -> String {
        let mut config = ModelConfig::default();
        change(&mut config);
        config.validate().expect_err("an invalid configuration").to_string()
    }

    #[test]
    fn the_default_has_23_million_parameters() {
        let config = ModelConfig::default();
        config.validate().unwrap();
        let block = 4 * 512 * 512 + 3 * 512 * 1344 + 2 * 512;
        assert_eq!(config.parameter_count(), 2 * 10_000 * 512 + 4 * block + 512);
        let two_matrices =
            ModelConfig { ffn: FeedForward::Silu, d_ff: 2016, ..ModelConfig::default() };
        assert_eq!(FeedForward::Silu.default_d_ff(), 2016);
        assert_eq!(two_matrices.parameter_count(), config.parameter_count());
    }

    #[test]
    fn what_cannot_be_built_is_refused_with_the_reason() {
        assert_eq!(error(|c| c.num_layers = 0), "num_layers is 0, expected 1 to 4096");
        assert!(error(|c| c.num_heads = 3).contains("512 is not divisible by num_heads 3"));
        assert!(error(|c| (c.d_model, c.num_heads) = (36, 12)).contains("heads of 3 channels"));
        assert!(error(|c| c.rope_theta = f64::NAN).contains("rope_theta is NaN"));
        assert!(error(|c| c.rms_norm_eps = -1.0).contains("rms_norm_eps is -1"));
        assert!(error(|c| c.rms_norm_eps = 1e-60).contains("rms_norm_eps is 1e-60, expected"));
        assert!(error(|c| c.rope_theta = 1e-300).contains("rope_theta is 1e-300, expected"));
        assert!(error(|c| c.rope_theta = 1e300).contains("rope_theta is 1e300, expected"));
        assert!(error(|c| c.eos_token_ids = vec![0, 10_000]).contains("vocabulary ends at 9999"));
        assert!(error(|c| c.context_length = usize::MAX).contains("context_length"));
        let huge = error(|c| {
            (c.d_model, c.d_ff, c.num_heads, c.num_layers) = (1 << 24, 1 << 24, 1 << 20, 4096);
        });
        assert!(huge.contains("parameters, expected at most"), "{huge}");
    }

    #[test]
    fn long_contexts_are_for_heads_whose_angles_fit_into_memory() {
        let long = |num_heads, rope| {
            let (context_length, num_layers) = (1 << 20, 1);
            let shape = ModelConfig { context_length, num_heads, num_layers, ..Default::default() };
            ModelConfig { rope, ..shape }.validate()
        };
        assert_eq!(long(8, true), Ok(())); // heads of 64 channels
        assert_eq!(long(1, false), Ok(()));
        let message = long(4, true).unwrap_err().to_string();
        let expected = "context_length 1048576 is too long for the rotary embedding's table with \
                        heads of 128 channels, expected at most 524288";
        assert_eq!(message, expected);
    }

    #[test]
    fn odd_heads_are_fine_without_rotation() {
        let config =
            ModelConfig { d_model: 36, num_heads: 12, rope: false, ..ModelConfig::default() };
        assert_eq!(config.validate(), Ok(()));
    }
}
