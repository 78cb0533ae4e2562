//! Byte-level BPE: training, encoding, decoding and file formats.
//!
//! ```
//! use bpe::{Pattern, TrainConfig, Tokenizer};
//!
//! let text = "low lower lowest, new newer newest, wide wider widest";
//! let special_tokens = vec![bpe::END_OF_TEXT.to_string()];
//! let config = TrainConfig { vocab_size: 270, special_tokens };
//! let tokenizer = Tokenizer::train(text.as_bytes(), &Pattern::gpt2(), &config)?;
//!
//! let ids = tokenizer.encode("the lowest, the widest")?;
//! assert_eq!(tokenizer.decode(&ids)?, b"the lowest, the widest");
//! assert!(ids.len() < 16);
//!
//! let temporary = tempfile::tempdir().unwrap();
//! let dir = temporary.path().join("tokenizer");
//! tokenizer.save(&dir)?; // as Hugging Face's `tokenizers` and `transformers` read it
//! assert_eq!(Tokenizer::load(&dir)?.digest(), tokenizer.digest());
//! # Ok::<(), bpe::Error>(())
//! ```
//!
//! `examples/train_and_encode.rs` shows the merges and the pieces of a sentence.
//!
//! # From a text to ids
//! A text is any bytes. Encoding takes three steps:
//! 1. It finds special tokens ([`SpecialTokens`]).
//! 2. It splits the text between them into pre-tokens ([`Pattern`]).
//! 3. In each pre-token it merges the pair of adjacent tokens that was learned first, over and over
//!    ([`Vocab`], [`merge_naive`]).
//!
//! Training learns the merges from the counts of pre-tokens; [`learn_merges_naive`] is the
//! definition (R. Sennrich et al., arXiv:1508.07909).
//!
//! # The parts
//! - [`Tokenizer`] is a vocabulary and a pattern: it trains, loads, saves, encodes and decodes.
//! - [`Encoder`] encodes many texts on one thread, and [`Tokenizer::encode_stream`] a large one on
//!   all threads, in bounded memory. [`StreamDecoder`] decodes token by token.
//! - [`PreTokenCounter`] and [`train()`] are the two halves of training, with progress and
//!   statistics.
//! - [`formats`] reads and writes `tokenizer.json`, `vocab.json` with `merges.txt`, tiktoken and
//!   GGUF.
//! - [`Cutter`] and [`ChunkReader`] find places at which a text may be cut.
//!
//! Below these stand the machinery of encoding (`encode/`), merging (`merge/`), splitting
//! (`pretokenize/`) and training (`train/`), and at the bottom what knows nothing of tokens
//! (`memory/`).
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
