//! A linear layer with 8-bit weights, for inference: w_oi ≈ s_o·q_oi with q in −127 … 127 and one scale a
//! row, s_o = max_i |w_oi| / 127. Inputs and sums stay `f32`. A quarter of the memory traffic, which is what
//! generation a token at a time waits for.

use crate::kernels::gemm::{Mat, MatMut, gemm};
use crate::kernels::lanes;
use crate::{Tensor, Var};
use rayon::prelude::*;

/// Rows of input up to which the weights are read as they are; with more, one pass makes them `f32`
/// and the matrix product is faster.
const FEW_ROWS: usize = 4;
/// Outputs that one task computes.
const OUTPUTS: usize = 64;

/// A weight (out, in), rounded to 8 bits a number and a scale a row.
#[derive(Clone, Debug)]
pub struct Int8Matrix {
    inputs: usize,
    /// (out, in)
    quantized: Vec<i8>,
    /// (out)
    scales: Vec<f32>,
}

impl Int8Matrix {
    /// Rounds a weight (out, in) to the nearest.
    #[track_caller]
    pub fn quantize(weight: &Tensor) -> Self {
        let &[_, inputs] = weight.shape() else {
            panic!("Int8Matrix: shape {:?}, expected (out, in)", weight.shape());
        };
        let rows = weight.as_slice().chunks_exact(inputs.max(1));
        let scales: Vec<f32> = rows
            .clone()
            .map(|row| row.iter().fold(0.0f32, |m, w| m.max(w.abs())) / 127.0)
            .collect();
        let quantized = rows
            .zip(&scales)
            .flat_map(|(row, &scale)| {
                let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
                row.iter().map(move |w| (w * inverse).round() as i8)
            })
            .collect();
        Self { inputs, quantized, scales }
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.scales.len()
    }

    /// The weight in `f32` again, (out, in).
    pub fn dequantize(&self) -> Tensor {
        let width = self.inputs.max(1);
        Tensor::build(&[self.outputs(), self.inputs], |w| {
            let rows = self.quantized.par_chunks(width).zip(&self.scales);
            w.par_chunks_mut(width).zip(rows).for_each(|(w, (q, scale))| {
                w.iter_mut().zip(q).for_each(|(w, &q)| *w = f32::from(q) * scale);
            });
        })
    }

    /// ⟨x, row o of the weight⟩.
    #[inline(always)]
    fn dot(&self, o: usize, x: &[f32]) -> f32 {
        let q = &self.quantized[o * self.inputs..][..self.inputs];
        lanes::dot_map(x, q, f32::from) * self.scales[o]
    }
}

impl<'t> Var<'t> {
    /// `self` (…, in) by `w` (out, in) → (…, out). Inference only.
    #[track_caller]
    pub fn linear_int8(&self, w: &Int8Matrix) -> Var<'t> {
        assert!(!self.needs_grad(), "linear_int8: rounded weights have no gradient");
        let (context, x) = (self.context(), self.value());
        assert_eq!(x.last_dim(), w.inputs, "linear_int8: {:?} by {} inputs", x.shape(), w.inputs);
        let (rows, outputs) = (x.rows(), w.outputs());
        let mut shape = x.shape().to_vec();
        *shape.last_mut().expect("x has an axis of inputs") = outputs;
        let y = Tensor::build(&shape, |y| {
            if rows > FEW_ROWS {
                let dense = w.dequantize();
                let x = Mat::new(x.as_slice(), rows, w.inputs);
                let dense = Mat::new(dense.as_slice(), outputs, w.inputs);
                return gemm(context, x, dense.t(), MatMut::new(y, rows, outputs), false);
            }
            let rows = x.as_slice().chunks_exact(w.inputs.max(1));
            for (y, x) in y.chunks_exact_mut(outputs.max(1)).zip(rows) {
                y.par_chunks_mut(OUTPUTS).enumerate().for_each(|(chunk, y)| {
                    context.kernels.vectorize(
                        #[inline(always)]
                        || {
                            for (i, y) in y.iter_mut().enumerate() {
                                *y = w.dot(chunk * OUTPUTS + i, x);
                            }
                        },
                    );
                });
            }
        });
        self.tape().constant(y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Tape, testing};

    #[test]
    fn agrees_with_the_dequantized_product_and_nearly_with_the_exact_one() {
        let weight = testing::random(&[70, 100], 1);
        let quantized = Int8Matrix::quantize(&weight);
        for rows in [1, 3, 9] {
            let tape = Tape::inference(Context::detect());
            let x = tape.constant(testing::random(&[rows, 100], 2));
            let y = x.linear_int8(&quantized).into_value();
            let dense = x.linear(&tape.constant(quantized.dequantize())).into_value();
            let exact = x.linear(&tape.constant(weight.clone())).into_value();
            testing::assert_close("dequantized", y.as_slice(), dense.as_slice(), 1e-5);
            testing::assert_close("exact", y.as_slice(), exact.as_slice(), 1e-2);
        }
    }

    #[test]
    fn a_row_of_zeros_stays_zero() {
        let quantized = Int8Matrix::quantize(&Tensor::zeros(&[2, 3]));
        assert_eq!(quantized.dequantize().as_slice(), &[0.0; 6]);
    }
}
