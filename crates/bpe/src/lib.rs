//! Byte-level BPE: training, encoding, decoding and file formats.
//!
//! A text is any bytes. Encoding finds special tokens first ([`SpecialTokens`]), splits the text
//! between them into pre-tokens ([`Pattern`]), and merges inside each pre-token the pair of
//! adjacent tokens that was learned first, over and over ([`Vocab`], [`merge_naive`]). Training
//! learns the merges from the counts of pre-tokens ([`PreTokenCounter`], [`train`];
//! [`learn_merges_naive`] is the definition).
//!
//! The public items stand at the top. Below them are the machinery of encoding (`encode/`), merging
//! (`merge/`), splitting (`pretokenize/`) and training (`train/`), and at the bottom what knows
//! nothing of tokens (`memory/`).
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
pub use formats::BeginOfText;
pub use merge::naive::merge_naive;
pub use pretokenize::normalizer::Normalizer;
pub use pretokenize::pattern::Pattern;
pub use pretokenize::scan::{GPT2, GPT4};
pub use special::{END_OF_TEXT, Segment, SpecialFlags, SpecialMatch, SpecialTokens, UnusualFlags};
pub use tokenizer::Tokenizer;
pub use train::counts::pre_token_counts::{PreTokenCounts, TextSummary};
pub use train::counts::{OnProgress, PreTokenCounter};
pub use train::naive::learn_merges_naive;
pub use train::{TrainConfig, Trained, train};
pub use vocab::Vocab;
