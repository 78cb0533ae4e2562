//! The case of letters, as GPT-4o's pattern distinguishes it.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

use crate::pretokenize::classes::well_formed;

/// The case of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Case {
    /// No letter and no mark; a byte that is not UTF-8; the end of the text.
    None = 0,
    /// `[\p{Lu}\p{Lt}]`
    Capital = 1,
    /// `\p{Ll}`
    Small = 2,
    /// `[\p{Lm}\p{Lo}\p{M}]`, which take both parts.
    Either = 3,
}

/// One entry per character, as for their [classes](crate::pretokenize::classes).
static CASES: LazyLock<Box<[Case]>> = LazyLock::new(|| {
    let mut cases = vec![Case::None; char::MAX as usize + 1].into_boxed_slice();
    for (regex, case) in [
        (r"[\p{Lu}\p{Lt}]", Case::Capital),
        (r"\p{Ll}", Case::Small),
        (r"[\p{Lm}\p{Lo}\p{M}]", Case::Either),
    ] {
        let parsed = regex_syntax::parse(regex).map(|hir| hir.into_kind());
        let Ok(HirKind::Class(Class::Unicode(ranges))) = parsed else {
            unreachable!("a class of characters")
        };
        for range in ranges.iter() {
            cases[range.start() as usize..=range.end() as usize].fill(case);
        }
    }
    cases
});

/// Returns the case and the length in bytes of the character at `at`. The end of the text has no
/// case and no length.
#[inline]
pub(super) fn case_at(text: &[u8], at: usize) -> (Case, usize) {
    match text.get(at) {
        None => (Case::None, 0),
        Some(b'a'..=b'z') => (Case::Small, 1),
        Some(b'A'..=b'Z') => (Case::Capital, 1),
        Some(0..128) => (Case::None, 1),
        Some(_) => {
            well_formed(&text[at..]).map_or((Case::None, 1), |c| (CASES[c as usize], c.len_utf8()))
        }
    }
}
