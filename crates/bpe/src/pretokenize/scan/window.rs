//! Where pre-tokens begin in a window of 64 bytes of ASCII, told from masks
//! ([`Masks`](super::ascii_masks::Masks)).
//!
//! Let L, N, O, S be the masks of letters, numbers, other characters and white space, B that of the
//! blank and R that of line ends, which are part of S. Bit i − 1 of a mask is the byte before byte
//! i. A window begins where a pre-token does.
//!
//! GPT-2's pattern:
//! - A run of L, N or O begins a pre-token, unless a blank comes before it: ` ?` takes that in.
//! - A run of S begins one, and so does its last byte where something else follows: `\s+(?!\S)`
//!   leaves it, and it goes with the word, or alone.
//! - Where a pre-token begins with an apostrophe, a contraction may end behind the letters that
//!   follow.
//!
//! GPT-4's:
//! - A run of O begins a pre-token, unless a blank comes before it. The line ends behind it are
//!   part of it: what is said of S is said of what is left of S without these.
//! - A run of L begins one, unless a byte comes before it that `[^\r\n\p{L}\p{N}]?+` takes in:
//!   white space that is no line end, or a single O that begins a pre-token.
//! - A run of N begins one, and every third byte in it.
//! - A run of S begins one; so does its last byte where something else follows, unless that is a
//!   line end; and so does what is left of it behind its last line end, as `\s*[\r\n]` takes all up
//!   to there.
//! - Contractions as with GPT-2, of large letters too.

use super::ascii_masks::{below, masks, run_starts};

/// Where pre-tokens by GPT-2's pattern begin in `window`, at whose first byte one begins: a bit
/// each, but for that first one. Only what the window itself decides is there, and of how many of
/// its bytes: nothing is said of the last one, nor of what comes behind the first that is no ASCII.
#[inline(always)]
pub(super) fn gpt2_starts(window: &[u8; 64]) -> (u64, u32) {
    let masks = masks(window);
    let words = run_starts(masks.letters) | run_starts(masks.numbers) | run_starts(masks.others());
    let last_spaces = masks.spaces & !(masks.spaces >> 1);
    let starts = words & !(masks.blanks << 1) | run_starts(masks.spaces) | last_spaces;
    with_contractions(window, starts, masks.apostrophes, masks.known(), |byte| byte)
}

/// The same by GPT-4's pattern.
#[inline(always)]
pub(super) fn gpt4_starts(window: &[u8; 64]) -> (u64, u32) {
    let masks = masks(window);
    let (others, line_ends) = (masks.others(), masks.line_ends);
    let other_starts = run_starts(others) & !(masks.blanks << 1);
    // A bit added to a run of ones where it begins turns it into zeros, and the zero behind it into
    // a one.
    let taken = line_ends & !line_ends.wrapping_add(line_ends & others << 1);
    let inline = masks.spaces & !line_ends;
    let last_spaces = inline & !(masks.spaces >> 1);
    let words = run_starts(masks.letters) & !((inline | other_starts) << 1);
    let starts = words | other_starts | number_starts(masks.numbers);
    let mut starts = starts | run_starts(masks.spaces & !taken) | last_spaces;

    let mut known = masks.known();
    let mut after_lines = run_starts(inline) & (line_ends & !taken) << 1;
    let (ends, is_cut_off) = inline.overflowing_add(after_lines);
    if is_cut_off || ends & !inline & (line_ends | masks.wide) != 0 {
        let settled = settle(after_lines, inline, line_ends, masks.wide);
        (after_lines, known) = (settled.0, known.min(settled.1));
    }
    starts |= after_lines;
    with_contractions(window, starts, masks.apostrophes, known, |byte| byte.to_ascii_lowercase())
}

/// Where numbers begin, every third of a run.
#[inline(always)]
fn number_starts(numbers: u64) -> u64 {
    let mut starts = run_starts(numbers);
    let third = numbers & numbers << 1 & numbers << 2;
    let mut next = starts << 3 & third;
    while next != 0 {
        starts |= next;
        next = next << 3 & third;
    }
    starts
}

/// Which of the runs of white space behind a line end, by their first bits, begin a pre-token
/// because no line end comes behind them; and how many bytes are decided, as of a run that goes on
/// no one knows.
#[cold]
fn settle(mut after_lines: u64, inline: u64, line_ends: u64, wide: u64) -> (u64, u32) {
    let mut begin = 0;
    while after_lines != 0 {
        let start = after_lines.trailing_zeros();
        after_lines &= after_lines - 1;
        let end = start + (inline >> start).trailing_ones();
        let is = |mask: u64| mask >> end & 1 != 0;
        if end >= 64 || is(wide) {
            return (begin, start);
        }
        if !is(line_ends) {
            begin |= 1 << start;
        }
    }
    (begin, 64)
}

/// What is decided of `starts`, with contractions: letters behind an apostrophe that begins a
/// pre-token are part of it, and what follows them begins anew. `lower` makes letters small that
/// may be large.
#[inline(always)]
fn with_contractions(
    window: &[u8; 64],
    mut starts: u64,
    apostrophes: u64,
    mut known: u32,
    lower: impl Fn(u8) -> u8,
) -> (u64, u32) {
    let mut candidates = apostrophes & (starts | 1) & below(known);
    while candidates != 0 {
        let at = candidates.trailing_zeros() as usize;
        candidates &= candidates - 1;
        match contraction(window, at, &lower) {
            Contraction::Ends(end) => starts = starts & !(2 << at) | 1u64.unbounded_shl(end),
            Contraction::None => {}
            Contraction::Unknown => known = known.min(at as u32 + 1),
        }
    }
    (starts & below(known) & !1, known)
}

enum Contraction {
    /// The position behind it.
    Ends(u32),
    None,
    /// The window ends too soon.
    Unknown,
}

/// `'(?:[sdmt]|ll|ve|re)` at the apostrophe `at`.
#[inline]
fn contraction(window: &[u8; 64], at: usize, lower: impl Fn(u8) -> u8) -> Contraction {
    let mut letters = window[at + 1..].iter().map(|&letter| lower(letter));
    match (letters.next(), letters.next()) {
        (Some(b's' | b'd' | b'm' | b't'), _) => Contraction::Ends(at as u32 + 2),
        (Some(b'l'), Some(b'l')) | (Some(b'v' | b'r'), Some(b'e')) => {
            Contraction::Ends(at as u32 + 3)
        }
        (None, _) | (Some(b'l' | b'v' | b'r'), None) => Contraction::Unknown,
        _ => Contraction::None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::scalar::{gpt2, gpt4};
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::TestCaseResult;

    /// Windows that begin where a pre-token does, as they are called for.
    fn window() -> impl Strategy<Value = [u8; 64]> {
        const PIECES: &[&str] = &[
            "a", "Zb", "7", "12", "3456", " ", " ", "  ", "\n", "\r\n", "\t", "'", "'s", "'l",
            "'ll", "'ve", "'r", "'re", "'d", "'LL", "'T", "!", "-", "\"", "\0", "é", "\u{3000}",
        ];
        let common = prop::sample::select(&PIECES[..PIECES.len() - 2]);
        let piece = prop_oneof![40 => common, 1 => prop::sample::select(PIECES)];
        prop::collection::vec(piece, 64).prop_map(|pieces| {
            let text = pieces.concat();
            text.as_bytes()[..64].try_into().unwrap()
        })
    }

    /// The scanner that goes pre-token by pre-token is the oracle. What follows the window must not
    /// matter.
    fn check(
        window: &[u8; 64],
        more: &str,
        (starts, known): (u64, u32),
        scanner: impl Fn(&[u8], usize) -> usize,
    ) -> TestCaseResult {
        let text = [&window[..], more.as_bytes()].concat();
        let mut expected = 0u64;
        let mut at = scanner(&text, 0);
        while at < 64 {
            expected |= 1 << at;
            at = scanner(&text, at);
        }
        prop_assert_eq!(starts, expected & below(known));
        Ok(())
    }

    /// How many bytes of ASCII the window begins with.
    fn ascii_len(window: &[u8; 64]) -> usize {
        window.iter().take_while(|byte| byte.is_ascii()).count()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn gpt2_starts_are_those_of_the_scanner(window in window(), more in "[ as'\n!\u{e9}]{0,3}") {
            let found = gpt2_starts(&window);
            check(&window, &more, found, gpt2)?;
            // All that can be known is.
            prop_assert!(found.1 as usize >= ascii_len(&window).saturating_sub(1).min(61));
        }

        #[test]
        fn gpt4_starts_are_those_of_the_scanner(window in window(), more in "[ aS'\n!7\u{e9}]{0,3}") {
            let found = gpt4_starts(&window);
            check(&window, &more, found, gpt4)?;
            // What is behind the last line end is open when there is only white space.
            let ascii = &window[..ascii_len(&window)];
            let behind = ascii.rsplit(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap();
            let is_open = behind.len() < ascii.len() && behind.trim_ascii().is_empty();
            let sure = if is_open { ascii.len() - behind.len() } else { ascii.len() };
            prop_assert!(found.1 as usize >= sure.saturating_sub(1).min(61));
        }
    }
}
