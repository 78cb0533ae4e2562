//! Root mean square norm, y = w ∘ x·r with r = 1/√(mean(x²) + ε) per row. (Zhang and Sennrich,
//! arXiv:1910.07467)
//!
//! With g = w ∘ dy and since ∂r/∂x_i = −r³·x_i / C: dx = r·g − x·r³·⟨g, x⟩ / C, and dw = Σ_rows dy
//! ∘ x·r.

use crate::gemm::Beta;
use crate::matrix::element::{Element, with_element_type};
use crate::memory::pool::Buffer;
use crate::{Context, Op, Role, Tensor, Var, simd, vectorize};
use rayon::prelude::*;

/// Rows per task. Also the unit in which dw is summed: fixed, so that the order of the sum does not
/// depend on the number of threads.
const ROWS: usize = 64;

/// Returns r of one row.
#[inline(always)]
pub(crate) fn inverse_rms(x: &[f32], eps: f32) -> f32 {
    1.0 / (simd::sum_squares(x) / x.len() as f32 + eps).sqrt()
}

fn forward<E: Element>(context: Context, x: &Tensor, w: &Tensor, eps: f32, y: &mut [E]) {
    let (width, w) = (w.len(), w.as_slice());
    y.par_chunks_mut(ROWS * width).zip(x.as_slice().par_chunks(ROWS * width)).for_each(|(y, x)| {
        vectorize!(context.kernels, {
            for (y, x) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                let r = inverse_rms(x, eps);
                for ((y, &x), &w) in y.iter_mut().zip(x).zip(w) {
                    *y = E::from_f32(w * (x * r));
                }
            }
        });
    });
}

/// Writes dx, or adds it to what is there, and returns dw.
fn backward(
    context: Context,
    [x, w, dy]: [&Tensor; 3],
    eps: f32,
    dx: &mut [f32],
    beta: Beta,
) -> Tensor {
    let (width, w_data) = (w.len(), w.as_slice());
    let chunks = x.rows().div_ceil(ROWS);
    let mut partial_dw = Tensor::zeros(&[chunks, width]);
    dx.par_chunks_mut(ROWS * width)
        .zip(partial_dw.as_mut_slice().par_chunks_mut(width))
        .zip(x.as_slice().par_chunks(ROWS * width).zip(dy.as_slice().par_chunks(ROWS * width)))
        .for_each(|((dx, dw), (x, dy))| {
            let mut g = Buffer::scratch(width);
            let g = g.as_mut_slice();
            vectorize!(context.kernels, {
                let rows = x.chunks_exact(width).zip(dy.chunks_exact(width));
                for (dx, (x, dy)) in dx.chunks_exact_mut(width).zip(rows) {
                    backward_row([x, w_data, dy], eps, g, dx, beta, dw);
                }
            });
        });
    Tensor::build(w.shape(), |dw| {
        dw.fill(0.0);
        for partial in partial_dw.as_slice().chunks_exact(width) {
            for (dw, &p) in dw.iter_mut().zip(partial) {
                *dw += p;
            }
        }
    })
}

/// Writes dx of one row, or adds it, and adds to dw; `g` is scratch for w ∘ dy.
#[inline(always)]
fn backward_row(
    [x, w, dy]: [&[f32]; 3],
    eps: f32,
    g: &mut [f32],
    dx: &mut [f32],
    beta: Beta,
    dw: &mut [f32],
) {
    let r = inverse_rms(x, eps);
    for ((g, &w), &dy) in g.iter_mut().zip(w).zip(dy) {
        *g = w * dy;
    }
    let shared = simd::dot(g, x) * r * r * r / x.len() as f32;
    for ((g, dw), (&x, &dy)) in g.iter_mut().zip(dw).zip(x.iter().zip(dy)) {
        *g = *g * r - x * shared;
        *dw += dy * x * r;
    }
    for (dx, &g) in dx.iter_mut().zip(&*g) {
        *dx = if beta == Beta::One { *dx + g } else { g };
    }
}

impl<'t> Var<'t> {
    /// Returns the norm over the last axis of `self` (…, C), times `w` (C), for `role`.
    ///
    /// # Panics
    /// If the shapes do not fit, or C is 0.
    #[track_caller]
    pub fn rms_norm(&self, w: &Var<'t>, eps: f32, role: Role) -> Var<'t> {
        let (context, x, w_value) = (self.context(), self.value().to_f32(), w.value().to_f32());
        let (x_shape, w_shape) = (x.shape(), w.shape());
        let fits = w_shape == [x.last_dim()] && x.last_dim() > 0;
        assert!(fits, "rms_norm: {x_shape:?} by weight {w_shape:?}");
        let op = Op::new("rms_norm", &[self, w]).output(role);
        let mut y = op.scratch(x.shape());
        with_element_type!(y, |E| forward::<E>(context, &x, &w_value, eps, y.elements_mut()));
        op.record(y, move |dy, grads| {
            let inputs = [&x, &w_value, &dy];
            let write = |dx: &mut [f32], beta| backward(context, inputs, eps, dx, beta);
            let dw = grads.write(0, x.shape(), write);
            // Without a gradient of x, one is computed all the same, for dw.
            let dw =
                dw.unwrap_or_else(|| write(Tensor::scratch(x.shape()).as_mut_slice(), Beta::Zero));
            grads.give(1, dw);
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::tests::gradcheck;
    use crate::{Context, Role, Tape, testing};

    #[test]
    fn gradients() {
        for shape in [&[3, 5][..], &[2, 3, 40], &[150, 7], &[1, 1]] {
            let width = *shape.last().unwrap();
            let inputs = [testing::random(shape, 1), testing::random(&[width], 2)];
            gradcheck(&inputs, |_, v| v[0].rms_norm(&v[1], 1e-1, Role::Residual));
        }
    }

    #[test]
    fn gradients_are_added_to_those_of_a_residual_stream() {
        let inputs = [testing::random(&[70, 9], 1), testing::random(&[9], 2)];
        gradcheck(&inputs, |_, v| v[0].add(&v[0].rms_norm(&v[1], 1e-1, Role::Residual)));
    }

    #[test]
    fn the_weight_alone_has_a_gradient_too() {
        let (x, w) = (testing::random(&[70, 9], 1), testing::random(&[9], 2));
        let dw = |alone: bool| {
            let tape = Tape::new(Context::detect());
            let x = if alone { tape.constant(x.clone()) } else { tape.leaf(x.clone()) };
            let w = tape.leaf(w.clone());
            let y = x.rms_norm(&w, 1e-5, Role::Residual);
            tape.backward_from(&y, testing::random(&[70, 9], 3)).take(&w).unwrap()
        };
        assert_eq!(dw(true).as_slice(), dw(false).as_slice());
    }
}
