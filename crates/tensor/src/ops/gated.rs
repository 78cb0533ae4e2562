//! The gated units, y = a(gate) ∘ up with an activation a, hence dgate = dy ∘ up ∘ a′(gate) and
//! dup = dy ∘ a(gate), both gradients in one pass. (Shazeer, arXiv:2002.05202)

use super::elementwise::{assert_same_shape, elementwise, zip, zip3_to_2};
use crate::{Op, Role, Var};

/// Records the gated unit with activation `a`, whose derivative is `da`; `gate`, `up` and the
/// output have the same shape. To be called by [`elementwise!`].
#[track_caller]
pub(crate) fn gated<'t>(
    name: &'static str,
    gate: &Var<'t>,
    up: &Var<'t>,
    a: impl Fn(f32) -> f32 + Copy + Sync + 'static,
    da: impl Fn(f32) -> f32 + Copy + Sync + 'static,
) -> Var<'t> {
    assert_same_shape(name, gate, up);
    let op = Op::new(name, &[gate, up]).output(Role::Operand).gradient(Role::Operand);
    let context = gate.context();
    let [gate, up] = [gate, up].map(|x| x.value().clone());
    let y = op.scratch(gate.shape());
    let y = elementwise!(zip(context, [&gate, &up], y; |gate, up| a(gate) * up));
    op.record(y, move |dy, grads| {
        let [dgate, dup] = elementwise!(zip3_to_2(
            context, [&dy, &gate, &up], grads.scratch([0, 1], dy.shape());
            |dy, gate, up| (dy * up * da(gate), dy * a(gate))
        ));
        grads.give(0, dgate);
        grads.give(1, dup);
    })
}
