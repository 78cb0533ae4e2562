//! A team with scratch memory for each thread.

use super::team::Team;
use super::text::Texts;
use crate::Context;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Multiplications that a thread of its own is worth: some 2 µs.
const WORTH_A_THREAD: usize = 1 << 14;

/// Runs operations on a team of threads, with scratch memory for each.
pub struct Runner {
    pub(super) context: Context,
    team: Team,
    scratch: Vec<Mutex<Scratch>>,
    pub(super) texts: Texts,
}

/// The memory of one thread, which grows to what the largest operation needs.
#[derive(Default)]
pub(super) struct Scratch {
    /// Rows of input after a norm, (N, K).
    pub(super) x: Vec<f32>,
    /// Rows of input in 8 bits, (N, groups, GROUP), and its scales, (N, groups).
    pub(super) bytes: Vec<i8>,
    pub(super) scales: Vec<f32>,
    /// The scores of a query, one per position.
    pub(super) scores: Vec<f32>,
    /// A query, rotated.
    pub(super) query: Vec<f32>,
}

impl Runner {
    /// Creates a runner on so many threads as the current pool of `rayon` has.
    pub fn new(context: Context) -> Self {
        let team = Team::new(rayon::current_num_threads());
        let scratch = (0..team.threads()).map(|_| Mutex::default()).collect();
        Self { context, team, scratch, texts: Texts::default() }
    }

    /// Returns the threads.
    pub fn team(&self) -> &Team {
        &self.team
    }

    /// Returns the number of threads that are worth their while for so many multiplications.
    pub(super) fn threads_for(&self, multiplications: usize) -> usize {
        (multiplications / WORTH_A_THREAD).clamp(1, self.team.threads())
    }

    /// Calls `work` with the number of a thread and its scratch memory, on `threads` threads.
    pub(super) fn run(&self, threads: usize, work: impl Fn(usize, &mut Scratch) + Sync) {
        let work = |thread: usize| {
            if thread < threads {
                work(thread, &mut self.scratch(thread));
            }
        };
        if threads == 1 { work(0) } else { self.team.run(work) }
    }

    fn scratch(&self, thread: usize) -> MutexGuard<'_, Scratch> {
        self.scratch[thread].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the first `len` elements of a vector that grows if it has fewer, and not at each of the
/// first tokens of a text.
pub(super) fn at_least<T: Copy + Default>(vector: &mut Vec<T>, len: usize) -> &mut [T] {
    if vector.len() < len {
        vector.resize(len.next_multiple_of(64), T::default());
    }
    &mut vector[..len]
}
