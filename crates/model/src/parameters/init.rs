//! The first values of parameters.
//!
//! A matrix (out, in) has the variance 2/(in + out), before its values are cut at three standard
//! deviations: between 1/in, which keeps the variance of activations on their way forward, and
//! 1/out, which keeps that of gradients on their way back: X. Glorot and Y. Bengio, *Understanding
//! the Difficulty of Training Deep Feedforward Neural Networks*, 2010, equation 12.

use super::list::{ParameterKind, ParameterSpec};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tensor::Tensor;

/// Returns the first values of a parameter, which depend on its name, kind and shape and on `seed`.
pub(super) fn init(spec: &ParameterSpec, seed: u64) -> Tensor {
    let sigma = match spec.kind {
        ParameterKind::Norm => return Tensor::full(&spec.shape, 1.0),
        ParameterKind::Embedding => 1.0,
        ParameterKind::Linear => (2.0 / spec.shape.iter().sum::<usize>() as f64).sqrt(),
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream_of(&spec.name));
    let mut normals = Normals { rng, second: None };
    Tensor::build(&spec.shape, |out| {
        for x in out {
            *x = (sigma * normals.next_within(3.0)) as f32;
        }
    })
}

/// Returns the number of the random stream for a name: its 64-bit FNV-1a hash (G. Fowler,
/// L. C. Noll and K.-P. Vo).
fn stream_of(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Standard normal numbers, two at a time: G. E. P. Box and M. E. Muller, *A Note on the Generation
/// of Random Normal Deviates*, 1958.
struct Normals {
    rng: ChaCha8Rng,
    second: Option<f64>,
}

impl Normals {
    fn next(&mut self) -> f64 {
        if let Some(second) = self.second.take() {
            return second;
        }
        let radius = (-2.0 * (1.0 - self.rng.random::<f64>()).ln()).sqrt(); // 1 − u is never 0
        let (sin, cos) = (std::f64::consts::TAU * self.rng.random::<f64>()).sin_cos();
        self.second = Some(radius * sin);
        radius * cos
    }

    /// Returns the next number whose absolute value is at most `bound`.
    fn next_within(&mut self, bound: f64) -> f64 {
        loop {
            let x = self.next();
            if x.abs() <= bound {
                return x;
            }
        }
    }
}
