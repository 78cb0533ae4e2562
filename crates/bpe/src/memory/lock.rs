//! A mutex as this crate uses it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex, be it that a thread panicked with it: that thread takes the others with it when
/// they are joined, and until then its lock does not matter.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
