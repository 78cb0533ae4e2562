//! GPT-2's and GPT-4's patterns, one pre-token after the other: [`gpt2`] and [`gpt4`] find where
//! the pre-token that begins at a position ends.
//!
//! Each alternative of a pattern begins with a class of characters, so the first one or two
//! characters decide which alternative matches, and what follows is a run of one class. Only in one
//! place would a regular expression backtrack: white space before a word gives its last character
//! to the word.

use super::family::{Family, SpacesAtEnd};
use crate::pretokenize::classes::{Class, char_at};

/// Returns the end of the pre-token that begins at `at` by GPT-2's pattern.
///
/// `at` must be inside `text`, here and in all that follows.
#[inline(always)]
pub(super) fn gpt2(text: &[u8], at: usize) -> usize {
    let first = text[at];
    if first == b' ' {
        // ` ?` of three alternatives, if a word of any class follows.
        return match text.get(at + 1).map(|_| char_at(text, at + 1)) {
            Some((class, len)) if class != Class::Space => run(text, at + 1 + len, class),
            _ => spaces(text, at),
        };
    }
    if first == b'\''
        && let Some(end) = contraction(text, at, |letter| letter)
    {
        return end;
    }
    match char_at(text, at) {
        (Class::Space, _) => spaces(text, at),
        (class, len) => run(text, at + len, class),
    }
}

/// Matches `'(?:[sdmt]|ll|ve|re)` at the apostrophe `at`, where `lower` maps letters whose case
/// does not count to small ones. Returns the end of the match.
#[inline]
pub(super) fn contraction(text: &[u8], at: usize, lower: impl Fn(u8) -> u8) -> Option<usize> {
    let mut letters = text[at + 1..].iter().map(|&letter| lower(letter));
    match (letters.next()?, letters.next()) {
        (b's' | b'd' | b'm' | b't', _) => Some(at + 2),
        (b'l', Some(b'l')) | (b'v' | b'r', Some(b'e')) => Some(at + 3),
        _ => None,
    }
}

/// Matches `\s+(?!\S)|\s+`: the run of white space at `at`, without its last character if a word
/// follows and the run has more than that.
fn spaces(text: &[u8], at: usize) -> usize {
    let (last, end) = space_run(text, at);
    if end < text.len() && last > at { last } else { end }
}

/// Finds the run of white space at `at`. Returns the start of its last character and its end.
fn space_run(text: &[u8], at: usize) -> (usize, usize) {
    let (mut last, mut end) = (at, at);
    while end < text.len() {
        let (class, len) = char_at(text, end);
        if class != Class::Space {
            break;
        }
        last = end;
        end += len;
    }
    (last, end)
}

/// Returns the end of the run of `class` that continues at `at`.
#[inline]
fn run(text: &[u8], at: usize, class: Class) -> usize {
    if class == Class::Letter { letters(text, at) } else { run_bytewise(text, at, class) }
}

/// Returns the end of the run of `class` that continues at `at`, character by character.
#[inline]
pub(super) fn run_bytewise(text: &[u8], mut at: usize, class: Class) -> usize {
    while at < text.len() {
        let (found, len) = char_at(text, at);
        if found != class {
            break;
        }
        at += len;
    }
    at
}

/// Returns the end of the run of letters that continues at `at`, eight bytes at a time.
///
/// The end of a word is unpredictable, and a loop that leaves at it costs more than all the rest;
/// but most words end within the first eight bytes, and that is predictable.
#[inline]
fn letters(text: &[u8], mut at: usize) -> usize {
    while let Some(bytes) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let len = ascii_letters(u64::from_le_bytes(*bytes));
        at += len;
        if len < 8 {
            return if text[at] < 128 { at } else { more_letters(text, at) };
        }
    }
    more_letters(text, at)
}

/// Returns the end of a run of letters that leaves ASCII or is near the end of the text. Kept out
/// of the hot loop.
#[inline(never)]
fn more_letters(text: &[u8], at: usize) -> usize {
    run_bytewise(text, at, Class::Letter)
}

/// Counts the ASCII letters that eight bytes begin with, the lowest byte first.
///
/// All bytes are compared at once within one integer (L. Lamport, *Multiple Byte Processing with
/// Full-Word Instructions*, 1975).
#[inline]
pub(super) fn ascii_letters(bytes: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x80 * ONES;
    // With seven bits per byte, sums stay within their byte. They reach its top bit from the letter
    // `a` on, and beyond `z`.
    let lower = (bytes | (0x20 * ONES)) & !TOPS;
    let from_a = lower + (0x80 - b'a' as u64) * ONES;
    let beyond_z = lower + (0x7F - b'z' as u64) * ONES;
    ((!from_a | beyond_z | bytes) & TOPS).trailing_zeros() as usize / 8
}

/// Returns the end of the pre-token that begins at `at` by a pattern of GPT-4's family.
#[inline]
pub(super) fn gpt4<F: Family>(text: &[u8], at: usize) -> usize {
    let first = text[at];
    if first == b'\''
        && let Some(end) = any_case_contraction(text, at)
    {
        return end;
    }
    let (class, len) = char_at(text, at);
    let next = at + len;
    match class {
        Class::Letter => return run(text, next, Class::Letter),
        Class::Number => return some_numbers::<F>(text, next),
        Class::Other | Class::Space => {}
    }
    let (next_class, next_len) =
        if next < text.len() { char_at(text, next) } else { (Class::Space, 0) };
    // `[^\r\n\p{L}\p{N}]?+\p{L}++`
    if next_class == Class::Letter && first != b'\r' && first != b'\n' {
        return run(text, next + next_len, Class::Letter);
    }
    // ` ?[^\s\p{L}\p{N}]++[\r\n]*+`
    if class == Class::Other {
        return line_ends(text, run(text, next, Class::Other));
    }
    if first == b' ' && next_class == Class::Other {
        return line_ends(text, run(text, next + next_len, Class::Other));
    }
    spaces_of::<F>(text, at)
}

/// Matches `'(?i:[sdmt]|ll|ve|re)` at the apostrophe `at`. The long s, U+017F, is an s as well when
/// case does not count.
#[inline]
pub(super) fn any_case_contraction(text: &[u8], at: usize) -> Option<usize> {
    let long_s = || text[at + 1..].starts_with("ſ".as_bytes()).then_some(at + 3);
    contraction(text, at, |letter| letter.to_ascii_lowercase()).or_else(long_s)
}

/// Matches the rest of `\p{N}{1,3}+` after its first number.
#[inline]
pub(super) fn some_numbers<F: Family>(text: &[u8], mut at: usize) -> usize {
    for _ in 1..F::MOST_NUMBERS {
        match text.get(at).map(|_| char_at(text, at)) {
            Some((Class::Number, len)) => at += len,
            _ => break,
        }
    }
    at
}

/// Matches `[\r\n]*+`.
fn line_ends(text: &[u8], at: usize) -> usize {
    at + text[at..].iter().take_while(|&&byte| byte == b'\r' || byte == b'\n').count()
}

/// Matches `\s++$|\s*[\r\n]|\s+(?!\S)|\s`, or that without its first alternative.
pub(super) fn spaces_of<F: Family>(text: &[u8], at: usize) -> usize {
    let (last, end) = space_run(text, at);
    let is_at_end = end == text.len();
    if is_at_end && F::SPACES_AT_END == SpacesAtEnd::Whole {
        return end;
    }
    match memchr::memrchr2(b'\r', b'\n', &text[at..end]) {
        Some(line_end) => at + line_end + 1,
        None if last > at && !is_at_end => last,
        None => end,
    }
}
