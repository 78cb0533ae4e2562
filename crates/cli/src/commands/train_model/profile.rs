//! `--profile`: a table of the time that each operation of a training step takes.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tensor::profile::{self, Profile, Row};
use tensor::{Context, peak};

use crate::shell::{columns, live_line, terminal};

/// Profiles some steps of a run. The first step is left out if there are more: it still fetches
/// memory from the system.
pub struct Profiler {
    /// The number of steps still to take before the profile starts.
    warm_up: u64,
    /// The number of steps to profile.
    steps: u64,
    left: u64,
    time: Duration,
    /// The steps so far, without the evaluations between them.
    profile: Profile,
}

impl Profiler {
    /// Returns a profiler of `steps` steps, the value of `--profile`, in a run that has `left`
    /// steps to take.
    pub fn new(steps: Option<u64>, left: u64) -> Self {
        let warm_up = u64::from(left > 1);
        let steps = steps.unwrap_or(0).min(left - warm_up);
        Self { warm_up, steps, left: steps, time: Duration::ZERO, profile: Profile::default() }
    }

    /// Takes a step, and profiles it if it is time to.
    pub fn step<R>(&mut self, step: impl FnOnce() -> R) -> R {
        if self.left == 0 || self.warm_up > 0 {
            self.warm_up = self.warm_up.saturating_sub(1);
            return step();
        }
        profile::resume(std::mem::take(&mut self.profile));
        let start = Instant::now();
        let result = step();
        self.time += start.elapsed();
        self.profile = profile::stop();
        self.left -= 1;
        result
    }

    /// Prints the table, once, when the last step to profile is done. A reader of the output that
    /// has left does not stop the run.
    ///
    /// # Errors
    /// When standard output fails.
    pub fn print_when_done(&mut self, context: Context) -> Result<()> {
        let Some(report) = self.report(context) else { return Ok(()) };
        match live_line::suspend(|| io::stdout().write_all(report.as_bytes())) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).context("standard output")
            }
            _ => Ok(()),
        }
    }

    /// Returns the table, once, when the last step to profile is done.
    fn report(&mut self, context: Context) -> Option<String> {
        if self.left > 0 || self.steps == 0 {
            return None;
        }
        let (flops, bandwidth) = (peak::flops(context), peak::memory_bandwidth(context.kernels));
        let heading = format!(
            "{} kernels, {}, {} threads; measured peaks: {:.1} GFLOP/s, {:.1} GB/s",
            context.kernels.isa(),
            context.precision,
            rayon::current_num_threads(),
            flops / 1e9,
            bandwidth / 1e9,
        );
        let (steps, peaks) = (std::mem::take(&mut self.steps), Peaks { flops, bandwidth });
        let width = terminal::stdout_width();
        let heading = columns::wrapped(&heading, width);
        Some(heading + "\n" + &table(&self.profile, steps, self.time, peaks, width))
    }
}

/// The highest rates that were measured on this machine.
#[derive(Clone, Copy)]
struct Peaks {
    /// Floating-point operations per second.
    flops: f64,
    /// Bytes per second from and to memory.
    bandwidth: f64,
}

/// Formats the table: all figures are per step, the operations that take most time come first. It
/// has as many columns as fit the `width` of a terminal.
fn table(
    profile: &Profile,
    steps: u64,
    total: Duration,
    peaks: Peaks,
    width: Option<usize>,
) -> String {
    let per_step = |time: Duration| time.as_secs_f64() / steps as f64;
    let milliseconds = |seconds: f64| format!("{:.1} ms", seconds * 1e3);
    let share = |part: f64, whole: f64| format!("{:.1} %", 100.0 * part / whole);
    // An amount per second and its share of the peak.
    let rate = |amount: f64, seconds: f64, peak: f64| match amount {
        0.0 => [String::new(), String::new()],
        _ => [format!("{:.1}", amount / seconds / 1e9), share(amount / seconds, peak)],
    };
    let total = per_step(total);
    let time = |row: &Row| per_step(row.forward.time + row.backward.time);
    let mut rows: Vec<&Row> = profile.rows().iter().collect();
    rows.sort_by(|a, b| time(b).total_cmp(&time(a)));

    let titles = ["share", "forward", "backward", "calls", "GFLOP/s", "peak", "GB/s", "peak"];
    let mut lines = vec![cells("per step", titles)];
    let (mut attributed, mut all_flops) = (0.0, 0.0);
    for row in rows {
        let Row { name, forward, backward } = row;
        let seconds = (forward.time + backward.time).as_secs_f64().max(1e-9);
        let flops = forward.flops + backward.flops;
        // The time of a product of matrices does not depend on the bytes that it reads.
        let bytes = if flops > 0.0 { 0.0 } else { forward.bytes + backward.bytes };
        let [gflops, of_flops] = rate(flops, seconds, peaks.flops);
        let [gigabytes, of_bytes] = rate(bytes, seconds, peaks.bandwidth);
        let calls = (forward.calls as f64 / steps as f64).round().to_string();
        let has_backward = backward.calls > 0;
        let backward = if has_backward { milliseconds(per_step(backward.time)) } else { "".into() };
        let (forward, share) = (milliseconds(per_step(forward.time)), share(time(row), total));
        let figures = [share, forward, backward, calls, gflops, of_flops, gigabytes, of_bytes];
        lines.push(cells(name, figures));
        attributed += time(row);
        all_flops += flops / steps as f64;
    }
    let rest = (total - attributed).max(0.0);
    let [gflops, of_flops] = rate(all_flops, total.max(1e-9), peaks.flops);
    let (time, part) = (milliseconds(rest), share(rest, total));
    lines.push(cells("unattributed", [&*part, &time, "", "", "", "", "", ""]));
    let (time, part) = (milliseconds(total), share(total, total));
    lines.push(cells("all", [&*part, &time, "", "", &gflops, &of_flops, "", ""]));
    columns::table(&lines, width)
}

/// Returns a row of the table.
fn cells(name: &str, figures: [impl ToString; 8]) -> Vec<String> {
    let figures = figures.iter().map(ToString::to_string);
    std::iter::once(name.to_string()).chain(figures).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{Tape, Tensor};

    #[test]
    fn the_table_adds_up() {
        profile::start();
        let tape = Tape::new(Context::detect());
        let x = tape.leaf(Tensor::full(&[64, 64], 1.0));
        tape.backward(&x.linear(&x).silu().sum());
        profile::section("AdamW", || std::thread::sleep(Duration::from_millis(20)));
        let peaks = Peaks { flops: 1e12, bandwidth: 1e10 };
        let profile = profile::stop();
        let of_width = |width| table(&profile, 2, Duration::from_millis(200), peaks, width);
        let table = of_width(None);
        let lines: Vec<Vec<&str>> = table.lines().map(|l| l.split_whitespace().collect()).collect();
        assert!(lines[0].starts_with(&["per", "step", "share", "forward"]), "{table}");
        let last = lines.last().unwrap();
        assert_eq!(&last[..5], ["all", "100.0", "%", "100.0", "ms"], "{table}");
        let shares = lines[1..lines.len() - 1].iter().map(|cells| {
            let percent = cells.iter().position(|&cell| cell == "%").expect("a share");
            cells[percent - 1].parse::<f64>().unwrap()
        });
        let shares: Vec<f64> = shares.collect();
        let (_, named) = shares.split_last().expect("a line of unattributed time");
        assert!(named.is_sorted_by(|a, b| a >= b), "the longest comes first: {table}");
        let sum: f64 = shares.iter().sum();
        assert!((sum - 100.0).abs() < 0.5, "{sum}: {table}");
        for width in [40, 80, 130] {
            let narrow = of_width(Some(width));
            assert_eq!(narrow.lines().count(), table.lines().count());
            assert!(narrow.lines().all(|line| line.chars().count() <= width), "{narrow}");
        }
        assert!(of_width(Some(40)).contains("share"));
    }

    #[test]
    fn an_evaluation_between_steps_does_not_count() {
        let compute = || {
            let tape = Tape::new(Context::detect());
            let x = tape.leaf(Tensor::full(&[8, 8], 1.0));
            tape.backward(&x.linear(&x).sum());
        };
        let mut profiler = Profiler::new(Some(2), 9);
        for _ in 0..3 {
            profiler.step(compute);
            compute();
        }
        let linear = profiler.profile.rows().iter().find(|row| row.name == "linear").unwrap();
        assert_eq!((linear.forward.calls, linear.backward.calls), (2, 2));
    }

    #[test]
    fn one_step_alone_is_profiled_without_a_warm_up() {
        let mut ran = 0;
        for (wanted, left) in [(Some(3), 1), (Some(3), 2), (None, 5), (Some(1), 100)] {
            let mut profiler = Profiler::new(wanted, left);
            assert!(profiler.steps < left.max(2));
            for _ in 0..left.min(3) {
                profiler.step(|| ran += 1);
            }
            let reports = profiler.report(Context::detect()).is_some();
            assert_eq!(reports, wanted.is_some());
            assert!(profiler.report(Context::detect()).is_none(), "once");
            assert!(!profile::is_on());
        }
        assert_eq!(ran, 1 + 2 + 3 + 3);
    }
}
