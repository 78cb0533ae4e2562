//! The learning rate as a function of the step: a linear warm-up, then one of four decays.
//!
//! With s the step, w the warm-up steps and n the total, s < w: lr = max · s/w, and s > n: lr =
//! min. In between, with p = (s − w)/(n − w):
//! - cosine: lr = min + (max − min) · (1 + cos(π·p))/2,
//! - linear: lr = max + (min − max) · p,
//! - constant: lr = max, also after n,
//! - wsd (warm-up, stable, decay): lr = max, and over the last fifth of the n steps linearly down
//!   to min.
//!
//! References: I. Loshchilov and F. Hutter, *SGDR*, arXiv:1608.03983, equation 5; S. Hu et al.,
//! *MiniCPM*, arXiv:2404.06395, section 4 (wsd); A. Hägele et al., arXiv:2405.18392 (a fifth,
//! linear).

use std::fmt;
use std::str::FromStr;

/// The learning rate after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decay {
    /// Half a cosine.
    #[default]
    Cosine,
    /// Linear.
    Linear,
    /// No decay.
    Constant,
    /// Warm-up, stable, decay: constant, then linear over the last fifth of the steps.
    Wsd,
}

impl Decay {
    /// All choices.
    pub const ALL: [Self; 4] = [Self::Cosine, Self::Linear, Self::Constant, Self::Wsd];

    /// Returns the name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Linear => "linear",
            Self::Constant => "constant",
            Self::Wsd => "wsd",
        }
    }
}

/// An error for a name that no [`Decay`] has.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no schedule of the learning rate")]
pub struct UnknownDecay(String);

impl fmt::Display for Decay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Decay {
    type Err = UnknownDecay;

    fn from_str(name: &str) -> Result<Self, UnknownDecay> {
        let found = Self::ALL.into_iter().find(|decay| decay.name() == name);
        found.ok_or_else(|| UnknownDecay(name.into()))
    }
}

/// A linear warm-up and a decay.
///
/// ```
/// use optim::{Decay, Schedule};
///
/// let decay = Decay::Linear;
/// let schedule = Schedule { decay, max_lr: 1.0, min_lr: 0.0, warmup_steps: 4, total_steps: 12 };
/// let rates = [0, 2, 4, 8, 12].map(|step| schedule.lr_at(step));
/// assert_eq!(rates, [0.0, 0.5, 1.0, 0.5, 0.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The decay after the warm-up.
    pub decay: Decay,
    /// The rate at the end of the warm-up.
    pub max_lr: f64,
    /// The rate from `total_steps` on, unless it is constant.
    pub min_lr: f64,
    /// Steps during which the rate rises from 0 to `max_lr`.
    pub warmup_steps: u64,
    /// The step at which the rate reaches `min_lr`.
    pub total_steps: u64,
}

impl Schedule {
    /// Returns the learning rate of `step`, counted from 0.
    pub fn lr_at(&self, step: u64) -> f64 {
        let &Self { decay, max_lr, min_lr, warmup_steps, total_steps } = self;
        if step < warmup_steps {
            return max_lr * step as f64 / warmup_steps as f64;
        }
        if decay == Decay::Constant {
            return max_lr;
        }
        if step >= total_steps {
            return min_lr;
        }
        // The step at which the decay begins.
        let from = match decay {
            Decay::Wsd => warmup_steps.max(total_steps - total_steps / 5),
            _ => warmup_steps,
        };
        if step < from {
            return max_lr;
        }
        // from ≤ step < total_steps: nothing is divided by zero.
        let progress = (step - from) as f64 / (total_steps - from) as f64;
        let left = match decay {
            Decay::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
            _ => 1.0 - progress,
        };
        min_lr + (max_lr - min_lr) * left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule = Schedule {
        decay: Decay::Cosine,
        max_lr: 1.0,
        min_lr: 0.2,
        warmup_steps: 4,
        total_steps: 12,
    };

    fn rates(decay: Decay, steps: impl IntoIterator<Item = u64>) -> Vec<f64> {
        let schedule = Schedule { decay, ..SCHEDULE };
        // Rounded: 0.2 + 0.8 · 0.5 is not 0.6 to the last bit.
        steps.into_iter().map(|step| (schedule.lr_at(step) * 1e12).round() / 1e12).collect()
    }

    #[test]
    fn rises_to_the_maximum_and_falls_to_the_minimum() {
        assert_eq!(
            rates(Decay::Cosine, [0, 1, 4, 8, 12, u64::MAX]),
            [0.0, 0.25, 1.0, 0.6, 0.2, 0.2]
        );
        let quarter = 0.2 + 0.8 * 0.5 * (1.0 + std::f64::consts::FRAC_1_SQRT_2);
        assert!((SCHEDULE.lr_at(6) - quarter).abs() < 1e-12);
    }

    #[test]
    fn linear_constant_and_wsd_by_hand() {
        assert_eq!(rates(Decay::Linear, [2, 4, 6, 8, 12, 99]), [0.5, 1.0, 0.8, 0.6, 0.2, 0.2]);
        assert_eq!(rates(Decay::Constant, [2, 4, 12, 99]), [0.5, 1.0, 1.0, 1.0]);
        // A fifth of 12 steps is 2: the decay begins at 10.
        assert_eq!(rates(Decay::Wsd, [2, 4, 10, 11, 12, 99]), [0.5, 1.0, 1.0, 0.6, 0.2, 0.2]);
    }

    #[test]
    fn degenerate_settings_divide_nothing_by_zero() {
        for decay in Decay::ALL {
            let end = if decay == Decay::Constant { 1.0 } else { 0.1 };
            let flat =
                Schedule { decay, max_lr: 1.0, min_lr: 0.1, warmup_steps: 0, total_steps: 0 };
            assert_eq!(flat.lr_at(0), end, "{decay:?}");
            let no_warm_up = Schedule { total_steps: 10, ..flat };
            assert_eq!(no_warm_up.lr_at(0), 1.0, "{decay:?}");
            let warm_up_only = Schedule { warmup_steps: 5, total_steps: 5, ..flat };
            assert_eq!((warm_up_only.lr_at(4), warm_up_only.lr_at(5)), (0.8, end), "{decay:?}");
            let longer = Schedule { warmup_steps: 10, total_steps: 5, ..flat };
            assert_eq!((longer.lr_at(7), longer.lr_at(10)), (0.7, end), "{decay:?}");
            // The warm-up reaches into the last fifth.
            let late = Schedule { warmup_steps: 9, total_steps: 10, ..flat };
            assert_eq!((late.lr_at(9), late.lr_at(10)), (1.0, end), "{decay:?}");
        }
    }

    #[test]
    fn names_come_back() {
        assert!(Decay::ALL.iter().all(|&decay| decay.to_string().parse() == Ok(decay)));
        assert!("step".parse::<Decay>().is_err());
    }
}
