//! AdamW, as PyTorch's `torch.optim.AdamW` computes it.
//!
//! With g the gradient, m and v its moving averages, t the number of the step counted from 1 and λ
//! the weight decay:
//! - p ← p · (1 − lr·λ)
//! - m ← m + (1 − β₁)·(g − m)
//! - v ← β₂·v + (1 − β₂)·g²
//! - p ← p − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
//!
//! One pass over p, g, m and v computes all four lines, as the step is bound by memory, not by
//! arithmetic. References: D. P. Kingma and J. Ba, *Adam: A Method for Stochastic Optimization*,
//! arXiv:1412.6980 (the moments); I. Loshchilov and F. Hutter, *Decoupled Weight Decay
//! Regularization*, arXiv:1711.05101, algorithm 2, where λ is not multiplied by the learning rate,
//! as it is here and in PyTorch.

use std::collections::HashSet;

use rayon::prelude::*;
use tensor::{Context, NamedTensorsError, Tensor, tensors_in_order, vectorize};

/// Elements that one task updates: four arrays of 64 kB, which fit the second-level cache.
const CHUNK: usize = 1 << 14;

/// The hyper-parameters of [`AdamW`] except the learning rate, an argument of each step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWConfig {
    /// β₁, the decay rate of the average of the gradients.
    pub beta1: f64,
    /// β₂, the decay rate of the average of the squared gradients.
    pub beta2: f64,
    /// ε, added to the root, which may be zero.
    pub eps: f64,
    /// λ, the fraction (times the learning rate) by which weights shrink in a step.
    pub weight_decay: f64,
}

impl Default for AdamWConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01 }
    }
}

/// The optimizer: the moments of every parameter, and the number of steps taken.
///
/// ```
/// use optim::{AdamW, AdamWConfig};
/// use tensor::{Context, Tape, Tensor};
///
/// // The least value of (w − 2)² = w² − 4w + 4, whose gradient is 2w − 4.
/// let mut w = Tensor::from([0.0]);
/// let mut adamw = AdamW::new(AdamWConfig::default(), [("w", &w)]);
/// for _ in 0..200 {
///     let gradient = w.map(|w| 2.0 * w - 4.0);
///     adamw.step(Context::detect(), 0.1, [&mut w], &[gradient], 1.0);
/// }
/// assert!((w.item() - 2.0).abs() < 0.05);
/// ```
#[derive(Clone, Debug)]
pub struct AdamW {
    config: AdamWConfig,
    steps_taken: u64,
    moments: Vec<Moments>,
}

/// The state of one parameter; both tensors have its shape.
#[derive(Clone, Debug)]
struct Moments {
    name: String,
    weight_decay: f64,
    /// m, the moving average of the gradient.
    exp_avg: Tensor,
    /// v, the moving average of the squared gradient.
    exp_avg_sq: Tensor,
}

impl AdamW {
    /// Creates an optimizer for named parameters, of which it keeps names and shapes.
    ///
    /// # Panics
    /// If two parameters have one name.
    #[track_caller]
    pub fn new<'a, N: Into<String>>(
        config: AdamWConfig,
        parameters: impl IntoIterator<Item = (N, &'a Tensor)>,
    ) -> Self {
        let moments = parameters.into_iter().map(|(name, parameter)| Moments {
            name: name.into(),
            weight_decay: config.weight_decay,
            exp_avg: Tensor::zeros(parameter.shape()),
            exp_avg_sq: Tensor::zeros(parameter.shape()),
        });
        let moments: Vec<Moments> = moments.collect();
        let mut names = HashSet::new();
        for Moments { name, .. } in &moments {
            assert!(names.insert(name), "AdamW::new: two parameters are called `{name}`");
        }
        Self { config, steps_taken: 0, moments }
    }

    /// Sets the weight decay of each parameter to `decay(name)`.
    pub fn with_weight_decay(mut self, decay: impl Fn(&str) -> f64) -> Self {
        for moments in &mut self.moments {
            moments.weight_decay = decay(&moments.name);
        }
        self
    }

    /// Returns the number of steps taken so far.
    pub fn steps_taken(&self) -> u64 {
        self.steps_taken
    }

    /// Takes one step with `gradients` times `grad_scale` (clipping, averaging over micro-batches).
    /// `parameters` and `gradients` are in the order and of the shapes given to [`new`](Self::new).
    ///
    /// # Panics
    /// If they are not.
    #[track_caller]
    pub fn step<'a>(
        &mut self,
        ctx: Context,
        lr: f64,
        parameters: impl IntoIterator<Item = &'a mut Tensor>,
        gradients: &[Tensor],
        grad_scale: f64,
    ) {
        let parameters: Vec<&mut Tensor> = parameters.into_iter().collect();
        let count = self.moments.len();
        assert_eq!(parameters.len(), count, "AdamW::step: number of parameters");
        assert_eq!(gradients.len(), count, "AdamW::step: number of gradients");
        for ((moments, p), g) in self.moments.iter().zip(&parameters).zip(gradients) {
            let (name, shape) = (&moments.name, moments.exp_avg.shape());
            assert_eq!(p.shape(), shape, "AdamW::step: shape of parameter `{name}`");
            assert_eq!(g.shape(), shape, "AdamW::step: shape of the gradient of `{name}`");
        }
        self.steps_taken += 1;

        let (config, steps_taken) = (self.config, self.steps_taken);
        let parameters = self.moments.par_iter_mut().zip(parameters).zip(gradients);
        parameters.for_each(|((moments, p), g)| {
            let Moments { weight_decay, exp_avg, exp_avg_sq, .. } = moments;
            let update = Update::new(&config, *weight_decay, lr, grad_scale, steps_taken);
            let chunks = (p.as_mut_slice().par_chunks_mut(CHUNK))
                .zip(exp_avg.as_mut_slice().par_chunks_mut(CHUNK))
                .zip(exp_avg_sq.as_mut_slice().par_chunks_mut(CHUNK))
                .zip(g.as_slice().par_chunks(CHUNK));
            chunks.for_each(|(((p, m), v), g)| {
                vectorize!(ctx.kernels, Task { update, p, m, v, g }.run());
            });
        });
    }

    /// Returns the moments by name, `exp_avg.NAME` and `exp_avg_sq.NAME` per parameter, in order.
    pub fn state(&self) -> Vec<(String, &Tensor)> {
        let named =
            self.moments.iter().flat_map(|Moments { name, exp_avg, exp_avg_sq, .. }| {
                [(format!("exp_avg.{name}"), exp_avg), (format!("exp_avg_sq.{name}"), exp_avg_sq)]
            });
        named.collect()
    }

    /// Continues from a saved [`steps_taken`](Self::steps_taken) and [`state`](Self::state).
    ///
    /// # Errors
    /// If a tensor is missing, unknown, or of another shape; the optimizer is then unchanged.
    pub fn load_state(
        &mut self,
        steps_taken: u64,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
    ) -> Result<(), NamedTensorsError> {
        let state = self.state().into_iter().map(|(name, moment)| (name, moment.shape().to_vec()));
        let mut tensors = tensors_in_order(tensors, state)?.into_iter();
        for Moments { exp_avg, exp_avg_sq, .. } in &mut self.moments {
            for (moment, tensor) in [exp_avg, exp_avg_sq].into_iter().zip(&mut tensors) {
                *moment = tensor;
            }
        }
        self.steps_taken = steps_taken;
        Ok(())
    }
}

/// The factors of one step, computed once in `f64`.
#[derive(Clone, Copy)]
struct Update {
    grad_scale: f32,
    /// 1 − lr·λ
    keep: f32,
    /// 1 − β₁
    one_minus_beta1: f32,
    beta2: f32,
    /// 1 − β₂
    one_minus_beta2: f32,
    /// lr/(1 − β₁ᵗ)
    step_size: f32,
    /// 1/√(1 − β₂ᵗ)
    root_correction: f32,
    eps: f32,
}

impl Update {
    fn new(config: &AdamWConfig, weight_decay: f64, lr: f64, grad_scale: f64, t: u64) -> Self {
        let &AdamWConfig { beta1, beta2, eps, .. } = config;
        let t = t as f64;
        Self {
            grad_scale: grad_scale as f32,
            keep: (1.0 - lr * weight_decay) as f32,
            one_minus_beta1: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            one_minus_beta2: (1.0 - beta2) as f32,
            step_size: (lr / (1.0 - beta1.powf(t))) as f32,
            root_correction: (1.0 / (1.0 - beta2.powf(t)).sqrt()) as f32,
            eps: eps as f32,
        }
    }
}

/// A chunk of a parameter p, its moments m and v, and its gradient g.
struct Task<'a> {
    update: Update,
    p: &'a mut [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
    g: &'a [f32],
}

impl Task<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { update, p, m, v, g } = self;
        for (((p, m), v), &g) in p.iter_mut().zip(m).zip(v).zip(g) {
            let g = g * update.grad_scale;
            *m += update.one_minus_beta1 * (g - *m);
            *v = update.beta2 * *v + update.one_minus_beta2 * g * g;
            let denominator = v.sqrt() * update.root_correction + update.eps;
            *p = *p * update.keep - update.step_size * *m / denominator;
        }
    }
}
