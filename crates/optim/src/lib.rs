//! The optimizer: AdamW, gradient clipping by the global norm, and the schedule of the learning
//! rate.
//!
//! ```
//! use optim::{AdamW, AdamWConfig, Decay, Schedule, clip_scale, global_norm};
//! use tensor::{Context, Tensor};
//!
//! let ctx = Context::detect();
//! let mut w = Tensor::full(&[2, 2], 1.0);
//! let mut adamw = AdamW::new(AdamWConfig::default(), [("w", &w)]);
//! let decay = Decay::Cosine;
//! let schedule = Schedule { decay, max_lr: 0.1, min_lr: 0.0, warmup_steps: 0, total_steps: 10 };
//!
//! let gradients = [Tensor::full(&[2, 2], 3.0)]; // of some loss in w
//! let norm = global_norm(ctx, &gradients); // ‖(3, 3, 3, 3)‖ = 6
//! let lr = schedule.lr_at(adamw.steps_taken());
//! adamw.step(ctx, lr, [&mut w], &gradients, clip_scale(norm, 1.0));
//! assert_eq!(norm, 6.0);
//! assert!((w.as_slice()[0] - 0.899).abs() < 1e-6);
//! ```
//!
//! # The parts
//! - [`AdamW`] changes parameters by their gradients, as PyTorch's `torch.optim.AdamW` does, in one
//!   pass over memory; [`AdamWConfig`] has its hyper-parameters.
//! - [`global_norm`] is the length of all gradients together, and [`clip_scale`] the factor that
//!   makes it no longer than wanted.
//! - [`Schedule`] is the learning rate as a function of the step: a warm-up, then a [`Decay`].
//!
//! All three are compared with values that PyTorch computed, in `tests/adamw.rs`.
#![forbid(unsafe_code)]

mod adamw;
mod clip;
mod schedule;

pub use adamw::{AdamW, AdamWConfig};
pub use clip::{clip_scale, global_norm};
pub use schedule::{Decay, Schedule, UnknownDecay};
