//! Loops that elementwise operations share: chunks in parallel, each chunk vectorised and computed
//! in `f32` whatever type the elements have; and the operations of one input.
//!
//! All closures around the innermost loops are `#[inline(always)]`, which [`elementwise!`] writes.
//! Without that the compiler may leave a long function such as GELU out of line, where it is
//! compiled for no instruction set and takes three times as long.

use crate::matrix::element::{compute, with_element_type};
use crate::{Context, Op, Role, Tensor, Var, vectorize};
use rayon::prelude::*;
use std::ops::Range;

/// Calls a function of this file, or another that hands its closures on to one, with closures that
/// are always inlined: `elementwise!(zip(context, [a, b], y; |a, b| a + b))`. Functions that they
/// call have to be `#[inline(always)]` as well.
macro_rules! elementwise {
    ($function:ident($($argument:expr),*; $(|$($x:ident),*| $y:expr),*)) => {
        $function($($argument,)* $(#[inline(always)] move |$($x),*| $y),*)
    };
}
pub(crate) use elementwise;

/// Elements per task: long enough to pay for the task, short enough to spread over threads.
const CHUNK: usize = 1 << 14;

/// Elements that are widened to `f32` and rounded again at a time, in the first-level cache.
const PIECE: usize = 512;

/// Returns the pieces of chunk `index`, which has `len` elements: the range of each in the chunk,
/// and in the tensor.
#[inline(always)]
fn pieces(index: usize, len: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    (0..len).step_by(PIECE).map(
        #[inline(always)]
        move |start| {
            let (end, first) = (len.min(start + PIECE), index * CHUNK);
            (start..end, first + start..first + end)
        },
    )
}

/// Writes f(x) to `y`, element by element, and returns it.
pub(crate) fn map(
    context: Context,
    x: &Tensor,
    mut y: Tensor,
    f: impl Fn(f32) -> f32 + Sync,
) -> Tensor {
    let x = x.data();
    with_element_type!(y, |E| {
        y.elements_mut::<E>().par_chunks_mut(CHUNK).enumerate().for_each(|(index, y)| {
            vectorize!(context.kernels, {
                let [mut x_scratch, mut y_scratch] = [[0.0; PIECE]; 2];
                for (own, all) in pieces(index, y.len()) {
                    let x = x.in_f32(all, &mut x_scratch);
                    compute!(&mut y[own], &mut y_scratch, |y| {
                        for (y, &x) in y.iter_mut().zip(x) {
                            *y = f(x);
                        }
                    });
                }
            });
        });
    });
    y
}

/// Writes f(a, b) to `y`, element by element, and returns it.
pub(crate) fn zip(
    context: Context,
    inputs: [&Tensor; 2],
    mut y: Tensor,
    f: impl Fn(f32, f32) -> f32 + Sync,
) -> Tensor {
    let [a, b] = inputs.map(Tensor::data);
    with_element_type!(y, |E| {
        y.elements_mut::<E>().par_chunks_mut(CHUNK).enumerate().for_each(|(index, y)| {
            vectorize!(context.kernels, {
                let [mut a_scratch, mut b_scratch, mut y_scratch] = [[0.0; PIECE]; 3];
                for (own, all) in pieces(index, y.len()) {
                    let a = a.in_f32(all.clone(), &mut a_scratch);
                    let b = b.in_f32(all, &mut b_scratch);
                    compute!(&mut y[own], &mut y_scratch, |y| {
                        for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
                            *y = f(a, b);
                        }
                    });
                }
            });
        });
    });
    y
}

/// Writes (p, q) = f(a, b, c), element by element, to two tensors of one type, and returns them:
/// the two gradients of a gated activation in one pass.
pub(crate) fn zip3_to_2(
    context: Context,
    inputs: [&Tensor; 3],
    mut outputs: [Tensor; 2],
    f: impl Fn(f32, f32, f32) -> (f32, f32) + Sync,
) -> [Tensor; 2] {
    let [a, b, c] = inputs.map(Tensor::data);
    with_element_type!(outputs[0], |E| {
        let [p, q] = outputs.each_mut().map(|y| y.elements_mut::<E>().par_chunks_mut(CHUNK));
        p.zip(q).enumerate().for_each(|(index, (p, q))| {
            vectorize!(context.kernels, {
                let [mut a_scratch, mut b_scratch, mut c_scratch] = [[0.0; PIECE]; 3];
                let [mut p_scratch, mut q_scratch] = [[0.0; PIECE]; 2];
                for (own, all) in pieces(index, p.len()) {
                    let a = a.in_f32(all.clone(), &mut a_scratch);
                    let b = b.in_f32(all.clone(), &mut b_scratch);
                    let c = c.in_f32(all, &mut c_scratch);
                    let (p, q) = (&mut p[own.clone()], &mut q[own]);
                    compute!(p, &mut p_scratch, |p| {
                        compute!(q, &mut q_scratch, |q| {
                            let outputs = p.iter_mut().zip(q);
                            for ((((p, q), &a), &b), &c) in outputs.zip(a).zip(b).zip(c) {
                                (*p, *q) = f(a, b, c);
                            }
                        });
                    });
                }
            });
        });
    });
    outputs
}

/// Records y = f(x), element by element, with an output for `role`; hence dx = dy·f′(x).
/// To be called by [`elementwise!`].
pub(crate) fn unary<'t>(
    name: &'static str,
    x: &Var<'t>,
    role: Role,
    f: impl Fn(f32) -> f32 + Sync,
    df: impl Fn(f32) -> f32 + Sync + 'static,
) -> Var<'t> {
    let op = Op::new(name, &[x]).output(role).gradient(role);
    let (context, x) = (x.context(), x.value().clone());
    let y = map(context, &x, op.scratch(x.shape()), f);
    op.record(y, move |dy, grads| {
        let [dx] = grads.scratch([0], x.shape());
        grads.give(0, elementwise!(zip(context, [&dy, &x], dx; |dy, x| dy * df(x))));
    })
}

/// Checks that the operands of an operation have one shape.
#[track_caller]
pub(crate) fn assert_same_shape(op: &str, a: &Var<'_>, b: &Var<'_>) {
    assert_eq!(a.shape(), b.shape(), "{op}: the shapes of the operands differ");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tape;

    #[test]
    fn empty_tensors() {
        let tape = Tape::new(Context::detect());
        let x = tape.leaf(Tensor::zeros(&[0, 4]));
        assert_eq!(x.add(&x).mul(&x).shape(), &[0, 4]);
    }
}
