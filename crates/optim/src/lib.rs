//! The optimizer: AdamW, gradient clipping by the global norm, and the schedule of the learning
//! rate.
//!
//! One step of training, with the gradients of a loss at hand:
//! ```
//! use optim::{AdamW, AdamWConfig, Decay, Schedule, clip_scale, global_norm};
//! use tensor::{Context, Tensor};
//!
//! let ctx = Context::detect();
//! let mut parameters = vec![Tensor::full(&[2, 2], 1.0)];
//! let gradients = vec![Tensor::full(&[2, 2], 3.0)];
//! let mut adamw = AdamW::new(AdamWConfig::default(), [("w".to_string(), vec![2, 2])]);
//! let decay = Decay::Cosine;
//! let schedule = Schedule { decay, max_lr: 0.1, min_lr: 0.0, warmup_steps: 0, total_steps: 10 };
//!
//! let norm = global_norm(ctx, &gradients); // ‖(3, 3, 3, 3)‖ = 6
//! let lr = schedule.lr_at(adamw.steps_taken());
//! adamw.step(ctx, lr, &mut parameters, &gradients, clip_scale(norm, 1.0));
//! assert_eq!(norm, 6.0);
//! assert!((parameters[0].as_slice()[0] - 0.899).abs() < 1e-6);
//! ```
#![forbid(unsafe_code)]

mod adamw;
mod clip;
mod schedule;

pub use adamw::{AdamW, AdamWConfig};
pub use clip::{clip_scale, global_norm};
pub use schedule::{Decay, Schedule, UnknownDecay};
