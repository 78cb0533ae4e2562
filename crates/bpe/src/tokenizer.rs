//! Texts to ids.
//!
//! ```
//! use bpe::{Pattern, Tokenizer, Vocab};
//! let vocab = Vocab::from_merges(vec![(104, 101), (257, 121)], &["<|end|>".to_string()])?;
//! let tokenizer = Tokenizer::new(vocab, Pattern::gpt2());
//! assert_eq!(tokenizer.encode(b"hey he!<|end|>")?, [258, 32, 257, 33, 256]);
//! assert_eq!(tokenizer.decode(&[258, 33])?, b"hey!");
//! # Ok::<(), bpe::Error>(())
//! ```

use std::collections::HashMap;
use std::path::Path;

use foldhash::fast::RandomState;

use crate::chunk::Cutter;
use crate::encode::batch::Batch;
use crate::encode::cache::Cache;
use crate::encode::miss::Merger;
use crate::encode::token_id::TokenId;
use crate::error::Result;
use crate::merge::safe_cuts::Neighbours;
use crate::merge::{Merges, Scratch};
use crate::pretokenize::boundaries::{InBatches, PendingEnds};
use crate::pretokenize::pattern::Pattern;
use crate::pretokenize::scan::Ends;
use crate::special::{Segment, SpecialTokens};
use crate::vocab::Vocab;

/// A vocabulary and a pattern, ready to encode and decode. It is never changed; threads share it.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    vocab: Vocab,
    pattern: Pattern,
    specials: SpecialTokens,
    merges: Merges,
    /// Where pre-tokens may be cut; `None` when they may not.
    neighbours: Option<Neighbours>,
    /// The tokens that a pre-token of just these bytes becomes without merging.
    whole: Option<HashMap<Vec<u8>, u32, RandomState>>,
}

impl Tokenizer {
    /// A tokenizer that merges in every pre-token.
    pub fn new(vocab: Vocab, pattern: Pattern) -> Tokenizer {
        let specials = SpecialTokens::new(vocab.specials());
        let (merges, neighbours) = rayon::join(|| Merges::new(&vocab), || Neighbours::new(&vocab));
        let neighbours = Some(neighbours);
        Tokenizer { vocab, pattern, specials, merges, neighbours, whole: None }
    }

    /// The same, where a pre-token that is a token of the vocabulary as it stands becomes that
    /// token, whatever merging would make of it (`ignore_merges` in a `tokenizer.json`).
    pub fn with_whole_pre_tokens(mut self) -> Tokenizer {
        let mut whole: HashMap<_, _, _> =
            (0..).zip(self.vocab.tokens()).map(|(id, t)| (t.to_vec(), id)).collect();
        for (special, _) in self.vocab.specials() {
            whole.remove(special.as_bytes());
        }
        self.whole = Some(whole);
        self.neighbours = None;
        self
    }

    /// The same with more special tokens; see [`Vocab::with_extra_specials`].
    ///
    /// # Errors
    /// [`Error::Vocab`](crate::Error::Vocab) for an empty special token.
    pub fn with_extra_specials(&self, extra: &[String]) -> Result<Tokenizer> {
        let tokenizer =
            Tokenizer::new(self.vocab.with_extra_specials(extra)?, self.pattern.clone());
        Ok(if self.takes_whole_pre_tokens() {
            tokenizer.with_whole_pre_tokens()
        } else {
            tokenizer
        })
    }

    /// Reads a directory; see [`crate::formats::load`].
    ///
    /// # Errors
    /// When there is no tokenizer in it, or one that this crate cannot express.
    pub fn load(dir: &Path) -> Result<Tokenizer> {
        crate::formats::load(dir)
    }

    /// Writes `vocab.json`, `merges.txt`, `tokenizer.json` and `tokenizer_config.json` into `dir`.
    ///
    /// # Errors
    /// When the directory cannot be written to, or the vocabulary cannot be spelled in these files.
    pub fn save(&self, dir: &Path) -> Result<()> {
        crate::formats::save(self, dir)
    }

    /// The vocabulary.
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// The number of tokens; ids are below it.
    pub fn vocab_size(&self) -> usize {
        self.vocab.len()
    }

    /// The pattern.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The special tokens.
    pub fn specials(&self) -> &SpecialTokens {
        &self.specials
    }

    /// Whether [`Tokenizer::with_whole_pre_tokens`] was asked for.
    pub fn takes_whole_pre_tokens(&self) -> bool {
        self.whole.is_some()
    }

    /// The id of a special token.
    pub fn special_id(&self, text: &str) -> Option<u32> {
        self.vocab.specials().iter().find(|(special, _)| special == text).map(|&(_, id)| id)
    }

    /// Where texts may be cut so that their parts have the ids of the whole; see [`Cutter`].
    pub fn cutter(&self) -> Cutter {
        Cutter::new(&self.pattern, &self.specials).with_neighbours(self.neighbours.clone())
    }

    /// Where long pre-tokens may be cut; `None` when they may not.
    pub(crate) fn neighbours(&self) -> Option<&Neighbours> {
        self.neighbours.as_ref()
    }

    /// An encoder for one thread, which gets faster the more it has seen.
    ///
    /// # Panics
    /// When the vocabulary has ids that the type `T` does not hold.
    #[track_caller]
    pub fn encoder<T: TokenId>(&self) -> Encoder<'_, T> {
        self.encoder_with(Some(&self.specials))
    }

    /// The same with these special tokens.
    #[track_caller]
    fn encoder_with<'t, T: TokenId>(
        &'t self,
        specials: Option<&'t SpecialTokens>,
    ) -> Encoder<'t, T> {
        let last_id = self.vocab_size().saturating_sub(1);
        assert!(
            last_id as u64 <= T::MAX.into(),
            "encoder: id {last_id} does not fit into its type"
        );
        Encoder {
            pattern: self.pattern.clone(),
            batch: Batch::new(),
            cache: Cache::new(),
            merger: Merger::new(self, specials),
        }
    }

    /// The ids of a text. Special tokens written in it become their ids.
    ///
    /// # Errors
    /// [`Error::PatternRun`](crate::Error::PatternRun), with a custom pattern only.
    pub fn encode(&self, text: &[u8]) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.encoder().encode(text, &mut ids)?;
        Ok(ids)
    }

    /// The ids of a text in which special tokens are text like any other.
    ///
    /// # Errors
    /// As for [`Tokenizer::encode`].
    pub fn encode_ordinary(&self, text: &[u8]) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.encoder_with(None).encode(text, &mut ids)?;
        Ok(ids)
    }
}

/// Encodes on one thread; remembers pre-tokens.
#[derive(Debug)]
pub struct Encoder<'t, T: TokenId> {
    /// A copy a thread, because a regular expression keeps memory for running that threads would
    /// queue for.
    pattern: Pattern,
    batch: Batch<T>,
    cache: Cache<T>,
    merger: Merger<'t, T>,
}

impl<T: TokenId> Encoder<'_, T> {
    /// The same, for so much text that it is worth its time.
    pub(crate) fn in_large_pages(self) -> Self {
        Encoder { cache: self.cache.in_large_pages(), ..self }
    }

    /// Appends the ids of `text` to `ids`; special tokens become their ids.
    ///
    /// # Errors
    /// As for [`Tokenizer::encode`].
    pub fn encode(&mut self, text: &[u8], ids: &mut Vec<T>) -> Result<()> {
        let Encoder { pattern, batch, cache, merger } = self;
        batch.begin();
        let specials = merger.specials();
        let mut run = Run { text, batch, cache, merger, ids };
        match specials {
            None => pattern.all_ends(text, 0..text.len(), &mut run)?,
            Some(specials) => {
                for segment in specials.segments(text) {
                    match segment {
                        Segment::Text(part) => pattern.all_ends(text, part, &mut run)?,
                        // One more among the pre-tokens, and no other can be the same, for in the
                        // texts between them there is no special token.
                        Segment::Special(found) => run.push(found.end),
                    }
                }
            }
        }
        batch.finish(text, cache, merger, ids);
        Ok(())
    }
}

/// A text on its way to ids.
struct Run<'r, 't, T> {
    text: &'r [u8],
    batch: &'r mut Batch<T>,
    cache: &'r mut Cache<T>,
    merger: &'r mut Merger<'t, T>,
    ids: &'r mut Vec<T>,
}

impl<T: TokenId> InBatches for Run<'_, '_, T> {
    #[inline(always)]
    fn pending(&mut self) -> &mut PendingEnds {
        self.batch.pending()
    }

    #[inline(always)]
    fn advance(&mut self) {
        self.batch.advance(self.text, self.cache, self.merger, self.ids);
    }
}

impl Tokenizer {
    /// The ids of one pre-token; they are in `scratch` until the next call.
    pub(crate) fn encode_pre_token<'s>(
        &self,
        pre_token: &[u8],
        scratch: &'s mut Scratch,
    ) -> &'s [u32] {
        match self.whole.as_ref().and_then(|whole| whole.get(pre_token)) {
            Some(&id) => scratch.one(id),
            None => self.merges.merge(&self.vocab, pre_token, scratch),
        }
    }
}
