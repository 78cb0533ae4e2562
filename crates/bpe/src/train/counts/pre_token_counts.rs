//! The result of counting.

use crate::memory::byte_strings::ByteStrings;

/// Distinct pre-tokens, in ascending order of their bytes, and how often each occurs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreTokenCounts {
    words: ByteStrings,
    counts: Vec<u64>,
    pub(super) summary: TextSummary,
}

/// The size of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextSummary {
    /// All bytes, those of special tokens too.
    pub bytes: u64,
    /// Pre-tokens, repeated ones too.
    pub pre_tokens: u64,
    /// Special tokens.
    pub specials: u64,
}

impl PreTokenCounts {
    /// Makes an empty list with memory for exactly `len` pre-tokens.
    pub(super) fn with_capacity(len: usize) -> PreTokenCounts {
        let mut counts = PreTokenCounts::default();
        counts.words.reserve_exact(len);
        counts.counts.reserve_exact(len);
        counts
    }

    /// Appends a pre-token, which must be greater than all before it.
    pub(super) fn push(&mut self, word: &[u8], count: u64) {
        self.words.push(word);
        self.counts.push(count);
        // Counts from elsewhere may be anything. Training refuses sums that do not fit.
        let bytes = count.saturating_mul(word.len() as u64);
        self.summary.bytes = self.summary.bytes.saturating_add(bytes);
        self.summary.pre_tokens = self.summary.pre_tokens.saturating_add(count);
    }

    /// The number of distinct pre-tokens.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Returns `true` if there are no pre-tokens.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Iterates over pre-tokens and their counts, in ascending order of bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.words.iter().zip(self.counts.iter().copied())
    }

    /// The size of the counted text. Counts from elsewhere tell only that of its pre-tokens.
    pub fn summary(&self) -> TextSummary {
        self.summary
    }
}
