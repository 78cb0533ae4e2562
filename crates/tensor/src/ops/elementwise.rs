//! The loops that elementwise operations share: chunks in parallel, each chunk vectorised and
//! computed in `f32`, whatever the elements' type.

use crate::matrix::element::{self, Element};
use crate::{Context, DType, Tensor, Var, vectorize};
use half::bf16;
use rayon::prelude::*;
use std::ops::Range;

/// Elements a task works on: long enough to pay for the task, short enough to share out.
const CHUNK: usize = 1 << 14;

/// Elements that are read at a time, in the first-level cache.
const PIECE: usize = 512;

/// Calls a function whose type argument is that of the elements to write.
macro_rules! with_element {
    ($dtype:expr, $function:ident($($argument:expr),*)) => {
        match $dtype {
            DType::F32 => $function::<f32>($($argument),*),
            DType::Bf16 => $function::<bf16>($($argument),*),
        }
    };
}

/// Cuts chunk `index` of `len` elements into pieces: where each is in the chunk, and in the tensor.
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

/// y = f(x), element by element; y is of elements of the type `dtype`.
pub(crate) fn map(
    context: Context,
    x: &Tensor,
    dtype: DType,
    f: impl Fn(f32) -> f32 + Sync,
) -> Tensor {
    with_element!(dtype, map_to(context, x, f))
}

fn map_to<E: Element>(context: Context, x: &Tensor, f: impl Fn(f32) -> f32 + Sync) -> Tensor {
    let mut y = Tensor::scratch_of(E::DTYPE, x.shape());
    let x = x.data();
    y.elements_mut::<E>().par_chunks_mut(CHUNK).enumerate().for_each(|(index, y)| {
        vectorize!(context.kernels, {
            let [mut x_room, mut y_room] = [[0.0; PIECE]; 2];
            for (own, all) in pieces(index, y.len()) {
                let x = x.in_f32(all, &mut x_room);
                element::compute(&mut y[own], &mut y_room, |y| {
                    for (y, &x) in y.iter_mut().zip(x) {
                        *y = f(x);
                    }
                });
            }
        });
    });
    y
}

/// y = f(a, b), element by element; y is of elements of the type `dtype`.
pub(crate) fn zip(
    context: Context,
    inputs: [&Tensor; 2],
    dtype: DType,
    f: impl Fn(f32, f32) -> f32 + Sync,
) -> Tensor {
    with_element!(dtype, zip_to(context, inputs, f))
}

fn zip_to<E: Element>(
    context: Context,
    inputs: [&Tensor; 2],
    f: impl Fn(f32, f32) -> f32 + Sync,
) -> Tensor {
    let mut y = Tensor::scratch_of(E::DTYPE, inputs[0].shape());
    let [a, b] = inputs.map(Tensor::data);
    y.elements_mut::<E>().par_chunks_mut(CHUNK).enumerate().for_each(|(index, y)| {
        vectorize!(context.kernels, {
            let [mut a_room, mut b_room, mut y_room] = [[0.0; PIECE]; 3];
            for (own, all) in pieces(index, y.len()) {
                let a = a.in_f32(all.clone(), &mut a_room);
                let b = b.in_f32(all, &mut b_room);
                element::compute(&mut y[own], &mut y_room, |y| {
                    for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
                        *y = f(a, b);
                    }
                });
            }
        });
    });
    y
}

/// (p, q) = f(a, b, c), element by element: the two gradients of a gated activation in one pass, of
/// elements of the type `dtype`.
pub(crate) fn zip3_to_2(
    context: Context,
    inputs: [&Tensor; 3],
    dtype: DType,
    f: impl Fn(f32, f32, f32) -> (f32, f32) + Sync,
) -> [Tensor; 2] {
    with_element!(dtype, zip3_to_2_of(context, inputs, f))
}

fn zip3_to_2_of<E: Element>(
    context: Context,
    inputs: [&Tensor; 3],
    f: impl Fn(f32, f32, f32) -> (f32, f32) + Sync,
) -> [Tensor; 2] {
    let mut outputs = [(); 2].map(|()| Tensor::scratch_of(E::DTYPE, inputs[0].shape()));
    let [p, q] = outputs.each_mut().map(|x| x.elements_mut::<E>().par_chunks_mut(CHUNK));
    let [a, b, c] = inputs.map(Tensor::data);
    p.zip(q).enumerate().for_each(|(index, (p, q))| {
        vectorize!(context.kernels, {
            let [mut a_room, mut b_room, mut c_room] = [[0.0; PIECE]; 3];
            let [mut p_room, mut q_room] = [[0.0; PIECE]; 2];
            for (own, all) in pieces(index, p.len()) {
                let a = a.in_f32(all.clone(), &mut a_room);
                let b = b.in_f32(all.clone(), &mut b_room);
                let c = c.in_f32(all, &mut c_room);
                let (p, q) = (&mut p[own.clone()], &mut q[own]);
                element::compute(p, &mut p_room, |p| {
                    element::compute(q, &mut q_room, |q| {
                        let outputs = p.iter_mut().zip(q);
                        for ((((p, q), &a), &b), &c) in outputs.zip(a).zip(b).zip(c) {
                            (*p, *q) = f(a, b, c);
                        }
                    });
                });
            }
        });
    });
    outputs
}

/// x ← x + y.
pub(crate) fn add_into(context: Context, x: &mut [f32], y: &[f32]) {
    x.par_chunks_mut(CHUNK).zip(y.par_chunks(CHUNK)).for_each(|(x, y)| {
        vectorize!(context.kernels, {
            for (x, &y) in x.iter_mut().zip(y) {
                *x += y;
            }
        });
    });
}

/// x scaled by `factor`; the buffer is reused where it can be.
pub(crate) fn scaled(mut x: Tensor, factor: f32) -> Tensor {
    if factor != 1.0 {
        x.as_mut_slice()
            .par_chunks_mut(CHUNK)
            .for_each(|x| x.iter_mut().for_each(|x| *x *= factor));
    }
    x
}

#[track_caller]
pub(crate) fn assert_same_shape(op: &str, a: &Var<'_>, b: &Var<'_>) {
    assert_eq!(a.shape(), b.shape(), "{op}: the shapes of the operands differ");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tape, isa, testing};

    #[test]
    fn empty_tensors() {
        let tape = Tape::new(Context::detect());
        let x = tape.leaf(Tensor::zeros(&[0, 4]));
        assert_eq!(x.add(&x).mul(&x).shape(), &[0, 4]);
    }

    #[test]
    fn sums_in_place_on_every_table() {
        for len in [1, CHUNK + 7] {
            let (x, y) = (testing::random(&[len], 1), testing::random(&[len], 2));
            for table in isa::available() {
                let mut sum = x.clone();
                sum.add_assign(Context::detect().with_kernels(table), &y);
                let mut terms = sum.as_slice().iter().zip(x.as_slice()).zip(y.as_slice());
                assert!(terms.all(|((sum, x), y)| *sum == x + y));
            }
        }
    }
}
