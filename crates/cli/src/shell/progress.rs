//! Progress on standard error: a bar with time left and rate on a terminal, elsewhere a plain log
//! line every ten seconds.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::live_line::LiveLine;
use super::pace::Pace;
use super::{columns, interrupt, units};

/// The least time between two log lines that stand in for a bar.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// The least time over which the rate is measured.
const MEASURED: Duration = Duration::from_millis(200);

/// The unit in which work is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, shown as kB, MB, …
    Bytes,
    /// Items with a name in the plural: merges, tokens.
    Count(&'static str),
}

/// The progress of one task. Several threads may advance it; the bar vanishes when it is dropped.
pub struct Progress {
    task: Arc<Task>,
    /// `None` where there is no terminal.
    line: Option<LiveLine>,
    /// The time of the last log line.
    last_line: Mutex<Instant>,
}

impl Progress {
    /// Begins a task of `total`, if that is known. With `--quiet` nothing is shown.
    pub fn new(label: &'static str, unit: Unit, total: Option<u64>) -> Progress {
        let task = Arc::new(Task {
            label,
            unit,
            total,
            done: AtomicU64::new(0),
            measured: Mutex::new(Measured::new(Instant::now())),
        });
        let drawn = Arc::clone(&task);
        let line = LiveLine::start(move |width| drawn.bar(width, Instant::now()), None);
        Progress { task, line, last_line: Mutex::new(Instant::now()) }
    }

    /// Adds `count` to the work done.
    pub fn inc(&self, count: u64) {
        self.task.done.fetch_add(count, Ordering::Relaxed);
        if self.line.is_none() {
            let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
            if last.elapsed() >= LINE_INTERVAL {
                *last = Instant::now();
                log::info!("{}", self.task.log_line(Instant::now()));
            }
        }
    }

    /// Adds `count` to the work done; breaks after Ctrl-C.
    pub fn advance(&self, count: u64) -> ControlFlow<()> {
        self.inc(count);
        if interrupt::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

struct Task {
    label: &'static str,
    unit: Unit,
    total: Option<u64>,
    done: AtomicU64,
    measured: Mutex<Measured>,
}

/// The rate up to the last time that it was measured.
struct Measured {
    pace: Pace,
    done: u64,
    at: Instant,
}

impl Task {
    fn bar(&self, width: usize, now: Instant) -> String {
        let done = self.done.load(Ordering::Relaxed);
        let share = self.total.map(|total| done as f64 / total.max(1) as f64);
        columns::fitting(self.label, share, &self.parts(done, now), width)
    }

    fn log_line(&self, now: Instant) -> String {
        let done = self.done.load(Ordering::Relaxed);
        format!("{}: {}", self.label, self.parts(done, now).join(", "))
    }

    /// Returns the amount done, the time left and the rate, as far as they are known.
    fn parts(&self, done: u64, now: Instant) -> Vec<String> {
        let amount = |count: u64| match self.unit {
            Unit::Bytes => units::bytes(count as f64),
            Unit::Count(_) => count.to_string(),
        };
        let of = self.total.map_or(String::new(), |total| format!(" of {}", amount(total)));
        let name = match self.unit {
            Unit::Bytes => String::new(),
            Unit::Count(name) => format!(" {name}"),
        };
        let mut parts = vec![format!("{}{of}{name}", amount(done))];
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rate) = measured.rate(done, now) else { return parts };
        if let Some(total) = self.total {
            let left = total.saturating_sub(done) as f64 / rate;
            let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
            parts.push(format!("{} left", units::duration(left)));
        }
        parts.push(match self.unit {
            Unit::Bytes => format!("{}/s", units::bytes(rate)),
            Unit::Count(name) => units::rate(rate, name),
        });
        parts
    }
}

impl Measured {
    fn new(now: Instant) -> Measured {
        Measured { pace: Pace::default(), done: 0, at: now }
    }

    /// Returns the rate per second, which has what was done since the last time in it.
    fn rate(&mut self, done: u64, now: Instant) -> Option<f64> {
        let time = now.saturating_duration_since(self.at);
        if done > self.done && time >= MEASURED {
            self.pace.push((done - self.done) as f64, time.as_secs_f64());
            (self.done, self.at) = (done, now);
        }
        self.pace.per_second()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A task of which `done` took `seconds`.
    fn task(unit: Unit, total: Option<u64>, done: u64, seconds: u64) -> (Task, Instant) {
        let started = Instant::now();
        let measured = Mutex::new(Measured::new(started));
        let task = Task { label: "working", unit, total, done: AtomicU64::new(done), measured };
        (task, started + Duration::from_secs(seconds))
    }

    #[test]
    fn a_line_says_what_is_left_and_the_rate() {
        let (merges, now) = task(Unit::Count("merges"), Some(300), 100, 50);
        assert_eq!(merges.log_line(now), "working: 100 of 300 merges, 1m 40s left, 2.0 merges/s");
        let (bytes, now) = task(Unit::Bytes, None, 4_000_000, 3);
        assert_eq!(bytes.log_line(now), "working: 4.0 MB, 1.3 MB/s");
        let (none, now) = task(Unit::Bytes, Some(9), 0, 0);
        assert_eq!(none.log_line(now), "working: 0 B of 9 B");
    }

    #[test]
    fn the_bar_adapts_to_the_width() {
        let (bytes, now) = task(Unit::Bytes, Some(100_000_000), 25_000_000, 5);
        let bar = |width| bytes.bar(width, now);
        let all = "25.0 MB of 100.0 MB, 15s left, 5.0 MB/s";
        assert_eq!(bar(130), format!("working [====>           ] {all}"));
        assert_eq!(bar(80), bar(130));
        assert_eq!(bar(60), format!("working [==>       ] {all}"));
        assert_eq!(bar(40), "working 25.0 MB of 100.0 MB, 15s left");
        assert_eq!(bar(30), "working 25.0 MB of 100.0 MB");
    }

    #[test]
    fn more_than_was_announced_is_no_error() {
        let (tokens, now) = task(Unit::Count("tokens"), Some(10), 20, 1);
        assert!(tokens.log_line(now).contains("0s left"));
        assert!(tokens.bar(80, now).contains("[================]"), "{}", tokens.bar(80, now));
    }
}
