//! A profile of a computation: the time of each operation, forward and backward, added up by name.
//!
//! Profiling is switched on for a thread with [`start`] and off with [`stop`]; tapes that this
//! thread makes in between time their operations. Off, it costs one comparison per operation.
//! ```
//! use tensor::{Context, Tape, Tensor, profile};
//! profile::start();
//! let tape = Tape::new(Context::detect());
//! let x = tape.leaf(Tensor::full(&[2, 2], 1.0));
//! tape.backward(&x.linear(&x).sum());
//! let profile = profile::stop();
//! let linear = profile.rows().iter().find(|row| row.name == "linear").unwrap();
//! assert_eq!((linear.forward.calls, linear.backward.calls), (1, 1));
//! assert_eq!(linear.forward.flops, 2.0 * 2.0 * 2.0 * 2.0);
//! ```

pub mod peak;

use std::cell::RefCell;
use std::time::{Duration, Instant};

/// The work of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Work {
    /// Multiplications and additions of matrix products; 0 for what memory bounds.
    pub(crate) flops: f64,
    /// Bytes of the tensors that are read and written, each counted once: the least that has to
    /// move.
    pub(crate) bytes: f64,
}

/// The calls of an operation in one direction, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Total {
    /// The number of calls.
    pub calls: u64,
    /// Their time.
    pub time: Duration,
    /// Their floating-point operations in matrix products.
    pub flops: f64,
    /// Bytes of the tensors that they read and wrote, each counted once per call.
    pub bytes: f64,
}

/// All calls of an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The name of the operation or [`section`].
    pub name: &'static str,
    /// Forward, or a section's work.
    pub forward: Total,
    /// Backward.
    pub backward: Total,
}

/// Operations and sections in the order in which they first ran.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    rows: Vec<Row>,
}

impl Profile {
    /// Returns the rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn row(&mut self, name: &'static str) -> &mut Row {
        let known = self.rows.iter().position(|row| row.name == name);
        let index = known.unwrap_or_else(|| {
            let none = Total::default();
            self.rows.push(Row { name, forward: none, backward: none });
            self.rows.len() - 1
        });
        &mut self.rows[index]
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Profile>> = const { RefCell::new(None) };
}

/// Begins a profile of what this thread computes.
pub fn start() {
    resume(Profile::default());
}

/// Goes on with a profile that [`stop`] returned.
pub fn resume(profile: Profile) {
    CURRENT.set(Some(profile));
}

/// Ends the profile and returns it; an empty one if none was begun.
pub fn stop() -> Profile {
    CURRENT.take().unwrap_or_default()
}

/// Returns `true` if this thread is being profiled.
pub fn is_on() -> bool {
    CURRENT.with_borrow(Option::is_some)
}

/// Runs `f`, and counts its time under `name` if this thread is being profiled. For work outside of
/// tapes.
pub fn section<R>(name: &'static str, f: impl FnOnce() -> R) -> R {
    if !is_on() {
        return f();
    }
    let start = Instant::now();
    let result = f();
    forward(name, start, Work::default());
    result
}

/// Counts a forward call that began at `start`.
pub(crate) fn forward(name: &'static str, start: Instant, work: Work) {
    count(name, start, work, |row| &mut row.forward);
}

/// Counts a backward call that began at `start`.
pub(crate) fn backward(name: &'static str, start: Instant, work: Work) {
    count(name, start, work, |row| &mut row.backward);
}

fn count(name: &'static str, start: Instant, work: Work, total: fn(&mut Row) -> &mut Total) {
    let time = start.elapsed();
    CURRENT.with_borrow_mut(|current| {
        if let Some(profile) = current {
            let total = total(profile.row(name));
            total.calls += 1;
            total.time += time;
            total.flops += work.flops;
            total.bytes += work.bytes;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Tape, Tensor};

    fn compute() {
        let tape = Tape::new(Context::detect());
        let x = tape.leaf(Tensor::full(&[3, 4], 1.0));
        let w = tape.leaf(Tensor::full(&[5, 4], 1.0));
        tape.backward(&x.linear(&w).silu().sum());
        section("outside", || std::thread::sleep(Duration::from_millis(2)));
    }

    #[test]
    fn operations_are_counted_by_name_with_their_work() {
        start();
        compute();
        compute();
        let profile = stop();
        let names: Vec<_> = profile.rows().iter().map(|row| row.name).collect();
        assert_eq!(names, ["linear", "silu", "sum", "outside"]);
        let linear = &profile.rows()[0];
        assert_eq!((linear.forward.calls, linear.backward.calls), (2, 2));
        assert_eq!((linear.forward.flops, linear.backward.flops), (240.0, 480.0));
        assert_eq!(linear.forward.bytes, 2.0 * 4.0 * (12 + 20 + 15) as f64);
        let outside = &profile.rows()[3];
        assert!(outside.forward.time >= Duration::from_millis(4));
        assert_eq!(outside.backward.calls, 0);
    }

    #[test]
    fn nothing_is_counted_when_it_is_off() {
        compute();
        assert!(!is_on());
        assert!(stop().rows().is_empty());
    }
}
