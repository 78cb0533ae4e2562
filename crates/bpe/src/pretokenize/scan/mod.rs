//! The two known patterns, GPT-2's and GPT-4's, as hand-written scanners.
//!
//! [`window`] finds all boundaries within 64 bytes of ASCII at once; [`scalar`] finds one at a
//! time, in any text, and is used where a window decides nothing. The oracle for both is
//! [`regex`](super::regex), the regular expressions themselves: the tests compare them on every
//! character of Unicode.

mod ascii_masks;
mod scalar;
mod window;

use crate::pretokenize::boundaries::BoundarySink;

/// GPT-2's pattern, in the form that tiktoken gives it.
pub const GPT2: &str = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// GPT-4's pattern (`cl100k_base`), in the form that tiktoken gives it.
pub const GPT4: &str = concat!(
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|",
    r"\s++$|\s*[\r\n]|\s+(?!\S)|\s"
);

/// Gives `sink` the boundaries of `text` from `start` on by GPT-2's pattern.
#[inline]
pub(crate) fn gpt2(text: &[u8], start: usize, sink: &mut impl BoundarySink) {
    scan(text, start, |bytes| window::gpt2(bytes).starts, |at| scalar::gpt2(text, at), sink);
}

/// Gives `sink` the boundaries of `text` from `start` on by GPT-4's pattern.
#[inline]
pub(crate) fn gpt4(text: &[u8], start: usize, sink: &mut impl BoundarySink) {
    scan(text, start, |bytes| window::gpt4(bytes).starts, |at| scalar::gpt4(text, at), sink);
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
