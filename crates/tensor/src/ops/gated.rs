//! What the gated units share, y = a(gate) ∘ up with an activation a, hence dgate = dy ∘ up ∘
//! a′(gate) and dup = dy ∘ a(gate), both gradients in one pass. (Shazeer, arXiv:2002.05202) In bf16
//! precision the output is rounded.

use super::elementwise::{assert_same_shape, zip, zip3_to_2};
use crate::{Op, Var};

/// `a` is the activation and `da` its derivative; `gate`, `up` and the output have the same shape.
#[track_caller]
pub(crate) fn gated<'t>(
    name: &'static str,
    gate: &Var<'t>,
    up: &Var<'t>,
    a: impl Fn(f32) -> f32 + Copy + Sync + 'static,
    da: impl Fn(f32) -> f32 + Copy + Sync + 'static,
) -> Var<'t> {
    assert_same_shape(name, gate, up);
    let op = Op::new(name, &[gate, up]).takes_rounded_gradients();
    let context = gate.context();
    let [gate, up] = [gate, up].map(|x| x.value().clone());
    let y = zip(context, [&gate, &up], context.operands(), |gate, up| a(gate) * up);
    op.record(y, move |dy, grads| {
        let dtype = grads.dtype(2);
        let [dgate, dup] = zip3_to_2(context, [&dy, &gate, &up], dtype, |dy, gate, up| {
            (dy * up * da(gate), dy * a(gate))
        });
        grads.give(0, dgate);
        grads.give(1, dup);
    })
}
