//! Linear probing, the search in a hash table with open addressing.
//!
//! (D. Knuth, *The Art of Computer Programming*, volume 3, section 6.4, algorithm L)

/// Returns the index of the first slot from `start` on, wrapping around, that ends the search: the
/// one that is looked for, or a free one. There must be one, and a power of two of slots.
#[inline(always)]
pub(crate) fn probe<S>(slots: &[S], start: u64, is_end: impl Fn(&S) -> bool) -> usize {
    let mut at = start as usize;
    while !is_end(&slots[at]) {
        at = (at + 1) & (slots.len() - 1);
    }
    at
}
