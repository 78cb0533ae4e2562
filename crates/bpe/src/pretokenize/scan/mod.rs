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
pub const GPT4: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";

/// All pre-tokens of what `text` is from `start` on, by GPT-2's pattern.
#[inline]
pub(crate) fn gpt2_all(text: &[u8], start: usize, ends: &mut impl BoundarySink) {
    all(text, start, |window| window::gpt2_starts(window).0, |at| scalar::gpt2(text, at), ends);
}

/// The same by GPT-4's pattern.
#[inline]
pub(crate) fn gpt4_all(text: &[u8], start: usize, ends: &mut impl BoundarySink) {
    all(text, start, |window| window::gpt4_starts(window).0, |at| scalar::gpt4(text, at), ends);
}

/// As many pre-tokens at a time as a window of ASCII decides, and one by one where it decides
/// nothing: `starts` tells where they begin in a window, `end` where the one at a position ends.
#[inline(always)]
fn all(
    text: &[u8],
    start: usize,
    starts: impl Fn(&[u8; 64]) -> u64,
    end: impl Fn(usize) -> usize,
    ends: &mut impl BoundarySink,
) {
    let mut at = start;
    // Where a window decides nothing, as in another script, the next pre-tokens do without.
    let mut windows_from = 0;
    while at < text.len() {
        if at >= windows_from
            && let Some(window) = text[at..].first_chunk()
        {
            // All but the first pre-token of a window begin where another ends.
            let starts = starts(window);
            if starts != 0 {
                ends.push_bits(at, starts);
                at += starts.ilog2() as usize;
                continue;
            }
            windows_from = at + 32;
        }
        at = end(at);
        ends.push(at);
    }
}

#[cfg(test)]
mod tests;
