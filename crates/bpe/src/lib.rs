//! Byte-level BPE: training, encoding, decoding and file formats.
//!
//! A text is bytes. Special tokens are found first ([`SpecialTokens`]); what lies between them is
//! cut into pre-tokens ([`Pattern`]); inside a pre-token the pair of neighbouring tokens that was
//! learned first is merged, over and over ([`Vocab`]).
#![deny(unsafe_code)]

mod chunk;
mod decode;
mod encode;
mod error;
pub mod formats;
mod memory;
mod merge;
mod pretokenize;
mod special;
mod tokenizer;
mod train;
mod vocab;

pub use chunk::{ChunkReader, Cutter};
pub use decode::StreamDecoder;
pub use encode::encoder::Encoder;
pub use encode::stream::{StreamOptions, StreamStats};
pub use encode::token_id::TokenId;
pub use error::{Error, Result, VocabList};
pub use merge::naive::merge_naive;
pub use pretokenize::pattern::Pattern;
pub use pretokenize::scan::{GPT2, GPT4};
pub use special::{END_OF_TEXT, Segment, SpecialMatch, SpecialTokens};
pub use tokenizer::Tokenizer;
pub use train::counts::pre_token_counts::{PreTokenCounts, TextSummary};
pub use train::counts::{OnProgress, PreTokenCounter};
pub use train::naive::learn_merges_naive;
pub use train::{TrainConfig, Trained, train};
pub use vocab::Vocab;
