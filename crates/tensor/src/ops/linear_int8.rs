//! A linear layer with 8-bit weights, for inference: w_oi ≈ s_o·q_oi with q in −127 … 127 and one
//! scale per row, s_o = max_i |w_oi| / 127: symmetric "absmax" rounding (Dettmers et al.,
//! arXiv:2208.07339, section 2.1). Inputs and sums stay `f32`. This is a quarter of the memory
//! traffic, which bounds generation, where each token reads all weights.
//!
//! A weight is off by half a step at most, |w_oi − s_o·q_oi| ≤ s_o/2 = max_i |w_oi| / 254, and so
//! an output by |Σ_i x_i·(w_oi − s_o·q_oi)| ≤ ‖x‖₁·s_o/2.

use crate::gemm::{Beta, MatMut, Threads, gemm};
use crate::{Precision, Tensor, Var, simd, vectorize};
use rayon::prelude::*;

/// The most rows of input for which the weights are read as they are; for more, it is faster to
/// widen them to `f32` and multiply matrices.
const FEW_ROWS: usize = 4;
/// Outputs per task.
const OUTPUTS: usize = 64;

/// A weight (out, in), rounded to 8 bits per element and one scale per row.
#[derive(Clone, Debug)]
pub struct Int8Matrix {
    inputs: usize,
    /// (out, in)
    quantized: Vec<i8>,
    /// (out)
    scales: Vec<f32>,
}

/// An element that keeps a weight from being rounded to 8 bits, as it makes the scale useless.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("row {row}, column {column} holds {found}, expected a finite number")]
pub struct NotFinite {
    /// The output.
    pub row: usize,
    /// The input.
    pub column: usize,
    /// NaN or ±∞.
    pub found: f32,
}

impl Int8Matrix {
    /// Rounds a weight (out, in) to the nearest multiples of each row's scale.
    ///
    /// # Errors
    /// If an element is not finite.
    ///
    /// # Panics
    /// If the weight is no matrix.
    #[track_caller]
    pub fn quantize(weight: &Tensor) -> Result<Self, NotFinite> {
        let &[_, inputs] = weight.shape() else {
            panic!("Int8Matrix: shape {:?}, expected (out, in)", weight.shape());
        };
        if let Some(index) = weight.as_slice().iter().position(|w| !w.is_finite()) {
            let (row, column, found) = (index / inputs, index % inputs, weight.as_slice()[index]);
            return Err(NotFinite { row, column, found });
        }
        let rows = weight.as_slice().chunks_exact(inputs.max(1));
        let scales: Vec<f32> = rows
            .clone()
            .map(|row| row.iter().fold(0.0f32, |m, w| m.max(w.abs())) / 127.0)
            .collect();
        let quantized = rows
            .zip(&scales)
            .flat_map(|(row, &scale)| {
                // A row of zeros has the scale 0.
                let step = if scale > 0.0 { scale } else { 1.0 };
                row.iter().map(move |w| (w / step).round() as i8)
            })
            .collect();
        Ok(Self { inputs, quantized, scales })
    }

    /// Returns the number of outputs.
    pub fn outputs(&self) -> usize {
        self.scales.len()
    }

    /// Returns the rounded weight in `f32`, (out, in).
    pub fn dequantize(&self) -> Tensor {
        let width = self.inputs.max(1);
        Tensor::build(&[self.outputs(), self.inputs], |w| {
            let rows = self.quantized.par_chunks(width).zip(&self.scales);
            w.par_chunks_mut(width).zip(rows).for_each(|(w, (q, scale))| {
                w.iter_mut().zip(q).for_each(|(w, &q)| *w = f32::from(q) * scale);
            });
        })
    }

    /// Returns ⟨x, row o of the weight⟩.
    #[inline(always)]
    fn dot(&self, o: usize, x: &[f32]) -> f32 {
        let q = &self.quantized[o * self.inputs..][..self.inputs];
        simd::dot_map(x, q, f32::from) * self.scales[o]
    }
}

impl<'t> Var<'t> {
    /// Returns `self` (…, in) by `w` (out, in), (…, out). Inference only.
    ///
    /// # Panics
    /// If the shapes do not fit, or a gradient is wanted.
    #[track_caller]
    pub fn linear_int8(&self, w: &Int8Matrix) -> Var<'t> {
        assert!(!self.needs_grad(), "linear_int8: rounded weights have no gradient");
        let (context, x) = (self.context(), self.value().to_f32());
        let Some((&inputs, leading)) = x.shape().split_last() else {
            panic!("linear_int8: x is a scalar, expected (…, {})", w.inputs);
        };
        assert_eq!(inputs, w.inputs, "linear_int8: {:?} by {} inputs", x.shape(), w.inputs);
        let (rows, outputs) = (x.rows(), w.outputs());
        let shape = [leading, &[outputs]].concat();
        let y = Tensor::build(&shape, |y| {
            if rows > FEW_ROWS {
                let (w, context) = (w.dequantize(), context.with_precision(Precision::F32));
                let y = MatMut::new(y, rows, outputs);
                return gemm(context, x.matrix(), w.matrix().t(), y, Beta::Zero, Threads::All);
            }
            let rows = x.as_slice().chunks_exact(w.inputs.max(1));
            for (y, x) in y.chunks_exact_mut(outputs.max(1)).zip(rows) {
                y.par_chunks_mut(OUTPUTS).enumerate().for_each(|(chunk, y)| {
                    vectorize!(context.kernels, {
                        for (i, y) in y.iter_mut().enumerate() {
                            *y = w.dot(chunk * OUTPUTS + i, x);
                        }
                    });
                });
            }
        });
        self.tape().constant(y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::assert_close;
    use crate::{Context, Tape, testing};

    #[test]
    fn agrees_with_the_dequantized_product_and_nearly_with_the_exact_one() {
        let weight = testing::random(&[70, 100], 1);
        let quantized = Int8Matrix::quantize(&weight).unwrap();
        for rows in [1, 3, 9] {
            let tape = Tape::inference(Context::detect());
            let x = tape.constant(testing::random(&[rows, 100], 2));
            let y = x.linear_int8(&quantized).into_value();
            let dense = x.linear(&tape.constant(quantized.dequantize())).into_value();
            let exact = x.linear(&tape.constant(weight.clone())).into_value();
            assert_close("dequantized", y.as_slice(), dense.as_slice(), 1e-5);
            assert_close("exact", y.as_slice(), exact.as_slice(), 1e-2);
        }
    }

    #[test]
    fn a_row_of_zeros_stays_zero() {
        let quantized = Int8Matrix::quantize(&Tensor::zeros(&[2, 3])).unwrap();
        assert_eq!(quantized.dequantize().as_slice(), &[0.0; 6]);
    }

    #[test]
    fn no_weight_is_off_by_more_than_half_a_step() {
        // The second row is so small that 1/s is infinite.
        let weight = testing::random(&[2, 300], 4);
        let mut weight = weight.map(|w| w * 3.0);
        weight.as_mut_slice()[300..].iter_mut().for_each(|w| *w *= 1e-38);
        let rounded = Int8Matrix::quantize(&weight).unwrap().dequantize();
        for (w, r) in weight.as_slice().chunks(300).zip(rounded.as_slice().chunks(300)) {
            let largest = w.iter().fold(0.0f32, |max, w| max.max(w.abs()));
            for (w, r) in w.iter().zip(r) {
                assert!((w - r).abs() <= largest * (1.001 / 254.0), "{w} {r} {largest}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_refused_with_its_place() {
        for found in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let weight = Tensor::from_slice(&[2, 2], &[1.0, 2.0, 3.0, found]);
            let error = Int8Matrix::quantize(&weight).unwrap_err();
            assert_eq!((error.row, error.column), (1, 1), "{error}");
        }
        let weight = Tensor::from_slice(&[1, 2], &[f32::INFINITY, 1.0]);
        let message = Int8Matrix::quantize(&weight).unwrap_err().to_string();
        assert_eq!(message, "row 0, column 0 holds inf, expected a finite number");
    }

    #[test]
    #[should_panic(expected = "linear_int8: x is a scalar, expected (…, 1)")]
    fn a_scalar_input_is_a_bug_that_is_named() {
        let weight = Int8Matrix::quantize(&Tensor::zeros(&[2, 1])).unwrap();
        Tape::inference(Context::detect()).constant(Tensor::scalar(1.0)).linear_int8(&weight);
    }
}
