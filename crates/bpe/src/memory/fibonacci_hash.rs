//! The one step of hashing that small integer keys need.

/// 2⁶⁴ divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// An odd number with its bits all over the place, for a second hash that has nothing to do with
/// the first.
const OTHER: u64 = 0xC2B2_AE3D_27D4_EB4F;

/// Fibonacci hashing: the high bits of the product depend on all bits of `x`, and neighbours fall
/// far apart. (D. Knuth, *The Art of Computer Programming*, volume 3, section 6.4)
#[inline(always)]
pub(crate) fn spread(x: u64) -> u64 {
    x.wrapping_mul(GOLDEN)
}

/// The same by another factor.
#[inline(always)]
pub(crate) fn spread_otherwise(x: u64) -> u64 {
    x.wrapping_mul(OTHER)
}
