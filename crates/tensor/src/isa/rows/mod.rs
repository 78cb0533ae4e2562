//! Inner loops for few rows of input, as in generation: a block of outputs at a time, the weights
//! read once, where they lie.
//!
//! # The order of sums
//! It depends on the length K alone, not on the number of rows, so that a text is the same in any
//! batch.
//!
//! - *Floating point.* Term k belongs to lane k mod [`LANES`]. A lane adds its terms from the first
//!   to the last, each product fused with its addition (except in `portable`, as not every CPU can
//!   do that). Lanes are then added in pairs: lane l + 16 to lane l, then l + 8, l + 4, l + 2 and
//!   l + 1. Weights in bf16 and f16 are widened first, which is exact.
//! - *Weighted sums of rows*, Σ_t p_t·v_t: term t belongs to stream t mod [`STREAMS`], and each
//!   adds its terms from the first to the last; then (s₀ + s₁) + (s₂ + s₃).
//! - *8 bits.* The products of a group of [`GROUP`] inputs are added as
//!   integers, which is exact; the sum is multiplied by the product of both scales and added to
//!   those of the groups before it.

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(super) mod avx512;
pub(super) mod portable;
#[cfg(test)]
mod tests;

/// Inputs that share a scale.
pub(crate) const GROUP: usize = 32;
/// Outputs per block.
pub(crate) const BLOCK: usize = 16;
/// Partial sums of a dot product.
pub(crate) const LANES: usize = 32;
/// Partial sums of a weighted sum of rows.
pub(crate) const STREAMS: usize = 4;
/// The most rows of input per block.
pub(crate) const MAX_ROWS: usize = 32;

/// The longest rows of weights that are no stream: keys of a head.
const SHORT: usize = 256;

/// Returns the bytes by which rows of weights of length `k` are fetched ahead of their use, into
/// the second-level cache. For long rows, between 4 and 32 kB the time hardly differed; without
/// it, rows of 2 kB were read at two thirds of the speed. Keys end soon.
fn bytes_ahead(k: usize) -> usize {
    if k > SHORT { 1 << 14 } else { 1 << 10 }
}

/// The sums of a block, a row of outputs for each row of input.
pub(crate) type Tile = [[f32; BLOCK]; MAX_ROWS];

/// The inner loops of one instruction set.
#[derive(Debug)]
pub(crate) struct RowsKernels {
    pub(crate) f32: DenseKernel<f32>,
    pub(crate) bf16: DenseKernel<half::bf16>,
    pub(crate) f16: DenseKernel<half::f16>,
    pub(crate) int8: Int8Kernel,
    pub(crate) weighted_sum: WeightedSum,
}

/// Rows of input and rows of weights, all of length `k`.
#[derive(Clone, Copy)]
pub(crate) struct DenseJob<E> {
    pub(crate) k: usize,
    /// (`rows`, k), `x_stride` floats from row to row.
    pub(crate) x: *const f32,
    pub(crate) x_stride: usize,
    /// At most [`MAX_ROWS`].
    pub(crate) rows: usize,
    /// (`outputs`, k), contiguous.
    pub(crate) w: *const E,
    /// At most [`BLOCK`].
    pub(crate) outputs: usize,
}

/// Writes the dot products of all rows of input with all rows of weights to a tile.
///
/// # Safety
/// The CPU has the table's instruction set; input and weights can be read in these sizes, which
/// are within their limits.
pub(crate) type DenseKernel<E> = unsafe fn(DenseJob<E>, &mut Tile);

/// Rows of input and a block of weights, both rounded to 8 bits in groups.
#[derive(Clone, Copy)]
pub(crate) struct Int8Job {
    pub(crate) groups: usize,
    /// (`rows`, groups): the scales of the input.
    pub(crate) x_scales: *const f32,
    /// (`rows`, groups, GROUP), from −127 to 127.
    pub(crate) x: *const i8,
    /// At most [`MAX_ROWS`].
    pub(crate) rows: usize,
    /// (groups, BLOCK): the scales of the weights.
    pub(crate) w_scales: *const half::bf16,
    /// (groups, GROUP / 4, BLOCK, 4), from −127 to 127: the lanes of a vector are outputs, each
    /// with four inputs.
    pub(crate) w: *const i8,
}

/// Writes the dot products of all rows of input with all rows of a block to a tile.
///
/// # Safety
/// That of [`DenseKernel`].
pub(crate) type Int8Kernel = unsafe fn(Int8Job, &mut Tile);

/// Weights and rows, of which a weighted sum is taken.
#[derive(Clone, Copy)]
pub(crate) struct WeightedRows {
    /// T.
    pub(crate) count: usize,
    /// (T)
    pub(crate) p: *const f32,
    /// (T, `width`), contiguous.
    pub(crate) v: *const f32,
    pub(crate) width: usize,
    /// (`width`): the result.
    pub(crate) o: *mut f32,
}

/// Writes Σ_t p_t·v_t to `o`.
///
/// # Safety
/// The CPU has the table's instruction set; p and v can be read and o be written in these sizes.
pub(crate) type WeightedSum = unsafe fn(WeightedRows);
