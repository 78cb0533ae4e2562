//! The definition of byte-pair encoding, without any machinery: the oracle of the tests.

use crate::vocab::Vocab;

/// Encodes one pre-token by the definition: while some merge of the list applies, the first one
/// that does is made at the leftmost place.
///
/// (R. Sennrich, B. Haddow and A. Birch, *Neural Machine Translation of Rare Words with Subword
/// Units*, 2016, arXiv:1508.07909, section 3.2)
pub fn merge_naive(vocab: &Vocab, pre_token: &[u8]) -> Vec<u32> {
    let mut tokens: Vec<u32> =
        pre_token.iter().map(|&byte| vocab.byte_ids()[byte as usize]).collect();
    loop {
        let first = vocab.merges().iter().zip(vocab.merged()).find_map(|(&(left, right), &id)| {
            Some((tokens.windows(2).position(|pair| pair == [left, right])?, id))
        });
        let Some((at, id)) = first else { return tokens };
        tokens[at] = id;
        tokens.remove(at + 1);
    }
}
