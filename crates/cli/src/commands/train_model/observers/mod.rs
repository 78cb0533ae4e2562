//! The observers of a run: everything that is shown or written while it trains.

mod checkpoints;
mod ending;
mod samples;
mod status_line;

use anyhow::Result;

use super::trainer::{Observer, Report, Trainer};
use crate::charts::loss;
use crate::charts::tensorboard::EventFile;
use crate::run::metrics::{Metrics, MetricsFile};
use crate::shell::exit;

pub use checkpoints::Checkpoints;
pub use ending::Ending;
pub use status_line::StatusLine;

impl Observer for MetricsFile {
    fn step_done(&mut self, _: &Trainer, report: &Report) -> Result<()> {
        report.metrics.as_ref().map_or(Ok(()), |line| self.push(line))
    }
}

impl Observer for EventFile {
    fn step_done(&mut self, _: &Trainer, report: &Report) -> Result<()> {
        report.metrics.as_ref().map_or(Ok(()), |line| self.push(line))
    }
}

/// Draws the curves of the losses at each evaluation.
pub struct Chart {
    /// The metrics so far.
    pub lines: Vec<Metrics>,
}

impl Observer for Chart {
    fn step_done(&mut self, trainer: &Trainer, report: &Report) -> Result<()> {
        self.lines.extend(report.metrics.clone());
        if (report.evaluates || report.interrupted)
            && let Err(error) = loss::write(&trainer.dir, &self.lines)
        {
            log::warn!("{}; the run goes on", exit::message(&error));
        }
        Ok(())
    }
}

/// An observer that a run can do without: after an error it is dropped, with a warning.
pub struct Optional<O> {
    /// The observer; `None` after an error.
    pub observer: Option<O>,
    /// The name of what it writes.
    pub what: &'static str,
}

impl<O: Observer> Observer for Optional<O> {
    fn step_done(&mut self, trainer: &Trainer, report: &Report) -> Result<()> {
        if let Some(observer) = &mut self.observer
            && let Err(error) = observer.step_done(trainer, report)
        {
            log::warn!("{}; the run goes on without {}", exit::message(&error), self.what);
            self.observer = None;
        }
        Ok(())
    }
}
