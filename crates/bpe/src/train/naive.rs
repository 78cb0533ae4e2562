//! Training in its plainest form: the page to read first. It specifies what [`train`](crate::train)
//! does faster, and is the oracle of its tests.
//!
//! Byte-pair encoding began as a compression algorithm (P. Gage, *A New Algorithm for Data
//! Compression*, 1994). Sennrich, Haddow and Birch made it a way to choose the vocabulary of a
//! language model (*Neural Machine Translation of Rare Words with Subword Units*,
//! arXiv:1508.07909); GPT-2 applied it to bytes instead of characters (Radford et al., *Language
//! Models are Unsupervised Multitask Learners*, 2019).
//!
//! # Definition
//! Given distinct words w (pre-tokens) with counts n(w), each a sequence of tokens, at first one
//! per byte:
//!
//! 1. Count each pair of neighbouring tokens: count(a, b) = Σ over w of n(w) · |{i : wᵢ = a,
//!    wᵢ₊₁ = b}|. Overlapping occurrences all count, so "aaa" holds (a, a) twice.
//! 2. Take the pair with the largest count. Stop if there is none.
//! 3. The two joined become the next token. In each w, from left to right, replace every occurrence
//!    of the pair that does not overlap one already replaced.
//! 4. Repeat until enough merges are learned.
//!
//! # Ties
//! Among pairs of equal count, the one wins whose first token has the lexicographically greater
//! bytes; if these are equal too, the one whose second token has. Bytes are compared, not ids, so
//! the result does not depend on how tokens are numbered. Sennrich et al. leave ties open; this
//! rule is the one of the reference merges in this crate's tests.
//!
//! # Example
//! The words of the paper: low ×5, lower ×2, newest ×6, widest ×3.
//!
//! | merge | count | words afterwards |
//! |---|---|---|
//! | | | l o w · l o w e r · n e w e s t · w i d e s t |
//! | s t | 9, as (e, s) has, but s > e | l o w · l o w e r · n e w e st · w i d e st |
//! | e st | 9 | l o w · l o w e r · n e w est · w i d est |
//! | o w | 7, as (l, o) has, but o > l | l ow · l ow e r · n e w est · w i d est |
//! | l ow | 7 | low · low e r · n e w est · w i d est |
//! | w est | 6, as (n, e) and (e, w) have, but w > n > e | low · low e r · n e west · w i d est |
//!
//! Each merge reads all words again, which takes O(merges · text) time.

use std::collections::HashMap;

/// Learns at most `max_merges` merges from `words` (bytes, count). Returns them as pairs of ids:
/// byte b has id b, and merge k makes the token `first_id + k`.
///
/// ```
/// let words: [(&[u8], u64); 4] = [(b"low", 5), (b"lower", 2), (b"newest", 6), (b"widest", 3)];
/// let merges = bpe::learn_merges_naive(&words, 256, 5);
/// let vocab = bpe::Vocab::from_merges(merges, &[])?;
/// let learned: Vec<&[u8]> = vocab.tokens().skip(256).collect();
/// assert_eq!(learned, [&b"st"[..], b"est", b"ow", b"low", b"west"]);
/// # Ok::<(), bpe::Error>(())
/// ```
pub fn learn_merges_naive(
    words: &[(&[u8], u64)],
    first_id: u32,
    max_merges: usize,
) -> Vec<(u32, u32)> {
    let mut bytes: HashMap<u32, Vec<u8>> = (0..=255u8).map(|b| (u32::from(b), vec![b])).collect();
    let mut words: Vec<(Vec<u32>, u64)> =
        words.iter().map(|(word, n)| (word.iter().map(|&b| u32::from(b)).collect(), *n)).collect();
    let mut merges = Vec::new();
    for new_id in (first_id..).take(max_merges) {
        let mut counts: HashMap<(u32, u32), u64> = HashMap::new();
        for (word, n) in &words {
            for pair in word.windows(2) {
                *counts.entry((pair[0], pair[1])).or_default() += n;
            }
        }
        let best = counts
            .into_iter()
            .filter(|&(_, count)| count > 0)
            .max_by_key(|&((a, b), count)| (count, &bytes[&a], &bytes[&b]));
        let Some(((left, right), _)) = best else { break };
        merges.push((left, right));
        bytes.insert(new_id, [bytes[&left].as_slice(), &bytes[&right]].concat());
        for (word, _) in &mut words {
            *word = replace(word, left, right, new_id);
        }
    }
    merges
}

/// Returns `word` with each (left, right) replaced by `new_id`, from left to right.
fn replace(word: &[u32], left: u32, right: u32, new_id: u32) -> Vec<u32> {
    let mut out = Vec::with_capacity(word.len());
    let mut i = 0;
    while i < word.len() {
        if word[i] == left && word.get(i + 1) == Some(&right) {
            out.push(new_id);
            i += 2;
        } else {
            out.push(word[i]);
            i += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_count_and_replacement_goes_from_the_left() {
        // "aaa" twice: (a, a) counts 4 and beats (b, c)'s 3; then "aaa" is [aa][a].
        let words: [(&[u8], u64); 2] = [(b"aaa", 2), (b"bc", 3)];
        let (a, b, c) = (97, 98, 99);
        assert_eq!(learn_merges_naive(&words, 256, 10), [(a, a), (b, c), (256, a)]);
    }

    #[test]
    fn ties_go_to_the_greater_bytes_not_the_greater_id() {
        // All pairs count 1. "zz" is learned first; its id 256 is above every byte, its bytes are
        // not below "y".
        let words: [(&[u8], u64); 3] = [(b"ab", 1), (b"zz", 1), (b"yx", 1)];
        assert_eq!(learn_merges_naive(&words, 256, 10), [(122, 122), (121, 120), (97, 98)]);
        // (a, c) and (a, b) tie on the first element; then the token "ac" (b"ac" < b"b") loses to
        // b.
        let words: [(&[u8], u64); 3] = [(b"ab", 1), (b"acx", 1), (b"bx", 1)];
        assert_eq!(
            learn_merges_naive(&words, 256, 10),
            [(99, 120), (98, 120), (97, 256), (97, 98)]
        );
    }

    #[test]
    fn stops_when_no_pair_is_left() {
        assert_eq!(learn_merges_naive(&[], 256, 10), []);
        assert_eq!(learn_merges_naive(&[(b"a", 5)], 256, 10), []);
        assert_eq!(learn_merges_naive(&[(b"ab", 0)], 256, 10), []);
    }
}
