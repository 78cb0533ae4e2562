//! The speed of work that goes on, measured.

/// After this many seconds of work, older measurements count 1/e.
const HORIZON: f64 = 20.0;

/// Work done and the time that it took, the newest counting most.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    work: f64,
    seconds: f64,
}

impl Pace {
    /// Adds `work` that took `seconds`.
    pub fn push(&mut self, work: f64, seconds: f64) {
        let kept = (-seconds / HORIZON).exp();
        self.work = self.work * kept + work;
        self.seconds = self.seconds * kept + seconds;
    }

    /// Returns the work per second; `None` before there was any.
    pub fn per_second(&self) -> Option<f64> {
        (self.work > 0.0 && self.seconds > 0.0).then(|| self.work / self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_right_from_the_first_measurement() {
        let mut pace = Pace::default();
        assert_eq!(pace.per_second(), None);
        for _ in 0..1000 {
            pace.push(1.0, 0.25);
            assert!((pace.per_second().unwrap() - 4.0).abs() < 1e-9);
        }
        let mut slow = Pace::default();
        slow.push(1.0, 300.0);
        assert_eq!(slow.per_second(), Some(1.0 / 300.0));
    }

    #[test]
    fn the_pace_follows_a_change() {
        let mut pace = Pace::default();
        (0..400).for_each(|_| pace.push(10.0, 1.0));
        (0..60).for_each(|_| pace.push(1.0, 1.0));
        assert!((1.0..1.6).contains(&pace.per_second().unwrap()), "{pace:?}");
    }
}
