//! Tensors, and numbers in memory, of another type of element.

use super::Tensor;
use crate::matrix::element::{self, DType, Element, Slice};
use crate::{Context, vectorize};
use half::{bf16, f16};
use rayon::prelude::*;

/// Elements per task.
const CHUNK: usize = 1 << 14;

/// Numbers in memory, in this machine's order of bytes, to write.
pub struct Numbers<'a> {
    /// Their type.
    pub dtype: DType,
    /// Their bytes.
    pub bytes: &'a mut [u8],
}

/// Writes the numbers of type `dtype` in `from` to `to`, each as the nearest one of the type there,
/// ties to even.
///
/// # Panics
/// If the two have different counts of numbers, or either does not lie at multiples of its size.
#[track_caller]
pub fn convert(context: Context, dtype: DType, from: &[u8], to: Numbers<'_>) {
    let counts = [from.len() / dtype.size(), to.bytes.len() / to.dtype.size()];
    assert!(counts[0] == counts[1], "convert: {} numbers to {}", counts[0], counts[1]);
    match (dtype, to.dtype) {
        (DType::F32, DType::F32) | (DType::Bf16, DType::Bf16) | (DType::F16, DType::F16) => {
            to.bytes.copy_from_slice(from);
        }
        (DType::F32, DType::Bf16) => each::<f32, bf16>(context, from, to.bytes),
        (DType::F32, DType::F16) => each::<f32, f16>(context, from, to.bytes),
        (DType::Bf16, DType::F32) => each::<bf16, f32>(context, from, to.bytes),
        (DType::Bf16, DType::F16) => each::<bf16, f16>(context, from, to.bytes),
        (DType::F16, DType::F32) => each::<f16, f32>(context, from, to.bytes),
        (DType::F16, DType::Bf16) => each::<f16, bf16>(context, from, to.bytes),
    }
}

#[track_caller]
fn each<A: Element, B: Element>(context: Context, from: &[u8], to: &mut [u8]) {
    let (from, to): (&[A], &mut [B]) = (bytemuck::cast_slice(from), bytemuck::cast_slice_mut(to));
    vectorize!(context.kernels, element::convert(to, from));
}

impl Tensor {
    /// Returns the elements in `f32`; shares the memory if they are `f32`.
    pub fn to_f32(&self) -> Self {
        let x = self.data();
        if let Slice::F32(_) = x {
            return self.clone();
        }
        Self::build(&self.shape, |out| {
            out.par_chunks_mut(CHUNK).enumerate().for_each(|(index, out)| {
                let range = index * CHUNK..index * CHUNK + out.len();
                match x {
                    Slice::F32(x) => out.copy_from_slice(&x[range]),
                    Slice::Bf16(x) => element::load(out, &x[range]),
                    Slice::F16(x) => element::load(out, &x[range]),
                }
            });
        })
    }

    /// Returns the elements rounded to bf16, to nearest, ties to even; shares the memory if they
    /// are bf16.
    pub(crate) fn to_bf16(&self, context: Context) -> Self {
        let x = self.data();
        if let Slice::Bf16(_) = x {
            return self.clone();
        }
        let mut rounded = Self::scratch_of(DType::Bf16, &self.shape);
        let chunks = rounded.elements_mut::<bf16>().par_chunks_mut(CHUNK);
        chunks.enumerate().for_each(|(index, rounded)| {
            let range = index * CHUNK..index * CHUNK + rounded.len();
            vectorize!(
                context.kernels,
                match x {
                    Slice::F32(x) => element::store(rounded, &x[range]),
                    Slice::Bf16(x) => rounded.copy_from_slice(&x[range]),
                    Slice::F16(x) => element::convert(rounded, &x[range]),
                }
            );
        });
        rounded
    }

    /// Widens the elements to `f32`, if they are not, and returns them to write to.
    pub(crate) fn widen(&mut self) -> &mut [f32] {
        if self.dtype != DType::F32 {
            *self = self.to_f32();
        }
        self.as_mut_slice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{isa, testing};

    #[test]
    fn numbers_become_the_nearest_ones_of_every_type_on_every_kernel_table() {
        const TYPES: [DType; 3] = [DType::F32, DType::Bf16, DType::F16];
        let source = testing::random(&[1000], 3);
        for kernels in isa::available() {
            let context = Context::detect().with_kernels(kernels);
            let in_type = |dtype: DType, from: DType, bytes: &[u8]| {
                let mut out = Tensor::scratch_of(dtype, &[1000]);
                let numbers = match dtype {
                    DType::F32 => bytemuck::cast_slice_mut(out.elements_mut::<f32>()),
                    DType::Bf16 => bytemuck::cast_slice_mut(out.elements_mut::<bf16>()),
                    DType::F16 => bytemuck::cast_slice_mut(out.elements_mut::<f16>()),
                };
                convert(context, from, bytes, Numbers { dtype, bytes: numbers });
                out
            };
            let bytes_of = |x: &Tensor| match x.data() {
                Slice::F32(x) => bytemuck::cast_slice(x).to_vec(),
                Slice::Bf16(x) => bytemuck::cast_slice(x).to_vec(),
                Slice::F16(x) => bytemuck::cast_slice(x).to_vec(),
            };
            let nearest = |dtype: DType, x: f32| match dtype {
                DType::F32 => x,
                DType::Bf16 => half::bf16::from_f32(x).to_f32(),
                DType::F16 => half::f16::from_f32(x).to_f32(),
            };
            for from in TYPES {
                let first = in_type(from, DType::F32, &bytes_of(&source));
                for to in TYPES {
                    let second = in_type(to, from, &bytes_of(&first));
                    let expected = source.map(|x| nearest(to, nearest(from, x)));
                    assert_eq!(second.to_f32().as_slice(), expected.as_slice(), "{from:?} {to:?}");
                    let rounded = second.to_bf16(context).to_f32();
                    let expected = expected.map(|x| nearest(DType::Bf16, x));
                    assert_eq!(rounded.as_slice(), expected.as_slice(), "{to:?} to bf16");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "convert: 2 numbers to 1")]
    fn counts_that_differ_are_a_bug_that_is_named() {
        let to = Numbers { dtype: DType::Bf16, bytes: &mut [0; 2] };
        convert(Context::detect(), DType::F32, &[0; 8], to);
    }
}
