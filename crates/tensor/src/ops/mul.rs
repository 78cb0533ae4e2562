//! The elementwise product of two tensors, y = a ∘ b, hence da = dy ∘ b and db = dy ∘ a.

use super::elementwise::{assert_same_shape, elementwise, zip};
use crate::{Op, Tensor, Var};

impl<'t> Var<'t> {
    /// Returns the elementwise product of two tensors of the same shape.
    #[track_caller]
    pub fn mul(&self, other: &Var<'t>) -> Var<'t> {
        assert_same_shape("mul", self, other);
        let op = Op::new("mul", &[self, other]);
        let (context, a, b) = (self.context(), self.value().clone(), other.value().clone());
        let y = elementwise!(zip(context, [&a, &b], op.scratch(a.shape()); |a, b| a * b));
        op.record(y, move |dy, grads| {
            for (input, other) in [(0, &b), (1, &a)] {
                if grads.wants(input) {
                    let dx = Tensor::scratch(dy.shape());
                    let dx = elementwise!(zip(context, [&dy, other], dx; |dy, other| dy * other));
                    grads.give(input, dx);
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::tests::gradcheck;
    use crate::testing;

    #[test]
    fn gradients() {
        for shape in [&[3, 5][..], &[1], &[20_000]] {
            let inputs = [testing::random(shape, 1), testing::random(shape, 2)];
            gradcheck(&inputs, |_, v| v[0].mul(&v[1]));
        }
    }
}
