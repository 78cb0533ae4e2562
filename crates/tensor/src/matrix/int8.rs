//! A weight in 8 bits: w ≈ s·q with q in −127 … 127 and one scale per group of [`GROUP`] inputs of
//! an output, s = max |w| / 127 over the group: "absmax" rounding (Dettmers et al.,
//! arXiv:2208.07339, section 2.1) in blocks, as llama.cpp's Q8_0 has them.
//!
//! A scale is stored in bf16, rounded up so that every quotient fits. A weight is off by half a
//! step at most, and a step is at most 1/126 of the group's largest weight.
//!
//! # Layout
//! [`BLOCK`] outputs lie side by side, so that vectors of sums are never added across their lanes:
//! (blocks, groups, GROUP / 4, BLOCK, 4), with scales (blocks, groups, BLOCK). Outputs beyond the
//! last are zeros, and so are inputs. The scales stand before the integers, which begin a cache
//! line.

use super::element::{Element, load, with_any_element_type};
use crate::isa::rows::{BLOCK, GROUP};
use crate::memory::HugePages;
use crate::memory::cache::LINE_BYTES;
use crate::{Context, SharedBytes, Tensor, vectorize};
use half::bf16;
use rayon::prelude::*;
use std::sync::Arc;

/// A weight (out, in), rounded to 8 bits per element and one scale per group of inputs.
pub struct Int8Matrix {
    outputs: usize,
    inputs: usize,
    /// Scales and integers, from the byte `start` on.
    memory: SharedBytes,
    start: usize,
}

/// An element that keeps a weight from being rounded to 8 bits, as it makes the scale useless.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("row {row}, column {column} holds {found}, expected a finite number")]
pub struct NotFinite {
    /// The output.
    pub row: usize,
    /// The input.
    pub column: usize,
    /// NaN or ±∞.
    pub found: f32,
}

/// Adding 1.5·2²³ leaves no bit for a fraction: the sum is rounded to an integer, ties to even,
/// which then stands in the low bits.
const ROUNDER: f32 = 12_582_912.0;

/// Returns the largest absolute value of a group. If an element is not finite, nor is the result.
/// The bits of absolute values are in the order of the values, with NaN last, and the largest of
/// integers may be found in any order, which vectorises.
#[inline(always)]
fn largest_of(group: &[f32; GROUP]) -> f32 {
    let bits = group.iter().map(|w| w.to_bits() & 0x7fff_ffff);
    f32::from_bits(bits.fold(0, u32::max))
}

/// Returns the scale of a group with this largest absolute value, 0 for a group of zeros.
#[inline(always)]
fn scale_of(largest: f32) -> bf16 {
    let step = largest / 127.0;
    // The next number of bf16 that is not below the step.
    let up = bf16::from_bits((step.to_bits().wrapping_add(0xffff) >> 16) as u16);
    if up.is_finite() { up } else { bf16::MAX }
}

/// Returns the bytes of the scales, up to the cache line that the integers begin, and of the
/// integers.
fn sizes(outputs: usize, inputs: usize) -> [usize; 2] {
    let (blocks, groups) = (outputs.div_ceil(BLOCK), inputs.div_ceil(GROUP));
    let scales = blocks * groups * BLOCK * size_of::<bf16>();
    [scales.next_multiple_of(LINE_BYTES), blocks * groups * GROUP * BLOCK]
}

/// Returns (out, in).
#[track_caller]
fn shape_of(weight: &Tensor) -> [usize; 2] {
    let &[outputs, inputs] = weight.shape() else {
        panic!("Int8Matrix: shape {:?}, expected (out, in)", weight.shape());
    };
    [outputs, inputs]
}

impl Int8Matrix {
    /// Returns the bytes that a weight of this shape (out, in) takes: whole cache lines.
    pub fn size_for([outputs, inputs]: [usize; 2]) -> usize {
        sizes(outputs, inputs).into_iter().sum()
    }

    /// Rounds a weight (out, in) to the nearest multiples of each group's scale, in memory of its
    /// own.
    ///
    /// # Errors
    /// If an element is not finite.
    ///
    /// # Panics
    /// If the weight is no matrix.
    #[track_caller]
    pub fn quantize(context: Context, weight: &Tensor) -> Result<Self, NotFinite> {
        let mut memory = HugePages::zeroed(Self::size_for(shape_of(weight)));
        Self::quantize_into(context, weight, memory.as_mut())?;
        Ok(Self::shared(Arc::new(memory), 0, shape_of(weight)))
    }

    /// Returns the weight (out, in) that [`quantize_into`](Self::quantize_into) wrote to the bytes
    /// of `memory` from `start` on.
    ///
    /// # Panics
    /// If there are too few bytes, or they do not begin a cache line.
    #[track_caller]
    pub fn shared(memory: SharedBytes, start: usize, [outputs, inputs]: [usize; 2]) -> Self {
        let (bytes, size) = ((*memory).as_ref(), sizes(outputs, inputs).into_iter().sum());
        let fits = start.checked_add(size).is_some_and(|end| end <= bytes.len());
        assert!(fits, "Int8Matrix: {size} bytes from {start} on, of {}", bytes.len());
        let address = bytes.as_ptr().addr() + start;
        assert!(address.is_multiple_of(LINE_BYTES), "Int8Matrix: bytes inside a cache line");
        Self { outputs, inputs, memory, start }
    }

    /// Rounds a weight (out, in) to the nearest multiples of each group's scale, and writes it to
    /// `memory`, which begins a cache line.
    ///
    /// # Errors
    /// If an element is not finite.
    ///
    /// # Panics
    /// If the weight is no matrix, or the memory has another size than
    /// [`size_for`](Self::size_for) returns.
    #[track_caller]
    pub fn quantize_into(
        context: Context,
        weight: &Tensor,
        memory: &mut [u8],
    ) -> Result<(), NotFinite> {
        let [outputs, inputs] = shape_of(weight);
        let size = Self::size_for([outputs, inputs]);
        assert_eq!(memory.len(), size, "Int8Matrix: bytes of {outputs} outputs");
        let (blocks, groups) = (outputs.div_ceil(BLOCK), inputs.div_ceil(GROUP));
        let block_bytes = groups * GROUP * BLOCK;
        let (scales, bytes) = memory.split_at_mut(sizes(outputs, inputs)[0]);
        let scales: &mut [bf16] = bytemuck::cast_slice_mut(scales);
        let scales = &mut scales[..blocks * groups * BLOCK];
        let bytes: &mut [i8] = bytemuck::cast_slice_mut(bytes);
        scales.fill(bf16::ZERO);
        bytes
            .par_chunks_mut(block_bytes.max(1))
            .zip(scales.par_chunks_mut((groups * BLOCK).max(1)))
            .enumerate()
            .try_for_each(|(block, (bytes, scales))| {
                let first = block * BLOCK;
                let rows = first..outputs.min(first + BLOCK);
                with_any_element_type!(weight, |E| {
                    let weight = &weight.elements::<E>()[rows.start * inputs..rows.end * inputs];
                    vectorize!(context.kernels, quantize_block(weight, inputs, bytes, scales))
                })
                .map_err(|(row, column, found)| NotFinite {
                    row: first + row,
                    column,
                    found,
                })
            })
    }

    /// Returns the number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Returns the number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Returns the bytes of integers and scales.
    pub fn size(&self) -> usize {
        sizes(self.outputs, self.inputs).into_iter().sum()
    }

    /// Returns the number of groups of an output.
    pub(crate) fn groups(&self) -> usize {
        self.inputs.div_ceil(GROUP)
    }

    /// Returns the integers and scales of a block of outputs.
    pub(crate) fn block(&self, block: usize) -> (&[i8], &[bf16]) {
        let (bytes, scales) = (self.groups() * GROUP * BLOCK, self.groups() * BLOCK);
        let memory = &(*self.memory).as_ref()[self.start..];
        let integers = &memory[sizes(self.outputs, self.inputs)[0] + block * bytes..][..bytes];
        let scales = &memory[block * scales * size_of::<bf16>()..][..scales * size_of::<bf16>()];
        (bytemuck::cast_slice(integers), bytemuck::cast_slice(scales))
    }

    /// Returns the rounded weight in `f32`, (out, in).
    pub fn dequantize(&self) -> Tensor {
        let (inputs, width) = (self.inputs, self.inputs.max(1));
        Tensor::build(&[self.outputs, inputs], |w| {
            w.par_chunks_mut(BLOCK * width).enumerate().for_each(|(block, w)| {
                let (bytes, scales) = self.block(block);
                for (output, w) in w.chunks_exact_mut(width).enumerate() {
                    for (i, w) in w.iter_mut().enumerate() {
                        let scale = scales[i / GROUP * BLOCK + output].to_f32();
                        *w = f32::from(bytes[i / 4 * 4 * BLOCK + 4 * output + i % 4]) * scale;
                    }
                }
            });
        })
    }
}

/// Rounds the outputs of a block, `weight` (≤ BLOCK, inputs). An error has the row, the column and
/// the number that is not finite.
#[inline(always)]
fn quantize_block<E: Element>(
    weight: &[E],
    inputs: usize,
    bytes: &mut [i8],
    scales: &mut [bf16],
) -> Result<(), (usize, usize, f32)> {
    if weight.len() < BLOCK * inputs || !inputs.is_multiple_of(GROUP) {
        bytes.fill(0);
    }
    for (row, weight) in weight.chunks_exact(inputs.max(1)).enumerate() {
        for (g, weight) in weight.chunks(GROUP).enumerate() {
            let mut group = [0.0; GROUP];
            match weight.as_array::<GROUP>() {
                // A fixed length vectorises better.
                Some(whole) => load(&mut group, whole),
                None => load(&mut group[..weight.len()], weight),
            }
            let largest = largest_of(&group);
            if !largest.is_finite() {
                let at = group.iter().position(|w| !w.is_finite()).unwrap_or(0);
                return Err((row, g * GROUP + at, group[at]));
            }
            let scale = scale_of(largest);
            scales[g * BLOCK + row] = scale;
            let step = if scale > bf16::ZERO { scale.to_f32() } else { 1.0 };
            let mut integers = [0; GROUP];
            for (integer, w) in integers.iter_mut().zip(&group) {
                *integer = (w / step + ROUNDER).to_bits() as i8;
            }
            let fours = bytes[g * GROUP * BLOCK..][..GROUP * BLOCK].chunks_exact_mut(4 * BLOCK);
            for (four, integers) in fours.zip(integers.as_chunks::<4>().0) {
                four[4 * row..4 * row + 4].copy_from_slice(integers);
            }
        }
    }
    Ok(())
}

/// Writes rows of input x (N, K), in 8 bits, to `bytes` (N, groups, GROUP) and their scales to
/// `scales` (N, groups).
#[inline(always)]
pub(crate) fn quantize_rows(x: &[f32], k: usize, bytes: &mut [i8], scales: &mut [f32]) {
    let groups = k.div_ceil(GROUP);
    let rows = bytes.chunks_exact_mut(groups * GROUP).zip(scales.chunks_exact_mut(groups));
    for (x, (bytes, scales)) in x.chunks_exact(k).zip(rows) {
        let groups = bytes.as_chunks_mut::<GROUP>().0.iter_mut().zip(scales);
        for (x, (bytes, scale)) in x.chunks(GROUP).zip(groups) {
            let mut group = [0.0; GROUP];
            group[..x.len()].copy_from_slice(x);
            *scale = quantize_group(&group, bytes);
        }
    }
}

/// Rounds a group of inputs and returns their scale, which is not finite if one of them is not.
#[inline(always)]
fn quantize_group(x: &[f32; GROUP], bytes: &mut [i8; GROUP]) -> f32 {
    let largest = largest_of(x);
    let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    for (byte, x) in bytes.iter_mut().zip(x) {
        *byte = (x * inverse + ROUNDER).to_bits() as i8;
    }
    largest / 127.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn no_weight_is_off_by_more_than_half_a_step() {
        // Sizes that end inside a block and a group; a row so small that 1/s is infinite; zeros.
        for [outputs, inputs] in [[70, 100], [16, 32], [1, 1], [17, 33]] {
            let mut weight = testing::random(&[outputs, inputs], 4).map(|w| w * 3.0);
            weight.as_mut_slice()[..inputs.min(40)].iter_mut().for_each(|w| *w *= 1e-38);
            weight.as_mut_slice()[inputs * (outputs - 1)..].fill(0.0);
            let rounded = Int8Matrix::quantize(Context::detect(), &weight).unwrap();
            assert_eq!((rounded.outputs(), rounded.inputs()), (outputs, inputs));
            let rounded = rounded.dequantize();
            let rows = weight.as_slice().chunks(inputs).zip(rounded.as_slice().chunks(inputs));
            for (w, r) in rows.flat_map(|(w, r)| w.chunks(GROUP).zip(r.chunks(GROUP))) {
                let largest = w.iter().fold(0.0f32, |max, w| max.max(w.abs()));
                for (w, r) in w.iter().zip(r) {
                    assert!((w - r).abs() <= largest / 252.0 + 1e-40, "{w} {r} {largest}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_refused_with_its_place() {
        for found in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut weight = testing::random(&[20, 40], 1);
            weight.as_mut_slice()[18 * 40 + 35] = found;
            let error = Int8Matrix::quantize(Context::detect(), &weight).err().expect("an error");
            assert_eq!((error.row, error.column), (18, 35), "{error}");
        }
        let weight = Tensor::from_slice(&[1, 2], &[f32::INFINITY, 1.0]);
        let error = Int8Matrix::quantize(Context::detect(), &weight).err().expect("an error");
        assert_eq!(error.to_string(), "row 0, column 0 holds inf, expected a finite number");
    }

    #[test]
    fn rows_of_input_are_rounded_to_the_nearest_step() {
        let mut x = testing::random(&[3, 70], 2);
        x.as_mut_slice()[70..102].fill(0.0);
        let (mut bytes, mut scales) = (vec![1i8; 3 * 96], vec![1.0; 9]);
        quantize_rows(x.as_slice(), 70, &mut bytes, &mut scales);
        for (row, x) in x.as_slice().chunks(70).enumerate() {
            for i in 0..96 {
                let scale = scales[row * 3 + i / GROUP];
                let (exact, q) = (x.get(i).copied().unwrap_or(0.0), bytes[row * 96 + i]);
                assert!((f32::from(q) * scale - exact).abs() <= scale * 0.5001, "{row} {i}");
            }
        }
        assert_eq!(scales[3], 0.0);
        for odd in [f32::NAN, f32::INFINITY] {
            x.as_mut_slice()[5] = odd;
            quantize_rows(x.as_slice(), 70, &mut bytes, &mut scales);
            assert!(!scales[0].is_finite() && scales[1].is_finite(), "{odd} is hidden");
        }
    }
}
