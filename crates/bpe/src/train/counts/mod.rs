//! How often each pre-token occurs: all that training needs to know of a text.
//!
//! The text is read in chunks that end at safe cuts; each thread takes the next chunk, scans it and
//! counts into a table of its own. A table that grows beyond its share of memory is poured into a
//! common one. Sums do not depend on the order of their parts and the result is sorted, so neither
//! the number of threads nor the size of chunks can be seen in it.

mod batch;
mod key;
mod table;

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::chunk::{ChunkReader, Cutter};
use crate::error::{Error, Result};
use crate::memory::lock::lock;
use crate::pretokenize::pattern::Pattern;
use crate::special::{Segment, SpecialTokens};
use batch::Batch;
use key::Seeds;
use table::CountTable;

/// Told how many more units (bytes, merges) are done, now and then and from any thread; `Break`
/// stops the work with [`Error::Interrupted`].
pub type OnProgress<'a> = &'a (dyn Fn(u64) -> ControlFlow<()> + Sync);

/// Bytes that a thread takes at a time: enough that taking them costs nothing, few enough to stay
/// in its cache.
const CHUNK_BYTES: usize = 1 << 18;

/// Memory for the tables of all threads together.
const LOCAL_BYTES: usize = 32 << 20;

/// Distinct pre-tokens, in ascending order of their bytes, and how often each occurs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreTokenCounts {
    /// The bytes of all pre-tokens, one after the other.
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    counts: Vec<u64>,
    summary: TextSummary,
}

/// What a text amounts to, beside its pre-tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextSummary {
    /// All bytes, those of special tokens too.
    pub bytes: u64,
    /// Pre-tokens, repeated ones too.
    pub pre_tokens: u64,
    /// Special tokens.
    pub specials: u64,
}

impl PreTokenCounts {
    /// The counts of pre-tokens that were found elsewhere. A pre-token may come more than once: its
    /// counts add up.
    pub fn from_counts<W: AsRef<[u8]>>(
        counts: impl IntoIterator<Item = (W, u64)>,
    ) -> PreTokenCounts {
        let mut table = CountTable::new(Seeds::random());
        for (word, count) in counts {
            table.add(word.as_ref(), count);
        }
        table.into_sorted()
    }

    /// How many distinct pre-tokens there are.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Pre-tokens and their counts, in ascending order of bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        let mut start = 0;
        self.ends.iter().zip(&self.counts).map(move |(&end, &count)| {
            let word = &self.bytes[start..end];
            start = end;
            (word, count)
        })
    }

    /// What the counted text amounts to. Of counts from elsewhere only the pre-tokens are known.
    pub fn summary(&self) -> TextSummary {
        self.summary
    }

    fn push(&mut self, word: &[u8], count: u64) {
        self.bytes.extend_from_slice(word);
        self.ends.push(self.bytes.len());
        self.counts.push(count);
        // Counts from elsewhere may be anything; training refuses what does not fit.
        let bytes = count.saturating_mul(word.len() as u64);
        self.summary.bytes = self.summary.bytes.saturating_add(bytes);
        self.summary.pre_tokens = self.summary.pre_tokens.saturating_add(count);
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
    special_bytes: AtomicU64,
}

impl PreTokenCounter {
    /// Counts what `pattern` cuts out between `special_tokens`, which are not counted.
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
            special_bytes: AtomicU64::new(0),
        }
    }

    /// The same with chunks of about `bytes`, and `table_bytes` of memory for each thread's table.
    pub fn with_sizes(self, bytes: usize, table_bytes: usize) -> PreTokenCounter {
        PreTokenCounter { chunk_bytes: bytes.max(1), local_bytes: table_bytes, ..self }
    }

    /// Counts what `reader` gives, in memory that does not grow with it.
    ///
    /// # Errors
    /// [`Error::Stream`] with what the reader says, [`Error::PatternRun`] for a custom pattern that
    /// fails on this text, [`Error::Interrupted`].
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

    /// The counts of all texts so far.
    pub fn finish(self) -> PreTokenCounts {
        let mut counts =
            self.total.into_inner().unwrap_or_else(PoisonError::into_inner).into_sorted();
        counts.summary.specials = self.specials_found.into_inner();
        counts.summary.bytes += self.special_bytes.into_inner();
        counts
    }

    /// What each thread does: chunk after chunk, until there is none or another thread `failed`.
    fn count_chunks(
        &self,
        reader: &Mutex<ChunkReader<impl Read>>,
        failed: &AtomicBool,
        local: &mut CountTable,
        on_progress: OnProgress,
    ) -> Result<()> {
        let (mut chunk, mut batch) = (Vec::new(), Batch::new());
        while !failed.load(Ordering::Relaxed) && lock(reader).next_chunk(&mut chunk)? {
            self.count_chunk(&chunk, &mut batch, local, on_progress)?;
        }
        Ok(())
    }

    fn count_chunk(
        &self,
        chunk: &[u8],
        batch: &mut Batch,
        local: &mut CountTable,
        on_progress: OnProgress,
    ) -> Result<()> {
        let (mut specials, mut text_bytes) = (0, 0);
        for segment in self.specials.segments(chunk) {
            match segment {
                Segment::Special(_) => specials += 1,
                Segment::Text(part) => {
                    text_bytes += part.len();
                    batch.count(chunk, part, &self.pattern, local)?;
                }
            }
        }
        self.specials_found.fetch_add(specials, Ordering::Relaxed);
        self.special_bytes.fetch_add((chunk.len() - text_bytes) as u64, Ordering::Relaxed);
        if local.memory() > self.local_bytes {
            lock(&self.total).absorb(local);
        }
        match on_progress(chunk.len() as u64) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Interrupted),
        }
    }
}
