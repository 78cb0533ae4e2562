//! Progress on standard error: a bar with rate and ETA on a terminal, a plain log line now and then
//! elsewhere.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};

/// How often a log line stands in for the bar.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Runs `write` with all bars out of the way, for whoever else writes to the terminal.
pub fn suspend<R>(write: impl FnOnce() -> R) -> R {
    BARS.suspend(write)
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, shown as kB, MB, …
    Bytes,
    /// Things with a name in the plural: merges, steps, batches.
    Count(&'static str),
}

/// The progress of one piece of work. It may be told from several threads at once, and vanishes
/// when dropped.
pub struct Progress {
    label: String,
    unit: Unit,
    total: Option<u64>,
    done: AtomicU64,
    started: Instant,
    last_line: Mutex<Instant>,
    bar: Option<ProgressBar>,
    lines: bool,
}

impl Progress {
    /// Progress towards `total`, if that is known. Silent if logging is, that is, with `--quiet`.
    pub fn new(label: impl Into<String>, unit: Unit, total: Option<u64>) -> Progress {
        let label = label.into();
        let visible = log::log_enabled!(log::Level::Info) && io::stderr().is_terminal();
        let bar = visible.then(|| new_bar(&label, unit, total));
        let now = Instant::now();
        Progress {
            label,
            unit,
            total,
            done: AtomicU64::new(0),
            started: now,
            last_line: Mutex::new(now),
            bar,
            lines: true,
        }
    }

    /// The same without log lines, for work that logs lines of its own.
    pub fn bar_only(label: impl Into<String>, unit: Unit, total: Option<u64>) -> Progress {
        let mut progress = Progress::new(label, unit, total);
        progress.lines = false;
        progress
    }

    /// The same, where the first `done` were done by an earlier process and do not count for the
    /// rate.
    pub fn starting_at(self, done: u64) -> Progress {
        self.done.store(done, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.reset_eta();
        }
        self
    }

    /// `count` more are done.
    pub fn inc(&self, count: u64) {
        let done = self.done.fetch_add(count, Ordering::Relaxed) + count;
        match &self.bar {
            Some(bar) => bar.inc(count),
            None if self.lines => self.line_if_due(done),
            None => {}
        }
    }

    /// A short remark at the end of the bar, such as the current loss.
    pub fn remark(&self, remark: impl Into<String>) {
        if let Some(bar) = &self.bar {
            bar.set_message(remark.into());
        }
    }

    /// Whether this is a bar on a terminal (then nobody needs the log lines that repeat it).
    pub fn is_bar(&self) -> bool {
        self.bar.is_some()
    }

    fn line_if_due(&self, done: u64) {
        let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= LINE_INTERVAL {
            *last = Instant::now();
            log::info!("{}", self.line(done, self.started.elapsed()));
        }
    }

    fn line(&self, done: u64, elapsed: Duration) -> String {
        let rate = done as f64 / elapsed.as_secs_f64().max(1e-9);
        let amount = |count: u64| match self.unit {
            Unit::Bytes => HumanBytes(count).to_string(),
            Unit::Count(_) => count.to_string(),
        };
        let (of, eta) = match self.total {
            Some(total) if done > 0 => {
                let left = total.saturating_sub(done) as f64 / rate;
                let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
                (format!(" of {}", amount(total)), format!(", {:#} left", HumanDuration(left)))
            }
            Some(total) => (format!(" of {}", amount(total)), String::new()),
            None => Default::default(),
        };
        let (name, rate) = match self.unit {
            Unit::Bytes => ("", format!("{}/s", HumanBytes(rate as u64))),
            Unit::Count(name) => (name, format!("{rate:.1}/s")),
        };
        let gap = if name.is_empty() { "" } else { " " };
        format!("{}: {}{of}{gap}{name} ({rate}{eta})", self.label, amount(done))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn new_bar(label: &str, unit: Unit, total: Option<u64>) -> ProgressBar {
    let counts = match (unit, total) {
        (Unit::Bytes, Some(_)) => "{bytes}/{total_bytes} ({bytes_per_sec}, {eta} left)".to_string(),
        (Unit::Bytes, None) => "{bytes} ({bytes_per_sec})".to_string(),
        (Unit::Count(name), Some(_)) => {
            format!("{{pos}}/{{len}} {name} ({{per_sec}}, {{eta}} left)")
        }
        (Unit::Count(name), None) => format!("{{pos}} {name} ({{per_sec}})"),
    };
    let shape = if total.is_some() { "[{bar:16}] " } else { "{spinner} " };
    // What does not fit into the line is cut off its end.
    let template = format!("{{prefix}} {shape}{counts} {{wide_msg}}");
    let style =
        ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let bar = BARS.add(bar.with_style(style.progress_chars("=> ")).with_prefix(label.to_string()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_rate_and_what_is_left() {
        let steps = Progress::new("training", Unit::Count("steps"), Some(300));
        assert_eq!(
            steps.line(100, Duration::from_secs(50)),
            "training: 100 of 300 steps (2.0/s, 2m left)"
        );
        let bytes = Progress::new("encoding", Unit::Bytes, None);
        assert_eq!(bytes.line(3 << 20, Duration::from_secs(3)), "encoding: 3.00 MiB (1.00 MiB/s)");
        assert_eq!(steps.line(0, Duration::ZERO), "training: 0 of 300 steps (0.0/s)");
    }
}
