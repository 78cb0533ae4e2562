//! Encoding on one thread.

use crate::encode::cache::{Cache, SetIndex};
use crate::encode::lookup::{GroupBuffer, IdLookup, MAX_BATCH_IDS};
use crate::encode::miss::MissEncoder;
use crate::encode::token_id::TokenId;
use crate::error::Result;
use crate::merge::model::Model;
use crate::pretokenize::boundaries::BoundarySink;
use crate::pretokenize::normalizer::Normalizer;
use crate::pretokenize::pattern::Pattern;
use crate::pretokenize::pipeline::Pipeline;
use crate::special::{Segment, SpecialTokens};

/// Encodes on one thread; remembers pre-tokens.
#[derive(Debug)]
pub struct Encoder<'t, T: TokenId> {
    /// A copy per thread, because a regular expression keeps memory for running that threads would
    /// queue for.
    pattern: Pattern,
    normalizer: Normalizer,
    /// `None` where special tokens are text like any other.
    specials: Option<&'t SpecialTokens>,
    pipeline: Pipeline<SetIndex>,
    cache: Cache<T>,
    misses: MissEncoder<'t, T>,
    buffer: GroupBuffer<T>,
}

impl<'t, T: TokenId> Encoder<'t, T> {
    /// Creates an encoder of `model` and `pattern`, for texts that are brought into a normal form
    /// first. Special tokens are text like any other where no `specials` are given.
    ///
    /// # Panics
    /// When the vocabulary has ids that the type `T` does not hold.
    #[track_caller]
    pub(crate) fn new(
        model: &'t Model,
        pattern: &Pattern,
        normalizer: Normalizer,
        specials: Option<&'t SpecialTokens>,
    ) -> Encoder<'t, T> {
        let last_id = model.vocab.len().saturating_sub(1);
        assert!(
            last_id as u64 <= T::MAX.into(),
            "encoder: id {last_id} does not fit into its type"
        );
        // Normalizing may make a pre-token that looks like a special token, so these are not looked
        // up then.
        let looked_up = specials.filter(|_| normalizer == Normalizer::Nothing);
        Encoder {
            pattern: pattern.clone(),
            normalizer,
            specials,
            pipeline: Pipeline::new(),
            cache: Cache::new(),
            misses: MissEncoder::new(model, looked_up),
            buffer: [T::default(); MAX_BATCH_IDS],
        }
    }

    /// Keeps the cache in huge pages, which pays for much text.
    pub(crate) fn in_huge_pages(self) -> Self {
        Encoder { cache: self.cache.in_huge_pages(), ..self }
    }

    /// Appends the ids of `text` to `ids`; special tokens become their ids.
    ///
    /// # Errors
    /// [`Error::PatternRun`](crate::Error::PatternRun), with a custom pattern only.
    pub fn encode(&mut self, text: &[u8], ids: &mut Vec<T>) -> Result<()> {
        if self.normalizer != Normalizer::Nothing {
            return self.encode_normalized(text, ids);
        }
        let Encoder { pattern, specials, pipeline, cache, misses, buffer, .. } = self;
        let mut run = pipeline.run(text, 0, IdLookup { cache, misses, buffer, ids });
        match specials {
            None => pattern.for_each_boundary(text, 0..text.len(), &mut run)?,
            Some(specials) => {
                for segment in specials.segments(text) {
                    match segment {
                        Segment::Text(part) => pattern.for_each_boundary(text, part, &mut run)?,
                        // Looked up like a pre-token. None is equal to it, because no text
                        // between special tokens contains one.
                        Segment::Special(found) => run.push(found.end),
                    }
                }
            }
        }
        run.finish();
        Ok(())
    }

    /// Encodes the text between the special tokens in its normal form.
    fn encode_normalized(&mut self, text: &[u8], ids: &mut Vec<T>) -> Result<()> {
        let whole = Segment::Text(0..text.len());
        let Some(specials) = self.specials else {
            return self.encode_part(&self.normalizer.normalize(text), whole, ids);
        };
        for segment in specials.first_segments(text) {
            let Segment::Text(part) = segment else {
                self.encode_part(text, segment, ids)?;
                continue;
            };
            let normalized = self.normalizer.normalize(&text[part]);
            for segment in specials.normalized_segments(&normalized) {
                self.encode_part(&normalized, segment, ids)?;
            }
        }
        Ok(())
    }

    /// Encodes a stretch of text without special tokens, or a special token.
    fn encode_part(&mut self, text: &[u8], segment: Segment, ids: &mut Vec<T>) -> Result<()> {
        match segment {
            Segment::Special(found) => ids.push(T::from_id(found.id)),
            Segment::Text(part) => {
                let Encoder { pattern, pipeline, cache, misses, buffer, .. } = self;
                let lookup = IdLookup { cache, misses, buffer, ids };
                let mut run = pipeline.run(text, part.start, lookup);
                pattern.for_each_boundary(text, part, &mut run)?;
                run.finish();
            }
        }
        Ok(())
    }
}
