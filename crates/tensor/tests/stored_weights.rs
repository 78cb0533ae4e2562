//! Linear layers whose weights are read as a file holds them, in bf16 or half precision: the same
//! bits as with the weights widened to f32, on every kernel table.

use half::{bf16, f16};
use std::sync::Arc;
use tensor::memory::HugePages;
use tensor::testing::random;
use tensor::{Context, DType, Numbers, Precision, Tape, Tensor, convert, isa};

/// Returns `x` in another type, in memory of its own.
fn stored(x: &Tensor, dtype: DType) -> Tensor {
    let mut memory = HugePages::zeroed(x.len() * dtype.size());
    let to = Numbers { dtype, bytes: memory.as_mut() };
    convert(Context::detect(), DType::F32, bytemuck::cast_slice(x.as_slice()), to);
    Tensor::shared(Arc::new(memory), 0, dtype, x.shape()).unwrap()
}

#[test]
fn products_with_stored_weights_are_those_with_widened_ones() {
    for dtype in [DType::Bf16, DType::F16] {
        for (out, inputs) in [(1, 1), (7, 33), (48, 64), (200, 130), (512, 300)] {
            let weight = stored(&random(&[out, inputs], 5), dtype);
            let widened = weight.to_f32();
            let nearest = |x: f32| match dtype {
                DType::F16 => f16::from_f32(x).to_f32(),
                _ => bf16::from_f32(x).to_f32(),
            };
            assert_eq!(widened.as_slice(), random(&[out, inputs], 5).map(nearest).as_slice());
            for kernels in isa::available() {
                for precision in [Precision::F32, Precision::Bf16] {
                    let context = Context { kernels, precision };
                    for rows in [1, 2, 5, 16, 70] {
                        let tape = Tape::inference(context);
                        let x = tape.constant(random(&[rows, inputs], 6));
                        let y = x.linear(&tape.constant(weight.clone()));
                        let expected = x.linear(&tape.constant(widened.clone()));
                        let bits = |y: &Tensor| -> Vec<u32> {
                            y.as_slice().iter().map(|y| y.to_bits()).collect()
                        };
                        assert_eq!(
                            bits(y.value()),
                            bits(expected.value()),
                            "{dtype:?} ({out}, {inputs}), {rows} rows, {:?} {precision}",
                            kernels.isa()
                        );
                    }
                }
            }
        }
    }
}
