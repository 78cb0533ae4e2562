//! Progress on standard error: a bar with rate and ETA on a terminal, elsewhere a plain log line
//! every ten seconds.

use std::ops::ControlFlow;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::ProgressStyle;
use indicatif::{HumanBytes, HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget};

use super::interrupt;

/// The least time between two log lines that stand in for a bar.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Runs `write` while no bar is drawn, for other output to the terminal.
pub fn suspend<R>(write: impl FnOnce() -> R) -> R {
    BARS.suspend(write)
}

/// The unit in which work is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, shown as KiB, MiB, …
    Bytes,
    /// Items with a name in the plural: merges, steps, batches.
    Count(&'static str),
}

/// The progress of one task. Several threads may advance it; the bar vanishes when it is dropped.
pub struct Progress {
    unit: Unit,
    /// Counts even where it is not drawn.
    bar: ProgressBar,
    /// The time of the last log line; `None` if there are to be none.
    last_line: Option<Mutex<Instant>>,
}

impl Progress {
    /// Begins a task of `total`, if that is known. With `--quiet` nothing is shown.
    pub fn new(label: &'static str, unit: Unit, total: Option<u64>) -> Progress {
        let mut progress = Progress::bar_only(label, unit, total);
        progress.last_line = Some(Mutex::new(Instant::now()));
        progress
    }

    /// Begins a task without log lines, for work that logs lines itself.
    pub fn bar_only(label: &'static str, unit: Unit, total: Option<u64>) -> Progress {
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden())
            .with_prefix(label)
            .with_style(style(unit, total));
        // Without a terminal the bars draw nothing.
        let bar = if log::log_enabled!(log::Level::Info) { BARS.add(bar) } else { bar };
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Progress { unit, bar, last_line: None }
    }

    /// Starts the count at `done`, the part that an earlier process did; it does not count for the
    /// rate.
    pub fn starting_at(self, done: u64) -> Progress {
        self.bar.set_position(done);
        self.bar.reset_eta();
        self
    }

    /// Adds `count` to the work done.
    pub fn inc(&self, count: u64) {
        self.bar.inc(count);
        if let Some(last) = self.last_line.as_ref().filter(|_| self.bar.is_hidden()) {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.elapsed() >= LINE_INTERVAL {
                *last = Instant::now();
                log::info!("{}", self.line());
            }
        }
    }

    /// Adds `count` to the work done; breaks after Ctrl-C.
    pub fn advance(&self, count: u64) -> ControlFlow<()> {
        self.inc(count);
        if interrupt::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Shows a short remark at the end of the bar, such as the current loss.
    pub fn remark(&self, remark: impl Into<String>) {
        self.bar.set_message(remark.into());
    }

    /// Returns `true` if a bar is drawn on a terminal, which makes log lines with the same content
    /// superfluous.
    pub fn is_bar(&self) -> bool {
        !self.bar.is_hidden()
    }

    fn line(&self) -> String {
        let done = self.bar.position();
        let rate = done as f64 / self.bar.elapsed().as_secs_f64().max(1e-9);
        let amount = |count: u64| match self.unit {
            Unit::Bytes => HumanBytes(count).to_string(),
            Unit::Count(_) => count.to_string(),
        };
        let of = self.bar.length().map_or(String::new(), |total| format!(" of {}", amount(total)));
        let left = self.bar.length().filter(|_| done > 0).map_or(String::new(), |total| {
            let left = total.saturating_sub(done) as f64 / rate;
            let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
            format!(", {:#} left", HumanDuration(left))
        });
        let (name, rate) = match self.unit {
            Unit::Bytes => (String::new(), format!("{}/s", HumanBytes(rate as u64))),
            Unit::Count(name) => (format!(" {name}"), format!("{rate:.1}/s")),
        };
        format!("{}: {}{of}{name} ({rate}{left})", self.bar.prefix(), amount(done))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(unit: Unit, total: Option<u64>) -> ProgressStyle {
    let (done, of, rate, name) = match unit {
        Unit::Bytes => ("{bytes}", "/{total_bytes}", "{bytes_per_sec}", String::new()),
        Unit::Count(name) => ("{pos}", "/{len}", "{per_sec}", format!(" {name}")),
    };
    // indicatif cuts the message off where it does not fit into the line.
    let template = match total {
        Some(_) => format!("{{prefix}} [{{bar:16}}] {done}{of}{name} ({rate}, {{eta}} left)"),
        None => format!("{{prefix}} {{spinner}} {done}{name} ({rate})"),
    };
    ProgressStyle::with_template(&(template + " {wide_msg}"))
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The log line of a task of which `done` took `elapsed`.
    fn line(progress: Progress, done: u64, elapsed: Duration) -> String {
        progress.bar.clone().with_elapsed(elapsed).set_position(done);
        progress.line()
    }

    #[test]
    fn a_line_says_rate_and_what_is_left() {
        let steps = || Progress::new("training", Unit::Count("steps"), Some(300));
        assert_eq!(
            line(steps(), 100, Duration::from_secs(50)),
            "training: 100 of 300 steps (2.0/s, 2m left)"
        );
        let bytes = Progress::new("encoding", Unit::Bytes, None);
        assert_eq!(line(bytes, 4 << 20, Duration::from_secs(3)), "encoding: 4.00 MiB (1.33 MiB/s)");
        assert_eq!(line(steps(), 0, Duration::ZERO), "training: 0 of 300 steps (0.0/s)");
    }
}
