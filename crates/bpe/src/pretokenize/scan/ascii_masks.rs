//! The classes of 64 bytes at once, as masks: one bit per byte.
//!
//! [`window`](super::window) explains what masks are good for.

use wide::i8x16;

/// The bytes of a window by class: bit i of a mask is byte i.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Masks {
    pub letters: u64,
    pub numbers: u64,
    /// White space, including blanks and line ends.
    pub spaces: u64,
    pub blanks: u64,
    pub line_ends: u64,
    pub apostrophes: u64,
    pub non_ascii: u64,
}

impl Masks {
    /// Classifies the bytes of a window, 16 per step.
    #[inline(always)]
    pub fn new(window: &[u8; 64]) -> Masks {
        let mut masks = Masks::default();
        for (part, shift) in window.as_chunks::<16>().0.iter().zip([0, 16, 32, 48]) {
            let bytes: i8x16 = bytemuck::cast(*part);
            // The top bit of each byte: all ones after a comparison that holds.
            let mask = |bytes: i8x16| u64::from(bytes.to_bitmask() as u16) << shift;
            let blanks = bytes.simd_eq(splat(b' '));
            // Bit 5 is what capital and small letters differ in.
            masks.letters |= mask(between(bytes | splat(0x20), b'a', b'z'));
            masks.numbers |= mask(between(bytes, b'0', b'9'));
            masks.spaces |= mask(between(bytes, b'\t', b'\r') | blanks);
            masks.blanks |= mask(blanks);
            masks.line_ends |= mask(bytes.simd_eq(splat(b'\n')) | bytes.simd_eq(splat(b'\r')));
            masks.apostrophes |= mask(bytes.simd_eq(splat(b'\'')));
            masks.non_ascii |= mask(bytes);
        }
        masks
    }

    /// Returns the bytes of no class, and those that are not ASCII.
    #[inline(always)]
    pub fn others(&self) -> u64 {
        !(self.letters | self.numbers | self.spaces)
    }

    /// Returns the number of bytes that a window decides if a byte may depend on the next one: all
    /// but the last, or all but the one before the first that is not ASCII.
    #[inline(always)]
    pub fn decided_len(&self) -> u32 {
        let len = (self.non_ascii | 1 << 63).trailing_zeros();
        if self.non_ascii == 0 { len } else { len.saturating_sub(1) }
    }
}

/// Returns the bits at which runs of ones begin.
#[inline(always)]
pub(super) fn run_starts(mask: u64) -> u64 {
    mask & !(mask << 1)
}

/// Returns the lowest `bits` bits, fewer than 64.
#[inline(always)]
pub(super) fn below(bits: u32) -> u64 {
    (1 << bits) - 1
}

#[inline(always)]
fn splat(byte: u8) -> i8x16 {
    i8x16::splat(byte as i8)
}

/// Compares each byte with the range from `first` to `last`. Bytes that are not ASCII are negative
/// as signed numbers, so they are below every range.
#[inline(always)]
fn between(bytes: i8x16, first: u8, last: u8) -> i8x16 {
    bytes.simd_gt(splat(first - 1)) & bytes.simd_lt(splat(last + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_its_class_at_each_place() {
        for at in 0..64 {
            for byte in 0..=255u8 {
                for filler in [b'a', 0xFF] {
                    let mut window = [filler; 64];
                    window[at] = byte;
                    let masks = Masks::new(&window);
                    let rest = !(1 << at);
                    let of = |is: bool, filler: bool| {
                        u64::from(is) << at | if filler { rest } else { 0 }
                    };
                    let is_space = byte.is_ascii() && char::from(byte).is_whitespace();
                    assert_eq!(masks.letters, of(byte.is_ascii_alphabetic(), filler == b'a'));
                    assert_eq!(masks.numbers, of(byte.is_ascii_digit(), false));
                    assert_eq!(masks.spaces, of(is_space, false));
                    assert_eq!(masks.blanks, of(byte == b' ', false));
                    assert_eq!(masks.line_ends, of(matches!(byte, b'\n' | b'\r'), false));
                    assert_eq!(masks.apostrophes, of(byte == b'\'', false));
                    assert_eq!(masks.non_ascii, of(!byte.is_ascii(), filler == 0xFF));
                }
            }
        }
    }
}
