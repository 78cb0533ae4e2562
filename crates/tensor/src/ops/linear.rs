//! A linear layer without bias, y = x·wᵀ, hence dx = dy·w and dw = dyᵀ·x.
//!
//! The weight is stored (out, in) as in PyTorch and Hugging Face; the product reads it transposed without
//! moving it.

use crate::kernels::gemm::{Mat, MatMut, gemm};
use crate::{Op, Tensor, Var};

impl<'t> Var<'t> {
    /// `self` (…, in), `w` (out, in) → (…, out).
    #[track_caller]
    pub fn linear(&self, w: &Var<'t>) -> Var<'t> {
        let &[outputs, inputs] = w.shape() else {
            panic!("linear: the weight has shape {:?}, expected (out, in)", w.shape());
        };
        let (context, x, w_value) = (self.context(), self.value().clone(), w.value().clone());
        assert_eq!(x.last_dim(), inputs, "linear: {:?} by weight {:?}", x.shape(), w.shape());
        let rows = x.rows();
        let flops = 2.0 * (rows * inputs * outputs) as f64;
        let op = Op::new("linear", &[self, w]).flops(flops, 2.0 * flops);
        let mut shape = x.shape().to_vec();
        *shape.last_mut().expect("x has an axis of inputs") = outputs;
        let y = Tensor::build(&shape, |y| {
            let x = Mat::new(x.as_slice(), rows, inputs);
            let w = Mat::new(w_value.as_slice(), outputs, inputs);
            gemm(context, x, w.t(), MatMut::new(y, rows, outputs), false);
        });
        op.record(y, move |dy, grads| {
            let dy = Mat::new(dy.as_slice(), rows, outputs);
            grads.write(0, x.shape(), |dx, accumulate| {
                let w = Mat::new(w_value.as_slice(), outputs, inputs);
                gemm(context, dy, w, MatMut::new(dx, rows, inputs), accumulate);
            });
            grads.write(1, w_value.shape(), |dw, accumulate| {
                let x = Mat::new(x.as_slice(), rows, inputs);
                gemm(context, dy.t(), x, MatMut::new(dw, outputs, inputs), accumulate);
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[test]
    fn gradients() {
        for (x, w) in
            [(&[3, 5][..], [4, 5]), (&[2, 3, 7], [6, 7]), (&[1, 1], [1, 1]), (&[5], [3, 5])]
        {
            let inputs = [testing::random(x, 1), testing::random(&w, 2)];
            testing::gradcheck(&inputs, |_, v| v[0].linear(&v[1]));
        }
    }

    #[test]
    fn a_shared_input_sums_its_gradients() {
        let inputs = [testing::random(&[3, 5], 1), testing::random(&[5, 5], 2)];
        testing::gradcheck(&inputs, |_, v| v[0].linear(&v[1]).add(&v[0].linear(&v[1])));
    }
}
