//! The trainer in its plainest form: the specification of [`train`](crate::train) and the oracle of
//! its tests.
//!
//! Given distinct pre-tokens w with counts n(w), each a sequence of symbols that starts as its
//! bytes:
//!
//! 1. count(a, b) = Σ over w of n(w) · |{i : wᵢ = a, wᵢ₊₁ = b}|; overlapping occurrences all count,
//!    so "aaa" holds (a, a) twice.
//! 2. Take the pair with the largest count; among equals the one whose first element has the
//!    lexicographically greater bytes, then the one whose second has. If there is none, stop.
//! 3. It becomes the next token. In each w, from left to right, replace every occurrence that does
//!    not overlap one already replaced. Repeat until enough merges are learned.
//!
//! Each merge reads all words again: O(merges · text).

use std::collections::HashMap;

/// The merges learned from `words` (bytes, count), at most `max_merges`, as pairs of ids. Byte b
/// has id b; merge k makes the token `first_id + k`.
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

/// `word` with each (left, right) replaced by `new_id`, from left to right.
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
