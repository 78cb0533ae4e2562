//! The learning rate: a linear warm-up, then half a cosine down to a floor.
//!
//! With s the step, w the warm-up steps and n the total,
//! - s < w: lr = max · s/w,
//! - w ≤ s ≤ n: lr = min + (max − min) · (1 + cos(π·(s − w)/(n − w)))/2,
//! - s > n: lr = min.
//!
//! Reference: I. Loshchilov and F. Hutter, *SGDR*, arXiv:1608.03983, equation 5.

/// Linear warm-up and cosine decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CosineSchedule {
    /// The rate at the end of the warm-up.
    pub max_lr: f64,
    /// The rate from `total_steps` on.
    pub min_lr: f64,
    /// Steps during which the rate rises from 0 to `max_lr`.
    pub warmup_steps: u64,
    /// The step at which the rate reaches `min_lr`.
    pub total_steps: u64,
}

impl CosineSchedule {
    /// The learning rate of `step`, the first of which is 0.
    pub fn lr_at(&self, step: u64) -> f64 {
        let &Self { max_lr, min_lr, warmup_steps, total_steps } = self;
        if step < warmup_steps {
            max_lr * step as f64 / warmup_steps as f64
        } else if step < total_steps {
            let progress = (step - warmup_steps) as f64 / (total_steps - warmup_steps) as f64;
            min_lr + (max_lr - min_lr) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
        } else {
            min_lr
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_to_the_maximum_and_falls_to_the_minimum() {
        let schedule =
            CosineSchedule { max_lr: 1.0, min_lr: 0.2, warmup_steps: 4, total_steps: 12 };
        assert_eq!(schedule.lr_at(0), 0.0);
        assert_eq!(schedule.lr_at(1), 0.25);
        assert_eq!(schedule.lr_at(4), 1.0);
        assert!((schedule.lr_at(8) - 0.6).abs() < 1e-12, "half way is the mean of both");
        assert_eq!(schedule.lr_at(12), 0.2);
        assert_eq!(schedule.lr_at(u64::MAX), 0.2);
    }

    #[test]
    fn degenerate_settings_divide_nothing_by_zero() {
        let flat = CosineSchedule { max_lr: 1.0, min_lr: 0.1, warmup_steps: 0, total_steps: 0 };
        assert_eq!(flat.lr_at(0), 0.1);
        let warm_up_only = CosineSchedule { warmup_steps: 5, total_steps: 5, ..flat };
        assert_eq!(warm_up_only.lr_at(4), 0.8);
        assert_eq!(warm_up_only.lr_at(5), 0.1);
        let longer_warm_up = CosineSchedule { warmup_steps: 10, total_steps: 5, ..flat };
        assert_eq!(longer_warm_up.lr_at(7), 0.7);
        assert_eq!(longer_warm_up.lr_at(10), 0.1);
    }
}
