//! All boundaries within a window of 64 bytes of ASCII at once.
//!
//! A scanner that reads one byte after the other branches on each of them, and no branch predictor
//! can know where a word ends. So here a set of bytes is one 64-bit number, a *mask*: bit i is set
//! if byte i of the window is in the set. One operation on a mask processes 64 bytes, without a
//! branch (R. Cameron, K. Herdy and D. Lin, *High Performance XML Parsing Using Parallel Bit Stream
//! Technology*, 2008; G. Langdale and D. Lemire, *Parsing Gigabytes of JSON per Second*, 2019).
//! [`Masks`] makes the masks of the classes of bytes by comparing 16 bytes per instruction. Two
//! idioms do most of the rest:
//!
//! - `mask << 1` is the set of bytes that come directly after one of `mask`, `mask >> 1` of those
//!   directly before.
//! - `mask & !(mask << 1)`, [`run_starts`], keeps the first byte of each run of ones.
//!
//! # An example
//!
//! GPT-2's pattern on `It's two  cats, 42 dogs!`. Bits are written in the order of the text, so
//! the leftmost is bit 0, and `<< 1` moves them to the right; a dot is a zero. L, N, S and O are
//! the letters, numbers, white space and other bytes, B the blanks (here the same as S).
//!
//! ```text
//! text                 It's two  cats, 42 dogs!
//! L                    11.1.111..1111.....1111.
//! N                    ................11......
//! O                    ..1...........1........1
//! S                    ....1...11.....1..1.....
//!
//! words                1.11.1....1...1.1..1...1   first bytes of runs of L, of N and of O
//! words & !(B << 1)    1.11..........1........1   a blank before a word belongs to it: ` ?`
//! run_starts(S)        ....1...1......1..1.....   white space begins a pre-token
//! S & !(S >> 1)        ....1....1.....1..1.....   so does its last byte, for the word behind it
//!
//! the last three, |    1.111...11....11..1....1
//! after contractions   1.1.1...11....11..1....1   `'s` ends where ` two` begins
//! pre-tokens           It|'s| two| | cats|,| 42| dogs|!
//! ```
//!
//! The last byte of a window stays undecided, because it may depend on the next one (`S >> 1` looks
//! one byte ahead). So does everything from the byte before the first one that is not ASCII. The
//! caller goes on with a window that begins at the last boundary found.
//!
//! # The rules
//!
//! A window begins where a pre-token does. GPT-2's pattern:
//! - A run of L, N or O begins a pre-token, unless a blank comes before it: ` ?` takes that in.
//! - A run of S begins one, and so does its last byte where something else follows: `\s+(?!\S)`
//!   leaves it, and it goes with the word, or alone.
//! - Where a pre-token begins with an apostrophe, a contraction may end behind the letters that
//!   follow.
//!
//! GPT-4's, with R for the line ends, which are part of S:
//! - A run of O begins a pre-token, unless a blank comes before it. The line ends behind it are
//!   part of it; the rules for S hold for what is left of S without these.
//! - A run of L begins one, unless a byte comes before it that `[^\r\n\p{L}\p{N}]?+` takes in:
//!   white space that is not a line end, or a single O that begins a pre-token.
//! - A run of N begins one, and so does every third byte in it; or every byte, or no other, with
//!   the patterns of the same [`family`](super::family).
//! - A run of S begins one; so does its last byte where something else follows, unless that is a
//!   line end; and so does the rest of the run behind its last line end, as `\s*[\r\n]` takes all
//!   up to there.
//! - Contractions as with GPT-2, of capital letters too.

use super::ascii_masks::{Masks, below, run_starts};
use super::family::Family;
use super::scalar::contraction;

/// The boundaries that a window decides by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decided {
    /// A bit for each byte that begins a pre-token, but not for the first byte of the window.
    pub starts: u64,
    /// The number of bytes that are decided: all bits of `starts` are below it.
    pub len: u32,
}

/// Finds where pre-tokens by GPT-2's pattern begin in `window`, at whose first byte one begins.
#[inline(always)]
pub(super) fn gpt2(window: &[u8; 64]) -> Decided {
    let masks = Masks::new(window);
    let words = run_starts(masks.letters) | run_starts(masks.numbers) | run_starts(masks.others());
    // A blank before a word belongs to it, and begins the pre-token in its place: it is the last
    // byte of its run.
    let words = words & !(masks.blanks << 1);
    let last_spaces = masks.spaces & !(masks.spaces >> 1);
    let starts = words | run_starts(masks.spaces) | last_spaces;
    let decided = Decided { starts, len: masks.decided_len() };
    with_contractions(window, decided, masks.apostrophes, |byte| byte)
}

/// Finds where pre-tokens by a pattern of GPT-4's family begin in `window`, at whose first byte one
/// begins.
#[inline(always)]
pub(super) fn gpt4<F: Family>(window: &[u8; 64]) -> Decided {
    let masks = Masks::new(window);
    let (others, line_ends) = (masks.others(), masks.line_ends);
    let other_starts = run_starts(others) & !(masks.blanks << 1);
    // Line ends directly behind a run of O. Adding a bit to a run of ones at its start carries
    // through the run: its ones become zeros, and the zero behind it a one. So `!sum` has exactly
    // the runs that a bit was added to.
    //   line_ends                  ..11...1.
    //   others << 1                ..1......     an O stands before the first run only
    //   sum                        ....1..1.
    //   line_ends & !sum           ..11.....
    let taken = line_ends & !line_ends.wrapping_add(line_ends & others << 1);
    let inline = masks.spaces & !line_ends;
    let last_spaces = inline & !(masks.spaces >> 1);
    // `[^\r\n\p{L}\p{N}]?+` takes in the byte before a run of letters.
    let words = run_starts(masks.letters) & !((inline | other_starts) << 1);
    let starts = words | other_starts | number_starts::<F>(masks.numbers);
    let mut starts = starts | run_starts(masks.spaces & !taken) | last_spaces;

    // Runs of white space that is not a line end, directly behind a line end, by their first bits:
    // they begin a pre-token unless another line end comes behind them. The carry of a sum finds
    // the byte behind each. Where it is a line end, or unknown, `settle` looks at the runs one by
    // one; this is rare.
    let mut len = masks.decided_len();
    let mut after_lines = run_starts(inline) & (line_ends & !taken) << 1;
    let (ends, is_cut_off) = inline.overflowing_add(after_lines);
    if is_cut_off || ends & !inline & (line_ends | masks.non_ascii) != 0 {
        let settled = settle(after_lines, inline, line_ends, masks.non_ascii);
        (after_lines, len) = (settled.starts, len.min(settled.len));
    }
    starts |= after_lines;
    let decided = Decided { starts, len };
    with_contractions(window, decided, masks.apostrophes, |byte| byte.to_ascii_lowercase())
}

/// Returns where numbers begin: the first byte of each run, and every third one if a pre-token has
/// at most three.
#[inline(always)]
fn number_starts<F: Family>(numbers: u64) -> u64 {
    let mut starts = run_starts(numbers);
    match F::MOST_NUMBERS {
        1 => return numbers,
        usize::MAX => return starts,
        most => debug_assert_eq!(most, 3),
    }
    // Bytes that are numbers, as are the two before them: a start three bytes back makes them one.
    let third = numbers & numbers << 1 & numbers << 2;
    let mut next = starts << 3 & third;
    while next != 0 {
        starts |= next;
        next = next << 3 & third;
    }
    starts
}

/// Keeps those runs of white space behind a line end, given by their first bits, that begin a
/// pre-token because no line end comes behind them. A run that is cut off is not decided.
#[cold]
fn settle(mut after_lines: u64, inline: u64, line_ends: u64, non_ascii: u64) -> Decided {
    let mut starts = 0;
    while after_lines != 0 {
        let start = after_lines.trailing_zeros();
        after_lines &= after_lines - 1;
        let end = start + (inline >> start).trailing_ones();
        let is = |mask: u64| mask >> end & 1 != 0;
        if end >= 64 || is(non_ascii) {
            return Decided { starts, len: start };
        }
        if !is(line_ends) {
            starts |= 1 << start;
        }
    }
    Decided { starts, len: 64 }
}

/// Adds contractions: letters behind an apostrophe that begins a pre-token are part of it, and a
/// pre-token begins behind them. `lower` maps letters whose case does not count to small ones.
///
/// An apostrophe that is decided has a byte behind it. If it has only one, a contraction of two
/// letters is cut off, but nothing behind the apostrophe is decided then.
#[inline(always)]
fn with_contractions(
    window: &[u8; 64],
    Decided { mut starts, len }: Decided,
    apostrophes: u64,
    lower: impl Fn(u8) -> u8,
) -> Decided {
    // Bit 0 is a start too, though it is not in `starts`.
    let mut candidates = apostrophes & (starts | 1) & below(len);
    while candidates != 0 {
        let at = candidates.trailing_zeros() as usize;
        candidates &= candidates - 1;
        if let Some(end) = contraction(window, at, &lower) {
            starts = starts & !(2 << at) | 1u64.unbounded_shl(end as u32);
        }
    }
    Decided { starts: starts & below(len) & !1, len }
}

#[cfg(test)]
mod tests {
    use super::super::family::{Gpt4, Gpt4InOniguruma, Llama3, Qwen2};
    use super::super::scalar;
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::TestCaseResult;

    #[test]
    fn the_example_of_the_module() {
        let mut window = [b'!'; 64];
        let text = b"It's two  cats, 42 dogs!";
        window[..text.len()].copy_from_slice(text);
        let bits: String = (0..text.len())
            .map(|i| if (gpt2(&window).starts | 1) >> i & 1 == 1 { '1' } else { '.' })
            .collect();
        assert_eq!(bits, "1.1.1...11....11..1....1");
    }

    /// Windows that begin where a pre-token does.
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

    /// Compares with the scanner that goes pre-token by pre-token. What follows the window must not
    /// matter.
    fn check(
        window: &[u8; 64],
        more: &str,
        found: Decided,
        scanner: impl Fn(&[u8], usize) -> usize,
    ) -> TestCaseResult {
        let text = [&window[..], more.as_bytes()].concat();
        let mut expected = 0u64;
        let mut at = scanner(&text, 0);
        while at < 64 {
            expected |= 1 << at;
            at = scanner(&text, at);
        }
        prop_assert_eq!(found.starts, expected & below(found.len));
        Ok(())
    }

    /// Counts the bytes of ASCII that the window begins with.
    fn ascii_len(window: &[u8; 64]) -> usize {
        window.iter().take_while(|byte| byte.is_ascii()).count()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn gpt2_agrees_with_the_scalar_scanner(
            window in window(), more in "[ as'\n!\u{e9}]{0,3}",
        ) {
            let found = gpt2(&window);
            check(&window, &more, found, scalar::gpt2)?;
            // Everything that can be decided is.
            prop_assert!(found.len as usize >= ascii_len(&window).saturating_sub(1).min(61));
        }

        #[test]
        fn gpt4_agrees_with_the_scalar_scanner(
            window in window(), more in "[ aS'\n!7\u{e9}]{0,3}",
        ) {
            let found = gpt4::<Gpt4>(&window);
            check(&window, &more, found, scalar::gpt4::<Gpt4>)?;
            check(&window, &more, gpt4::<Llama3>(&window), scalar::gpt4::<Llama3>)?;
            check(&window, &more, gpt4::<Qwen2>(&window), scalar::gpt4::<Qwen2>)?;
            let in_oniguruma = gpt4::<Gpt4InOniguruma>(&window);
            check(&window, &more, in_oniguruma, scalar::gpt4::<Gpt4InOniguruma>)?;
            // What is behind the last line end is open when there is only white space.
            let ascii = &window[..ascii_len(&window)];
            let behind = ascii.rsplit(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap();
            let is_open = behind.len() < ascii.len() && behind.trim_ascii().is_empty();
            let sure = if is_open { ascii.len() - behind.len() } else { ascii.len() };
            prop_assert!(found.len as usize >= sure.saturating_sub(1).min(61));
        }
    }
}
