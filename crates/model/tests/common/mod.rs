//! Reference values that PyTorch and transformers computed.

use model::Batch;
use safetensors::{Dtype, SafeTensors};
use std::path::PathBuf;
use tensor::Tensor;

pub fn fixture_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

pub fn fixture(name: &str) -> Vec<u8> {
    let path = fixture_path(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A tensor of numbers.
pub fn tensor(file: &SafeTensors<'_>, name: &str) -> Tensor {
    let view = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(view.dtype(), Dtype::F32, "{name}");
    let data: Vec<f32> =
        view.data().chunks_exact(4).map(|x| f32::from_le_bytes(x.try_into().unwrap())).collect();
    Tensor::from_slice(view.shape(), &data)
}

/// A tensor of token ids, and its shape.
pub fn ids(file: &SafeTensors<'_>, name: &str) -> (Vec<u32>, Vec<usize>) {
    let view = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(view.dtype(), Dtype::I64, "{name}");
    let id = |x: &[u8]| i64::from_le_bytes(x.try_into().unwrap()).try_into().unwrap();
    (view.data().chunks_exact(8).map(id).collect(), view.shape().to_vec())
}

/// The batch of a file: `input_ids` and `targets`.
pub fn batch(file: &SafeTensors<'_>) -> Batch {
    let [(input_ids, shape), (targets, _)] = ["input_ids", "targets"].map(|name| ids(file, name));
    Batch::new([shape[0], shape[1]], input_ids, targets)
}

/// The largest difference of two numbers in the same place.
pub fn max_difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.shape(), b.shape());
    let pairs = a.as_slice().iter().zip(b.as_slice());
    pairs
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |max, d| if d > max || d.is_nan() { d } else { max })
}
