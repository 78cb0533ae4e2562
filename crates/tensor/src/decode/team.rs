//! A team of threads that stays awake between the products of a token.
//!
//! A token of a small model takes some 20 parallel regions of 5 to 50 µs. A thread that sleeps
//! between them is woken by the kernel, which takes about as long as the work. The threads of a
//! team spin instead: a region begins when the leader, the thread that calls [`Team::run`], writes
//! its number, and costs a fraction of a microsecond. Where another program has a thread's core,
//! the others take over its part: a region waits for those alone that have entered it. Beside a
//! program that kept one of two cores busy, two threads wrote 1.5 times as fast for it, and more.
//!
//! Threads without work for [`SPIN`] give way to others, and after [`AWAKE`] they sleep until the
//! next region, so that a program that waits for its user takes no time.
#![allow(unsafe_code)]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

/// The rounds of waiting, some 20 µs, before a thread offers its core to others at each round.
const SPIN: u32 = 1 << 10;
/// The time without work after which a thread sleeps.
const AWAKE: Duration = Duration::from_millis(2);

/// The work of a region, called with the number of the thread.
type Work = dyn Fn(usize) + Sync;

/// The bit of the gate that says that threads may enter the region.
const OPEN: u64 = 1 << 31;
/// The bits of the gate that count the threads inside, but for the leader.
const INSIDE: u64 = OPEN - 1;
/// The lowest bit of the number of the region.
const REGION: u64 = 1 << 32;

/// A number on a cache line of its own, so that threads that wait for one do not slow down those
/// that write another.
#[repr(align(128))]
#[derive(Default)]
struct OwnLine<T>(T);

#[derive(Default)]
struct Shared {
    /// The number of the latest region, whether it is open, and the threads inside.
    gate: OwnLine<AtomicU64>,
    /// Threads that sleep, or are about to.
    asleep: OwnLine<AtomicUsize>,
    /// The threads that have entered the region, but for the leader.
    entered: AtomicUsize,
    /// The address of a [`&Work`](Work), valid while the region is open or a thread is inside.
    work: AtomicPtr<()>,
    /// The team is dropped.
    closing: AtomicBool,
    /// The panic of a thread in this region.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// Threads that run regions together.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// let (team, sum) = (tensor::decode::Team::new(3), AtomicUsize::new(0));
/// team.run(|thread| {
///     sum.fetch_add(thread, Ordering::Relaxed);
/// });
/// assert_eq!(sum.into_inner(), 0 + 1 + 2);
/// ```
pub struct Team {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Team {
    /// Creates a team of `threads` threads, of which the caller of [`run`](Self::run) is one. If
    /// the system refuses threads, the team has fewer.
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let member = |thread: usize| {
            let shared = Arc::clone(&shared);
            let name = format!("decode {thread}");
            std::thread::Builder::new().name(name).spawn(move || serve(&shared, thread)).ok()
        };
        let threads = (1..threads.max(1)).map_while(member).collect();
        let team = Self { shared, threads };
        // A thread allocates when it starts: better now than beside a token.
        team.run(|_| ());
        team
    }

    /// Returns the number of threads, the caller included.
    pub fn threads(&self) -> usize {
        self.threads.len() + 1
    }

    /// Calls `work` on each thread of the team, with the thread's number, and returns when all have
    /// returned. The caller is thread 0.
    ///
    /// # Panics
    /// If `work` panics on any thread, once all have returned; or if another region of this team
    /// has not ended, as inside `work`.
    pub fn run(&self, work: impl Fn(usize) + Sync) {
        self.region(Wanted::All, work);
    }

    /// Calls `work` on the calling thread, number 0, and on those that come before it has returned
    /// there. A thread whose core is busy with another program is not waited for, so that `work`
    /// must be complete when it returns on any thread.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub(super) fn run_who_come(&self, work: impl Fn(usize) + Sync) {
        self.region(Wanted::WhoCome, work);
    }

    fn region(&self, wanted: Wanted, work: impl Fn(usize) + Sync) {
        if self.threads.is_empty() {
            return work(0);
        }
        let work: &(dyn Fn(usize) + Sync) = &work;
        // A reference to a closure takes two words; the address of one on this stack takes one.
        let address = (&raw const work).cast_mut().cast();
        let Shared { gate: OwnLine(gate), asleep, entered, panic, .. } = &*self.shared;
        let before = gate.load(Ordering::Acquire);
        let is_free = before & (OPEN | INSIDE) == 0;
        assert!(is_free, "Team::run: called inside a region, or by two threads at once");
        entered.store(0, Ordering::Relaxed);
        self.shared.work.store(address, Ordering::Relaxed);
        // `SeqCst` here and in `sleep`: either this thread sees the sleeper, or the sleeper sees
        // the region.
        let opened = before.wrapping_add(REGION) | OPEN;
        let begun = gate.compare_exchange(before, opened, Ordering::SeqCst, Ordering::Relaxed);
        assert!(begun.is_ok(), "Team::run: called by two threads at once");
        if asleep.0.load(Ordering::SeqCst) > 0 {
            self.threads.iter().map(JoinHandle::thread).for_each(Thread::unpark);
        }
        // Whatever happens, the others must be out before `work` and what it borrows are gone.
        let own = catch_unwind(AssertUnwindSafe(|| work(0)));
        let mut wait = Wait::default();
        while wanted == Wanted::All && entered.load(Ordering::Relaxed) < self.threads.len() {
            wait.round();
        }
        gate.fetch_and(!OPEN, Ordering::AcqRel);
        let mut wait = Wait::default();
        while gate.load(Ordering::Acquire) & INSIDE > 0 {
            wait.round();
        }
        let others = panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(panic) = own.err().or(others) {
            resume_unwind(panic);
        }
    }

    /// Calls `work` with each number below `count` once, on any thread.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub fn for_each(&self, count: usize, work: impl Fn(usize) + Sync) {
        if count <= 1 {
            return (0..count).for_each(work);
        }
        let next = AtomicUsize::new(0);
        self.run_who_come(|_| {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return;
                }
                work(index);
            }
        });
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.shared.gate.0.fetch_add(REGION, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            // A thread catches the panics of its work, so that it ends by returning.
            let _ = thread.join();
        }
    }
}

/// The threads that a region waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    /// Those that enter before the leader has done its part.
    WhoCome,
}

/// Waits for something that another thread will do soon.
#[derive(Default)]
struct Wait {
    rounds: u32,
}

impl Wait {
    /// Passes a moment; after [`SPIN`] of them, other threads get this core for theirs.
    #[inline]
    fn round(&mut self) {
        if self.rounds < SPIN {
            self.rounds += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }

    /// Returns `true` once it is time to yield instead of spinning.
    fn is_long(&self) -> bool {
        self.rounds >= SPIN
    }
}

/// The life of a thread: regions, one after the other, until the team is dropped.
fn serve(shared: &Shared, thread: usize) {
    let mut last = 0;
    while let Some(region) = enter(shared, last) {
        last = region;
        let address: *const &Work = shared.work.load(Ordering::Relaxed).cast();
        // SAFETY: this thread is inside the region, for which `region` has written the address;
        // it does not return, so that `work` lives, before all threads are out.
        let work: &Work = unsafe { *address };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(thread))) {
            *shared.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
        }
        shared.gate.0.fetch_sub(1, Ordering::Release);
    }
}

/// Enters the next region after `last` that is open, and returns its number; `None` once the team
/// is dropped.
fn enter(shared: &Shared, last: u64) -> Option<u64> {
    let (mut wait, mut idle_since) = (Wait::default(), None);
    loop {
        let gate = shared.gate.0.load(Ordering::Acquire);
        let region = gate / REGION;
        if shared.closing.load(Ordering::Relaxed) {
            return None;
        }
        if region != last && gate & OPEN != 0 {
            let [success, failure] = [Ordering::AcqRel, Ordering::Relaxed];
            let entered = shared.gate.0.compare_exchange_weak(gate, gate + 1, success, failure);
            if entered.is_ok() {
                shared.entered.fetch_add(1, Ordering::Relaxed);
                return Some(region);
            }
            continue;
        }
        wait.round();
        if wait.is_long() && idle_since.get_or_insert_with(Instant::now).elapsed() > AWAKE {
            sleep(shared, region);
            (wait, idle_since) = (Wait::default(), None);
        }
    }
}

/// Sleeps until there is another region than `seen`, or the team is dropped.
fn sleep(shared: &Shared, seen: u64) {
    shared.asleep.0.fetch_add(1, Ordering::SeqCst);
    while shared.gate.0.load(Ordering::SeqCst) / REGION == seen {
        std::thread::park();
    }
    shared.asleep.0.fetch_sub(1, Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_takes_part_in_every_region() {
        for threads in [1, 2, 5] {
            let team = Team::new(threads);
            assert_eq!(team.threads(), threads);
            let counts: Vec<AtomicUsize> = (0..threads).map(|_| AtomicUsize::new(0)).collect();
            for region in 1..=300 {
                team.run(|thread| {
                    counts[thread].fetch_add(1, Ordering::Relaxed);
                });
                // Some regions begin when the others are asleep.
                if region % 100 == 0 {
                    std::thread::sleep(2 * AWAKE);
                }
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == region));
            }
        }
    }

    #[test]
    fn each_number_is_taken_once() {
        let team = Team::new(4);
        for count in [0, 1, 3, 1000] {
            let taken: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
            team.for_each(count, |index| {
                taken[index].fetch_add(1, Ordering::Relaxed);
            });
            assert!(taken.iter().all(|taken| taken.load(Ordering::Relaxed) == 1));
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_leaves_the_team_whole() {
        let team = Team::new(3);
        for culprit in 0..3 {
            let region = || team.run(|thread| assert!(thread != culprit, "thread {culprit}"));
            let panic = catch_unwind(AssertUnwindSafe(region)).unwrap_err();
            assert_eq!(*panic.downcast::<String>().unwrap(), format!("thread {culprit}"));
            team.run(|_| ());
        }
    }

    #[test]
    fn a_region_inside_a_region_is_refused() {
        let team = Team::new(2);
        let nested = || {
            team.run(|thread| {
                if thread == 0 {
                    team.run(|_| ())
                }
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(nested)).is_err());
        team.run(|_| ());
    }
}
