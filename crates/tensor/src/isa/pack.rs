//! Packing: copying a block of an operand into the order in which the micro-kernel reads it.
//!
//! A block of L rows and K columns becomes ⌈L/W⌉ panels of W rows; a panel holds, for each column,
//! its W elements side by side. Missing rows of the last panel are zeros. For W = 2:
//!
//! ```text
//!     a0 a1 a2
//!     b0 b1 b2    becomes    a0 b0  a1 b1  a2 b2    c0 0  c1 0  c2 0
//!     c0 c1 c2
//! ```
//!
//! A is packed in panels of `mr` rows, B, transposed, in panels of `nr`. Any strides do, so no
//! operand is ever transposed in memory; operands in bf16 precision are rounded on the way.

use crate::matrix::element::{Element, round_to_bf16};
use crate::matrix::view::View;
use crate::matrix::{AnyView, Mat};
use crate::memory::cache::{LINE_BYTES, prefetch, prefetch_to_level_2};

/// Packs the rows of a matrix in panels of the table's width: `(source, panels, round)`. `panels`
/// is as long as the panels; with `round`, the elements are rounded to bf16.
///
/// # Safety
/// The CPU has the table's instruction set.
pub(super) type Pack = unsafe fn(Mat<'_>, &mut [f32], bool);

/// Floats of a cache line.
const LINE: usize = LINE_BYTES / size_of::<f32>();

/// A [`Pack`] for panels of `W` rows; to be inlined into a function that is compiled for an
/// instruction set.
#[inline(always)]
pub(super) fn pack<const W: usize, const N: usize>(
    source: Mat<'_>,
    panels: &mut [f32],
    round: bool,
    squares: impl Squares<N>,
) {
    // The type of the elements and the rounding are settled here, once per block, so that the loops
    // below have no branch for them.
    match source.0 {
        AnyView::F32(source) if round => {
            pack_map::<W, N, _>(source, panels, round_to_bf16, squares)
        }
        AnyView::F32(source) => {
            let same = std::convert::identity;
            pack_map::<W, N, _>(source, panels, same, squares);
        }
        AnyView::Bf16(source) => pack_map::<W, N, _>(source, panels, Element::to_f32, squares),
        AnyView::F16(source) if round => {
            let map = |x| round_to_bf16(Element::to_f32(x));
            pack_map::<W, N, _>(source, panels, map, squares);
        }
        AnyView::F16(source) => pack_map::<W, N, _>(source, panels, Element::to_f32, squares),
    }
}

#[inline(always)]
fn pack_map<const W: usize, const N: usize, E: Element>(
    source: View<'_, E>,
    panels: &mut [f32],
    map: impl Fn(E) -> f32 + Copy,
    squares: impl Squares<N>,
) {
    let (rows_len, k_len) = (source.rows, source.cols);
    debug_assert_eq!(panels.len(), rows_len.div_ceil(W) * W * k_len);
    // Only the last panel may lack rows. The fast ways take full panels, where W is a constant and
    // each copy has a fixed length; the last panel goes element by element.
    let full = rows_len - rows_len % W;
    let (full_panels, last_panel) = panels.split_at_mut(full * k_len);
    let rows = source.block(0..full, 0..k_len);
    // Contiguous columns are in the order of the panels already; contiguous rows are transposed on
    // the way.
    if rows.row_stride == 1 {
        pack_copying::<W, _>(rows, full_panels, map);
    } else if rows.col_stride == 1 {
        pack_transposing::<W, N, _>(rows, full_panels, map, squares);
    } else {
        for (index, panel) in full_panels.chunks_exact_mut(W * k_len).enumerate() {
            pack_by_element::<W, _>(rows.block(index * W..(index + 1) * W, 0..k_len), panel, map);
        }
    }
    if full < rows_len {
        pack_by_element::<W, _>(source.block(full..rows_len, 0..k_len), last_panel, map);
    }
}

/// Packs one panel of any layout, which may lack rows.
#[inline(always)]
fn pack_by_element<const W: usize, E: Element>(
    rows: View<'_, E>,
    panel: &mut [f32],
    map: impl Fn(E) -> f32,
) {
    for (k, column) in panel.as_chunks_mut::<W>().0.iter_mut().enumerate() {
        column.fill(0.0);
        for (i, x) in column[..rows.rows].iter_mut().enumerate() {
            *x = map(rows.at(i, k));
        }
    }
}

/// Packs full panels of a matrix whose columns are contiguous. Eight columns go to all panels
/// before the next eight, so that each page and each cache line of the source is visited once.
#[inline(always)]
fn pack_copying<const W: usize, E: Element>(
    rows: View<'_, E>,
    panels: &mut [f32],
    map: impl Fn(E) -> f32 + Copy,
) {
    const COLUMNS: usize = 8;
    let k_len = rows.cols;
    for start in (0..k_len).step_by(COLUMNS) {
        let end = k_len.min(start + COLUMNS);
        // Columns lie a whole row of the operand apart, so that the hardware does not foresee them:
        // the next eight are prefetched while these are copied.
        for k in end..k_len.min(end + COLUMNS) {
            let start = k * rows.col_stride;
            prefetch(rows.data, start..start + rows.rows);
        }
        for (index, panel) in panels.chunks_exact_mut(W * k_len).enumerate() {
            let (columns, _) = panel[start * W..end * W].as_chunks_mut::<W>();
            for (k, column) in (start..end).zip(columns) {
                let from = rows.data[k * rows.col_stride + index * W..].first_chunk::<W>();
                *column = from.expect("the rows of a full panel exist").map(map);
            }
        }
    }
}

/// Packs full panels of a matrix whose rows are contiguous: a transposition, one cache line of each
/// row at a time.
#[inline(always)]
fn pack_transposing<const W: usize, const N: usize, E: Element>(
    rows: View<'_, E>,
    panels: &mut [f32],
    map: impl Fn(E) -> f32 + Copy,
    squares: impl Squares<N>,
) {
    let k_len = rows.cols;
    // Columns in whole cache lines are transposed by squares; the remaining ones, fewer than a
    // line, are copied element by element.
    let whole = k_len - k_len % LINE;
    for (index, panel) in panels.chunks_exact_mut(W * k_len).enumerate() {
        let (columns, rest) = panel.split_at_mut(W * whole);
        let lines = columns.as_chunks_mut::<W>().0.as_chunks_mut::<LINE>().0;
        let count = lines.len();
        for (line, columns) in lines.iter_mut().enumerate() {
            let first = index * W * rows.row_stride + line * LINE;
            // The rows of the next panel lie on pages that the hardware does not foresee. Each is
            // prefetched as a whole: memory is read fastest in the order in which it lies.
            for i in line * W / count..(line + 1) * W / count {
                let start = ((index + 1) * W + i) * rows.row_stride;
                prefetch_to_level_2(rows.data, start..start + k_len);
            }
            for (block, columns) in columns.as_chunks_mut::<N>().0.iter_mut().enumerate() {
                let start = first + block * N;
                transpose_rows(rows, start, columns, map, squares);
            }
        }
        for (k, column) in (whole..k_len).zip(rest.as_chunks_mut::<W>().0) {
            for (i, x) in column.iter_mut().enumerate() {
                *x = map(rows.at(index * W + i, k));
            }
        }
    }
}

/// Swaps rows and columns of squares of N × N numbers, with the vectors of an instruction set. It
/// is inlined into a function that is compiled for the instruction set. N divides [`LINE`].
pub(super) trait Squares<const N: usize>: Copy {
    /// N numbers in a register.
    type Vector: Copy;

    fn load(self, numbers: [f32; N]) -> Self::Vector;

    /// Returns the columns of a square.
    fn transpose(self, rows: [Self::Vector; N]) -> [Self::Vector; N];

    fn store(self, vector: Self::Vector, to: &mut [f32; N]);
}

/// Writes element k of row i to element i of column k, for W rows, N of them at a time. The element
/// `start` is the first.
#[inline(always)]
fn transpose_rows<const W: usize, const N: usize, E: Element>(
    rows: View<'_, E>,
    start: usize,
    columns: &mut [[f32; W]; N],
    map: impl Fn(E) -> f32 + Copy,
    squares: impl Squares<N>,
) {
    // W and N are constants: the branches on them are decided by the compiler.
    for first in (0..W).step_by(N) {
        let square = std::array::from_fn(
            #[inline(always)]
            |i| {
                // Widths such as 6 and 14 leave fewer rows than a square has: zeros complete it.
                let mut numbers = [0.0; N];
                if first + i < W {
                    let from = &rows.data[start + (first + i) * rows.row_stride..][..N];
                    for (to, &from) in numbers.iter_mut().zip(from) {
                        *to = map(from);
                    }
                }
                squares.load(numbers)
            },
        );
        for (column, from) in columns.iter_mut().zip(squares.transpose(square)) {
            if let Some(to) = column[first..].first_chunk_mut() {
                squares.store(from, to);
            } else {
                let mut numbers = [0.0; N];
                squares.store(from, &mut numbers);
                column[first..].copy_from_slice(&numbers[..W - first]);
            }
        }
    }
}

/// Squares by vectors of the width that every CPU has.
#[derive(Clone, Copy)]
pub(super) struct Quads;

#[cfg(target_arch = "x86_64")]
impl Squares<4> for Quads {
    type Vector = std::arch::x86_64::__m128;

    #[inline(always)]
    fn load(self, numbers: [f32; 4]) -> Self::Vector {
        // SAFETY: there are four floats, and every x86-64 CPU has SSE.
        unsafe { std::arch::x86_64::_mm_loadu_ps(numbers.as_ptr()) }
    }

    #[inline(always)]
    fn transpose(self, [a, b, c, d]: [Self::Vector; 4]) -> [Self::Vector; 4] {
        use std::arch::x86_64::*;
        // SAFETY: every x86-64 CPU has SSE.
        unsafe {
            // Unpacking interleaves two rows: a0 b0 a1 b1 and a2 b2 a3 b3. The moves then join
            // halves of ab and cd, which gives a0 b0 c0 d0 and so on.
            let (ab_low, ab_high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
            let (cd_low, cd_high) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
            [
                _mm_movelh_ps(ab_low, cd_low),
                _mm_movehl_ps(cd_low, ab_low),
                _mm_movelh_ps(ab_high, cd_high),
                _mm_movehl_ps(cd_high, ab_high),
            ]
        }
    }

    #[inline(always)]
    fn store(self, vector: Self::Vector, to: &mut [f32; 4]) {
        // SAFETY: as for `load`.
        unsafe { std::arch::x86_64::_mm_storeu_ps(to.as_mut_ptr(), vector) };
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Squares<4> for Quads {
    type Vector = [f32; 4];

    #[inline(always)]
    fn load(self, numbers: [f32; 4]) -> [f32; 4] {
        numbers
    }

    #[inline(always)]
    fn transpose(self, rows: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
        std::array::from_fn(|j| std::array::from_fn(|i| rows[i][j]))
    }

    #[inline(always)]
    fn store(self, vector: [f32; 4], to: &mut [f32; 4]) {
        *to = vector;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_of_every_layout_hold_the_same() {
        panels_hold_the_same::<6>();
        panels_hold_the_same::<7>();
        panels_hold_the_same::<8>();
        panels_hold_the_same::<14>();
    }

    fn panels_hold_the_same<const W: usize>() {
        for (lead, depth) in [(1, 1), (6, 16), (6, 17), (13, 40), (28, 33), (5, 3)] {
            let data: Vec<f32> = (0..lead * depth).map(|i| i as f32 + 1.0).collect();
            let transposed: Vec<f32> =
                (0..lead * depth).map(|i| data[i % lead * depth + i / lead]).collect();
            let row_major = Mat::new(&data, lead, depth);
            let column_major = Mat::new(&transposed, depth, lead).t();
            let len = lead.div_ceil(W) * W * depth;
            let expected: Vec<f32> = (0..len)
                .map(|i| {
                    let (panel, k, row) = (i / (W * depth), i / W % depth, i % W);
                    let row = panel * W + row;
                    if row < lead { data[row * depth + k] } else { 0.0 }
                })
                .collect();
            for source in [row_major, column_major] {
                let mut panels = vec![f32::NAN; len];
                pack::<W, 4>(source, &mut panels, false, Quads);
                assert_eq!(panels, expected, "{lead}×{depth}");
            }
        }
    }
}
