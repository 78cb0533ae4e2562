//! Linear layers of few rows: the norm before them, the products, and what is done with the sums.
#![allow(unsafe_code)]

use super::runner::{Runner, Scratch, Sizes, at_least};
use crate::isa::rows::GROUP;
use crate::isa::rows::{BLOCK, DenseJob, Int8Job, MAX_ROWS, Tile};
use crate::matrix::element::{DType, Element};
use crate::matrix::int8::{Int8Matrix, quantize_rows};
use crate::ops::{gelu::gelu, rms_norm::inverse_rms, silu::silu};
use crate::{Tensor, vectorize};
use std::ops::Range;

/// A weight (out, in).
#[derive(Clone, Copy)]
pub enum Weight<'w> {
    /// Numbers, of any type, which are widened as they are read.
    Dense(&'w Tensor),
    /// 8 bits; input is rounded likewise.
    Int8(&'w Int8Matrix),
}

impl Weight<'_> {
    /// Returns the number of outputs.
    #[track_caller]
    pub fn outputs(&self) -> usize {
        self.sizes()[0]
    }

    #[track_caller]
    fn sizes(&self) -> [usize; 2] {
        match self {
            Self::Dense(w) => match *w.shape() {
                [outputs, inputs] => [outputs, inputs],
                _ => panic!("linear: a weight of shape {:?}, expected (out, in)", w.shape()),
            },
            Self::Int8(w) => [w.outputs(), w.inputs()],
        }
    }
}

/// Rows of input, and the root mean square norm that is applied to them first.
#[derive(Clone, Copy)]
pub struct Input<'x> {
    /// (N, K)
    pub x: &'x [f32],
    /// N.
    pub rows: usize,
    /// The weight (K) of the norm and its ε.
    pub norm: Option<(&'x [f32], f32)>,
}

/// The fate of the sums of a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sums {
    /// They overwrite what is there.
    Store,
    /// They are added to what is there.
    Add,
}

/// The function of a feed-forward network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// x·σ(x).
    Silu,
    /// x·Φ(x).
    Gelu,
}

/// A result (N, out) that threads write to, each its own columns.
#[derive(Clone, Copy)]
struct Columns {
    y: *mut f32,
    outputs: usize,
}

// SAFETY: `Runner::blocks` gives each block of columns to one thread, and the memory outlives the
// region.
unsafe impl Send for Columns {}
// SAFETY: as above.
unsafe impl Sync for Columns {}

impl Columns {
    #[track_caller]
    fn new(y: &mut [f32], rows: usize, outputs: usize) -> Self {
        assert_eq!(y.len(), rows * outputs, "linear: {rows} rows of {outputs} outputs");
        Self { y: y.as_mut_ptr(), outputs }
    }

    /// Returns the columns of a block in one row.
    ///
    /// # Safety
    /// The row exists, the block begins within it, and nobody else has these columns.
    #[allow(clippy::mut_from_ref)]
    unsafe fn of_row(&self, row: usize, block: usize) -> &mut [f32] {
        let first = block * BLOCK;
        let len = BLOCK.min(self.outputs - first);
        // SAFETY: the caller grants it.
        unsafe { std::slice::from_raw_parts_mut(self.y.add(row * self.outputs + first), len) }
    }
}

/// Input as the kernels read it.
#[derive(Clone, Copy)]
struct Prepared<'a> {
    k: usize,
    rows: usize,
    x: &'a [f32],
    /// Empty unless a weight is in 8 bits.
    bytes: &'a [i8],
    scales: &'a [f32],
}

impl Runner {
    /// Computes y = x·wᵀ, or adds it to y, for several weights (out, K) with one input (N, K); each
    /// y is (N, out).
    ///
    /// # Panics
    /// If sizes do not fit.
    #[track_caller]
    pub fn linear<const W: usize>(
        &self,
        input: Input<'_>,
        weights: [Weight<'_>; W],
        y: [&mut [f32]; W],
        sums: Sums,
    ) {
        let mut weight = 0;
        let y = y.map(|y| {
            weight += 1;
            Columns::new(y, input.rows, weights[weight - 1].outputs())
        });
        self.blocks(input, weights, |which, block, rows, tile| {
            for (row, tile) in rows.zip(tile) {
                // SAFETY: `blocks` calls with each block of each weight, and rows that exist, once.
                let y = unsafe { y[which].of_row(row, block) };
                match sums {
                    Sums::Store => y.copy_from_slice(&tile[..y.len()]),
                    Sums::Add => y.iter_mut().zip(tile).for_each(|(y, sum)| *y += *sum),
                }
            }
        });
    }

    /// Computes y = f(x·upᵀ), or with a gate y = f(x·gateᵀ) ∘ x·upᵀ; x (N, K), y (N, out).
    ///
    /// # Panics
    /// If sizes do not fit.
    #[track_caller]
    pub fn feed_forward(
        &self,
        input: Input<'_>,
        gate: Option<Weight<'_>>,
        up: Weight<'_>,
        activation: Activation,
        y: &mut [f32],
    ) {
        let y = Columns::new(y, input.rows, up.outputs());
        let kernels = self.context.kernels;
        let activate = |tile: &mut [[f32; BLOCK]]| {
            let sums = tile.as_flattened_mut().iter_mut();
            match activation {
                Activation::Silu => vectorize!(kernels, sums.for_each(|x| *x = silu(*x))),
                Activation::Gelu => vectorize!(kernels, sums.for_each(|x| *x = gelu(*x))),
            }
        };
        match gate {
            None => self.blocks(input, [up], |_, block, rows, tile| {
                activate(tile);
                for (row, tile) in rows.zip(tile) {
                    // SAFETY: as in `linear`.
                    let y = unsafe { y.of_row(row, block) };
                    y.copy_from_slice(&tile[..y.len()]);
                }
            }),
            Some(gate) => self.pairs(input, [gate, up], |block, rows, gate, up| {
                activate(gate);
                for (row, (gate, up)) in rows.zip(gate.iter().zip(up)) {
                    // SAFETY: as in `linear`.
                    let y = unsafe { y.of_row(row, block) };
                    for (y, (gate, up)) in y.iter_mut().zip(gate.iter().zip(up)) {
                        *y = gate * up;
                    }
                }
            }),
        }
    }

    /// Applies a root mean square norm with weight (K) to each row of x (N, K).
    pub fn rms_norm(&self, x: &mut [f32], weight: &[f32], eps: f32) {
        vectorize!(self.context.kernels, {
            for row in x.chunks_exact_mut(weight.len()) {
                let r = inverse_rms(row, eps);
                row.iter_mut().zip(weight).for_each(|(x, w)| *x = w * (*x * r));
            }
        });
    }

    /// Shares out the blocks of outputs of all weights among the threads, and calls `finish` with
    /// the number of a weight and of a block, with rows, and with their sums.
    #[track_caller]
    fn blocks<const W: usize>(
        &self,
        input: Input<'_>,
        weights: [Weight<'_>; W],
        finish: impl Fn(usize, usize, Range<usize>, &mut [[f32; BLOCK]]) + Sync,
    ) {
        let counts = weights.map(|weight| weight.outputs().div_ceil(BLOCK));
        self.share_blocks(input, &weights, counts.iter().sum(), |prepared, blocks, [tile, _]| {
            for_rows(prepared.rows, |rows| {
                for block in blocks.clone() {
                    let (mut which, mut block) = (0, block);
                    while block >= counts[which] {
                        block -= counts[which];
                        which += 1;
                    }
                    self.multiply(prepared, &rows, weights[which], block, tile);
                    finish(which, block, rows.clone(), &mut tile[..rows.len()]);
                }
            });
        });
    }

    /// Shares out the blocks of outputs of two weights of one shape, and calls `finish` with the
    /// number of a block, with rows, and with the sums of both.
    #[track_caller]
    fn pairs(
        &self,
        input: Input<'_>,
        weights: [Weight<'_>; 2],
        finish: impl Fn(usize, Range<usize>, &mut [[f32; BLOCK]], &[[f32; BLOCK]]) + Sync,
    ) {
        let [first, second] = weights;
        assert_eq!(first.sizes(), second.sizes(), "feed_forward: shapes of gate and up");
        let count = first.outputs().div_ceil(BLOCK);
        self.share_blocks(input, &weights, count, |prepared, blocks, tiles| {
            for_rows(prepared.rows, |rows| {
                for block in blocks.clone() {
                    for (weight, tile) in weights.into_iter().zip(&mut *tiles) {
                        self.multiply(prepared, &rows, weight, block, tile);
                    }
                    let [first, second] = &mut *tiles;
                    let len = rows.len();
                    finish(block, rows.clone(), &mut first[..len], &second[..len]);
                }
            });
        });
    }

    /// Shares out `blocks` among threads, of which each prepares the input for itself and has tiles
    /// for the sums.
    #[track_caller]
    fn share_blocks(
        &self,
        input: Input<'_>,
        weights: &[Weight<'_>],
        blocks: usize,
        work: impl Fn(Prepared<'_>, Range<usize>, &mut [Tile; 2]) + Sync,
    ) {
        let Input { x, rows, .. } = input;
        let [_, k] = weights[0].sizes();
        assert_eq!(x.len(), rows * k, "linear: {rows} rows of {k} inputs");
        assert!(weights.iter().all(|w| w.sizes()[1] == k), "linear: weights of one input");
        let multiplications = weights.iter().map(|w| w.outputs() * k * rows).sum();
        let in_8_bits = weights.iter().any(|w| matches!(w, Weight::Int8(_)));
        let threads = self.threads_for(multiplications);
        let groups = if in_8_bits { k.div_ceil(GROUP) } else { 0 };
        self.reserve(Sizes {
            x: if input.norm.is_some() { rows * k } else { 0 },
            bytes: rows * groups * GROUP,
            scales: rows * groups,
            ..Sizes::default()
        });
        self.share(threads, blocks, |scratch, take| {
            // A thread that comes when all is taken prepares nothing.
            if let Some(first) = take() {
                let prepared = self.prepare(input, k, in_8_bits, scratch);
                let mut tiles = [[[0.0; BLOCK]; MAX_ROWS]; 2];
                work(prepared, first, &mut tiles);
                while let Some(blocks) = take() {
                    work(prepared, blocks, &mut tiles);
                }
            }
        });
    }

    /// Applies the norm, and rounds the rows if a weight is in 8 bits.
    fn prepare<'a>(
        &self,
        Input { x, rows, norm }: Input<'a>,
        k: usize,
        in_8_bits: bool,
        scratch: &'a mut Scratch,
    ) -> Prepared<'a> {
        let Scratch { x: normed, bytes, scales, .. } = scratch;
        let x = match norm {
            None => x,
            Some((weight, eps)) => {
                let normed = at_least(normed, rows * k);
                normed.copy_from_slice(x);
                self.rms_norm(normed, weight, eps);
                &*normed
            }
        };
        if !in_8_bits {
            return Prepared { k, rows, x, bytes: &[], scales: &[] };
        }
        let groups = k.div_ceil(GROUP);
        let bytes = at_least(bytes, rows * groups * GROUP);
        let scales = at_least(scales, rows * groups);
        vectorize!(self.context.kernels, quantize_rows(x, k, bytes, scales));
        Prepared { k, rows, x, bytes, scales }
    }

    /// Writes the products of some rows of input with a block of a weight to a tile.
    fn multiply(
        &self,
        prepared: Prepared<'_>,
        rows: &Range<usize>,
        weight: Weight<'_>,
        block: usize,
        tile: &mut Tile,
    ) {
        let kernels = &self.context.kernels.rows;
        let Prepared { k, x, bytes, scales, .. } = prepared;
        match weight {
            Weight::Dense(w) => {
                let outputs = block * BLOCK..w.rows().min((block + 1) * BLOCK);
                let x = &x[rows.start * k..rows.end * k];
                match w.dtype() {
                    DType::F32 => dense::<f32>(kernels.f32, x, w, outputs, tile),
                    DType::Bf16 => dense::<half::bf16>(kernels.bf16, x, w, outputs, tile),
                    DType::F16 => dense::<half::f16>(kernels.f16, x, w, outputs, tile),
                }
            }
            Weight::Int8(w) => {
                let groups = w.groups();
                let size = groups * GROUP;
                let x = &bytes[rows.start * size..rows.end * size];
                let x_scales = &scales[rows.start * groups..rows.end * groups];
                let (w, w_scales) = w.block(block);
                let job = Int8Job {
                    groups,
                    x_scales: x_scales.as_ptr(),
                    x: x.as_ptr(),
                    rows: rows.len(),
                    w_scales: w_scales.as_ptr(),
                    w: w.as_ptr(),
                };
                // SAFETY: whoever holds a table may use its instruction set; the slices have these
                // sizes.
                unsafe { (kernels.int8)(job, tile) };
            }
        }
    }
}

/// Runs a kernel on rows of input (N, K) and the weights of some outputs.
fn dense<E: Element>(
    kernel: crate::isa::rows::DenseKernel<E>,
    x: &[f32],
    w: &Tensor,
    outputs: Range<usize>,
    tile: &mut Tile,
) {
    let k = w.last_dim();
    let rows = x.len() / k.max(1);
    let (count, w) = (outputs.len(), &w.elements::<E>()[outputs.start * k..outputs.end * k]);
    debug_assert!(rows <= MAX_ROWS && count <= BLOCK);
    let job = DenseJob { k, x: x.as_ptr(), x_stride: k, rows, w: w.as_ptr(), outputs: count };
    // SAFETY: whoever holds a table may use its instruction set; the slices have these sizes.
    unsafe { kernel(job, tile) };
}

/// Calls `work` with at most [`MAX_ROWS`] rows at a time.
fn for_rows(rows: usize, mut work: impl FnMut(Range<usize>)) {
    for first in (0..rows).step_by(MAX_ROWS) {
        work(first..rows.min(first + MAX_ROWS));
    }
}
