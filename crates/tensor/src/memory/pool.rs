//! Recycled buffers. Fresh pages from the operating system cost more than the arithmetic on them,
//! and every training step needs the same sizes again: a large buffer that is dropped waits here
//! for the next request of its size.
//!
//! A buffer holds whole cache lines, so that every tensor begins on a 64-byte boundary. Its
//! contents are always initialised, though arbitrary: zeros at first, later what the last user
//! left.

use super::cache::LINE_BYTES;
use super::huge_pages::advise_huge_pages;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// Floats in a cache line.
const LINE: usize = LINE_BYTES / size_of::<f32>();
/// Buffers of fewer floats (64 kB) are left to the allocator.
const SMALLEST_POOLED: usize = 1 << 14;
/// Sizes are rounded up to multiples of 1/8 of their power of two, so that shapes that change a
/// little (a sequence that grows while it is generated) still share buffers.
const CLASSES_PER_OCTAVE: usize = 8;

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct CacheLine([f32; LINE]);

/// An owned, 64-byte aligned run of `f32` that goes back to the pool when it is dropped.
pub struct Buffer {
    lines: Vec<CacheLine>,
    len: usize,
}

static POOL: LazyLock<Mutex<HashMap<usize, Vec<Vec<CacheLine>>>>> = LazyLock::new(Mutex::default);

fn pool() -> MutexGuard<'static, HashMap<usize, Vec<Vec<CacheLine>>>> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the number of cache lines to reserve for `len` floats.
fn class_lines(len: usize) -> usize {
    if len < SMALLEST_POOLED {
        return len.div_ceil(LINE);
    }
    let granule = (len.next_power_of_two() / 2 / CLASSES_PER_OCTAVE).max(LINE);
    len.div_ceil(granule) * granule / LINE
}

impl Buffer {
    /// Returns a buffer of `len` floats with arbitrary contents.
    pub fn scratch(len: usize) -> Self {
        let count = class_lines(len);
        let recycled =
            if len >= SMALLEST_POOLED { pool().get_mut(&count).and_then(Vec::pop) } else { None };
        let lines = recycled.unwrap_or_else(|| {
            let mut lines = Vec::with_capacity(count);
            advise_huge_pages(lines.spare_capacity_mut());
            lines.resize(count, CacheLine([0.0; LINE]));
            lines
        });
        Self { lines, len }
    }

    /// Returns the floats.
    pub fn as_slice(&self) -> &[f32] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }

    /// Returns the floats, to write to.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        let len = self.len;
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.len >= SMALLEST_POOLED {
            let lines = std::mem::take(&mut self.lines);
            pool().entry(lines.len()).or_default().push(lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_recycled() {
        let mut a = Buffer::scratch(SMALLEST_POOLED + 3);
        assert_eq!(a.as_slice().as_ptr() as usize % 64, 0);
        assert_eq!(a.as_slice().len(), SMALLEST_POOLED + 3);
        a.as_mut_slice()[0] = 7.0;
        let address = a.as_slice().as_ptr();
        drop(a);
        // Other tests may take the buffer in between, so look for it among several.
        let again: Vec<_> = (0..64).map(|_| Buffer::scratch(SMALLEST_POOLED + 5)).collect();
        assert!(again.iter().any(|b| b.as_slice().as_ptr() == address));
    }

    #[test]
    fn classes_are_never_smaller_than_asked_and_waste_at_most_an_eighth() {
        for len in [0, 1, 15, 16, 17, SMALLEST_POOLED, SMALLEST_POOLED + 1, 1_000_003, 81_920_000] {
            let floats = class_lines(len) * LINE;
            assert!(floats >= len);
            assert!(floats <= len + len / 8 + 2 * LINE, "{len} takes {floats}");
        }
    }
}
