//! GPT-4o's pattern (`o200k_base`), one pre-token after the other.
//!
//! Its words are capital letters and then small ones, `U*L+` or else `U+L*`, with a character
//! before them and a contraction behind. Letters without case, and marks, are both U and L. So
//! after the run of U either a small letter follows, and the word goes on to the end of its L; or
//! the regular expression backtracks to the last character that is L as well, and the word ends
//! behind that; or there is none, and `U+L*` takes the whole run.

use super::case::{Case, case_at};
use super::family::Llama3;
use super::scalar::{any_case_contraction, run_bytewise, some_numbers, spaces_of};
use crate::pretokenize::classes::{Class, char_at};

/// A word without what may be before and behind it.
#[derive(Debug, Clone, Copy)]
enum Word {
    /// `U*L+`, and its end.
    Small(usize),
    /// `U+L*` without an L, and its end.
    Capital(usize),
    /// No letter or mark begins here.
    None,
}

/// Returns the end of the pre-token that begins at `at`, which is inside `text`.
pub(super) fn o200k(text: &[u8], at: usize) -> usize {
    let first = text[at];
    let (class, len) = char_at(text, at);
    let next = at + len;
    if let Some(end) = prefixed_word(text, at, next, class) {
        let is_contracted = text.get(end) == Some(&b'\'');
        return is_contracted.then(|| any_case_contraction(text, end)).flatten().unwrap_or(end);
    }
    match class {
        Class::Number => return some_numbers::<Llama3>(text, next),
        Class::Other => return line_ends(text, run_bytewise(text, next, Class::Other)),
        Class::Letter | Class::Space => {}
    }
    let end = run_bytewise(text, next, Class::Other);
    if first == b' ' && end > next { line_ends(text, end) } else { spaces_of::<Llama3>(text, at) }
}

/// Matches a word at `at`, or behind the character there, which has a class and ends at `next`.
///
/// A mark may be either that character or the first of the word, hence the order of trials.
fn prefixed_word(text: &[u8], at: usize, next: usize, class: Class) -> Option<usize> {
    let is_prefix =
        matches!(class, Class::Other | Class::Space) && !matches!(text[at], b'\r' | b'\n');
    let behind = if is_prefix { word(text, next) } else { Word::None };
    if let Word::Small(end) = behind {
        return Some(end);
    }
    match (behind, word(text, at)) {
        (_, Word::Small(end)) | (Word::Capital(end), _) | (_, Word::Capital(end)) => Some(end),
        _ => None,
    }
}

/// Finds the word at `at`.
fn word(text: &[u8], start: usize) -> Word {
    let (mut at, mut last_either) = (start, None);
    loop {
        let (case, len) = case_at(text, at);
        match case {
            Case::Capital => {}
            Case::Either => last_either = Some(at + len),
            Case::Small => return Word::Small(small_run(text, at + len)),
            Case::None => break,
        }
        at += len;
    }
    match last_either {
        Some(end) => Word::Small(end),
        None if at > start => Word::Capital(at),
        None => Word::None,
    }
}

/// Returns the end of the run of L that continues at `at`.
fn small_run(text: &[u8], mut at: usize) -> usize {
    while let (Case::Small | Case::Either, len) = case_at(text, at) {
        at += len;
    }
    at
}

/// Matches `[\r\n/]*`.
fn line_ends(text: &[u8], at: usize) -> usize {
    at + text[at..].iter().take_while(|byte| b"\r\n/".contains(byte)).count()
}
