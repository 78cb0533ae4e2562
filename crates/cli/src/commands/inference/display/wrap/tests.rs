use std::cell::Cell;

use proptest::prelude::*;

use super::*;

/// Returns what each piece shows, and at last what the end shows.
fn shown(columns: usize, pieces: &[&str]) -> Vec<String> {
    let mut wrap = Wrap::new(|| Some(columns));
    let mut shown: Vec<String> = pieces.iter().map(|piece| wrap.push(piece)).collect();
    shown.push(wrap.finish());
    shown
}

fn wrapped(columns: usize, text: &str) -> String {
    shown(columns, &[text]).concat()
}

#[test]
fn lines_end_between_words() {
    assert_eq!(wrapped(10, "One day she could not"), "One day\nshe could\nnot");
    assert_eq!(wrapped(7, "One day she"), "One day\nshe", "a line may be full");
    assert_eq!(wrapped(10, "One   day   she"), "One   day\nshe", "white space of any length");
    assert_eq!(wrapped(10, " he ran off"), " he ran\noff", "white space before the first word");
    assert_eq!(wrapped(8, "      dog ran"), "dog ran", "no empty line");
    assert_eq!(wrapped(10, "a ten\u{a0}words"), "a\nten\u{a0}words", "no-break spaces");
    assert_eq!(wrapped(12, "ab\tcd\tef"), "ab\tcd\nef", "tabs");
}

#[test]
fn a_word_of_several_pieces_stays_whole() {
    let pieces = shown(10, &["One", " day s", "he", " cou", "ld", "."]);
    assert_eq!(pieces, ["", "One day", "", "\nshe", "", "", " could."]);
    let pieces = shown(10, &["One day", "ligh", "t."]);
    assert_eq!(pieces, ["One", "", "", "\ndaylight."]);
}

#[test]
fn line_ends_are_kept() {
    assert_eq!(wrapped(10, "One day\n\nshe could not\n"), "One day\n\nshe could\nnot\n");
    assert_eq!(wrapped(3, "One\r\nday\r\n"), "One\r\nday\r\n");
    assert_eq!(shown(9, &["One", "\n", "day"]), ["", "One\n", "", "day"]);
}

#[test]
fn trailing_white_space_is_kept_where_it_fits() {
    assert_eq!(wrapped(9, "One day  "), "One day  ");
    assert_eq!(wrapped(8, "One day  "), "One day");
    assert_eq!(wrapped(7, "One day \nshe"), "One day\nshe", "no empty line");
    assert_eq!(wrapped(9, "One \nday"), "One \nday");
}

#[test]
fn a_text_may_be_empty() {
    assert_eq!(shown(10, &[]), [""]);
    assert_eq!(shown(10, &["", ""]), ["", "", ""]);
    assert_eq!(wrapped(10, " "), " ");
}

#[test]
fn a_word_longer_than_a_line_is_passed_on() {
    assert_eq!(wrapped(5, "a pneumonia b cd"), "a pneumonia b\ncd");
    assert_eq!(wrapped(5, "ab cd pneumonia"), "ab cd\npneumonia");
    // It is shown before it ends.
    let pieces = shown(5, &["pneum", "on", "ia ", "b"]);
    assert_eq!(pieces, ["", "pneumon", "ia", "", "\nb"]);
}

#[test]
fn wide_characters_count_two() {
    assert_eq!(wrapped(8, "abcde 犬 b"), "abcde 犬\nb");
    assert_eq!(wrapped(7, "abcde 犬 b"), "abcde\n犬 b");
    // The terminal breaks them, the second line ends at the eighth column.
    assert_eq!(shown(9, &["犬猫", "犬猫", "犬猫犬猫 a", " b"]).concat(), "犬猫犬猫犬猫犬猫\na b");
    assert_eq!(shown(9, &["犬", "猫", " ", "a"]), ["犬", "猫", "", "", " a"]);
    assert_eq!(wrapped(6, "e\u{301}e\u{301}e\u{301} abc"), "e\u{301}e\u{301}e\u{301}\nabc");
}

#[test]
fn colours_have_no_width() {
    let pieces = shown(10, &["\x1b[36mOne day s\x1b[0m", "he ran"]);
    assert_eq!(pieces.concat(), "\x1b[36mOne day\ns\x1b[0mhe ran");
}

#[test]
fn a_window_may_change_its_size() {
    let columns = Cell::new(20);
    let mut wrap = Wrap::new(|| Some(columns.get()));
    let before = wrap.push("One day she could ");
    columns.set(12);
    let after = wrap.push("not eat it") + &wrap.finish();
    // The terminal has broken the line after "One day she".
    assert_eq!((&*before, &*after), ("One day she could", " not\neat it"));
}

#[test]
fn without_a_width_nothing_changes() {
    let mut wrap = Wrap::new(|| None);
    assert_eq!(wrap.push("One day ") + &wrap.push("she\n") + &wrap.finish(), "One day she\n");
}

proptest! {
    #[test]
    fn words_and_line_ends_are_those_of_the_text(
        text in "[ab犬\t \n]{0,60}", cuts in prop::collection::vec(0usize..60, 0..8),
        columns in 0usize..12,
    ) {
        let mut pieces = vec![&*text];
        for cut in cuts {
            let last = pieces.pop().unwrap();
            let cut = (0..=cut.min(last.len())).rfind(|&at| last.is_char_boundary(at)).unwrap();
            pieces.extend([&last[..cut], &last[cut..]]);
        }
        let wrapped = wrapped(columns, &text);
        prop_assert_eq!(&shown(columns, &pieces).concat(), &wrapped);
        prop_assert!(wrapped.split_whitespace().eq(text.split_whitespace()));
        prop_assert!(wrapped.matches('\n').count() >= text.matches('\n').count());
        for line in wrapped.lines().filter(|line| line.is_ascii() && !line.contains('\t')) {
            let longest = line.split(' ').map(str::len).max().unwrap_or(0);
            prop_assert!(longest > columns || line.len() <= columns.max(1), "{:?}", wrapped);
        }
    }
}
