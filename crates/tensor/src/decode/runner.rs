//! A team with scratch memory for each thread.

use super::parts::Parts;
use super::team::Team;
use super::text::Texts;
use crate::Context;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Multiplications that a thread of its own is worth: some 2 µs.
const WORTH_A_THREAD: usize = 1 << 14;

/// Runs operations on a team of threads, with scratch memory for each.
pub struct Runner {
    pub(super) context: Context,
    team: Team,
    scratch: Vec<Mutex<Scratch>>,
    pub(super) texts: Texts,
    parts: Parts,
    /// The sizes that the memory of every thread has.
    reserved: Mutex<Sizes>,
}

/// The elements of each part of a thread's memory.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Of [`Scratch::x`].
    pub(super) x: usize,
    /// Of [`Scratch::bytes`].
    pub(super) bytes: usize,
    /// Of [`Scratch::scales`].
    pub(super) scales: usize,
    /// Of [`Scratch::scores`].
    pub(super) scores: usize,
    /// Of [`Scratch::query`].
    pub(super) query: usize,
}

impl Sizes {
    fn max(self, other: Self) -> Self {
        Self {
            x: self.x.max(other.x),
            bytes: self.bytes.max(other.bytes),
            scales: self.scales.max(other.scales),
            scores: self.scores.max(other.scores),
            query: self.query.max(other.query),
        }
    }
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
        let parts = Parts::new(team.threads());
        let reserved = Mutex::default();
        Self { context, team, scratch, texts: Texts::default(), parts, reserved }
    }

    /// Returns the threads.
    pub fn team(&self) -> &Team {
        &self.team
    }

    /// Makes room for an operation in the memory of every thread, so that one that takes part in it
    /// for the first time allocates nothing.
    pub(super) fn reserve(&self, sizes: Sizes) {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = reserved.max(sizes);
        if wanted != *reserved {
            for thread in 0..self.scratch.len() {
                let Scratch { x, bytes, scales, scores, query } = &mut *self.scratch(thread);
                at_least(x, wanted.x);
                at_least(bytes, wanted.bytes);
                at_least(scales, wanted.scales);
                at_least(scores, wanted.scores);
                at_least(query, wanted.query);
            }
            *reserved = wanted;
        }
    }

    /// Returns the number of threads that are worth their while for so many multiplications.
    pub(super) fn threads_for(&self, multiplications: usize) -> usize {
        (multiplications / WORTH_A_THREAD).clamp(1, self.team.threads())
    }

    /// Calls `work` with the scratch memory of a thread, on at most `threads` threads. All is done
    /// when it has returned on one, as [`Team::run_who_come`] says.
    pub(super) fn run(&self, threads: usize, work: impl Fn(usize, &mut Scratch) + Sync) {
        let work = |thread: usize| {
            if thread < threads {
                work(thread, &mut self.scratch(thread));
            }
        };
        if threads == 1 { work(0) } else { self.team.run_who_come(work) }
    }

    /// Shares out `count` tasks among at most `threads` threads. `work` is called on each, and
    /// takes tasks until there are none.
    pub(super) fn share(
        &self,
        threads: usize,
        count: usize,
        work: impl Fn(&mut Scratch, &mut dyn FnMut() -> Option<Range<usize>>) + Sync,
    ) {
        self.parts.share_out(threads, count);
        self.run(threads, |thread, scratch| {
            let mut from = thread;
            work(scratch, &mut || self.parts.take(threads, count, thread, &mut from));
        });
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
