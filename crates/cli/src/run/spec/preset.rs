//! Presets of `train-model`: names for several defaults at once.

use clap::ValueEnum;

/// Defaults that replace the flags' own.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// 22.7 million parameters for TinyStories: the defaults with beta2 0.95 and 327,680,000 tokens
    Tinystories,
    /// 1.1 million parameters with a vocabulary of 2048 (3.2 with 10,000): two minutes on two cores
    Demo,
    /// GPT-2 small's width, depth, heads, context and vocabulary, with this architecture's blocks:
    /// 162 million parameters
    Gpt2SmallShape,
}

impl Preset {
    /// Returns the preset's values, by the names of the fields of [`super::ModelSpec`] and
    /// [`super::TrainingSpec`].
    pub fn values(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let values = match self {
            Self::Tinystories => {
                "context_length=256 d_model=512 num_layers=4 num_heads=16 d_ff=1344 \
                 batch_size=32 total_tokens=327680000 lr=0.001 beta2=0.95"
            }
            Self::Demo => {
                "context_length=128 d_model=128 num_layers=3 num_heads=4 d_ff=344 \
                 batch_size=8 total_tokens=1024000 lr=0.006 log_every=50"
            }
            // Three matrices of d_ff = 2048 have as many weights as GPT-2's two of 3072.
            Self::Gpt2SmallShape => {
                "vocab_size=50257 context_length=1024 d_model=768 num_layers=12 num_heads=12 \
                 d_ff=2048 batch_size=4 grad_accum=8 lr=0.0006 beta2=0.95 weight_decay=0.1"
            }
        };
        values.split(' ').filter_map(|value| value.split_once('='))
    }
}
