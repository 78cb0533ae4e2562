//! Fibonacci hashing, the one step of hashing that small integer keys need.
//!
//! (D. Knuth, *The Art of Computer Programming*, volume 3, section 6.4)

/// 2⁶⁴ divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// An odd number with scattered bits, for a second hash that is independent of the first.
/// (It is the second prime of Y. Collet's xxHash64.)
const OTHER: u64 = 0xC2B2_AE3D_27D4_EB4F;

/// Multiplies by the golden ratio: the high bits of the product depend on all bits of `x`, and
/// adjacent numbers fall far apart.
#[inline(always)]
pub(crate) fn fibonacci_hash(x: u64) -> u64 {
    x.wrapping_mul(GOLDEN)
}

/// Multiplies by another odd number, for a second hash of the same key.
#[inline(always)]
pub(crate) fn second_hash(x: u64) -> u64 {
    x.wrapping_mul(OTHER)
}
