//! Huge pages of memory, for a table that is looked up at random.
//!
//! The operating system gives out memory in pages of 4 kB, and a CPU core finds the addresses of
//! some dozens of them at once. In a table of megabytes nearly every look-up needs another page,
//! whose address takes long to find, above all in a virtual machine. Pages of 2 MB are few enough.
//! A program has to ask for them, and its memory must begin at a multiple of their size.
//!
//! The crate `tensor` asks for huge pages too, but for vectors that exist already, by a system call
//! that is `unsafe`. Here the table is a memory map of its own, which needs no `unsafe`.

use std::alloc::{Layout, handle_alloc_error};
use std::marker::PhantomData;

use bytemuck::Pod;
use memmap2::MmapMut;

/// Bytes of a huge page, on x86-64 and mostly on ARM.
const HUGE_PAGE: usize = 2 << 20;

/// `N` values, all zeros at first.
#[derive(Debug)]
pub(crate) struct Table<V, const N: usize> {
    map: MmapMut,
    /// The first byte of the map that is at a multiple of [`HUGE_PAGE`].
    start: usize,
    values: PhantomData<V>,
}

impl<V: Pod, const N: usize> Table<V, N> {
    /// Creates a table whose memory is taken page by page, when it is first used. If there is no
    /// address space left, the program ends, as with any other allocation.
    pub fn zeroed() -> Table<V, N> {
        let layout = Layout::new::<[V; N]>();
        let map = MmapMut::map_anon(layout.size() + HUGE_PAGE)
            .unwrap_or_else(|_| handle_alloc_error(layout));
        let start = map.as_ptr().align_offset(HUGE_PAGE);
        Table { map, start, values: PhantomData }
    }

    /// Asks for huge pages for what was not used yet. Each takes longer to get, because all of it
    /// is zeroed at once.
    pub fn in_huge_pages(self) -> Table<V, N> {
        // Without them the table is slower, but works: a refusal is no error.
        #[cfg(target_os = "linux")]
        let _ = self.map.advise_range(memmap2::Advice::HugePage, self.start, size_of::<[V; N]>());
        self
    }

    /// Returns the values.
    #[inline(always)]
    pub fn values(&mut self) -> &mut [V; N] {
        let bytes = &mut self.map[self.start..][..size_of::<[V; N]>()];
        let values = bytemuck::cast_slice_mut(bytes).first_chunk_mut();
        values.unwrap_or_else(|| unreachable!("`zeroed` maps as many bytes as N values have"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_written_and_zeros() {
        for huge in [false, true] {
            let mut table = Table::<[u64; 8], 70_000>::zeroed();
            if huge {
                table = table.in_huge_pages();
            }
            let at = std::ptr::from_ref(table.values()).addr();
            assert_eq!(at % HUGE_PAGE, 0);
            assert!(table.values().iter().all(|value| *value == [0; 8]));
            table.values()[69_999] = [1; 8];
            assert_eq!(table.values()[69_999], [1; 8]);
            assert_eq!(table.values()[69_998], [0; 8]);
        }
    }

    /// Linux shows by the flag `hg` of a mapping that huge pages were asked for.
    #[cfg(target_os = "linux")]
    #[test]
    fn asks_for_huge_pages() {
        if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
            eprintln!("skipped: this kernel has no huge pages");
            return;
        }
        for huge in [false, true] {
            let mut table = Table::<[u64; 8], 70_000>::zeroed();
            if huge {
                table = table.in_huge_pages();
            }
            let at = std::ptr::from_ref(table.values()).addr();
            let pieces = std::fs::read_to_string("/proc/self/smaps").unwrap();
            let mut lines = pieces.lines().skip_while(|line| {
                let range = line.split(' ').next().and_then(|range| range.split_once('-'));
                let ends = range
                    .map(|(start, end)| [start, end].map(|hex| usize::from_str_radix(hex, 16)));
                !matches!(ends, Some([Ok(start), Ok(end)]) if start <= at && at < end)
            });
            let flags = lines.find(|line| line.starts_with("VmFlags:")).unwrap();
            assert_eq!(flags.contains(" hg"), huge, "{flags}");
        }
    }
}
