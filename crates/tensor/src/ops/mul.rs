//! The elementwise product of two tensors, y = a ∘ b, hence da = dy ∘ b and db = dy ∘ a.

use super::elementwise::{assert_same_shape, zip};
use crate::{DType, Op, Var};

impl<'t> Var<'t> {
    /// The elementwise product of two tensors of the same shape.
    #[track_caller]
    pub fn mul(&self, other: &Var<'t>) -> Var<'t> {
        assert_same_shape("mul", self, other);
        let op = Op::new("mul", &[self, other]);
        let (context, a, b) = (self.context(), self.value().clone(), other.value().clone());
        let y = zip(context, [&a, &b], DType::F32, |a, b| a * b);
        op.record(y, move |dy, grads| {
            if grads.wants(0) {
                grads.give(0, zip(context, [&dy, &b], DType::F32, |dy, b| dy * b));
            }
            if grads.wants(1) {
                grads.give(1, zip(context, [&dy, &a], DType::F32, |dy, a| dy * a));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[test]
    fn gradients() {
        for shape in [&[3, 5][..], &[1], &[20_000]] {
            let inputs = [testing::random(shape, 1), testing::random(shape, 2)];
            testing::gradcheck(&inputs, |_, v| v[0].mul(&v[1]));
        }
    }
}
