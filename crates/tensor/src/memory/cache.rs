//! Cache lines, and prefetching them.
#![allow(unsafe_code)]

use std::ops::Range;

/// Bytes of a cache line.
pub(crate) const LINE_BYTES: usize = 64;

/// Prefetches the cache lines of elements that will be read soon; elements need not exist. The
/// hardware prefetches within a page only, and the rows of a large matrix lie on different ones.
#[inline(always)]
pub(crate) fn prefetch<E>(data: &[E], elements: Range<usize>) {
    #[cfg(target_arch = "x86_64")]
    for index in elements.step_by(LINE_BYTES / size_of::<E>()) {
        use std::arch::x86_64::*;
        // SAFETY: a prefetch may have any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(data.as_ptr().wrapping_add(index).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (data, elements);
}

/// Prefetches as [`prefetch`] does, into the second-level cache: for elements that would not stay
/// in the first level until they are read.
#[inline(always)]
pub(crate) fn prefetch_to_level_2<E>(data: &[E], elements: Range<usize>) {
    #[cfg(target_arch = "x86_64")]
    for index in elements.step_by(LINE_BYTES / size_of::<E>()) {
        use std::arch::x86_64::*;
        // SAFETY: a prefetch may have any address.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(data.as_ptr().wrapping_add(index).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (data, elements);
}
