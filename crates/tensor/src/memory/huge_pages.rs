//! Huge pages.
//!
//! The TLB of a core holds the addresses of a few MB in ordinary pages (4 kB). Matrices are larger,
//! and a block of a matrix with long rows lies on as many pages as it has rows. Linux backs memory
//! by pages of 2 MB where a program asks for them (`MADV_HUGEPAGE`).
#![allow(unsafe_code)]

/// Bytes of a huge page.
const HUGE: usize = 1 << 21;

/// Advises the system to back `memory` with huge pages, as far as whole ones fit into it. To be
/// called before anything is written there. Without support nothing changes.
pub(crate) fn advise_huge_pages<T>(memory: &mut [T]) {
    let range = memory.as_mut_ptr_range();
    let start = (range.start as usize).next_multiple_of(HUGE);
    let end = range.end as usize / HUGE * HUGE;
    if start >= end {
        return;
    }
    #[cfg(all(target_os = "linux", not(miri)))]
    // SAFETY: the pages lie inside `memory`, and the advice changes none of its contents. It does
    // no harm if it is refused.
    unsafe {
        libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE);
    }
}
