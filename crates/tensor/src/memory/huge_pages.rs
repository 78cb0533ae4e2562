//! Large pages of memory.
//!
//! A core finds the addresses of a few MB of ordinary pages (4 kB) at once; matrices have more, and
//! a block of a matrix with long rows lies on as many pages as it has rows. Linux backs memory by
//! pages of 2 MB where a program asks for them.
#![allow(unsafe_code)]

/// Bytes of a large page.
const LARGE: usize = 1 << 21;

/// Asks for large pages behind the part of `memory` that whole ones fit into, before anything is
/// written there. Where there are none, nothing changes.
pub(crate) fn ask_for_large_pages<T>(memory: &mut [T]) {
    let range = memory.as_mut_ptr_range();
    let start = (range.start as usize).next_multiple_of(LARGE);
    let end = range.end as usize / LARGE * LARGE;
    if start >= end {
        return;
    }
    #[cfg(all(target_os = "linux", not(miri)))]
    // SAFETY: the pages lie inside `memory`, and the advice changes none of its contents. That it
    // may be refused does no harm.
    unsafe {
        libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE);
    }
}
