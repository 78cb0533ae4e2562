use super::backtrack::{BacktrackScratch, Backtracking};
use super::heap::{self, Heap};
use super::model::{Model, Scratch};
use super::naive::merge_naive;
use super::short;
use super::table::MergeTable;
use crate::vocab::Vocab;
use proptest::prelude::*;

/// Vocabularies of random merges, over few letters so that much merges.
pub(crate) fn vocab() -> impl Strategy<Value = Vocab> {
    prop::collection::vec((any::<u16>(), any::<u16>()), 0..40).prop_map(|choices| {
        let mut merges: Vec<(u32, u32)> = Vec::new();
        for (left, right) in choices {
            let known = |choice: u16| match choice as usize % (merges.len() + 3) {
                letter @ 0..3 => 97 + letter as u32,
                merged => 256 + merged as u32 - 3,
            };
            let pair = (known(left), known(right));
            let mut longer = merges.clone();
            longer.push(pair);
            if Vocab::from_merges(longer, &[]).is_ok() {
                merges.push(pair);
            }
        }
        Vocab::from_merges(merges, &[]).unwrap()
    })
}

fn bytes(text: &[u8]) -> Vec<u32> {
    text.iter().map(|&byte| byte.into()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn all_algorithms_agree(
        vocab in vocab(), text in "[abc]{1,120}|a{1,70}|(ab|a){1,60}",
    ) {
        let text = text.as_bytes();
        let table = MergeTable::new(&vocab);
        let expected = merge_naive(&vocab, text);
        let mut tokens = bytes(text);
        short::merge(&table, &mut tokens, &mut Vec::new());
        prop_assert_eq!(&tokens, &expected);
        let mut heap = Heap::default();
        for _ in 0..2 {
            tokens = bytes(text);
            heap::merge(&table, &mut tokens, &mut heap);
            prop_assert_eq!(&tokens, &expected);
        }
        let mut memory = BacktrackScratch::default();
        if let Some(backtracking) = Backtracking::new(&vocab, &table) {
            for _ in 0..2 {
                backtracking.merge(&table, text, &mut tokens, &mut memory);
                prop_assert_eq!(&tokens, &expected);
            }
        }
        let model = Model::new(vocab);
        let mut scratch = Scratch::default();
        prop_assert_eq!(model.encode_pre_token(text, &mut scratch), &expected[..]);
    }
}

/// Some random vocabularies of the test above do not allow backtracking; learned ones do.
#[test]
fn backtracking_agrees_with_the_naive_merge_on_a_learned_vocabulary() {
    let text = "the cat sat on the mat aaaaaaa banana nananana the hat that ate the cat";
    let words: Vec<(&[u8], u64)> = text.split(' ').map(|word| (word.as_bytes(), 3)).collect();
    let merges = crate::learn_merges_naive(&words, 256, 60);
    let vocab = Vocab::from_merges(merges, &[]).unwrap();
    let table = MergeTable::new(&vocab);
    let backtracking = Backtracking::new(&vocab, &table).unwrap();
    let text = text.replace(' ', "").repeat(50);
    let mut tokens = Vec::new();
    backtracking.merge(&table, text.as_bytes(), &mut tokens, &mut BacktrackScratch::default());
    assert_eq!(tokens, merge_naive(&vocab, text.as_bytes()));
}

/// Tokens of many lengths, each a run of one letter: nearly every position offers all of them.
#[test]
fn runs_of_one_letter() {
    let mut merges = vec![(97, 97)];
    merges.extend((256..264).map(|id| (id, id)));
    for id in 0..200 {
        let known = 256 + merges.len() as u32;
        let longer = [&merges[..], &[(256 + id % 9, 256 + id * 7 % (known - 256))]].concat();
        if Vocab::from_merges(longer.clone(), &[]).is_ok() {
            merges = longer;
        }
    }
    assert!(merges.len() > 60, "{}", merges.len());
    let vocab = Vocab::from_merges(merges, &[]).unwrap();
    assert!(vocab.tokens().any(|token| token.len() > 256));
    let table = MergeTable::new(&vocab);
    let backtracking = Backtracking::new(&vocab, &table).unwrap();
    for len in [49, 300, 1111, 4000] {
        let text = [&b"a".repeat(len)[..], b"b", &b"a".repeat(len / 3)].concat();
        let (mut tokens, mut expected) = (Vec::new(), bytes(&text));
        backtracking.merge(&table, &text, &mut tokens, &mut BacktrackScratch::default());
        heap::merge(&table, &mut expected, &mut Heap::default());
        assert_eq!(tokens, expected);
    }
}

/// Merges need not be in an order that training could have learned.
#[test]
fn a_merge_may_come_before_what_makes_its_parts() {
    let mut tokens: Vec<Vec<u8>> = (0u8..=255).map(|byte| vec![byte]).collect();
    tokens.extend([b"ab".to_vec(), b"abc".to_vec()]);
    let vocab = Vocab::new(&tokens, vec![(256, 99), (97, 98)], vec![]).unwrap();
    let text = b"abcabxabc".repeat(10);
    let expected = merge_naive(&vocab, &text);
    let model = Model::new(vocab);
    assert!(model.backtracking().is_none());
    let mut scratch = Scratch::default();
    assert_eq!(model.encode_pre_token(&text, &mut scratch), expected);
    assert_eq!(model.encode_pre_token(&text[..9], &mut scratch), &expected[..4]);
}
