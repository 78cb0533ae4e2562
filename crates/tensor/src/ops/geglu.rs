//! GEGLU, y = gelu(gate) ∘ up, hence dgate = dy ∘ up ∘ gelu′(gate) and dup = dy ∘ gelu(gate).
//! (Shazeer, arXiv:2002.05202)

use super::elementwise::{assert_same_shape, zip, zip3_to_2};
use super::gelu::{gelu, gelu_derivative};
use crate::Var;

impl<'t> Var<'t> {
    /// `self` is the gate; `up` and the output have its shape.
    #[track_caller]
    pub fn geglu(&self, up: &Var<'t>) -> Var<'t> {
        assert_same_shape("geglu", self, up);
        let (context, gate, up_value) = (self.context(), self.value().clone(), up.value().clone());
        let y = zip(context, &gate, &up_value, |gate, up| gelu(gate) * up);
        Var::record(&[self, up], y, move |dy, grads| {
            let (dgate, dup) = zip3_to_2(context, [&dy, &gate, &up_value], |dy, gate, up| {
                (dy * up * gelu_derivative(gate), dy * gelu(gate))
            });
            grads.give(0, dgate);
            grads.give(1, dup);
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[test]
    fn gradients() {
        let inputs = [testing::random(&[3, 5], 1), testing::random(&[3, 5], 2)];
        testing::gradcheck(&inputs, |_, v| v[0].geglu(&v[1]));
    }
}
