//! The elements of tensors and matrices: `f32`, or bfloat16 where half the memory is enough.
//! Weights are also read in the IEEE half precision of their file.
//!
//! Loops compute in `f32` whatever type they read and write, piece by piece in the first-level
//! cache. [`Role`](crate::Role) decides which tensors are stored in bf16.

use half::{bf16, f16};
use std::ops::Range;

/// Evaluates an expression in which `E` is the type of the elements of a tensor that an operation
/// writes: no operation stores half precision.
macro_rules! with_element_type {
    ($tensor:expr, |$E:ident| $result:expr) => {
        match $tensor.dtype() {
            $crate::DType::F32 => {
                type $E = f32;
                $result
            }
            $crate::DType::Bf16 => {
                type $E = half::bf16;
                $result
            }
            $crate::DType::F16 => unreachable!("outputs are stored in f32 or bf16"),
        }
    };
}
pub(crate) use with_element_type;

/// Evaluates an expression in which `E` is the type of the elements of any tensor.
macro_rules! with_any_element_type {
    ($tensor:expr, |$E:ident| $result:expr) => {
        match $tensor.dtype() {
            $crate::DType::F32 => {
                type $E = f32;
                $result
            }
            $crate::DType::Bf16 => {
                type $E = half::bf16;
                $result
            }
            $crate::DType::F16 => {
                type $E = half::f16;
                $result
            }
        }
    };
}
pub(crate) use with_any_element_type;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DType {
    /// 32 bits.
    F32,
    /// bfloat16, the upper half of an `f32`.
    Bf16,
    /// IEEE half precision: weights that a file holds so. Products and look-ups read it, and no
    /// operation writes it.
    F16,
}

impl DType {
    /// Returns the bytes per element.
    pub fn size(self) -> usize {
        match self {
            Self::F32 => size_of::<f32>(),
            Self::Bf16 => size_of::<bf16>(),
            Self::F16 => size_of::<f16>(),
        }
    }
}

/// An element of tensors and matrices.
pub trait Element: Copy + Default + Send + Sync + bytemuck::Pod {
    /// The element's type.
    const DTYPE: DType;

    /// Returns the element in `f32`.
    fn to_f32(self) -> f32;

    /// Returns the bits of the nearest bfloat16.
    fn to_bf16(self) -> u16;

    /// Returns the nearest number of this type.
    fn from_f32(x: f32) -> Self;
}

impl Element for f32 {
    const DTYPE: DType = DType::F32;

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }

    #[inline(always)]
    fn to_bf16(self) -> u16 {
        (round_to_bf16(self).to_bits() >> 16) as u16
    }

    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        x
    }
}

impl Element for bf16 {
    const DTYPE: DType = DType::Bf16;

    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    #[inline(always)]
    fn to_bf16(self) -> u16 {
        self.to_bits()
    }

    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        Self::from_bits(x.to_bf16())
    }
}

impl Element for f16 {
    const DTYPE: DType = DType::F16;

    /// Shifts exponent and mantissa to their places in an `f32` and multiplies by 2¹¹², which
    /// corrects the exponent's bias exactly and makes subnormal numbers normal. There is no branch,
    /// so that loops vectorise.
    #[inline(always)]
    fn to_f32(self) -> f32 {
        const BIAS: f32 = f32::from_bits((127 + 112) << 23);
        let bits = u32::from(self.to_bits());
        let magnitude = bits & 0x7fff;
        let finite = (f32::from_bits(magnitude << 13) * BIAS).to_bits();
        let not_finite = magnitude << 13 | 0x7f80_0000;
        let widened = if magnitude >= 0x7c00 { not_finite } else { finite };
        f32::from_bits((bits & 0x8000) << 16 | widened)
    }

    #[inline(always)]
    fn to_bf16(self) -> u16 {
        Element::to_bf16(Element::to_f32(self))
    }

    #[inline(always)]
    fn from_f32(x: f32) -> Self {
        f16::from_f32(x)
    }
}

/// Returns the nearest number that bfloat16 can hold, ties to even; NaN stays NaN.
#[inline(always)]
pub fn round_to_bf16(x: f32) -> f32 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000;
    let quiet_nan = (bits | 0x0040_0000) & 0xffff_0000;
    f32::from_bits(if x.is_nan() { quiet_nan } else { nearest })
}

/// Stores numbers, rounded to the type of `to`. Vectorises where
/// [`Kernels::vectorize`](crate::Kernels::vectorize) inlines it, as all loops of this file do.
#[inline(always)]
pub(crate) fn store<E: Element>(to: &mut [E], from: &[f32]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = E::from_f32(from);
    }
}

/// Rounds a row where it is; the rounded elements fill the first half of its floats.
#[inline(always)]
pub(crate) fn round_in_place(row: &mut [f32]) {
    const CHUNK: usize = 32;
    let whole = row.len() - row.len() % CHUNK;
    let mut rounded = [bf16::ZERO; CHUNK];
    for first in (0..whole).step_by(CHUNK) {
        store(&mut rounded, &row[first..first + CHUNK]);
        bytemuck::cast_slice_mut(row)[first..first + CHUNK].copy_from_slice(&rounded);
    }
    let rest = &mut rounded[..row.len() - whole];
    store(rest, &row[whole..]);
    bytemuck::cast_slice_mut(row)[whole..][..rest.len()].copy_from_slice(rest);
}

/// Reads numbers in `f32`.
#[inline(always)]
pub(crate) fn load<E: Element>(to: &mut [f32], from: &[E]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.to_f32();
    }
}

/// Writes numbers as the nearest ones of another type.
#[inline(always)]
pub(crate) fn convert<A: Element, B: Element>(to: &mut [B], from: &[A]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = B::from_f32(from.to_f32());
    }
}

/// Lets `compute` write all of `to` in `f32`: in place, or in `scratch`, which is at least as large
/// and is then rounded into `to`. Rounding is a separate loop, as the body of a long computation
/// would need still more registers with it.
#[inline(always)]
pub(crate) fn run_computation<E: Element>(
    to: &mut [E],
    scratch: &mut [f32],
    compute: impl FnOnce(&mut [f32]),
) {
    match E::DTYPE {
        DType::F32 => compute(bytemuck::cast_slice_mut(to)),
        DType::Bf16 | DType::F16 => {
            let scratch = &mut scratch[..to.len()];
            compute(scratch);
            store(to, scratch);
        }
    }
}

/// Calls [`run_computation`] with a closure that is always inlined, as a loop has to be that is
/// compiled for an instruction set.
macro_rules! compute {
    ($to:expr, $scratch:expr, |$y:ident| $body:expr) => {
        $crate::matrix::element::run_computation(
            $to,
            $scratch,
            #[inline(always)]
            |$y| $body,
        )
    };
}
pub(crate) use compute;

/// Elements of any type, to read.
#[derive(Clone, Copy)]
pub(crate) enum Slice<'a> {
    F32(&'a [f32]),
    Bf16(&'a [bf16]),
    F16(&'a [f16]),
}

impl<'a> Slice<'a> {
    /// Returns the elements in `range` in `f32`: where they are, or widened into `scratch`, which
    /// is at least as large.
    #[inline(always)]
    pub(crate) fn in_f32<'r>(self, range: Range<usize>, scratch: &'r mut [f32]) -> &'r [f32]
    where
        'a: 'r,
    {
        let len = range.len();
        match self {
            Self::F32(x) => return &x[range],
            Self::Bf16(x) => load(&mut scratch[..len], &x[range]),
            Self::F16(x) => load(&mut scratch[..len], &x[range]),
        }
        &scratch[..len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_that_of_half() {
        let mut patterns: Vec<u32> = (0..=u32::MAX).step_by(9973).collect();
        for high in
            [0x3f80u32, 0x3f81, 0x7f7f, 0x0000, 0x0001, 0x8000, 0xff7f, 0x7f80, 0xff80, 0x7fc0]
        {
            patterns.extend(
                [0x0000, 0x0001, 0x7fff, 0x8000, 0x8001, 0xffff].map(|low| high << 16 | low),
            );
        }
        for bits in patterns {
            let x = f32::from_bits(bits);
            let expected = half::bf16::from_f32(x).to_f32();
            assert_eq!(round_to_bf16(x).to_bits(), expected.to_bits(), "{x:e} = {bits:#010x}");
        }
    }

    #[test]
    fn numbers_of_either_type_are_the_same_in_bf16() {
        for high in (0..=u16::MAX).step_by(7) {
            let x = bf16::from_bits(high);
            assert_eq!(x.to_bf16(), high);
            if !x.is_nan() {
                assert_eq!(Element::to_f32(x).to_bf16(), high);
            }
        }
    }

    #[test]
    fn half_precision_is_widened_as_half_does_it() {
        for bits in 0..=u16::MAX {
            let x = f16::from_bits(bits);
            let (found, expected) = (Element::to_f32(x), half::f16::to_f32(x));
            if x.is_nan() {
                assert!(found.is_nan(), "{bits:#06x}");
            } else {
                assert_eq!(found.to_bits(), expected.to_bits(), "{bits:#06x}");
                assert_eq!(<f16 as Element>::from_f32(found), x);
            }
        }
    }

    #[test]
    fn rows_are_rounded_in_place() {
        for len in [0, 1, 31, 32, 33, 100] {
            let mut row: Vec<f32> = (0..len).map(|i| i as f32 + 0.01).collect();
            let mut rounded = vec![bf16::ZERO; len];
            store(&mut rounded, &row);
            round_in_place(&mut row);
            assert_eq!(bytemuck::cast_slice::<_, bf16>(&row)[..len], rounded);
        }
    }

    #[test]
    fn elements_of_either_type_are_read_in_f32() {
        let numbers: Vec<f32> = (0..7).map(|i| i as f32 + 0.01).collect();
        let mut rounded = [bf16::ZERO; 7];
        store(&mut rounded, &numbers);
        let nearest: Vec<f32> = numbers.iter().map(|&x| round_to_bf16(x)).collect();
        let mut scratch = [f32::NAN; 4];
        assert_eq!(Slice::Bf16(&rounded).in_f32(2..5, &mut scratch), &nearest[2..5]);
        assert_eq!(Slice::F32(&numbers).in_f32(1..7, &mut scratch), &numbers[1..]);
        assert_ne!(nearest, numbers);
    }
}
