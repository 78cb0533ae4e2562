//! Mutexes whose poisoning does not matter.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, ignoring poisoning. In this crate a thread that panics takes the others with it when they
/// are joined.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
