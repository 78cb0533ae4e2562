//! Counting pre-tokens: training needs nothing else from a text.
//!
//! The text is read in chunks that end where pre-tokens end. Each thread takes the next chunk,
//! splits it and counts into its own table. A table that grows beyond its share of memory is added
//! to a common one. Sums do not depend on the order of their terms and the result is sorted, so the
//! result is the same for every number of threads and every size of chunks.

mod hash;
pub(crate) mod pre_token_counts;
mod table;

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::chunk::{ChunkReader, Cutter};
use crate::error::{Error, Result};
use crate::memory::lock::lock;
use crate::pretokenize::pattern::Pattern;
use crate::pretokenize::pipeline::Pipeline;
use crate::special::{Segment, SpecialTokens};
use hash::Seeds;
use pre_token_counts::PreTokenCounts;
use table::CountTable;

/// A function that is called now and then, from any thread, with the number of units (bytes,
/// merges) done since the last call. `Break` stops the work with [`Error::Interrupted`].
pub type OnProgress<'a> = &'a (dyn Fn(u64) -> ControlFlow<()> + Sync);

/// Bytes per chunk: enough that taking one costs nothing, few enough to stay in a thread's cache.
const CHUNK_BYTES: usize = 1 << 18;

/// Bytes of memory for the tables of all threads together.
const LOCAL_BYTES: usize = 32 << 20;

impl PreTokenCounts {
    /// Collects counts of pre-tokens that were found elsewhere. Counts of equal pre-tokens add up.
    pub fn from_counts<W: AsRef<[u8]>>(
        counts: impl IntoIterator<Item = (W, u64)>,
    ) -> PreTokenCounts {
        let mut table = CountTable::new(Seeds::random());
        for (word, count) in counts {
            table.add(word.as_ref(), count);
        }
        table.into_sorted()
    }
}

/// Counts the pre-tokens of one or more texts on rayon's current pool.
#[derive(Debug)]
pub struct PreTokenCounter {
    pattern: Pattern,
    specials: SpecialTokens,
    seeds: Seeds,
    chunk_bytes: usize,
    local_bytes: usize,
    total: Mutex<CountTable>,
    specials_found: AtomicU64,
    bytes: AtomicU64,
}

impl PreTokenCounter {
    /// Makes a counter of the pre-tokens by `pattern` between `special_tokens`.
    pub fn new(pattern: &Pattern, special_tokens: &[String]) -> PreTokenCounter {
        let specials: Vec<(String, u32)> = special_tokens.iter().cloned().zip(0..).collect();
        let seeds = Seeds::random();
        PreTokenCounter {
            pattern: pattern.clone(),
            specials: SpecialTokens::new(&specials),
            seeds,
            chunk_bytes: CHUNK_BYTES,
            local_bytes: LOCAL_BYTES / rayon::current_num_threads().max(1),
            total: Mutex::new(CountTable::new(seeds)),
            specials_found: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Sets the approximate size of chunks, and the memory for each thread's table.
    pub fn with_sizes(self, chunk_bytes: usize, table_bytes: usize) -> PreTokenCounter {
        PreTokenCounter { chunk_bytes: chunk_bytes.max(1), local_bytes: table_bytes, ..self }
    }

    /// Counts the text of `reader`, in memory that does not grow with it.
    ///
    /// # Errors
    /// [`Error::Stream`] when reading fails, [`Error::PatternRun`] when a custom pattern fails on
    /// this text, [`Error::Interrupted`].
    pub fn count_reader(&self, reader: impl Read + Send, on_progress: OnProgress) -> Result<()> {
        let cutter = Cutter::new(&self.pattern, &self.specials);
        let reader = Mutex::new(ChunkReader::new(reader, cutter, self.chunk_bytes));
        let failed = AtomicBool::new(false);
        let results = rayon::broadcast(|_| {
            let mut local = CountTable::new(self.seeds);
            let counted = self.count_chunks(&reader, &failed, &mut local, on_progress);
            failed.fetch_or(counted.is_err(), Ordering::Relaxed);
            lock(&self.total).absorb(&mut local);
            counted
        });
        results.into_iter().collect()
    }

    /// Returns the counts of all texts so far.
    pub fn finish(self) -> PreTokenCounts {
        let mut counts =
            self.total.into_inner().unwrap_or_else(PoisonError::into_inner).into_sorted();
        counts.summary.specials = self.specials_found.into_inner();
        counts.summary.bytes = self.bytes.into_inner();
        counts
    }

    /// The loop of each thread: counts chunk after chunk, until the text ends or a thread `failed`.
    fn count_chunks(
        &self,
        reader: &Mutex<ChunkReader<impl Read>>,
        failed: &AtomicBool,
        local: &mut CountTable,
        on_progress: OnProgress,
    ) -> Result<()> {
        let (mut chunk, mut pipeline) = (Vec::new(), Pipeline::new());
        while !failed.load(Ordering::Relaxed) && lock(reader).next_chunk(&mut chunk)? {
            let mut specials = 0;
            for segment in self.specials.segments(&chunk) {
                let Segment::Text(part) = segment else {
                    specials += 1;
                    continue;
                };
                let mut run = pipeline.run(&chunk, part.start, &mut *local);
                self.pattern.for_each_boundary(&chunk, part, &mut run)?;
                run.finish();
            }
            self.specials_found.fetch_add(specials, Ordering::Relaxed);
            self.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            if local.memory() > self.local_bytes {
                lock(&self.total).absorb(local);
            }
            if on_progress(chunk.len() as u64).is_break() {
                return Err(Error::Interrupted);
            }
        }
        Ok(())
    }
}
