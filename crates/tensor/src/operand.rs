//! What is kept of an operand of products, for the products of the backward pass.
//!
//! In bf16 precision products round their operands anyway: what is kept rounded gives the same bits, and takes half the
//! memory.

use crate::kernels::gemm::Mat;
use crate::kernels::round_to_bf16;
use crate::pool::Buffer;
use crate::{Context, Precision, Tensor};
use half::bf16;
use rayon::prelude::*;

/// Floats that one task rounds.
const CHUNK: usize = 1 << 14;

/// Numbers in bfloat16.
pub(crate) struct Rounded {
    /// Two numbers a float.
    buffer: Buffer,
    len: usize,
}

impl Rounded {
    /// Room for `len` numbers, with arbitrary contents.
    pub(crate) fn scratch(len: usize) -> Self {
        Self { buffer: Buffer::scratch(len.div_ceil(2)), len }
    }

    /// The numbers.
    pub(crate) fn as_slice(&self) -> &[bf16] {
        &bytemuck::cast_slice(self.buffer.as_slice())[..self.len]
    }

    /// The numbers, to write to.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [bf16] {
        &mut bytemuck::cast_slice_mut(self.buffer.as_mut_slice())[..self.len]
    }
}

/// Rounds each element, to nearest, ties to even. To be inlined into a function that is compiled for an instruction set.
#[inline(always)]
pub(crate) fn round_into(rounded: &mut [bf16], x: &[f32]) {
    for (rounded, &x) in rounded.iter_mut().zip(x) {
        *rounded = bf16::from_bits((round_to_bf16(x).to_bits() >> 16) as u16);
    }
}

/// The same numbers again.
#[inline(always)]
pub(crate) fn widen_into(x: &mut [f32], rounded: &[bf16]) {
    for (x, rounded) in x.iter_mut().zip(rounded) {
        *x = f32::from_bits(u32::from(rounded.to_bits()) << 16);
    }
}

/// A tensor (…, C) as the products of a precision read it.
pub(crate) enum Operand {
    /// The tensor itself, shared with others.
    Full(Tensor),
    /// Its elements, rounded, and its shape.
    Rounded(Rounded, Vec<usize>),
}

impl Operand {
    /// What backward needs of `x` to multiply by it again: in bf16 precision its rounded elements, so that `x` may go.
    pub(crate) fn keep(context: Context, x: &Tensor) -> Self {
        if context.precision == Precision::F32 {
            return Self::Full(x.clone());
        }
        let mut rounded = Rounded::scratch(x.len());
        let chunks = rounded.as_mut_slice().par_chunks_mut(CHUNK);
        chunks.zip(x.as_slice().par_chunks(CHUNK)).for_each(|(rounded, x)| {
            context.kernels.vectorize(
                #[inline(always)]
                || round_into(rounded, x),
            );
        });
        Self::Rounded(rounded, x.shape().to_vec())
    }

    /// The shape of the tensor.
    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Self::Full(x) => x.shape(),
            Self::Rounded(_, shape) => shape,
        }
    }

    /// All axes but the last as rows.
    pub(crate) fn matrix(&self) -> Mat<'_> {
        let cols = self.shape().last().copied().unwrap_or(1);
        match self {
            Self::Full(x) => Mat::new(x.as_slice(), x.rows(), cols),
            Self::Rounded(x, shape) => {
                let rows = shape[..shape.len().saturating_sub(1)].iter().product();
                Mat::of_bf16(x.as_slice(), rows, cols)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn rounded_operands_hold_the_nearest_numbers_and_full_ones_all() {
        let x = testing::random(&[3, 2, CHUNK / 4 + 1], 1);
        let context = Context::detect();
        for (precision, map) in
            [(Precision::F32, (|x| x) as fn(f32) -> f32), (Precision::Bf16, round_to_bf16)]
        {
            let kept = Operand::keep(context.with_precision(precision), &x);
            assert_eq!(kept.shape(), x.shape());
            let (matrix, cols) = (kept.matrix(), x.last_dim());
            assert_eq!((matrix.rows(), matrix.cols()), (6, cols));
            for (i, &x) in x.as_slice().iter().enumerate() {
                assert_eq!(matrix.at(i / cols, i % cols), map(x));
            }
        }
    }

    #[test]
    fn an_odd_count_is_widened_to_what_it_was() {
        let x = testing::random(&[2 * 35 + 1], 2).map(round_to_bf16);
        let mut rounded = Rounded::scratch(x.len());
        round_into(rounded.as_mut_slice(), x.as_slice());
        let mut again = vec![0.0; x.len()];
        widen_into(&mut again, rounded.as_slice());
        assert_eq!(again, x.as_slice());
    }
}
