//! Blocks of columns of row-major matrices, for threads that write to different columns of the same
//! matrix, as the heads of attention do.

use rayon::prelude::*;
use std::marker::PhantomData;

/// Neighbouring columns of a matrix, to write to.
pub struct ColumnBlock<'a, E> {
    start: *mut E,
    rows: usize,
    cols: usize,
    row_stride: usize,
    writes: PhantomData<&'a mut [E]>,
}

// SAFETY: a block is the only reference to its elements while it lives, like a `&mut [E]`.
unsafe impl<E: Send> Send for ColumnBlock<'_, E> {}

impl<E> ColumnBlock<'_, E> {
    /// Returns row `i` of the block.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    pub fn row_mut(&mut self, i: usize) -> &mut [E] {
        assert!(i < self.rows, "ColumnBlock: row {i} of {}", self.rows);
        // SAFETY: the row lies in the matrix, and its elements in these columns belong to this
        // block alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(i * self.row_stride), self.cols) }
    }
}

/// Splits matrices of `rows` rows and `width` columns, which lie in `data` one after the other,
/// into blocks of `cols` columns: those of the first matrix from the left, those of the second, and
/// so on. The last block of a matrix has the columns that are left.
///
/// # Panics
/// If the length of `data` is not a multiple of `rows`·`width`, or `cols` is 0.
#[track_caller]
pub fn par_column_blocks<'a, E: Send + 'a>(
    data: &'a mut [E],
    rows: usize,
    width: usize,
    cols: usize,
) -> impl IndexedParallelIterator<Item = ColumnBlock<'a, E>> {
    let size = rows.saturating_mul(width);
    let fits = if size == 0 { data.is_empty() } else { data.len().is_multiple_of(size) };
    assert!(
        fits && cols > 0,
        "par_column_blocks: {} elements in matrices of {rows}×{width} in blocks of {cols} columns",
        data.len()
    );
    let blocks = width.div_ceil(cols);
    let count = data.len() / size.max(1) * blocks;
    let start = data.as_mut_ptr();
    let block = |index: usize| {
        let column = index % blocks * cols;
        // SAFETY: the first element of the block lies in `data`.
        let start = unsafe { start.add(index / blocks * size + column) };
        let cols = cols.min(width - column);
        ColumnBlock { start, rows, cols, row_stride: width, writes: PhantomData }
    };
    (0..count).map(block).collect::<Vec<_>>().into_par_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_writes_to_columns_of_its_own() {
        let (matrices, rows, width, cols) = (2, 3, 8, 2);
        let mut data = vec![0.0; matrices * rows * width];
        par_column_blocks(&mut data, rows, width, cols).enumerate().for_each(
            |(index, mut block)| {
                for row in 0..rows {
                    for (x, col) in block.row_mut(row).iter_mut().zip(0..) {
                        *x += (100 * index + 10 * row + col) as f32;
                    }
                }
            },
        );
        let mut ragged = vec![0.0; 2 * 5];
        par_column_blocks(&mut ragged, 2, 5, 2).enumerate().for_each(|(index, mut block)| {
            (0..2).for_each(|row| block.row_mut(row).fill(index as f32));
        });
        assert_eq!(ragged, [0.0, 0.0, 1.0, 1.0, 2.0, 0.0, 0.0, 1.0, 1.0, 2.0]);
        for (i, &x) in data.iter().enumerate() {
            let (matrix, row, col) = (i / (rows * width), i / width % rows, i % width);
            let block = matrix * (width / cols) + col / cols;
            assert_eq!(x, (100 * block + 10 * row + col % cols) as f32);
        }
        assert_eq!(par_column_blocks::<f32>(&mut [], 0, 8, 2).len(), 0);
        assert_eq!(par_column_blocks::<f32>(&mut [], 3, 8, 2).len(), 0);
    }

    #[test]
    fn matrices_that_are_not_there_are_refused() {
        // The second size is 4 if it wraps around.
        for (rows, width, cols) in [(0, 4, 4), ((1 << 62) + 1, 4, 4), (3, 1, 1), (1, 4, 0)] {
            let refused = std::panic::catch_unwind(|| {
                par_column_blocks(&mut [0.0; 4], rows, width, cols).count()
            });
            let message = *refused.unwrap_err().downcast::<String>().unwrap();
            assert!(message.contains("4 elements in matrices of"), "{message}");
        }
    }

    #[test]
    #[should_panic(expected = "row 3 of 3")]
    fn a_row_below_the_last_is_refused() {
        par_column_blocks(&mut [0.0; 24], 3, 8, 2).for_each(|mut block| block.row_mut(3).fill(1.0));
    }
}
