//! B packed once, for several products that share it, or share its first columns.

use super::batched::Grid;
use super::driver::{Product, for_each};
use super::partition::spans;
use super::{gemm, gemm_serial, is_worth_waking, table, unpacked};
use crate::isa::{GemmKernel, PACKED_COLS};
use crate::matrix::{Mat, MatMut};
use crate::{Context, Precision};
use std::iter::once;

/// The room of each block of terms, in floats: all panels of B.
fn room(table: &GemmKernel, b: Mat<'_>) -> usize {
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
    /// The floats that B takes packed.
    pub fn len(context: Context, b: Mat<'_>) -> usize {
        let table = table(context);
        b.rows().div_ceil(table.kc) * room(table, b)
    }

    /// B as it is, where there is one product only.
    pub fn unpacked(context: Context, b: Mat<'a>) -> Self {
        Self { context, b, packed: None }
    }

    /// Packs B into `buffer`, which begins a cache line, in parallel.
    ///
    /// # Panics
    /// If the buffer has less than [`Panels::len`] floats, or begins elsewhere.
    #[track_caller]
    pub fn pack(context: Context, b: Mat<'a>, buffer: &'a mut [f32]) -> Self {
        Self::pack_by(context, b, buffer, true)
    }

    /// The same on the calling thread alone.
    ///
    /// # Panics
    /// If the buffer has less than [`Panels::len`] floats, or begins elsewhere.
    #[track_caller]
    pub fn pack_serial(context: Context, b: Mat<'a>, buffer: &'a mut [f32]) -> Self {
        Self::pack_by(context, b, buffer, false)
    }

    #[track_caller]
    fn pack_by(context: Context, b: Mat<'a>, buffer: &'a mut [f32], parallel: bool) -> Self {
        let (table, round) = (table(context), context.precision == Precision::Bf16);
        assert!(
            buffer.as_ptr().addr().is_multiple_of(64),
            "Panels: the buffer begins no cache line"
        );
        let packed = &mut buffer[..Self::len(context, b)];
        let cols = PACKED_COLS / table.nr * table.nr;
        for (terms, packed) in spans(once(b.rows()), table.kc)
            .into_iter()
            .zip(packed.chunks_mut(room(table, b).max(1)))
        {
            let slots = table.slots(terms.len());
            let panels = &mut packed[..b.cols().next_multiple_of(table.nr) * slots];
            let tasks = panels.chunks_mut((cols * slots).max(1)).enumerate().collect();
            for_each(tasks, parallel, |(index, packed): (usize, &mut [f32])| {
                let cols = index * cols..b.cols().min((index + 1) * cols);
                let part = b.block(terms.range.clone(), cols);
                // SAFETY: whoever holds a table may use its instruction set.
                unsafe { (table.pack_b)(part.t(), packed, round) };
            });
        }
        Self { context, b, packed: Some(packed) }
    }

    /// C ← A·B, or C ← C + A·B if `accumulate`, in parallel, for the first columns of B, as many as
    /// C has, with the bits that other products of the same matrices with packed panels have.
    ///
    /// # Panics
    /// If sizes do not fit.
    #[track_caller]
    pub fn gemm(&self, a: Mat<'_>, c: MatMut<'_>, accumulate: bool) {
        self.multiply(a, c, accumulate, true);
    }

    /// The same on the calling thread alone.
    ///
    /// # Panics
    /// If sizes do not fit.
    #[track_caller]
    pub fn gemm_serial(&self, a: Mat<'_>, c: MatMut<'_>, accumulate: bool) {
        self.multiply(a, c, accumulate, false);
    }

    #[track_caller]
    fn multiply(&self, a: Mat<'_>, mut c: MatMut<'_>, accumulate: bool, parallel: bool) {
        let context = self.context;
        let table = table(context);
        let (k, cols) = (self.b.rows(), c.cols());
        assert!(
            a.cols() == k && c.rows() == a.rows() && cols <= self.b.cols(),
            "Panels: A is {a:?}, B is {:?}, C is {c:?}",
            self.b
        );
        let Some(packed) = self.packed else {
            let product = if parallel { gemm } else { gemm_serial };
            return product(context, a, self.b.first_cols(cols), c, accumulate);
        };
        if a.rows() == 0 || cols == 0 {
            return;
        }
        if k == 0 {
            if !accumulate {
                c.rows_mut().for_each(|row| row.fill(0.0));
            }
            return;
        }
        let room = room(table, self.b);
        let direct = if parallel { None } else { unpacked::takes_rows(context, a) };
        match direct {
            Some(direct) => {
                let panel = |first: usize, terms: usize, j: usize| {
                    &packed[first / table.kc * room + j * table.slots(terms)..]
                };
                unpacked::run(table, direct, (panel, table.nr), c, accumulate);
            }
            None => {
                let grid = Grid::new(&[a], &[self.b.block(0..k, 0..cols)], vec![c]);
                let parallel = parallel && is_worth_waking(grid.multiplications());
                Product { context, table, grid, accumulate, parallel }.run_packed(packed, room);
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
                    0 => Panels::pack(context, b, buffer),
                    _ => Panels::pack_serial(context, b, buffer),
                };
                for (cols, accumulate) in [(n, false), (n, true), (n / 2, false), (1, true)] {
                    let mut found = vec![0.5; m * cols];
                    let mut expected = found.clone();
                    panels.gemm_serial(a, MatMut::new(&mut found, m, cols), accumulate);
                    let mut in_parallel = vec![0.5; m * cols];
                    let c = MatMut::new(&mut in_parallel, m, cols);
                    panels.gemm(a, c, accumulate);
                    assert!(found == in_parallel, "{kernels:?} {m}×{k}×{n}, {cols} columns");
                    let c = MatMut::new(&mut expected, m, cols);
                    gemm(context, a, b.first_cols(cols), c, accumulate);
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
            let panels = Panels::pack(context, b, buffer.as_mut_slice());
            panels.gemm_serial(Mat::new(&a, m, k), MatMut::new(&mut c, m, n), false);
            assert!(c.iter().all(|&c| c == 0.0), "{m}×{k}×{n}");
        }
    }
}
