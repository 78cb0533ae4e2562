use super::*;
use fancy_regex::Regex;
use proptest::prelude::*;

#[test]
fn classes_are_those_of_fancy_regex() {
    let classes =
        [(r"^\p{L}$", Class::Letter), (r"^\p{N}$", Class::Number), (r"^\s$", Class::Space)];
    let classes = classes.map(|(regex, class)| (Regex::new(regex).unwrap(), class));
    let mut buffer = [0; 4];
    for c in '\0'..=char::MAX {
        let text = &*c.encode_utf8(&mut buffer);
        let found = classes.iter().find(|(regex, _)| regex.is_match(text).unwrap());
        assert_eq!(class_of(c), found.map_or(Class::Other, |&(_, class)| class), "{c:?}");
    }
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
