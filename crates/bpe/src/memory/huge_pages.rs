//! Memory for a table that is looked up at random.
//!
//! The operating system gives memory out in pages of 4 kB, and a CPU remembers where some dozens of
//! them are; in a table of megabytes nearly every look-up asks for another one, and in a virtual
//! machine it takes long to find. Pages of 2 MB are found at once. They have to be asked for, and
//! be where a multiple of their size is.

use std::alloc::{Layout, handle_alloc_error};
use std::marker::PhantomData;

use bytemuck::Pod;
use memmap2::MmapMut;

/// A large page: 2 MB, on x86-64 and mostly on ARM.
const PAGE: usize = 2 << 20;

/// `N` values, all of them zeros at first.
#[derive(Debug)]
pub(crate) struct Table<V, const N: usize> {
    map: MmapMut,
    /// The first byte of the map that begins a large page.
    start: usize,
    values: PhantomData<V>,
}

impl<V: Pod, const N: usize> Table<V, N> {
    /// Memory that is there when it is first looked at. If there is none, the program ends, as with
    /// any other memory.
    pub fn zeroed() -> Table<V, N> {
        let layout = Layout::new::<[V; N]>();
        let map =
            MmapMut::map_anon(layout.size() + PAGE).unwrap_or_else(|_| handle_alloc_error(layout));
        let start = map.as_ptr().align_offset(PAGE);
        Table { map, start, values: PhantomData }
    }

    /// Asks for large pages where none were looked at yet. They take longer to get, as each is
    /// zeroed as a whole.
    pub fn in_large_pages(self) -> Table<V, N> {
        // Without them everything is the same, and slower.
        #[cfg(target_os = "linux")]
        let _ = self.map.advise_range(memmap2::Advice::HugePage, self.start, size_of::<[V; N]>());
        self
    }

    /// The values.
    #[inline(always)]
    pub fn values(&mut self) -> &mut [V; N] {
        let bytes = &mut self.map[self.start..][..size_of::<[V; N]>()];
        let values = bytemuck::cast_slice_mut(bytes).first_chunk_mut();
        // `zeroed` made the map long enough, whatever comes in later.
        values.unwrap_or_else(|| unreachable!("as many bytes as N values have"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_is_put_in_and_zeros() {
        for large in [false, true] {
            let mut table = Table::<[u64; 8], 70_000>::zeroed();
            if large {
                table = table.in_large_pages();
            }
            let at = std::ptr::from_ref(table.values()).addr();
            assert_eq!(at % PAGE, 0);
            assert!(table.values().iter().all(|value| *value == [0; 8]));
            table.values()[69_999] = [1; 8];
            assert_eq!(table.values()[69_999], [1; 8]);
            assert_eq!(table.values()[69_998], [0; 8]);
        }
    }

    /// The flag `hg` of a piece of memory says that large pages were asked for.
    #[cfg(target_os = "linux")]
    #[test]
    fn asks_for_large_pages() {
        if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
            eprintln!("skipped: this kernel has no large pages");
            return;
        }
        for large in [false, true] {
            let mut table = Table::<[u64; 8], 70_000>::zeroed();
            if large {
                table = table.in_large_pages();
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
            assert_eq!(flags.contains(" hg"), large, "{flags}");
        }
    }
}
