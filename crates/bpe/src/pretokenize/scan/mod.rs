//! The known patterns, GPT-2's, GPT-4's and those that follow them, as hand-written scanners.
//!
//! [`window`] finds all boundaries within 64 bytes of ASCII at once; [`scalar`] finds one at a
//! time, in any text, and is used where a window decides nothing. The oracle for both is
//! [`regex`](super::regex), the regular expressions themselves: the tests compare them on every
//! character of Unicode.

mod ascii_masks;
mod case;
mod family;
mod o200k;
mod scalar;
mod window;

use crate::pretokenize::boundaries::BoundarySink;
use family::{Family, Gpt4, Gpt4InOniguruma, Llama3, Qwen2};

/// GPT-2's pattern, in the form that tiktoken gives it.
pub const GPT2: &str = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// GPT-4's pattern (`cl100k_base`), in the form that tiktoken gives it.
pub const GPT4: &str = concat!(
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|",
    r"\s++$|\s*[\r\n]|\s+(?!\S)|\s"
);

/// GPT-4's pattern to the letter, rewritten as Oniguruma reads it: `{1,3}+` is not possessive.
pub(crate) const GPT4_IN_ONIGURUMA: &str = concat!(
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|(?:\p{N}{1,3})+",
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++(?=\n|\z)|\s*[\r\n]|\s+(?!\S)|\s"
);

/// Llama 3's pattern.
pub(crate) const LLAMA3: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Qwen 2's pattern.
pub(crate) const QWEN2: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// GPT-4o's pattern (`o200k_base`).
pub(crate) const O200K: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Gives `sink` the boundaries of `text` from `start` on by GPT-2's pattern.
#[inline]
pub(crate) fn gpt2(text: &[u8], start: usize, sink: &mut impl BoundarySink) {
    scan(text, start, |bytes| window::gpt2(bytes).starts, |at| scalar::gpt2(text, at), sink);
}

/// Gives `sink` the boundaries of `text` from `start` on by GPT-4's pattern.
#[inline]
pub(crate) fn gpt4(text: &[u8], start: usize, sink: &mut impl BoundarySink) {
    family::<Gpt4>(text, start, sink);
}

/// Gives `sink` the boundaries of `text` from `start` on by [`GPT4_IN_ONIGURUMA`].
#[inline(never)]
pub(crate) fn gpt4_in_oniguruma(text: &[u8], start: usize, sink: &mut impl BoundarySink) {
    family::<Gpt4InOniguruma>(text, start, sink);
}

/// Gives `sink` the boundaries of `text` from `start` on by Llama 3's pattern.
#[inline(never)]
pub(crate) fn llama3(text: &[u8], start: usize, sink: &mut impl BoundarySink) {
    family::<Llama3>(text, start, sink);
}

/// Gives `sink` the boundaries of `text` from `start` on by Qwen 2's pattern.
#[inline(never)]
pub(crate) fn qwen2(text: &[u8], start: usize, sink: &mut impl BoundarySink) {
    family::<Qwen2>(text, start, sink);
}

#[inline(always)]
fn family<F: Family>(text: &[u8], start: usize, sink: &mut impl BoundarySink) {
    let window = |bytes: &[u8; 64]| window::gpt4::<F>(bytes).starts;
    scan(text, start, window, |at| scalar::gpt4::<F>(text, at), sink);
}

/// Gives `sink` the boundaries of `text` from `start` on by GPT-4o's pattern.
#[inline(never)]
pub(crate) fn o200k(text: &[u8], start: usize, sink: &mut impl BoundarySink) {
    let mut at = start;
    while at < text.len() {
        at = o200k::o200k(text, at);
        sink.push(at);
    }
}

/// Finds as many boundaries at a time as a window of ASCII decides, and single ones where it
/// decides nothing. `window` returns the boundaries in a window, `scalar` the end of the pre-token
/// at a position. They are passed as closures because these are inlined; the functions themselves
/// would be called.
#[inline(always)]
fn scan(
    text: &[u8],
    start: usize,
    window: impl Fn(&[u8; 64]) -> u64,
    scalar: impl Fn(usize) -> usize,
    sink: &mut impl BoundarySink,
) {
    let mut at = start;
    // Where a window decides nothing, as in a script that is not Latin, none is tried for a while.
    let mut windows_from = 0;
    while at < text.len() {
        if at >= windows_from
            && let Some(bytes) = text[at..].first_chunk()
        {
            // All but the first pre-token of a window begin where another ends.
            let ends = window(bytes);
            if ends != 0 {
                sink.push_bits(at, ends);
                // The next window begins at the last boundary of this one.
                at += ends.ilog2() as usize;
                continue;
            }
            windows_from = at + 32;
        }
        at = scalar(at);
        sink.push(at);
    }
}

#[cfg(test)]
mod tests;
