//! The tasks of a region: a part for each thread, from its first task to its last, so that it reads
//! the same weights for each token; and what is left of the parts of others.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Takes of a part by its own thread: few, as each costs an exchange between caches if others take
/// too, and enough for others to help with what is left.
const TAKES: usize = 6;

/// The first task of each part that nobody has taken, on a cache line of its own.
pub(super) struct Parts(Vec<Next>);

#[repr(align(128))]
struct Next(AtomicUsize);

/// Returns the tasks of part `index` of `parts`.
fn part(index: usize, parts: usize, count: usize) -> Range<usize> {
    count * index / parts..count * (index + 1) / parts
}

impl Parts {
    pub(super) fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| Next(AtomicUsize::new(0))).collect())
    }

    /// Begins with `count` tasks in `parts` parts, at most as many as there are threads.
    pub(super) fn share_out(&self, parts: usize, count: usize) {
        for (index, next) in self.0.iter().enumerate().take(parts) {
            next.0.store(part(index, parts, count).start, Ordering::Relaxed);
        }
    }

    /// Takes tasks for a thread: of its own part, and then of others. `from` is the part that it
    /// takes from, at first its own.
    pub(super) fn take(
        &self,
        parts: usize,
        count: usize,
        thread: usize,
        from: &mut usize,
    ) -> Option<Range<usize>> {
        while *from < thread + parts {
            let index = *from % parts;
            let Range { start, end } = part(index, parts, count);
            let len = ((end - start) / TAKES).max(1);
            let first = self.0[index].0.fetch_add(len, Ordering::Relaxed);
            if first < end {
                return Some(first..end.min(first + len));
            }
            *from += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_is_taken_once_by_any_number_of_threads() {
        for (threads, count) in [(1, 0), (1, 5), (2, 96), (3, 7), (5, 3)] {
            for present in 1..=threads {
                let parts = Parts::new(threads);
                parts.share_out(threads, count);
                let mut froms: Vec<_> = (0..present).collect();
                let mut taken = vec![0; count];
                // Those who are present take turns until nothing is left.
                let mut idle = 0;
                while idle < present {
                    idle = 0;
                    for (thread, from) in froms.iter_mut().enumerate() {
                        match parts.take(threads, count, thread, from) {
                            Some(tasks) => tasks.for_each(|task| taken[task] += 1),
                            None => idle += 1,
                        }
                    }
                }
                assert!(taken.iter().all(|&times| times == 1), "{threads} {count} {present}");
            }
        }
    }
}
