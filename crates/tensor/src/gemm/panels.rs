//! B packed once, for several products that share it, or share its first columns.

use super::batched::Batch;
use super::driver::{Product, pack_panels};
use super::partition::spans;
use super::plan::{Beta, Method, Operands, Order, Strategy, Threads, plan, table};
use super::single::gemm;
use super::unpacked;
use crate::Context;
use crate::isa::GemmKernel;
use crate::matrix::{Mat, MatMut};
use crate::memory::cache::LINE_BYTES;
use std::iter::once;

/// Returns the number of floats of all panels of B for one block of K.
fn block_len(table: &GemmKernel, b: Mat<'_>) -> usize {
    // The last panel takes the space of a full one. A B of fewer than kc rows is a single block of
    // just these rows.
    b.cols().next_multiple_of(table.nr) * table.slots(b.rows().min(table.kc))
}

/// A matrix B (K, N), packed or not.
pub struct Panels<'a> {
    context: Context,
    b: Mat<'a>,
    /// `None` if every product packs it for itself.
    packed: Option<&'a [f32]>,
}

impl<'a> Panels<'a> {
    /// Returns the number of floats that B takes packed.
    pub fn len(context: Context, b: Mat<'_>) -> usize {
        let table = table(context);
        // The last block of K takes as much space as the others even if it is shorter: block i
        // begins at i times this length.
        b.rows().div_ceil(table.kc) * block_len(table, b)
    }

    /// Packs B into `buffer`, which begins a cache line. With an empty buffer B stays as it is, for
    /// a single product.
    ///
    /// # Panics
    /// If the buffer has less than [`Panels::len`] floats, or begins elsewhere.
    #[track_caller]
    pub fn pack(context: Context, b: Mat<'a>, buffer: &'a mut [f32], threads: Threads) -> Self {
        if buffer.is_empty() {
            return Self { context, b, packed: None };
        }
        assert!(
            buffer.as_ptr().addr().is_multiple_of(LINE_BYTES),
            "Panels: the buffer begins no cache line"
        );
        let packed = &mut buffer[..Self::len(context, b)];
        let table = table(context);
        let (k_blocks, panels) = (spans(once(b.rows()), table.kc), spans(once(b.cols()), table.nr));
        // Without columns the length is 0, by which a slice cannot be split into chunks.
        let stride = block_len(table, b).max(1);
        pack_panels(context, threads, |_, _| b, &k_blocks, &panels, stride, packed);
        Self { context, b, packed: Some(packed) }
    }

    /// Computes C ← A·B + β·C for the first columns of B, as many as C has, with the bits of other
    /// products of the same matrices by packed panels.
    ///
    /// # Panics
    /// If sizes do not fit.
    #[track_caller]
    pub fn gemm(&self, a: Mat<'_>, mut c: MatMut<'_>, beta: Beta, threads: Threads) {
        let context = self.context;
        let table = table(context);
        assert!(
            a.cols() == self.b.rows() && c.rows == a.rows() && c.cols <= self.b.cols(),
            "Panels: A is {a:?}, B is {:?}, C is {c:?}",
            self.b
        );
        // The first columns are in the first panels of each block. The last panel used may hold
        // more columns than C has: the micro-kernel computes them, and they are not written.
        let b = self.b.first_cols(c.cols);
        let Some(packed) = self.packed else {
            return gemm(context, a, b, c, beta, threads);
        };
        // With B in panels the plan never reads B where it is, so that all products of these panels
        // add in the same order.
        let operands = Operands { b_order: Order::Panels, ..Operands::of(a, b) };
        let Strategy { method, threads } = plan(context, operands, threads);
        // Blocks are as far apart as they were packed: by the columns of all of B, not by those
        // used.
        let block_len = block_len(table, self.b);
        match method {
            Method::Empty => beta.scale(&mut c),
            Method::Unpacked => {
                let panel = |first: usize, k: usize, j: usize| {
                    // The block of K that begins at row `first`, and in it the panel that begins at
                    // column j: the j columns before it take as many slots each.
                    &packed[first / table.kc * block_len + j * table.slots(k)..]
                };
                unpacked::run(table, a, panel, table.nr, c, beta);
            }
            Method::Streamed | Method::Packed => {
                let batch = Batch::new(&[a], &[b], vec![c]);
                Product::new(context, batch, beta, threads).run_packed(packed, block_len);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::tests::model;
    use crate::memory::pool::Buffer;
    use crate::testing;

    #[test]
    fn products_have_the_bits_of_those_that_pack_for_themselves() {
        for context in model::contexts() {
            let kernels = context.kernels;
            for (m, k, n) in [
                (6, 32, 48),
                (50, 32, 256),
                (5, 7, 9),
                (19, 600, 37),
                (96, 65, 33),
                (70, 700, 2100),
            ] {
                let [a, b] = [([m, k], 1), ([n, k], 2)].map(|(s, seed)| testing::random(&s, seed));
                let a = Mat::new(a.as_slice(), m, k);
                let b = Mat::new(b.as_slice(), n, k).t();
                let mut buffer = Buffer::scratch(Panels::len(context, b));
                let buffer = buffer.as_mut_slice();
                buffer.fill(f32::NAN);
                let panels = match m % 2 {
                    0 => Panels::pack(context, b, buffer, Threads::All),
                    _ => Panels::pack(context, b, buffer, Threads::One),
                };
                let (zero, one) = (Beta::Zero, Beta::One);
                for (cols, beta) in [(n, zero), (n, one), (n / 2, zero), (1, one)] {
                    let mut found = vec![0.5; m * cols];
                    let mut expected = found.clone();
                    panels.gemm(a, MatMut::new(&mut found, m, cols), beta, Threads::One);
                    let mut in_parallel = vec![0.5; m * cols];
                    let c = MatMut::new(&mut in_parallel, m, cols);
                    panels.gemm(a, c, beta, Threads::All);
                    assert!(found == in_parallel, "{kernels:?} {m}×{k}×{n}, {cols} columns");
                    let c = MatMut::new(&mut expected, m, cols);
                    gemm(context, a, b.first_cols(cols), c, beta, Threads::All);
                    assert!(found == expected, "{kernels:?} {m}×{k}×{n}, {cols} columns");
                }
            }
        }
    }

    #[test]
    fn no_rows_columns_or_terms() {
        let context = Context::detect();
        for (m, k, n) in [(0, 3, 4), (3, 0, 4), (3, 4, 0)] {
            let (a, b, mut c) = (vec![1.0; m * k], vec![1.0; k * n], vec![0.5; m * n]);
            let b = Mat::new(&b, k, n);
            let mut buffer = Buffer::scratch(Panels::len(context, b));
            let panels = Panels::pack(context, b, buffer.as_mut_slice(), Threads::All);
            let c_mat = MatMut::new(&mut c, m, n);
            panels.gemm(Mat::new(&a, m, k), c_mat, Beta::Zero, Threads::One);
            assert!(c.iter().all(|&c| c == 0.0), "{m}×{k}×{n}");
        }
    }
}
