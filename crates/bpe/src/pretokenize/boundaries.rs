//! Ends of pre-tokens on their way to a look-up.

use crate::pretokenize::scan::Ends;

/// So many are looked up together.
const BATCH: usize = 32;

/// Places for them: up to 64 more come at once, and some places behind them are written to.
pub(crate) const ROOM: usize = 128;
const _: () = assert!(BATCH - 1 + 64 + 7 <= ROOM);

/// Pre-tokens of a text, side by side, that were found and not looked up yet.
#[derive(Debug)]
pub(crate) struct PendingEnds {
    /// Where the first begins; each of the others begins where the one before it ends.
    start: usize,
    ends: [usize; ROOM],
    len: usize,
}

impl PendingEnds {
    pub(crate) fn new() -> PendingEnds {
        PendingEnds { start: 0, ends: [0; ROOM], len: 0 }
    }

    /// Begins at `start` of a text.
    pub(crate) fn begin(&mut self, start: usize) {
        (self.start, self.len) = (start, 0);
    }

    /// The next pre-token ends at `end`.
    #[inline(always)]
    pub(crate) fn push(&mut self, end: usize) {
        self.ends[self.len % ROOM] = end;
        self.len += 1;
    }

    /// The next ones end at `base + i` for each bit i of `ends`.
    #[inline(always)]
    pub(crate) fn push_bits(&mut self, base: usize, mut ends: u64) {
        let mut at = self.len;
        self.len += ends.count_ones() as usize;
        // How many there are cannot be foreseen, but mostly how many times eight. Behind the last
        // one places are filled too, and filled again by the next.
        while ends != 0 {
            let Some(places) = self.ends[at % ROOM..].first_chunk_mut::<8>() else { return };
            for place in places {
                *place = base + (ends | 1 << 63).trailing_zeros() as usize;
                ends &= ends.wrapping_sub(1);
            }
            at += 8;
        }
    }

    /// Whether there are enough, so that [`PendingEnds::take`] has to be called before more come.
    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        self.len >= BATCH
    }

    /// Where the first begins, and the ends of all: no more than [`ROOM`].
    #[inline(always)]
    pub(crate) fn take(&mut self) -> (usize, &[usize]) {
        let ends = &self.ends[..self.len];
        let start = self.start;
        self.start = ends.last().copied().unwrap_or(start);
        self.len = 0;
        (start, ends)
    }
}

/// What looks up many pre-tokens at a time.
pub(crate) trait InBatches {
    /// Those that were found and are not looked up yet.
    fn pending(&mut self) -> &mut PendingEnds;

    /// Looks them up, or begins to.
    fn advance(&mut self);

    #[inline(always)]
    fn advance_if_full(&mut self) {
        if self.pending().is_full() {
            self.advance();
        }
    }
}

impl<B: InBatches> Ends for B {
    #[inline(always)]
    fn push(&mut self, end: usize) {
        self.pending().push(end);
        self.advance_if_full();
    }

    #[inline(always)]
    fn push_bits(&mut self, base: usize, ends: u64) {
        self.pending().push_bits(base, ends);
        self.advance_if_full();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_are_ends_one_by_one(
            start in 0usize..100,
            windows in prop::collection::vec((any::<u64>(), any::<u64>(), any::<bool>()), 0..40),
        ) {
            let (mut pending, mut taken, mut expected) = (PendingEnds::new(), Vec::new(), Vec::new());
            pending.begin(start);
            for (number, (bits, fewer, is_single)) in (0..).zip(windows) {
                // Any of them, or a few and then one more.
                let base = start + 64 * number;
                let bits = if is_single { bits & fewer & !(1 << 63) } else { bits };
                expected.extend((0..64).filter(|bit| bits >> bit & 1 != 0).map(|bit| base + bit));
                pending.push_bits(base, bits);
                if is_single {
                    pending.push(base + 63);
                    expected.push(base + 63);
                }
                if pending.is_full() {
                    let (first, ends) = pending.take();
                    prop_assert_eq!(first, taken.last().copied().unwrap_or(start));
                    taken.extend_from_slice(ends);
                }
            }
            taken.extend_from_slice(pending.take().1);
            prop_assert_eq!(taken, expected);
        }
    }
}
