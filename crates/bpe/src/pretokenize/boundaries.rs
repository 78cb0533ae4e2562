//! The ends of pre-tokens, on their way from a scanner to a table.

/// Receives the ends of adjacent pre-tokens, in order: each pre-token begins where the one before
/// it ends.
pub(crate) trait BoundarySink {
    /// Receives one more end.
    fn push(&mut self, end: usize);

    /// Receives the ends `base + i` for each bit i of `ends`, from the lowest bit on.
    #[inline(always)]
    fn push_bits(&mut self, base: usize, mut ends: u64) {
        while ends != 0 {
            self.push(base + ends.trailing_zeros() as usize);
            ends &= ends - 1;
        }
    }
}

impl<F: FnMut(usize)> BoundarySink for F {
    #[inline(always)]
    fn push(&mut self, end: usize) {
        self(end);
    }
}

/// Ends from which on [`PendingBoundaries`] is full.
const BATCH: usize = 32;

/// The most ends that are pending: a full batch is taken before more arrive, but up to 64 arrive at
/// once. [`PendingBoundaries::push_bits`] writes up to 7 places more.
pub(crate) const MAX_PENDING: usize = 128;
const _: () = assert!(BATCH - 1 + 64 + 7 <= MAX_PENDING);

/// Adjacent pre-tokens of a text that were found and not looked up yet.
#[derive(Debug)]
pub(crate) struct PendingBoundaries {
    /// The start of the first; each of the others begins where the one before it ends.
    start: usize,
    ends: [usize; MAX_PENDING],
    len: usize,
}

impl PendingBoundaries {
    /// Creates an empty list that begins at the start of a text.
    pub(crate) fn new() -> PendingBoundaries {
        PendingBoundaries { start: 0, ends: [0; MAX_PENDING], len: 0 }
    }

    /// Removes all ends; the next pre-token begins at `start`.
    pub(crate) fn restart(&mut self, start: usize) {
        (self.start, self.len) = (start, 0);
    }

    /// Appends one end.
    #[inline(always)]
    pub(crate) fn push(&mut self, end: usize) {
        self.ends[self.len % MAX_PENDING] = end;
        self.len += 1;
    }

    /// Appends the end `base + i` for each bit i of `ends`.
    ///
    /// A loop that runs once per bit ends after a number of rounds that no branch predictor can
    /// guess, and each wrong guess costs as much as a dozen ends. So eight are written per round:
    /// the count is unpredictable, but ⌈count / 8⌉ usually is not. What is written behind the last
    /// end is overwritten by the next call.
    #[inline(always)]
    pub(crate) fn push_bits(&mut self, base: usize, mut ends: u64) {
        let mut at = self.len;
        self.len += ends.count_ones() as usize;
        while ends != 0 {
            let Some(places) = self.ends[at % MAX_PENDING..].first_chunk_mut::<8>() else { return };
            for place in places {
                // Without bits left, `1 << 63` keeps `trailing_zeros` in range.
                *place = base + (ends | 1 << 63).trailing_zeros() as usize;
                ends &= ends.wrapping_sub(1);
            }
            at += 8;
        }
    }

    /// Returns `true` if [`PendingBoundaries::take`] must be called before more ends arrive.
    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        self.len >= BATCH
    }

    /// Removes all ends. Returns the start of the first pre-token and the ends of all, at most
    /// [`MAX_PENDING`].
    #[inline(always)]
    pub(crate) fn take(&mut self) -> (usize, &[usize]) {
        let ends = &self.ends[..self.len];
        let start = self.start;
        self.start = ends.last().copied().unwrap_or(start);
        self.len = 0;
        (start, ends)
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
            let mut pending = PendingBoundaries::new();
            let (mut taken, mut expected) = (Vec::new(), Vec::new());
            pending.restart(start);
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
