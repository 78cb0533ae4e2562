//! What tensors consist of: `f32`, or in bf16 precision bfloat16, so that half the bytes move.
//!
//! Products round their operands in that precision anyway. An operation that writes what only
//! products read rounds it at once, which gives the same bits: norms before linear layers,
//! activations, the heads of attention, and most of what goes backward through them. Linear layers
//! whose outputs stay within a block round their sums as well, and so do their gradients; there a
//! number that is read in `f32` has lost digits, as under PyTorch's autocast. The residual stream,
//! the logits, the loss, the gradients of weights and all sums are `f32`. Elementwise loops compute
//! in `f32` whatever they read and write, piece by piece in the first-level cache.

use half::bf16;
use std::ops::Range;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DType {
    /// 32 bits.
    F32,
    /// bfloat16, the upper half of an `f32`.
    Bf16,
}

impl DType {
    /// The bytes of an element.
    pub fn size(self) -> usize {
        match self {
            Self::F32 => size_of::<f32>(),
            Self::Bf16 => size_of::<bf16>(),
        }
    }
}

/// A number that tensors and operands of products consist of.
pub(crate) trait Element: Copy + Default + Send + Sync + bytemuck::Pod {
    /// Its type.
    const DTYPE: DType;

    /// The same number.
    fn to_f32(self) -> f32;

    /// The nearest bfloat16's bits.
    fn to_bf16(self) -> u16;

    /// The nearest number of this type.
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

/// The nearest number that bfloat16 can hold, ties to even; NaN stays NaN.
#[inline(always)]
pub fn round_to_bf16(x: f32) -> f32 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000;
    let quiet_nan = (bits | 0x0040_0000) & 0xffff_0000;
    f32::from_bits(if x.is_nan() { quiet_nan } else { nearest })
}

/// Stores numbers, rounded if need be. To be inlined into a function that is compiled for an
/// instruction set.
#[inline(always)]
pub(crate) fn store<E: Element>(to: &mut [E], from: &[f32]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = E::from_f32(from);
    }
}

/// Rows of operands of products, made in place: of type `dtype`, numbers that were computed in
/// `f32`. Rounded ones take the first half of the row then
/// ([`Mat::of_operands`](crate::gemm::Mat::of_operands)).
#[inline(always)]
pub(crate) fn make_operands(dtype: DType, row: &mut [f32]) {
    const CHUNK: usize = 32;
    if dtype == DType::F32 {
        return;
    }
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

/// The same numbers in `f32`.
#[inline(always)]
pub(crate) fn load<E: Element>(to: &mut [f32], from: &[E]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.to_f32();
    }
}

/// Lets `compute` write all of `to` in `f32`: in place, or in `room`, which is as large at least,
/// to be rounded after that. Rounding is a loop of its own, as it would only make that of a long
/// computation longer.
#[inline(always)]
pub(crate) fn compute<E: Element>(
    to: &mut [E],
    room: &mut [f32],
    compute: impl FnOnce(&mut [f32]),
) {
    match E::DTYPE {
        DType::F32 => compute(bytemuck::cast_slice_mut(to)),
        DType::Bf16 => {
            let room = &mut room[..to.len()];
            compute(room);
            store(to, room);
        }
    }
}

/// Elements to read, of either type.
#[derive(Clone, Copy)]
pub(crate) enum Data<'a> {
    F32(&'a [f32]),
    Bf16(&'a [bf16]),
}

impl<'a> Data<'a> {
    /// Those in `range`, in `f32`: themselves, or widened into `room`, which is as large at least.
    #[inline(always)]
    pub(crate) fn in_f32<'r>(self, range: Range<usize>, room: &'r mut [f32]) -> &'r [f32]
    where
        'a: 'r,
    {
        match self {
            Self::F32(x) => &x[range],
            Self::Bf16(x) => {
                let widened = &mut room[..range.len()];
                load(widened, &x[range]);
                widened
            }
        }
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
    fn operands_are_made_in_place() {
        for len in [0, 1, 31, 32, 33, 100] {
            let numbers: Vec<f32> = (0..len).map(|i| i as f32 + 0.01).collect();
            let mut rounded = vec![bf16::ZERO; len];
            store(&mut rounded, &numbers);
            let [mut row, mut same] = [numbers.clone(), numbers.clone()];
            make_operands(DType::Bf16, &mut row);
            assert_eq!(bytemuck::cast_slice::<_, bf16>(&row)[..len], rounded);
            make_operands(DType::F32, &mut same);
            assert_eq!(same, numbers);
        }
    }

    #[test]
    fn elements_of_either_type_are_read_in_f32() {
        let numbers: Vec<f32> = (0..7).map(|i| i as f32 + 0.01).collect();
        let mut rounded = [bf16::ZERO; 7];
        store(&mut rounded, &numbers);
        let nearest: Vec<f32> = numbers.iter().map(|&x| round_to_bf16(x)).collect();
        let mut room = [f32::NAN; 4];
        assert_eq!(Data::Bf16(&rounded).in_f32(2..5, &mut room), &nearest[2..5]);
        assert_eq!(Data::F32(&numbers).in_f32(1..7, &mut room), &numbers[1..]);
        assert_ne!(nearest, numbers);
    }
}
