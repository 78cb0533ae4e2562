use super::*;
use crate::pretokenize::unicode_tables;
use fancy_regex::Regex;
use proptest::prelude::*;

/// The ranges of the characters that `class` matches, as the tables list them.
fn ranges(class: &str) -> Vec<(u32, u32)> {
    let regex = Regex::new(&format!("^{class}$")).unwrap();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    let mut buffer = [0; 4];
    for c in '\0'..=char::MAX {
        if regex.is_match(&*c.encode_utf8(&mut buffer)).unwrap() {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == c as u32 => *last = c as u32,
                _ => ranges.push((c as u32, c as u32)),
            }
        }
    }
    ranges
}

fn source(name: &str, class: &str) -> String {
    let mut source = format!("\n/// `{class}`: first and last character of each range.\n");
    source += &format!("#[rustfmt::skip]\npub(crate) const {name}: &[(u32, u32)] = &[");
    let mut column = 100;
    for (first, last) in ranges(class) {
        let range = format!("(0x{first:X}, 0x{last:X}),");
        if column + range.len() + 1 > 99 {
            source += "\n   ";
            column = 3;
        }
        source += " ";
        source += &range;
        column += range.len() + 1;
    }
    source + "\n];\n"
}

/// Rewrites the tables when `BPE_WRITE_TABLES` is set; otherwise fails where they differ from
/// fancy-regex's.
#[test]
fn tables_are_those_of_fancy_regex() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pretokenize/unicode_tables.rs");
    let head = "//! Generated from fancy-regex's Unicode data by `classes/tests.rs`; with `BPE_WRITE_TABLES=1` in\n\
        //! the environment `cargo test -p bpe tables_are` writes this file anew.\n";
    let tables = [("LETTERS", r"\p{L}"), ("NUMBERS", r"\p{N}"), ("SPACES", r"\s")];
    let expected = head.to_string() + &tables.map(|(name, class)| source(name, class)).concat();
    if std::env::var_os("BPE_WRITE_TABLES").is_some() {
        std::fs::write(file, &expected).unwrap();
    }
    assert!(
        std::fs::read_to_string(file).unwrap() == expected,
        "run again with BPE_WRITE_TABLES=1"
    );
    assert_eq!(unicode_tables::SPACES, ranges(r"\s"));
}

#[test]
fn ascii_table_agrees() {
    for byte in 0..128u8 {
        assert_eq!(ASCII[byte as usize], class_of(byte as char), "{byte}");
    }
}

#[test]
fn every_character_is_read_forwards_and_backwards() {
    let mut buffer = [0; 4];
    for c in '\0'..=char::MAX {
        let bytes = c.encode_utf8(&mut buffer).as_bytes();
        assert_eq!(char_at(bytes, 0), (class_of(c), bytes.len()));
        assert_eq!(class_before(bytes, bytes.len()), Some(class_of(c)));
        for inside in 1..bytes.len() {
            assert_eq!(class_before(bytes, inside), None);
        }
    }
}

/// Bytes that often are almost UTF-8.
fn almost_utf8() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop::sample::select(vec![
        b'a', b' ', 0x80, 0xBF, 0x9F, 0xC2, 0xC1, 0xE0, 0xE2, 0xED, 0xA0, 0xF0, 0x90, 0xF4, 0xFF,
    ]);
    prop::collection::vec(byte, 0..24)
}

proptest! {
    #[test]
    fn looking_back_agrees_with_reading_on(bytes in almost_utf8()) {
        let mut at = 0;
        while at < bytes.len() {
            let (class, len) = char_at(&bytes, at);
            for inside in at + 1..at + len {
                prop_assert_eq!(class_before(&bytes, inside), None);
            }
            at += len;
            prop_assert_eq!(class_before(&bytes, at), Some(class));
        }
    }

    #[test]
    fn what_the_standard_library_calls_invalid_is_single_bytes(bytes in almost_utf8()) {
        let mut lengths = Vec::new();
        for chunk in bytes.utf8_chunks() {
            lengths.extend(chunk.valid().chars().map(char::len_utf8));
            lengths.extend(chunk.invalid().iter().map(|_| 1));
        }
        let mut at = 0;
        for len in lengths {
            prop_assert_eq!(char_at(&bytes, at).1, len);
            at += len;
        }
        prop_assert_eq!(at, bytes.len());
    }
}
