//! The classes of characters that the patterns distinguish: letters (`\p{L}`), numbers (`\p{N}`),
//! white space (`\s`) and everything else.
//!
//! A text is any bytes. A well-formed UTF-8 sequence is one character; every byte outside such a
//! sequence is one as well, neither letter nor number nor white space. No sequence begins inside
//! another, so the three bytes on either side of a position decide about it.

use std::sync::LazyLock;

use regex_syntax::hir::{Class as RegexClass, HirKind};

/// The class of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// Punctuation, symbols, marks, controls; bytes that are not UTF-8.
    Other = 0,
    /// `\p{L}`
    Letter = 1,
    /// `\p{N}`
    Number = 2,
    /// `\s`
    Space = 3,
}

const CHARS: usize = char::MAX as usize + 1;

/// One entry per character. A megabyte of address space, of which only the pages of scripts in use
/// are ever touched.
static CLASSES: LazyLock<Box<[Class]>> = LazyLock::new(|| {
    let mut classes = vec![Class::Other; CHARS].into_boxed_slice();
    for (regex, class) in
        [(r"\p{L}", Class::Letter), (r"\p{N}", Class::Number), (r"\s", Class::Space)]
    {
        // The ranges come from the parser that regular expressions go through as well, so both
        // know the same version of Unicode.
        let parsed = regex_syntax::parse(regex).map(|hir| hir.into_kind());
        let Ok(HirKind::Class(RegexClass::Unicode(ranges))) = parsed else {
            unreachable!("a class of characters")
        };
        for range in ranges.iter() {
            classes[range.start() as usize..=range.end() as usize].fill(class);
        }
    }
    classes
});

/// The class of each ASCII character.
static ASCII: [Class; 128] = {
    let mut classes = [Class::Other; 128];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b'0'..=b'9' => Class::Number,
            b'\t'..=b'\r' | b' ' => Class::Space,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

/// Returns the class of a character.
pub(crate) fn class_of(c: char) -> Class {
    CLASSES[c as usize]
}

/// Returns the class and the length in bytes of the character that begins at `at`, which must be
/// inside `text`.
#[inline]
pub(crate) fn char_at(text: &[u8], at: usize) -> (Class, usize) {
    let byte = text[at];
    if byte < 128 { (ASCII[byte as usize], 1) } else { wide_char_at(text, at) }
}

#[cold]
#[inline(never)]
fn wide_char_at(text: &[u8], at: usize) -> (Class, usize) {
    match well_formed(&text[at..]) {
        Some(c) => (class_of(c), c.len_utf8()),
        None => (Class::Other, 1),
    }
}

/// Returns the class of the character that ends at `at`, which is not 0, or `None` if `at` is
/// inside a character.
pub(crate) fn class_before(text: &[u8], at: usize) -> Option<Class> {
    if let Some(&class) = ASCII.get(text[at - 1] as usize) {
        return Some(class);
    }
    for back in 1..=at.min(4) {
        let Some(c) = well_formed(&text[at - back..]) else { continue };
        return match c.len_utf8() {
            len if len == back => Some(class_of(c)),
            len if len > back => None,
            _ => Some(Class::Other),
        };
    }
    Some(Class::Other)
}

/// Returns the character whose UTF-8 sequence `bytes` begin with.
pub(crate) fn well_formed(bytes: &[u8]) -> Option<char> {
    let len = match *bytes.first()? {
        0..0x80 => 1,
        0xC2..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0..0xF5 => 4,
        _ => return None,
    };
    // The standard library refuses overlong encodings, surrogates and characters too high.
    std::str::from_utf8(bytes.get(..len)?).ok()?.chars().next()
}

#[cfg(test)]
mod tests;
