//! The words of the training text as symbols, in one flat arena that is merged in place.
//!
//! Each word has one slot per byte, and one boundary slot stands before, between and after the
//! words:
//!
//! ```text
//! ▏ l o w ▏ l o w e r ▏        symbols "lo" "w" | "low" "er":    ▏ lo lo w ▏ low · low er er ▏
//! ```
//!
//! A symbol of n bytes owns n slots. Its first and its last slot hold its id; the slots between are
//! stale. So a merge moves nothing, the next symbol starts at `position + len`, and the one before
//! ends at `position - 1`, where its id tells its length.

use crate::error::{Error, Result};
use crate::train::counts::pre_token_counts::PreTokenCounts;

/// The id in a boundary slot.
pub(super) const BOUNDARY: u32 = u32::MAX;

/// The pair of a slot where no pair starts.
pub(super) const NO_PAIR: u32 = u32::MAX;

/// The most slots that a corpus may have: positions and pair indices are `u32`, and there may be
/// twice as many pairs as slots.
const MAX_SLOTS: usize = (u32::MAX / 2) as usize;

/// The place of one byte in the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// Id of the symbol that starts or ends here, or [`BOUNDARY`].
    pub symbol: u32,
    /// Index of the pair (symbol that starts here, the next symbol), or [`NO_PAIR`].
    pub pair: u32,
}

/// All words of at least two bytes, and their counts.
pub(super) struct Words {
    pub slots: Vec<Slot>,
    /// Count of each word, in the order of the arena.
    pub weights: Vec<u64>,
    /// Σ count · symbols over all words, those of one byte too.
    pub num_tokens: u64,
    /// The number of places in the arena where a pair starts.
    pub num_places: usize,
}

impl Words {
    /// Lays out the words of `counts`. No slot has a pair yet.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when positions or the number of tokens do not fit their types.
    pub fn new(counts: &PreTokenCounts) -> Result<Words> {
        let long = || counts.iter().filter(|&(word, count)| word.len() > 1 && count > 0);
        let (num_words, num_bytes) =
            long().fold((0, 0), |(n, len), (word, _)| (n + 1, len + word.len()));
        let num_slots = num_bytes + num_words + 1;
        if num_slots > MAX_SLOTS {
            return Err(Error::TooLarge {
                what: "distinct pre-tokens",
                found: format!("{num_bytes} bytes in all"),
                most: format!("{MAX_SLOTS}"),
            });
        }
        let num_tokens = counts
            .iter()
            .try_fold(0u64, |sum, (word, count)| {
                sum.checked_add(count.checked_mul(word.len() as u64)?)
            })
            .ok_or_else(|| Error::TooLarge {
                what: "pre-tokens times their counts",
                found: "more than 2⁶⁴ bytes".into(),
                most: "2⁶⁴".into(),
            })?;

        let mut slots = Vec::with_capacity(num_slots);
        let mut weights = Vec::with_capacity(num_words);
        let slot = |symbol| Slot { symbol, pair: NO_PAIR };
        slots.push(slot(BOUNDARY));
        for (word, count) in long() {
            slots.extend(word.iter().map(|&byte| slot(u32::from(byte))));
            slots.push(slot(BOUNDARY));
            weights.push(count);
        }
        Ok(Words { slots, weights, num_tokens, num_places: num_bytes - num_words })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_bytes_count_as_tokens_and_take_no_slot() {
        let counts =
            PreTokenCounts::from_counts([(&b"a"[..], 5), (b"bc", 2), (b"de", 0), (b"", 9)]);
        let words = Words::new(&counts).unwrap();
        let symbols: Vec<u32> = words.slots.iter().map(|slot| slot.symbol).collect();
        assert_eq!(symbols, [BOUNDARY, 98, 99, BOUNDARY]);
        assert_eq!(words.weights, [2]);
        assert_eq!(words.num_tokens, 5 + 4);
        assert_eq!(words.num_places, 1);
    }

    #[test]
    fn counts_that_overflow_are_refused() {
        let counts = PreTokenCounts::from_counts([(&b"ab"[..], u64::MAX / 2), (b"cd", 1)]);
        assert!(matches!(Words::new(&counts), Err(Error::TooLarge { .. })));
        let counts = PreTokenCounts::from_counts([("ab", u64::MAX), ("ab", 1)]);
        assert!(matches!(Words::new(&counts), Err(Error::TooLarge { .. })));
        let long = "a".repeat(20);
        let counts = PreTokenCounts::from_counts([(&long, u64::MAX), (&long, 1)]);
        assert!(matches!(Words::new(&counts), Err(Error::TooLarge { .. })));
    }
}
