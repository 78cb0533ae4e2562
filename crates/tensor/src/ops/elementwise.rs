//! The loops that elementwise operations share: chunks in parallel, each chunk vectorised.

use crate::{Context, Tensor, Var};
use rayon::prelude::*;

/// Elements a task works on: long enough to pay for the task, short enough to share out.
const CHUNK: usize = 1 << 14;

/// y = f(x), element by element.
pub(crate) fn map(context: Context, x: &Tensor, f: impl Fn(f32) -> f32 + Sync) -> Tensor {
    Tensor::build(x.shape(), |y| {
        y.par_chunks_mut(CHUNK).zip(x.as_slice().par_chunks(CHUNK)).for_each(|(y, x)| {
            context.kernels.vectorize(
                #[inline(always)]
                || {
                    for (y, &x) in y.iter_mut().zip(x) {
                        *y = f(x);
                    }
                },
            );
        });
    })
}

/// y = f(a, b), element by element.
pub(crate) fn zip(
    context: Context,
    a: &Tensor,
    b: &Tensor,
    f: impl Fn(f32, f32) -> f32 + Sync,
) -> Tensor {
    let (a_data, b_data) = (a.as_slice(), b.as_slice());
    Tensor::build(a.shape(), |y| {
        y.par_chunks_mut(CHUNK)
            .zip(a_data.par_chunks(CHUNK).zip(b_data.par_chunks(CHUNK)))
            .for_each(|(y, (a, b))| {
                context.kernels.vectorize(
                    #[inline(always)]
                    || {
                        for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
                            *y = f(a, b);
                        }
                    },
                );
            });
    })
}

/// (p, q) = f(a, b, c), element by element: the two gradients of a gated activation in one pass.
pub(crate) fn zip3_to_2(
    context: Context,
    [a, b, c]: [&Tensor; 3],
    f: impl Fn(f32, f32, f32) -> (f32, f32) + Sync,
) -> (Tensor, Tensor) {
    let mut q = Tensor::scratch(a.shape());
    let p = Tensor::build(a.shape(), |p| {
        p.par_chunks_mut(CHUNK)
            .zip(q.as_mut_slice().par_chunks_mut(CHUNK))
            .zip(a.as_slice().par_chunks(CHUNK).zip(b.as_slice().par_chunks(CHUNK)))
            .zip(c.as_slice().par_chunks(CHUNK))
            .for_each(|(((p, q), (a, b)), c)| {
                context.kernels.vectorize(
                    #[inline(always)]
                    || {
                        let outputs = p.iter_mut().zip(q.iter_mut());
                        for ((((p, q), &a), &b), &c) in outputs.zip(a).zip(b).zip(c) {
                            (*p, *q) = f(a, b, c);
                        }
                    },
                );
            });
    });
    (p, q)
}

/// x ← x + y.
pub(crate) fn add_into(context: Context, x: &mut [f32], y: &[f32]) {
    x.par_chunks_mut(CHUNK).zip(y.par_chunks(CHUNK)).for_each(|(x, y)| {
        context.kernels.vectorize(
            #[inline(always)]
            || {
                for (x, &y) in x.iter_mut().zip(y) {
                    *x += y;
                }
            },
        );
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
    use crate::{Tape, kernels, testing};

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
            for table in kernels::available() {
                let mut sum = x.clone();
                sum.add_assign(Context::detect().with_kernels(table), &y);
                let mut terms = sum.as_slice().iter().zip(x.as_slice()).zip(y.as_slice());
                assert!(terms.all(|((sum, x), y)| *sum == x + y));
            }
        }
    }
}
