//! GPT-2's pattern on 64 bytes of ASCII at once.
//!
//! Where a word ends is not predictable: a scanner that branches on it waits for the right branch longer than for
//! anything else. Here the class of each byte is one bit of a mask, and where pre-tokens begin follows from shifts of the
//! masks, the same instructions whatever the text. What is left to branch on is how many begin within 64 bytes.
//!
//! Let L, N, O, S be the masks of letters, numbers, other characters and white space, and B that of the blank, which is
//! part of S. Bit i − 1 of a mask is the byte before byte i.
//! - A run of L, N or O begins a pre-token, unless a blank comes before it: ` ?` takes that in.
//! - A run of S begins one, and so does its last byte where something else follows: `\s+(?!\S)` leaves it, and it goes
//!   with the word, or alone.
//! - Where a pre-token begins with an apostrophe, a contraction may end behind the letters that follow.

use wide::i8x16;

/// A byte a bit.
#[derive(Debug, Clone, Copy, Default)]
struct Masks {
    letters: u64,
    numbers: u64,
    spaces: u64,
    blanks: u64,
    apostrophes: u64,
    /// Bytes that are no ASCII.
    wide: u64,
}

/// Where pre-tokens by GPT-2's pattern begin in `window`, at whose first byte one begins: a bit each, but for that first
/// one. Only what the window itself decides is there: nothing is said of its last byte, nor of what comes behind the
/// first byte that is no ASCII.
#[inline(always)]
pub(super) fn gpt2_starts(window: &[u8; 64]) -> u64 {
    let Masks { letters, numbers, spaces, blanks, apostrophes, wide } = masks(window);
    let others = !(letters | numbers | spaces);
    let run_starts = |class: u64| class & !(class << 1);
    let words = (run_starts(letters) | run_starts(numbers) | run_starts(others)) & !(blanks << 1);
    let last_spaces = spaces & !(spaces >> 1);
    let mut starts = words | run_starts(spaces) | last_spaces;

    // Whether byte i begins a pre-token may depend on byte i + 1 (the last blank of a run does): so nothing is known of
    // byte 63, nor of the one before the first that is no ASCII.
    let known = (wide | 1 << 63).trailing_zeros();
    let known = if wide == 0 { known } else { known.saturating_sub(1) };
    let mut sure = (1u64 << known) - 1;
    let mut candidates = apostrophes & (starts | 1) & sure;
    while candidates != 0 {
        let at = candidates.trailing_zeros() as usize;
        candidates &= candidates - 1;
        match contraction(window, at) {
            // The letters behind the apostrophe are part of the contraction, and what follows it begins anew.
            Contraction::Ends(end) => starts = starts & !(2 << at) | 1u64.unbounded_shl(end),
            Contraction::None => {}
            Contraction::Unknown => sure &= (2 << at) - 1,
        }
    }
    starts & sure & !1
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
fn contraction(window: &[u8; 64], at: usize) -> Contraction {
    match window[at + 1..] {
        [b's' | b'd' | b'm' | b't', ..] => Contraction::Ends(at as u32 + 2),
        [b'l', b'l', ..] | [b'v', b'e', ..] | [b'r', b'e', ..] => Contraction::Ends(at as u32 + 3),
        [] | [b'l' | b'v' | b'r'] => Contraction::Unknown,
        _ => Contraction::None,
    }
}

/// The masks of a window, sixteen bytes at a time.
#[inline(always)]
fn masks(window: &[u8; 64]) -> Masks {
    let mut masks = Masks::default();
    for (part, shift) in window.as_chunks::<16>().0.iter().zip([0, 16, 32, 48]) {
        let bytes: i8x16 = bytemuck::cast(*part);
        let mask = |bytes: i8x16| u64::from(bytes.to_bitmask() as u16) << shift;
        let blanks = bytes.simd_eq(splat(b' '));
        masks.letters |= mask(between(bytes | splat(0x20), b'a', b'z'));
        masks.numbers |= mask(between(bytes, b'0', b'9'));
        masks.spaces |= mask(between(bytes, b'\t', b'\r') | blanks);
        masks.blanks |= mask(blanks);
        masks.apostrophes |= mask(bytes.simd_eq(splat(b'\'')));
        masks.wide |= mask(bytes);
    }
    masks
}

#[inline(always)]
fn splat(byte: u8) -> i8x16 {
    i8x16::splat(byte as i8)
}

/// Which bytes are from `first` to `last`. As signed numbers, bytes that are no ASCII are below all others.
#[inline(always)]
fn between(bytes: i8x16, first: u8, last: u8) -> i8x16 {
    bytes.simd_gt(splat(first - 1)) & bytes.simd_lt(splat(last + 1))
}

#[cfg(test)]
mod tests {
    use super::super::gpt2;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_byte_has_its_class_at_each_place() {
        for at in 0..64 {
            for byte in 0..=255u8 {
                for filler in [b'a', 0xFF] {
                    let mut window = [filler; 64];
                    window[at] = byte;
                    let masks = masks(&window);
                    let rest = !(1 << at);
                    let of = |is: bool, filler: bool| {
                        u64::from(is) << at | if filler { rest } else { 0 }
                    };
                    let is_space = byte.is_ascii() && char::from(byte).is_whitespace();
                    assert_eq!(masks.letters, of(byte.is_ascii_alphabetic(), filler == b'a'));
                    assert_eq!(masks.numbers, of(byte.is_ascii_digit(), false));
                    assert_eq!(masks.spaces, of(is_space, false));
                    assert_eq!(masks.blanks, of(byte == b' ', false));
                    assert_eq!(masks.apostrophes, of(byte == b'\'', false));
                    assert_eq!(masks.wide, of(!byte.is_ascii(), filler == 0xFF));
                }
            }
        }
    }

    /// Windows that begin where a pre-token does, as they are called for.
    fn window() -> impl Strategy<Value = [u8; 64]> {
        const PIECES: &[&str] = &[
            "a", "Zb", "7", "12", " ", " ", "  ", "\n", "\t", "'", "'s", "'l", "'ll", "'ve", "'r",
            "'re", "'d", "!", "-", "\"", "\0", "é", "\u{3000}",
        ];
        let common = prop::sample::select(&PIECES[..PIECES.len() - 2]);
        let piece = prop_oneof![40 => common, 1 => prop::sample::select(PIECES)];
        prop::collection::vec(piece, 64).prop_map(|pieces| {
            let text = pieces.concat();
            text.as_bytes()[..64].try_into().unwrap()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        /// The scanner that goes pre-token by pre-token is the oracle. What follows the window must not matter.
        #[test]
        fn starts_are_those_of_the_scanner(window in window(), more in "[ as'\n!\u{e9}]{0,3}") {
            let text = [&window[..], more.as_bytes()].concat();
            let mut expected = 0u64;
            let mut at = gpt2(&text, 0);
            while at < 64 {
                expected |= 1 << at;
                at = gpt2(&text, at);
            }
            let starts = gpt2_starts(&window);
            let known = 64 - starts.leading_zeros();
            let mask = 1u64.unbounded_shl(known).wrapping_sub(1);
            prop_assert_eq!(starts, expected & mask);
            // All that can be known is.
            let ascii = window.iter().take_while(|byte| byte.is_ascii()).count();
            let mut sure = 1u64.unbounded_shl((ascii as u32).saturating_sub(1)).wrapping_sub(1);
            sure &= u64::MAX >> 3;
            prop_assert_eq!(starts & sure, expected & sure);
        }
    }
}
