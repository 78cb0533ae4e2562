//! A change of shape that keeps the elements and their order; the gradient is reshaped back.

use crate::{Op, Var};

impl<'t> Var<'t> {
    /// Returns the elements in another shape of the same size; both share the buffer.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Var<'t> {
        let op = Op::new("reshape", &[self]).passes_gradient_on();
        let from = self.shape().to_vec();
        let y = self.value().reshape(shape);
        op.record(y, move |dy, grads| grads.give(0, dy.reshape(&from)))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::tests::gradcheck;
    use crate::testing;

    #[test]
    fn gradients() {
        gradcheck(&[testing::random(&[3, 4], 1)], |_, v| v[0].reshape(&[2, 6]));
    }
}
