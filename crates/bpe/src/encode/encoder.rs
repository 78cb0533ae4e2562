//! Encoding on one thread.

use crate::encode::batch::Batch;
use crate::encode::cache::Cache;
use crate::encode::miss::Merger;
use crate::encode::token_id::TokenId;
use crate::error::Result;
use crate::merge::model::Model;
use crate::pretokenize::boundaries::{InBatches, PendingEnds};
use crate::pretokenize::pattern::Pattern;
use crate::pretokenize::scan::Ends;
use crate::special::{Segment, SpecialTokens};

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

impl<'t, T: TokenId> Encoder<'t, T> {
    /// Encodes by `model` the pre-tokens that `pattern` finds between `specials`; special tokens
    /// are text like any other if there are none given.
    ///
    /// # Panics
    /// When the vocabulary has ids that the type `T` does not hold.
    #[track_caller]
    pub(crate) fn new(
        model: &'t Model,
        pattern: &Pattern,
        specials: Option<&'t SpecialTokens>,
    ) -> Encoder<'t, T> {
        let last_id = model.vocab().len().saturating_sub(1);
        assert!(
            last_id as u64 <= T::MAX.into(),
            "encoder: id {last_id} does not fit into its type"
        );
        Encoder {
            pattern: pattern.clone(),
            batch: Batch::new(),
            cache: Cache::new(),
            merger: Merger::new(model, specials),
        }
    }

    /// The same, for so much text that it is worth its time.
    pub(crate) fn in_large_pages(self) -> Self {
        Encoder { cache: self.cache.in_large_pages(), ..self }
    }

    /// Appends the ids of `text` to `ids`; special tokens become their ids.
    ///
    /// # Errors
    /// [`Error::PatternRun`](crate::Error::PatternRun), with a custom pattern only.
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
