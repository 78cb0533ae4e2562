//! Places inside a pre-token that no merge can cross, recognised from two bytes.
//!
//! Every merge makes a token of the vocabulary, and a token that reaches across a place contains
//! the two bytes at that place side by side. So where no token contains these two bytes side by
//! side, nothing is ever merged across. The two sides are then independent: a merge looks at two
//! adjacent tokens, and on one side the order of merges (by rank, then from the left) is the same
//! with and without the other side. So the ids of the whole are those of the left part followed by
//! those of the right part, and a pre-token may be cut there.
//!
//! This holds for any list of merges, but not with
//! [`Tokenizer::ignore_merges`](crate::Tokenizer::ignore_merges), as a part may be a token that
//! merging does not make.

use std::sync::Arc;

use crate::vocab::Vocab;

/// The pairs of bytes that stand side by side inside some token.
#[derive(Debug, Clone)]
pub(crate) struct SafeCuts {
    /// Bit b of row a is set if some token contains a followed by b.
    adjacent: Arc<[[u64; 4]; 256]>,
}

impl SafeCuts {
    /// Collects the pairs of all tokens, including special ones: one of these may have the bytes of
    /// what a merge makes.
    pub(crate) fn new(vocab: &Vocab) -> SafeCuts {
        let mut adjacent = [[0; 4]; 256];
        for pair in vocab.tokens().flat_map(|token| token.windows(2)) {
            adjacent[pair[0] as usize][pair[1] as usize / 64] |= 1 << (pair[1] % 64);
        }
        SafeCuts { adjacent: Arc::new(adjacent) }
    }

    /// Returns `true` if no merge crosses the place between two bytes.
    #[inline]
    pub(crate) fn is_safe(&self, before: u8, after: u8) -> bool {
        self.adjacent[before as usize][after as usize / 64] >> (after % 64) & 1 == 0
    }

    /// Iterates over the places inside `text` where it may be cut, in order.
    #[inline]
    pub(crate) fn cuts(&self, text: &[u8]) -> impl Iterator<Item = usize> {
        (1..text.len()).filter(|&at| self.is_safe(text[at - 1], text[at]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::naive::merge_naive;
    use crate::merge::tests::vocab;
    use proptest::prelude::*;

    #[test]
    fn only_bytes_inside_a_token_are_together() {
        let vocab = Vocab::from_merges(vec![(97, 98), (257, 0xFF)], &["#<".into()]).unwrap();
        let safe_cuts = SafeCuts::new(&vocab);
        let together: Vec<(u8, u8)> = (0..=255)
            .flat_map(|a| (0..=255).map(move |b| (a, b)))
            .filter(|&(a, b)| !safe_cuts.is_safe(a, b))
            .collect();
        assert_eq!(together, [(b'#', b'<'), (b'a', b'b'), (b'b', 0xFF)]);
        assert_eq!(safe_cuts.cuts(b"abcab").collect::<Vec<_>>(), [2, 3]);
        assert_eq!(safe_cuts.cuts(b"").count() + safe_cuts.cuts(b"b").count(), 0);
    }

    /// Merges in any order, with tokens that no merge makes.
    fn any_vocab() -> impl Strategy<Value = Vocab> {
        let extra = prop::collection::vec("[abc]{2,4}", 0..3);
        let merges = vocab()
            .prop_flat_map(|vocab| (Just(vocab.merges().to_vec()).prop_shuffle(), Just(vocab)));
        (merges, extra).prop_map(|((merges, vocab), extra)| {
            let mut tokens: Vec<Vec<u8>> = vocab.tokens().map(<[u8]>::to_vec).collect();
            for token in extra.into_iter().map(String::into_bytes) {
                if !tokens.contains(&token) {
                    tokens.push(token);
                }
            }
            Vocab::new(&tokens, merges, vec![]).unwrap()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn parts_merge_like_the_whole(vocab in any_vocab(), text in "[abcd]{1,60}") {
            let text = text.as_bytes();
            let (mut ids, mut start) = (Vec::new(), 0);
            for end in SafeCuts::new(&vocab).cuts(text).chain([text.len()]) {
                ids.extend(merge_naive(&vocab, &text[start..end]));
                start = end;
            }
            prop_assert_eq!(ids, merge_naive(&vocab, text));
        }
    }
}
