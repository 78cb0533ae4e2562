//! The elements of matrices, and matrices of one type of them.

use half::bf16;
use std::ops::Range;

/// From the first element to the last of a row-major matrix; saturates, as kernels rely on it.
pub(super) fn elements(rows: usize, cols: usize, row_stride: usize) -> usize {
    match rows {
        0 => 0,
        _ => (rows - 1).saturating_mul(row_stride).saturating_add(cols),
    }
}

/// A number that operands consist of.
pub(super) trait Element: Copy + Default + Send + Sync {
    /// The same number.
    fn to_f32(self) -> f32;

    /// The nearest bfloat16's bits.
    fn to_bf16(self) -> u16;
}

impl Element for f32 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }

    #[inline(always)]
    fn to_bf16(self) -> u16 {
        (round_to_bf16(self).to_bits() >> 16) as u16
    }
}

impl Element for bf16 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    #[inline(always)]
    fn to_bf16(self) -> u16 {
        self.to_bits()
    }
}

/// The nearest number that bfloat16 can hold, ties to even; NaN stays NaN.
#[inline(always)]
pub fn round_to_bf16(x: f32) -> f32 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000;
    let quiet_nan = (bits | 0x0040_0000) & 0xffff_0000;
    f32::from_bits(if x.is_nan() { quiet_nan } else { nearest })
}

/// A matrix of one type of element: any strides, so that a transpose costs nothing.
#[derive(Clone, Copy)]
pub(super) struct View<'a, E> {
    data: &'a [E],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a, E: Copy> View<'a, E> {
    #[track_caller]
    pub(super) fn with_row_stride(
        data: &'a [E],
        rows: usize,
        cols: usize,
        row_stride: usize,
    ) -> Self {
        assert!(row_stride >= cols, "Mat: row stride {row_stride} below {cols} columns");
        let needed = elements(rows, cols, row_stride);
        assert!(
            data.len() >= needed,
            "Mat: {rows}×{cols} needs {needed} elements, not {}",
            data.len()
        );
        Self { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// The transpose, without moving anything.
    #[inline]
    pub(super) fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    /// The number of rows.
    #[inline]
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    #[inline]
    pub(super) fn cols(&self) -> usize {
        self.cols
    }

    /// The element in row `i` and column `j`.
    #[inline]
    pub(super) fn at(&self, i: usize, j: usize) -> E {
        self.data[i * self.row_stride + j * self.col_stride]
    }

    /// Elements from one row to the next.
    #[inline]
    pub(super) fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Elements from one column to the next.
    #[inline]
    pub(super) fn col_stride(&self) -> usize {
        self.col_stride
    }

    /// The elements from the first one on, with all that lies between.
    #[inline]
    pub(super) fn data(&self) -> &'a [E] {
        self.data
    }

    /// The part that lies in these rows and columns, which must exist.
    #[inline]
    pub(super) fn block(&self, rows: Range<usize>, cols: Range<usize>) -> Self {
        debug_assert!(rows.end <= self.rows && cols.end <= self.cols);
        let start = rows.start * self.row_stride + cols.start * self.col_stride;
        Self { data: &self.data[start..], rows: rows.len(), cols: cols.len(), ..*self }
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
    fn numbers_of_either_type_are_the_same_in_bf16() {
        for high in (0..=u16::MAX).step_by(7) {
            let x = bf16::from_bits(high);
            assert_eq!(x.to_bf16(), high);
            if !x.is_nan() {
                assert_eq!(Element::to_f32(x).to_bf16(), high);
            }
        }
    }
}
