//! A linear layer with 8-bit weights, for reading prompts. Input is rounded to 8 bits likewise, and
//! sums have the order of generation ([`decode`](crate::decode)).

use crate::gemm::gemm_int8;
use crate::matrix::int8::Int8Matrix;
use crate::{Tensor, Var};

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
            panic!("linear_int8: x is a scalar, expected (…, {})", w.inputs());
        };
        assert_eq!(inputs, w.inputs(), "linear_int8: {:?} by {} inputs", x.shape(), w.inputs());
        let shape = [leading, &[w.outputs()]].concat();
        let y = Tensor::build(&shape, |y| gemm_int8(context, x.as_slice(), w, y));
        self.tape().constant(y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::assert_close;
    use crate::{Context, Tape, testing};

    #[test]
    fn nearly_agrees_with_the_exact_product() {
        let weight = testing::random(&[70, 100], 1);
        let quantized = Int8Matrix::quantize(Context::detect(), &weight).unwrap();
        for rows in [1, 3, 9] {
            let tape = Tape::inference(Context::detect());
            let x = tape.constant(testing::random(&[rows, 100], 2));
            let y = x.linear_int8(&quantized).into_value();
            let exact = x.linear(&tape.constant(weight.clone())).into_value();
            assert_close("exact", y.as_slice(), exact.as_slice(), 1e-2);
        }
    }

    #[test]
    #[should_panic(expected = "linear_int8: x is a scalar, expected (…, 1)")]
    fn a_scalar_input_is_a_bug_that_is_named() {
        let context = Context::detect();
        let weight = Int8Matrix::quantize(context, &Tensor::zeros(&[2, 1])).unwrap();
        Tape::inference(context).constant(Tensor::scalar(1.0)).linear_int8(&weight);
    }
}
