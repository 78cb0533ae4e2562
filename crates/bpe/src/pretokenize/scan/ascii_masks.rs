//! The classes of 64 bytes at once, a bit a byte.
//!
//! Where a word ends is not predictable: a scanner that branches on it waits for the right branch
//! longer than for anything else. With masks, where pre-tokens begin follows from shifts, the same
//! instructions whatever the text. What is left to branch on is how many begin within 64 bytes.

use wide::i8x16;

/// Bit i is byte i of a window.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Masks {
    pub letters: u64,
    pub numbers: u64,
    /// White space, blanks and line ends too.
    pub spaces: u64,
    pub blanks: u64,
    pub line_ends: u64,
    pub apostrophes: u64,
    /// Bytes that are no ASCII.
    pub wide: u64,
}

impl Masks {
    /// What is none of these, and no ASCII.
    #[inline(always)]
    pub fn others(&self) -> u64 {
        !(self.letters | self.numbers | self.spaces)
    }

    /// How many bytes a window decides of which the last may depend on one byte more: all before
    /// its last byte, or before the byte that comes before the first that is no ASCII.
    #[inline(always)]
    pub fn known(&self) -> u32 {
        let known = (self.wide | 1 << 63).trailing_zeros();
        if self.wide == 0 { known } else { known.saturating_sub(1) }
    }
}

/// The bits at which runs of ones begin.
#[inline(always)]
pub(super) fn run_starts(mask: u64) -> u64 {
    mask & !(mask << 1)
}

/// The lowest bits, fewer than 64.
#[inline(always)]
pub(super) fn below(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// The masks of a window, sixteen bytes at a time.
#[inline(always)]
pub(super) fn masks(window: &[u8; 64]) -> Masks {
    let mut masks = Masks::default();
    for (part, shift) in window.as_chunks::<16>().0.iter().zip([0, 16, 32, 48]) {
        let bytes: i8x16 = bytemuck::cast(*part);
        let mask = |bytes: i8x16| u64::from(bytes.to_bitmask() as u16) << shift;
        let blanks = bytes.simd_eq(splat(b' '));
        masks.letters |= mask(between(bytes | splat(0x20), b'a', b'z'));
        masks.numbers |= mask(between(bytes, b'0', b'9'));
        masks.spaces |= mask(between(bytes, b'\t', b'\r') | blanks);
        masks.blanks |= mask(blanks);
        masks.line_ends |= mask(bytes.simd_eq(splat(b'\n')) | bytes.simd_eq(splat(b'\r')));
        masks.apostrophes |= mask(bytes.simd_eq(splat(b'\'')));
        masks.wide |= mask(bytes);
    }
    masks
}

#[inline(always)]
fn splat(byte: u8) -> i8x16 {
    i8x16::splat(byte as i8)
}

/// Which bytes are from `first` to `last`. As signed numbers, bytes that are no ASCII are below all
/// others.
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
                    assert_eq!(masks.line_ends, of(matches!(byte, b'\n' | b'\r'), false));
                    assert_eq!(masks.apostrophes, of(byte == b'\'', false));
                    assert_eq!(masks.wide, of(!byte.is_ascii(), filler == 0xFF));
                }
            }
        }
    }
}
