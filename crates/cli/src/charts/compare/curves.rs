//! The curves of a run as data.

use super::run::Run;
use super::smooth::smoothed;
use crate::charts::axis::Axis;
use crate::charts::svg::Point;
use crate::run::metrics::Metrics;

/// The curves of a run: values of the horizontal axis and losses.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curves {
    /// Training losses as logged.
    pub raw: Vec<Point>,
    /// Training losses, smoothed.
    pub smooth: Vec<Point>,
    /// Validation losses.
    pub val: Vec<Point>,
    /// `true` if the run diverged.
    pub diverged: bool,
}

impl Curves {
    /// Reads the curves of `run`, not smoothed yet. `at` returns the place of a line on the
    /// horizontal axis. Points for which `is_on_axes` is `false` are left out.
    pub fn new(
        run: &Run,
        at: impl Fn(&Metrics) -> f64,
        is_on_axes: impl Fn(&Point) -> bool,
    ) -> Curves {
        let train = run.lines.iter().map(|line| (at(line), line.train_loss));
        let val = run.lines.iter().filter_map(|line| Some((at(line), line.val_loss?)));
        Curves {
            raw: train.filter(&is_on_axes).collect(),
            smooth: Vec::new(),
            val: val.filter(&is_on_axes).collect(),
            diverged: run.divergence().is_some(),
        }
    }

    /// Smooths the training losses over this share of the horizontal axis on either side.
    pub fn smooth_over(&mut self, share: f64, x: &Axis) {
        let placed: Vec<Point> = self.raw.iter().map(|&(at, loss)| (x.place(at), loss)).collect();
        let smooth = smoothed(&placed, share * x.length());
        self.smooth = self.raw.iter().zip(smooth).map(|(raw, smooth)| (raw.0, smooth.1)).collect();
    }

    /// Returns the losses of the smoothed curve and of validation from `begin` on; all of them if
    /// the run ended before.
    pub fn losses_from(&self, begin: f64) -> Vec<f64> {
        let points = || self.smooth.iter().chain(&self.val);
        let later: Vec<f64> = points().filter(|p| p.0 >= begin).map(|p| p.1).collect();
        if later.is_empty() { points().map(|point| point.1).collect() } else { later }
    }
}
