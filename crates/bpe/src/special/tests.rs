use super::*;
use proptest::prelude::*;

fn tokens(texts: &[&str]) -> SpecialTokens {
    let specials: Vec<_> =
        texts.iter().zip(0..).map(|(text, id)| ((*text).to_string(), id)).collect();
    SpecialTokens::new(&specials)
}

#[test]
fn the_longest_is_taken() {
    let specials = tokens(&["<a>", "<a><a>"]);
    let segments: Vec<_> = specials.segments(b"x<a><a><a>y").collect();
    use Segment::{Special, Text};
    let found = |start, end, id| Special(SpecialMatch { start, end, id });
    assert_eq!(segments, [Text(0..1), found(1, 7, 1), found(7, 10, 0), Text(10..11)]);
    assert_eq!(
        [&b"<a>"[..], b"<a><a>", b"<b>", b""].map(|text| specials.id_of(text)),
        [Some(0), Some(1), None, None]
    );
}

#[test]
fn without_tokens_all_is_text() {
    let specials = tokens(&["", ""]);
    assert_eq!(specials.max_len(), 0);
    assert_eq!(specials.segments(b"abc").collect::<Vec<_>>(), [Segment::Text(0..3)]);
    assert_eq!(specials.segments(b"").count(), 0);
    assert!(specials.is_clean(b"abc", 2, &mut 0));
}

#[test]
fn a_position_inside_a_token_is_not_clean() {
    let specials = tokens(&["<||>"]);
    let is_clean = |at| specials.is_clean(b"a<||>bc", at, &mut 100);
    assert_eq!(
        [0, 1, 2, 3, 4, 5, 6, 7].map(is_clean),
        [true, true, false, false, false, true, true, true]
    );
    let mut effort = 9;
    let is_clean = |effort: &mut usize| specials.is_clean(b"<|||", 2, effort);
    assert_eq!([is_clean(&mut effort), is_clean(&mut effort)], [true, false]);
}

/// Strings that need more memory than an automaton may take are found all the same.
#[test]
fn large_strings_are_found() {
    let long = "ab".repeat(1 << 21) + "c";
    let specials = tokens(&["ab", &long]);
    let text = format!("x{long}ab");
    let ids: Vec<u32> = specials
        .segments(text.as_bytes())
        .filter_map(|segment| match segment {
            Segment::Special(found) => Some(found.id),
            Segment::Text(_) => None,
        })
        .collect();
    assert_eq!(ids, [1, 0]);
    assert!(!specials.is_clean(text.as_bytes(), 2, &mut usize::MAX.clone()));
}

/// Finds the longest of `texts` at the first place in `range` where one begins.
fn naive(texts: &[(String, u32)], text: &[u8], range: Range<usize>) -> Option<SpecialMatch> {
    range.clone().find_map(|start| {
        let found = texts
            .iter()
            .filter(|(t, _)| !t.is_empty() && text[start..range.end].starts_with(t.as_bytes()));
        let longest = found.rev().max_by_key(|(t, _)| t.len());
        longest.map(|(t, id)| SpecialMatch { start, end: start + t.len(), id: *id })
    })
}

/// The definition, word for word: one set of strings after the other.
fn naive_segments(sets: &[Vec<(String, u32)>], text: &[u8], range: Range<usize>) -> Vec<Segment> {
    let Some((set, sets)) = sets.split_first() else {
        return if range.is_empty() { vec![] } else { vec![Segment::Text(range)] };
    };
    let (mut at, mut segments) = (range.start, Vec::new());
    loop {
        let next = naive(set, text, at..range.end);
        let end = next.map_or(range.end, |found| found.start);
        segments.extend(naive_segments(sets, text, at..end));
        let Some(found) = next else { return segments };
        segments.push(Segment::Special(found));
        at = found.end;
    }
}

proptest! {
    #[test]
    fn finds_what_the_definition_finds(
        texts in prop::collection::vec(("[ab]{0,4}", any::<bool>()), 0..5),
        prefix in "[c]{0,2}",
        text in "[abc]{0,40}|(cc|cca|a|cb){0,60}",
    ) {
        let specials: Vec<(String, u32)> =
            texts.iter().zip(0..).map(|((text, _), id)| (format!("{prefix}{text}"), id)).collect();
        let waits = |id: u32| texts[id as usize].1;
        let flags = (0..texts.len() as u32).filter(|&id| waits(id));
        let flags = flags.map(|id| (id, SpecialFlags { special: false, normalized: true }));
        let set = |late| specials.iter().filter(|s| waits(s.1) == late).cloned().collect();
        let text = text.as_bytes();
        let found = SpecialTokens::with_flags(&specials, &flags.collect(), Normalizer::Nothing);
        let expected = naive_segments(&[set(false), set(true)], text, 0..text.len());
        prop_assert_eq!(found.segments(text).collect::<Vec<_>>(), expected);
    }
}
