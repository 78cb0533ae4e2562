//! Products with at most four rows, as in inference: each element of B is used so few times that
//! reading it once is all that counts. Nothing is packed.

use super::plan::{Beta, GEMV_ROWS, Threads};
use crate::matrix::element::{Element, round_to_bf16};
use crate::matrix::view::View;
use crate::matrix::{AnyView, Mat, MatMut};
use crate::memory::pool::Buffer;
use crate::{Context, simd, vectorize};

/// Columns of C that are summed together if B's rows are contiguous: they stay in the first-level
/// cache.
const STRIP: usize = 512;

/// Computes a product that [`plan`](super::plan) wants to be a [`Gemv`](super::plan::Method::Gemv).
pub(super) fn gemm(
    context: Context,
    a: Mat<'_>,
    b: Mat<'_>,
    mut c: MatMut<'_>,
    beta: Beta,
    threads: Threads,
) {
    let round = context.rounds_operands();
    let (k, n) = (b.rows(), b.cols());
    // A, contiguous and rounded, is so small that a copy costs nothing beside reading B.
    let mut copy = Buffer::scratch(a.rows() * k);
    for (i, row) in copy.as_mut_slice().chunks_mut(k).enumerate() {
        for (j, x) in row.iter_mut().enumerate() {
            *x = if round { round_to_bf16(a.at(i, j)) } else { a.at(i, j) };
        }
    }
    let a = copy.as_slice();
    let width = match threads {
        Threads::All => n.div_ceil(4 * threads.count()).next_multiple_of(16).min(STRIP),
        Threads::One if b.strides()[0] == 1 => n,
        Threads::One => STRIP,
    };
    let strip = |(index, mut c): (usize, Vec<&mut [f32]>)| {
        let first = index * width;
        let b = b.block(0..k, first..first + c[0].len());
        if beta == Beta::Zero {
            c.iter_mut().for_each(|row| row.fill(0.0));
        }
        vectorize!(
            context.kernels,
            match b.0 {
                AnyView::F32(b) if round => multiply(a, b, &mut c, round_to_bf16),
                AnyView::F32(b) => multiply(a, b, &mut c, |x| x),
                AnyView::Bf16(b) => multiply(a, b, &mut c, Element::to_f32),
                AnyView::F16(b) if round => {
                    multiply(a, b, &mut c, |x| round_to_bf16(Element::to_f32(x)));
                }
                AnyView::F16(b) => multiply(a, b, &mut c, Element::to_f32),
            }
        );
    };
    threads.for_each(strips(&mut c, width).into_iter().enumerate().collect(), strip);
}

/// Splits C into strips of `width` columns, each a slice of every row.
fn strips<'c>(c: &'c mut MatMut<'_>, width: usize) -> Vec<Vec<&'c mut [f32]>> {
    let mut strips = Vec::new();
    for row in c.rows_mut() {
        for (index, piece) in row.chunks_mut(width).enumerate() {
            if index == strips.len() {
                strips.push(Vec::with_capacity(GEMV_ROWS));
            }
            strips[index].push(piece);
        }
    }
    strips
}

/// Adds A·B to C. A (M, K) is contiguous, and so are the columns or the rows of B.
#[inline(always)]
fn multiply<E: Element>(
    a: &[f32],
    b: View<'_, E>,
    c: &mut [&mut [f32]],
    map: impl Fn(E) -> f32 + Copy,
) {
    let (k, n) = (b.rows, b.cols);
    if b.row_stride == 1 {
        // B is the transpose of a row-major matrix: dot products of rows of both.
        for j in 0..n {
            let column = &b.data[j * b.col_stride..][..k];
            for (a, c) in a.chunks_exact(k).zip(c.iter_mut()) {
                c[j] += simd::dot_map(a, column, map);
            }
        }
    } else {
        // Multiples of B's rows are added up in C, which stays in the first-level cache.
        for p in 0..k {
            let row = &b.data[p * b.row_stride..][..n];
            for (a, c) in a.chunks_exact(k).zip(c.iter_mut()) {
                let factor = a[p];
                for (c, &b) in c.iter_mut().zip(row) {
                    *c += factor * map(b);
                }
            }
        }
    }
}
