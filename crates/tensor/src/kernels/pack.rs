//! Packing: copying a block of an operand into the order in which the micro-kernel reads it.
//!
//! A block of L rows and D columns ("lead" and "depth") becomes ⌈L/W⌉ panels of W rows; a panel holds, for
//! each column, its W elements side by side. Rows that are missing in the last panel are zeros. A is packed
//! in panels of `mr` rows, B, transposed, in panels of `nr`. Any strides do, so no operand is ever
//! transposed in memory; operands in bf16 precision are rounded on the way.

use super::gemm::Mat;

/// Packs the rows of a matrix in panels of the table's width: `(source, panels, round)`. `panels` has room for
/// exactly the panels; with `round`, the elements are rounded to bf16.
///
/// # Safety
/// The CPU has the table's instruction set.
pub(super) type Pack = unsafe fn(Mat<'_>, &mut [f32], bool);

/// The nearest number that bfloat16 can hold, ties to even; NaN stays NaN.
#[inline(always)]
pub fn round_to_bf16(x: f32) -> f32 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000;
    let quiet_nan = (bits | 0x0040_0000) & 0xffff_0000;
    f32::from_bits(if x.is_nan() { quiet_nan } else { nearest })
}

/// [`Pack`] for panels of `W` rows; to be inlined into a function that is compiled for an instruction set.
#[inline(always)]
pub(super) fn pack<const W: usize>(source: Mat<'_>, panels: &mut [f32], round: bool) {
    if round {
        pack_map::<W>(source, panels, round_to_bf16);
    } else {
        pack_map::<W>(source, panels, |x| x);
    }
}

#[inline(always)]
fn pack_map<const W: usize>(source: Mat<'_>, panels: &mut [f32], map: impl Fn(f32) -> f32 + Copy) {
    let (lead, depth) = (source.rows(), source.cols());
    debug_assert_eq!(panels.len(), lead.div_ceil(W) * W * depth);
    if depth == 0 {
        return;
    }
    for (index, panel) in panels.chunks_exact_mut(W * depth).enumerate() {
        let first = index * W;
        let rows = source.block(first..lead.min(first + W), 0..depth);
        let (columns, _) = panel.as_chunks_mut::<W>();
        if rows.rows() < W {
            pack_partial(rows, columns, map);
        } else if rows.row_stride() == 1 {
            pack_copying(rows, columns, map);
        } else if rows.col_stride() == 1 {
            pack_transposing(rows, columns, map);
        } else {
            pack_partial(rows, columns, map);
        }
    }
}

/// A last panel that has fewer than `W` rows, or a matrix without a contiguous axis.
#[inline(always)]
fn pack_partial<const W: usize>(rows: Mat<'_>, columns: &mut [[f32; W]], map: impl Fn(f32) -> f32) {
    for (k, column) in columns.iter_mut().enumerate() {
        column.fill(0.0);
        for (i, x) in column[..rows.rows()].iter_mut().enumerate() {
            *x = map(rows.at(i, k));
        }
    }
}

/// Elements of a column lie side by side.
#[inline(always)]
fn pack_copying<const W: usize>(rows: Mat<'_>, columns: &mut [[f32; W]], map: impl Fn(f32) -> f32) {
    for (k, to) in columns.iter_mut().enumerate() {
        let from = &rows.data()[k * rows.col_stride()..][..W];
        for (to, &x) in to.iter_mut().zip(from) {
            *to = map(x);
        }
    }
}

/// Elements of a row lie side by side: a transposition, one cache line of each row at a time.
#[inline(always)]
fn pack_transposing<const W: usize>(
    rows: Mat<'_>,
    columns: &mut [[f32; W]],
    map: impl Fn(f32) -> f32,
) {
    const LINE: usize = 16;
    let depth = columns.len();
    let (lines, rest) = columns.as_chunks_mut::<LINE>();
    for (line, columns) in lines.iter_mut().enumerate() {
        for i in 0..W {
            let from = &rows.data()[i * rows.row_stride() + line * LINE..][..LINE];
            for (column, &x) in columns.iter_mut().zip(from) {
                column[i] = map(x);
            }
        }
    }
    let done = depth - rest.len();
    for (k, column) in rest.iter_mut().enumerate() {
        for (i, x) in column.iter_mut().enumerate() {
            *x = map(rows.at(i, done + k));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_that_of_half() {
        let mut patterns: Vec<u32> = (0..=u32::MAX).step_by(9973).collect();
        for high in
            [0x3f80u32, 0x3f81, 0x7f7f, 0x0000, 0x0001, 0x8000, 0xff7f, 0x7f80, 0xff80, 0x7fc0]
        {
            patterns.extend(
                [0x0000, 0x0001, 0x7fff, 0x8000, 0x8001, 0xffff].map(|low| high << 16 | low),
            );
        }
        for bits in patterns {
            let x = f32::from_bits(bits);
            let expected = half::bf16::from_f32(x).to_f32();
            assert_eq!(round_to_bf16(x).to_bits(), expected.to_bits(), "{x:e} = {bits:#010x}");
        }
    }

    #[test]
    fn panels_of_every_layout_hold_the_same() {
        const W: usize = 6;
        for (lead, depth) in [(1, 1), (6, 16), (6, 17), (13, 40), (12, 33), (5, 3)] {
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
                pack::<W>(source, &mut panels, false);
                assert_eq!(panels, expected, "{lead}×{depth}");
            }
        }
    }
}
