//! Looking pre-tokens up in a table, many at a time, in two stages.
//!
//! Encoding looks every pre-token up in a cache of ids, training in a table of counts. Both tables
//! are larger than the CPU's inner caches: one look-up after the other would wait for memory each
//! time. So pre-tokens go through in batches of some 32, in a software pipeline (S. Chen,
//! A. Ailamaki, P. Gibbons and T. Mowry, *Improving Hash Join Performance through Prefetching*,
//! 2004):
//!
//! | call of `advance` | first stage: request | second stage: resolve |
//! |---|---|---|
//! | 1 | batch 1 | |
//! | 2 | batch 2 | batch 1 |
//! | 3, the text is at its end | batch 3, not full | batch 2 |
//! | 4 | nothing is left | batch 3 |
//!
//! *Request* makes the keys of a batch, computes their places in the table and prefetches these.
//! *Resolve*, one batch later, reads them: the memory has arrived while the scanner was finding the
//! next boundaries. At the end of a text two calls are needed to drain the pipeline, as the table
//! shows. Neither stage has a branch that depends on the text, apart from what a miss needs.

use crate::memory::short_key::Key;
use crate::pretokenize::boundaries::{BoundarySink, MAX_PENDING, PendingBoundaries};

/// A table that a [`Pipeline`] looks pre-tokens up in.
pub(crate) trait Lookup {
    /// The place of a key in the table.
    type Place: Copy + Default;

    /// Returns a function that computes the place of a key and prefetches it.
    fn request(&mut self) -> impl Fn(Key) -> Self::Place;

    /// Looks up `keys`, which are of `text`, in their places, in order.
    fn resolve(&mut self, text: &[u8], keys: &[Key], places: &[Self::Place]);
}

/// Pre-tokens between a scanner and a table.
#[derive(Debug)]
pub(crate) struct Pipeline<P> {
    /// Found, not requested yet.
    pending: PendingBoundaries,
    /// Requested, not resolved yet. Keys are kept because making them again would cost more than
    /// reading them.
    keys: [Key; MAX_PENDING],
    places: [P; MAX_PENDING],
    num_requested: usize,
}

impl<P: Copy + Default> Pipeline<P> {
    /// Creates an empty pipeline.
    pub(crate) fn new() -> Pipeline<P> {
        Pipeline {
            pending: PendingBoundaries::new(),
            keys: [Key::default(); MAX_PENDING],
            places: [P::default(); MAX_PENDING],
            num_requested: 0,
        }
    }

    /// Starts to look up pre-tokens of `text`, the first of which begins at `start`.
    pub(crate) fn run<'r, L: Lookup<Place = P>>(
        &'r mut self,
        text: &'r [u8],
        start: usize,
        lookup: L,
    ) -> PipelineRun<'r, L> {
        // Only a pattern that failed leaves something behind.
        self.pending.restart(start);
        self.num_requested = 0;
        PipelineRun { text, pipeline: self, lookup }
    }
}

/// A text that goes through a [`Pipeline`]: receives boundaries, looks pre-tokens up.
pub(crate) struct PipelineRun<'r, L: Lookup> {
    text: &'r [u8],
    pipeline: &'r mut Pipeline<L::Place>,
    lookup: L,
}

impl<L: Lookup> PipelineRun<'_, L> {
    /// Looks up all pre-tokens that are left.
    pub(crate) fn finish(mut self) {
        // The first call requests the pending ones, the second resolves these.
        advance(self.text, self.pipeline, &mut self.lookup);
        advance(self.text, self.pipeline, &mut self.lookup);
    }

    #[inline(always)]
    fn advance_if_full(&mut self) {
        if self.pipeline.pending.is_full() {
            advance(self.text, self.pipeline, &mut self.lookup);
        }
    }
}

impl<L: Lookup> BoundarySink for PipelineRun<'_, L> {
    #[inline(always)]
    fn push(&mut self, end: usize) {
        self.pipeline.pending.push(end);
        self.advance_if_full();
    }

    #[inline(always)]
    fn push_bits(&mut self, base: usize, ends: u64) {
        self.pipeline.pending.push_bits(base, ends);
        self.advance_if_full();
    }
}

/// Resolves the batch that was requested by the call before, and requests the pending one.
#[inline(never)]
fn advance<L: Lookup>(text: &[u8], pipeline: &mut Pipeline<L::Place>, lookup: &mut L) {
    let Pipeline { pending, keys, places, num_requested } = pipeline;
    lookup.resolve(text, &keys[..*num_requested], &places[..*num_requested]);

    let (mut start, ends) = pending.take();
    let request = lookup.request();
    for ((key, place), &end) in keys.iter_mut().zip(places).zip(ends) {
        *key = Key::new(text, start..end);
        *place = request(*key);
        start = end;
    }
    *num_requested = ends.len();
}
