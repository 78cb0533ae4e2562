//! The sum of all elements, y = Σ x, hence dx = dy everywhere. Summed in `f64`, in order.

use crate::{Op, Tensor, Var};

impl<'t> Var<'t> {
    /// Returns the sum of all elements of a tensor of any shape, a scalar.
    pub fn sum(&self) -> Var<'t> {
        let op = Op::new("sum", &[self]);
        let shape = self.shape().to_vec();
        let sum: f64 = self.value().to_f32().as_slice().iter().map(|&x| f64::from(x)).sum();
        op.record(Tensor::scalar(sum as f32), move |dy, grads| {
            grads.give(0, Tensor::full(&shape, dy.item()));
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::tests::gradcheck;
    use crate::testing;

    #[test]
    fn gradients() {
        gradcheck(&[testing::random(&[3, 5], 1)], |_, v| v[0].sum());
    }
}
