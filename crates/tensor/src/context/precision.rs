//! The policy that decides where bf16 is stored, for the outputs of all operations and for their
//! gradients.
//!
//! Every operation computes in `f32`. It states once what its output is for, by a [`Role`], and
//! likewise for the gradient that it reads; here it is decided how either is stored:
//!
//! | role | in `f32` precision | in bf16 precision |
//! |---|---|---|
//! | [`Role::Residual`] | `f32` | `f32` |
//! | [`Role::Operand`] | `f32` | bf16 |
//!
//! In bf16 precision matrix products round their operands anyway. What only products read keeps
//! its bits if it is rounded as it is written, and takes half the memory and half the bandwidth:
//! the outputs of norms before linear layers, of activations and of attention, and most gradients.
//! Linear layers whose outputs stay within a block round these and their gradients as well; there
//! a number that is read in `f32` has lost digits, as under PyTorch's autocast. The residual
//! stream, logits, losses, gradients of weights and all sums are `f32`, as mixed precision needs
//! them (Micikevicius et al., arXiv:1710.03740; with bfloat16: Kalamkar et al., arXiv:1905.12322).

use crate::gemm::gemm_sharing_a;
use crate::gemm::rounded::gemm_rounded;
use crate::matrix::Mat;
use crate::matrix::element::{DType, round_in_place};
use crate::{Context, Tensor};
use half::bf16;

/// The use of an operation's output, or of the gradient in it, which decides how it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Values that are added up or read in full: the residual stream, logits, losses.
    Residual,
    /// Operands of matrix products, and values that stay within a block.
    Operand,
}

impl Role {
    /// Returns `true` if values of this role are rounded when they are stored.
    pub(crate) fn is_rounded(self, context: Context) -> bool {
        self == Self::Operand && context.rounds_operands()
    }

    /// Returns the role of tensors that have one type because one pass writes them all.
    pub(crate) fn shared_by(roles: &[Role]) -> Role {
        let all_operands = roles.iter().all(|&role| role == Role::Operand);
        if all_operands { Role::Operand } else { Role::Residual }
    }

    /// Returns a tensor with arbitrary contents, to be overwritten.
    pub(crate) fn scratch(self, context: Context, shape: &[usize]) -> Tensor {
        let dtype = if self.is_rounded(context) { DType::Bf16 } else { DType::F32 };
        Tensor::scratch_of(dtype, shape)
    }

    /// Returns the same values as they are stored in this role.
    pub(crate) fn store(self, context: Context, x: &Tensor) -> Tensor {
        if self.is_rounded(context) { x.to_bf16(context) } else { x.to_f32() }
    }

    /// Returns a gradient as an operation reads it that expects it in this role. One that comes in
    /// `f32` is not rounded.
    pub(crate) fn read(self, context: Context, dy: Tensor) -> Tensor {
        if self.is_rounded(context) { dy } else { dy.to_f32() }
    }

    /// Stores a row of values where they were computed; [`Role::matrix`] reads such rows.
    #[inline(always)]
    pub(crate) fn store_in_place(self, context: Context, row: &mut [f32]) {
        if self.is_rounded(context) {
            round_in_place(row);
        }
    }

    /// Returns the matrix whose rows [`Role::store_in_place`] has stored, `row_stride` floats
    /// apart.
    #[track_caller]
    pub(crate) fn matrix<'a>(
        self,
        context: Context,
        data: &'a [f32],
        [rows, cols]: [usize; 2],
        row_stride: usize,
    ) -> Mat<'a> {
        if self.is_rounded(context) {
            // A rounded row fills the first half of its floats.
            let data: &[bf16] = bytemuck::cast_slice(data);
            Mat::with_row_stride(data, rows, cols, 2 * row_stride)
        } else {
            Mat::with_row_stride(data, rows, cols, row_stride)
        }
    }
}

/// Writes A·B_j to each tensor C_j, all of one type, as they are stored.
#[track_caller]
pub(crate) fn store_products(context: Context, a: Mat<'_>, b: &[Mat<'_>], c: &mut [Tensor]) {
    let rounded = c.iter().all(|c| c.dtype() == DType::Bf16);
    let c = c.iter_mut();
    match rounded {
        true => gemm_rounded(context, a, b, c.map(Tensor::matrix_mut).collect()),
        false => gemm_sharing_a(context, a, b, c.map(Tensor::matrix_mut).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Precision, testing};

    #[test]
    fn operands_of_products_are_rounded_in_bf16_precision_and_nothing_else_is() {
        for precision in [Precision::F32, Precision::Bf16] {
            let context = Context::detect().with_precision(precision);
            for role in [Role::Residual, Role::Operand] {
                let rounded = (role, precision) == (Role::Operand, Precision::Bf16);
                let dtype = if rounded { DType::Bf16 } else { DType::F32 };
                let x = testing::random(&[3, 40], 1);
                assert_eq!(role.scratch(context, &[3]).dtype(), dtype);
                assert_eq!(role.store(context, &x).dtype(), dtype);
                // A gradient that comes in f32 stays so.
                assert_eq!(role.read(context, x.clone()).dtype(), DType::F32);
                assert_eq!(role.read(context, x.to_bf16(context)).dtype(), dtype);
                let mut rows = x.as_slice().to_vec();
                rows.chunks_exact_mut(40).for_each(|row| role.store_in_place(context, row));
                let (found, expected) =
                    (role.matrix(context, &rows, [3, 40], 40), role.store(context, &x));
                assert_eq!(found.at(2, 39), expected.matrix().at(2, 39));
            }
        }
        assert_eq!(Role::shared_by(&[Role::Operand, Role::Residual]), Role::Residual);
        assert_eq!(Role::shared_by(&[Role::Operand; 3]), Role::Operand);
    }
}
