//! The sum of two tensors, y = a + b, hence da = db = dy.

use super::elementwise::{assert_same_shape, elementwise, zip};
use crate::{Op, Var};

impl<'t> Var<'t> {
    /// Returns the sum of two tensors of the same shape.
    #[track_caller]
    pub fn add(&self, other: &Var<'t>) -> Var<'t> {
        assert_same_shape("add", self, other);
        let op = Op::new("add", &[self, other]).passes_gradient_on();
        let y = op.scratch(self.shape());
        let y = elementwise!(zip(self.context(), [self.value(), other.value()], y; |a, b| a + b));
        op.record(y, |dy, grads| {
            grads.give(0, dy.clone());
            grads.give(1, dy);
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::tests::gradcheck;
    use crate::{Context, Tape, Tensor, testing};

    #[test]
    fn gradients() {
        for shape in [&[3, 5][..], &[1], &[20_000]] {
            let inputs = [testing::random(shape, 1), testing::random(shape, 2)];
            gradcheck(&inputs, |_, v| v[0].add(&v[1]));
        }
    }

    #[test]
    #[should_panic(expected = "add: the shapes of the operands differ")]
    fn different_shapes_are_a_bug_that_is_named() {
        let tape = Tape::new(Context::detect());
        tape.leaf(Tensor::zeros(&[2])).add(&tape.leaf(Tensor::zeros(&[3])));
    }
}
