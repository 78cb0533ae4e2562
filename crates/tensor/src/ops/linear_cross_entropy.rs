//! The output layer and the loss as one operation: loss = cross_entropy(x·wᵀ, targets), without the
//! (N, V) logits ever existing as a whole. (The idea: Wijmans et al., "Cut Your Losses",
//! arXiv:2411.09009; gradients in the forward pass, in chunks of rows: Hsu et al., "Liger Kernel",
//! arXiv:2410.10989)
//!
//! Rows are taken in chunks. A chunk's logits z = x·wᵀ give its losses and are replaced in place by
//! dz = (softmax(z) − onehot) / N, stored as an operand of products. dz gives dx = dz·w and adds
//! dzᵀ·x to dw; then the next chunk reuses the buffer. Gradients are computed in the forward pass
//! because the logits exist only there; they are those for an upstream gradient of one, and
//! backward only scales them. If there are several chunks, w is packed once for all of them, in
//! both orders.

use super::cross_entropy::{assert_targets, mean, row_losses, row_losses_and_gradients};
use crate::gemm::panels::Panels;
use crate::gemm::{Beta, MatMut, Threads, gemm};
use crate::memory::pool::Buffer;
use crate::{Op, Role, Tensor, Var};
use rayon::prelude::*;

/// The most logits that exist at a time, unless the vocabulary is huge: 41 MB.
const LOGITS: usize = 10_240_000;
/// The most rows per chunk; more gain nothing.
const MOST_ROWS: usize = 1024;
/// The fewest rows per chunk. Each chunk reads and writes all of dw once, which pays only for so
/// many rows: with V = 128,000 and C = 256 a row took 21 ms in chunks of 64, 16 ms of 128, 15 ms of
/// 256 (Zen 1, 2026-11-24, when w was packed for each chunk as well).
const FEWEST_ROWS: usize = 128;

/// Returns the rows whose logits exist at a time in [`Var::linear_cross_entropy`]. They depend on
/// the vocabulary alone, and so does the order of every sum.
pub fn rows_per_chunk(vocab_size: usize) -> usize {
    (LOGITS / vocab_size.max(1)).clamp(FEWEST_ROWS, MOST_ROWS)
}

/// Returns `x` scaled by `factor`, in the same buffer if nothing else holds it.
fn scaled(mut x: Tensor, factor: f32) -> Tensor {
    if factor != 1.0 {
        let chunks = x.as_mut_slice().par_chunks_mut(1 << 14);
        chunks.for_each(|x| x.iter_mut().for_each(|x| *x *= factor));
    }
    x
}

impl<'t> Var<'t> {
    /// Returns the mean loss in nats, a scalar, of the logits that `self` (…, C) and `w` (V, C)
    /// give, against one target id per row.
    ///
    /// # Panics
    /// If the shapes do not fit, or a target is no row of `w`.
    #[track_caller]
    pub fn linear_cross_entropy(&self, w: &Var<'t>, targets: &[u32]) -> Var<'t> {
        let (context, x, weight) = (self.context(), self.value(), w.value());
        let &[vocab_size, channels] = w.shape() else {
            panic!("linear_cross_entropy: the weight has shape {:?}, expected (V, C)", w.shape());
        };
        let (x_shape, w_shape) = (x.shape(), w.shape());
        assert_eq!(x.last_dim(), channels, "linear_cross_entropy: {x_shape:?} by {w_shape:?}");
        assert_targets("linear_cross_entropy", x.rows(), vocab_size, targets);

        let op = Op::new("linear_cross_entropy", &[self, w]);
        let wants_grad = op.needs_grad();
        let products = if wants_grad { 3.0 } else { 1.0 };
        let op = op.flops(products * 2.0 * (x.len() * vocab_size) as f64, 0.0);
        // The first chunk overwrites dw; without any row there is none.
        let first_dw = if targets.is_empty() { Tensor::zeros } else { Tensor::scratch };
        let mut grads = wants_grad.then(|| (Tensor::scratch(x.shape()), first_dw(weight.shape())));
        let mut losses = Tensor::scratch(&[targets.len()]);
        let chunk_rows = rows_per_chunk(vocab_size);
        let mut logits = Tensor::scratch(&[targets.len().min(chunk_rows), vocab_size]);
        let (x_mat, w_mat) = (x.matrix(), weight.matrix());
        // The second matrices of the products of all chunks, packed if there are several.
        let several = targets.len() > chunk_rows;
        let mut buffers = [(w_mat.t(), several), (w_mat, several && wants_grad)]
            .map(|(b, packed)| Buffer::scratch(if packed { Panels::len(context, b) } else { 0 }));
        let [w_t_buffer, w_buffer] = buffers.each_mut().map(Buffer::as_mut_slice);
        let by_w_t = Panels::pack(context, w_mat.t(), w_t_buffer, Threads::All);
        let by_w = Panels::pack(context, w_mat, w_buffer, Threads::All);
        for (chunk, targets_chunk) in targets.chunks(chunk_rows).enumerate() {
            let rows = targets_chunk.len();
            let first = chunk * chunk_rows;
            let range = first * channels..(first + rows) * channels;
            let x_mat = x_mat.of_rows(first..first + rows);
            // Logits of the chunk, and from them its losses and dz, in their place.
            let z = &mut logits.as_mut_slice()[..rows * vocab_size];
            by_w_t.gemm(x_mat, MatMut::new(z, rows, vocab_size), Beta::Zero, Threads::All);
            let losses = &mut losses.as_mut_slice()[first..][..rows];
            let Some((dx, dw)) = &mut grads else {
                row_losses(context, z, targets_chunk, losses);
                continue;
            };
            let (scale, role) = (1.0 / targets.len() as f32, Role::Operand);
            row_losses_and_gradients(context, z, targets_chunk, scale, role, losses);
            // dx of the chunk's own rows; dw, which all rows share, chunk by chunk in order.
            let dz = role.matrix(context, z, [rows, vocab_size], vocab_size);
            let dx = MatMut::new(&mut dx.as_mut_slice()[range], rows, channels);
            by_w.gemm(dz, dx, Beta::Zero, Threads::All);
            let dw = MatMut::new(dw.as_mut_slice(), vocab_size, channels);
            gemm(context, dz.t(), x_mat, dw, Beta::accumulating(chunk > 0), Threads::All);
        }
        let loss = Tensor::scalar(mean(losses.as_slice()));
        let Some((dx, dw)) = grads else {
            return op.record(loss, |_, _| ());
        };
        op.record(loss, move |dy, grads| {
            grads.give(0, scaled(dx, dy.item()));
            grads.give(1, scaled(dw, dy.item()));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;
    use crate::ops::tests::{assert_close, gradcheck};
    use crate::{Precision, Tape, testing};

    #[test]
    fn gradients() {
        let inputs = [testing::random(&[2, 2, 5], 1), testing::random(&[7, 5], 2)];
        gradcheck(&inputs, |_, v| v[0].linear_cross_entropy(&v[1], &[0, 6, 3, 3]));
    }

    #[test]
    fn agrees_with_the_two_steps_over_several_chunks() {
        let rows = 2 * rows_per_chunk(11) + 3;
        let targets: Vec<u32> = (0..rows as u32).map(|n| n * 7 % 11).collect();
        let (x, w) = (testing::random(&[rows, 6], 1), testing::random(&[11, 6], 2));
        let run = |precision: Precision, fused: bool| {
            let tape = Tape::new(Context::detect().with_precision(precision));
            let (x, w) = (tape.leaf(x.clone()), tape.leaf(w.clone()));
            let loss = match fused {
                true => x.linear_cross_entropy(&w, &targets),
                false => x.linear(&w).cross_entropy(&targets),
            };
            let mut gradients = tape.backward(&loss);
            (loss.value().item(), gradients.take(&x).unwrap(), gradients.take(&w).unwrap())
        };
        for precision in [Precision::F32, Precision::Bf16] {
            let (fused, plain) = (run(precision, true), run(precision, false));
            assert!((fused.0 - plain.0).abs() < 1e-6);
            assert_close("dx", fused.1.as_slice(), plain.1.as_slice(), 1e-6);
            assert_close("dw", fused.2.as_slice(), plain.2.as_slice(), 1e-5);
        }
    }

    #[test]
    fn the_loss_has_the_same_bits_with_and_without_gradients() {
        let (x, w) = (testing::random(&[5, 6], 1), testing::random(&[3000, 6], 2));
        let loss_on = |tape: &Tape| {
            let (x, w) = (tape.leaf(x.clone()), tape.leaf(w.clone()));
            x.linear_cross_entropy(&w, &[0, 2999, 1500, 7, 7]).value().item()
        };
        let context = Context::detect();
        assert_eq!(loss_on(&Tape::new(context)), loss_on(&Tape::inference(context)));
    }

    #[test]
    fn no_rows_have_gradients_of_zero() {
        let shape = [200, 100]; // large enough to be recycled
        drop(Tensor::full(&shape, 7.0));
        let tape = Tape::new(Context::detect());
        let (x, w) = (tape.leaf(Tensor::zeros(&[0, 100])), tape.leaf(testing::random(&shape, 1)));
        let gradients = tape.backward(&x.linear_cross_entropy(&w, &[]));
        // Zeros, though the mean over no rows is not a number.
        assert!(gradients.get(&w).unwrap().as_slice().iter().all(|&dw| dw == 0.0));
    }

    #[test]
    fn the_logits_of_a_large_vocabulary_exist_in_small_pieces() {
        assert_eq!(rows_per_chunk(1), 1024);
        assert_eq!(rows_per_chunk(10_000), 1024);
        assert_eq!(rows_per_chunk(50_257), 203);
        assert_eq!(rows_per_chunk(128_256), 128);
    }
}
