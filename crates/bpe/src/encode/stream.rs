//! Encoding a stream on several threads, in memory that does not grow with it.
//!
//! Each thread reads the next chunk, up to a safe cut ([`Cutter`](crate::Cutter)), encodes it, and
//! puts its ids into a common queue. The thread that finishes the chunk that is next in order gives
//! it to the sink, with all that follow it in the queue; the other threads go on meanwhile. No
//! thread reads further ahead than a few chunks, so a slow reader or a slow sink only makes the
//! others wait, and memory is bounded.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::chunk::ChunkReader;
use crate::encode::encoder::Encoder;
use crate::encode::token_id::TokenId;
use crate::error::Error;
use crate::memory::lock::lock;

/// Options for encoding a stream. The result does not depend on them.
#[derive(Debug, Clone, Copy)]
pub struct StreamOptions {
    /// The number of threads, at least 1.
    pub threads: usize,
    /// Bytes per chunk, about.
    pub chunk_size: usize,
}

impl StreamOptions {
    /// Returns options with this many threads, and chunks of a size that suits CPU caches.
    pub fn new(threads: usize) -> StreamOptions {
        StreamOptions { threads, chunk_size: 1 << 19 }
    }
}

/// The size of a stream that was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamStats {
    /// Bytes read.
    pub bytes: u64,
    /// Ids that were made.
    pub tokens: u64,
}

/// Chunks per thread that may be read before the one that is next in order is given to the sink.
const AHEAD: u64 = 3;

/// Encodes all chunks of `reader` on `threads` threads, each with its own encoder. Calls `sink`
/// with the ids of each chunk, in order, and `progress` after each with its number of bytes.
///
/// # Errors
/// The first error of the reader, an encoder or the sink.
pub(crate) fn encode<'t, T: TokenId, E: From<Error> + Send>(
    reader: ChunkReader<impl Read + Send>,
    threads: usize,
    encoder: impl Fn() -> Encoder<'t, T> + Sync,
    sink: impl FnMut(&[T]) -> Result<(), E> + Send,
    progress: impl Fn(u64) + Sync,
) -> Result<StreamStats, E> {
    let output = Output {
        next: 0,
        finished: BTreeMap::new(),
        sink: Some(sink),
        spare: Vec::new(),
        stats: StreamStats::default(),
        error: None,
        stopped: false,
    };
    let line = Line {
        input: Mutex::new((reader, 0)),
        output: Mutex::new(output),
        moved: Condvar::new(),
        ahead: AHEAD * threads.max(1) as u64,
        progress,
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| line.work(encoder().in_huge_pages()));
        }
        line.work(encoder().in_huge_pages());
    });
    let output = line.output.into_inner().unwrap_or_else(PoisonError::into_inner);
    output.error.map_or(Ok(output.stats), Err)
}

/// State that the threads share: the input, and the output in order.
struct Line<R, S, T, E, P> {
    /// The reader and the number of the next chunk.
    input: Mutex<(ChunkReader<R>, u64)>,
    output: Mutex<Output<S, T, E>>,
    /// Notified when a chunk was handed on, and when all is over.
    moved: Condvar,
    ahead: u64,
    progress: P,
}

struct Output<S, T, E> {
    /// The number of the chunk that goes to the sink next.
    next: u64,
    /// The ids of finished chunks that the sink has not got yet, and the sizes of these in bytes.
    finished: BTreeMap<u64, (Vec<T>, usize)>,
    /// `None` while a thread has it and gives chunks to it, and for good once it has failed.
    sink: Option<S>,
    /// Vectors to use again.
    spare: Vec<Vec<T>>,
    stats: StreamStats,
    error: Option<E>,
    stopped: bool,
}

impl<R, S, T, E, P> Line<R, S, T, E, P>
where
    R: Read,
    S: FnMut(&[T]) -> Result<(), E>,
    T: TokenId,
    E: From<Error>,
    P: Fn(u64),
{
    /// The loop of each thread, until the stream is at its end.
    fn work(&self, mut encoder: Encoder<'_, T>) {
        // The other threads end when this one panics, so that the panic is seen.
        let _guard = OnPanic(|| self.stop(None));
        let mut chunk = Vec::new();
        loop {
            let (number, mut ids) = match self.next_chunk(&mut chunk) {
                Ok(Some(next)) => next,
                Ok(None) => return,
                Err(error) => return self.stop(Some(error.into())),
            };
            if let Err(error) = encoder.encode(&chunk, &mut ids) {
                return self.stop(Some(error.into()));
            }
            self.hand_on(number, ids, chunk.len());
        }
    }

    /// Waits until the output has caught up, then reads. Returns the number of the chunk and a
    /// vector for its ids, or `None` at the end.
    fn next_chunk(&self, chunk: &mut Vec<u8>) -> Result<Option<(u64, Vec<T>)>, Error> {
        let mut input = lock(&self.input);
        let mut output = lock(&self.output);
        while !output.stopped && input.1 >= output.next + self.ahead {
            output = self.moved.wait(output).unwrap_or_else(PoisonError::into_inner);
        }
        if output.stopped {
            return Ok(None);
        }
        let ids = output.spare.pop().unwrap_or_default();
        drop(output);
        let number = input.1;
        input.1 += 1;
        Ok(input.0.next_chunk(chunk)?.then_some((number, ids)))
    }

    /// Puts the ids of a chunk into the queue, then gives the sink the chunks that are next in
    /// order, unless another thread is doing so.
    fn hand_on(&self, number: u64, ids: Vec<T>, bytes: usize) {
        let mut output = lock(&self.output);
        output.finished.insert(number, (ids, bytes));
        let Some(mut sink) = output.sink.take() else { return };
        loop {
            let next = output.next;
            let Some((mut ids, bytes)) = output.finished.remove(&next) else { break };
            // Without the lock, so that nobody waits for the sink.
            drop(output);
            if let Err(error) = sink(&ids) {
                return self.stop(Some(error));
            }
            (self.progress)(bytes as u64);
            output = lock(&self.output);
            output.stats.bytes += bytes as u64;
            output.stats.tokens += ids.len() as u64;
            output.next += 1;
            ids.clear();
            output.spare.push(ids);
            self.moved.notify_all();
        }
        output.sink = Some(sink);
    }

    fn stop(&self, error: Option<E>) {
        let mut output = lock(&self.output);
        output.stopped = true;
        output.error = output.error.take().or(error);
        self.moved.notify_all();
    }
}

/// Calls a function when it is dropped by a panic.
struct OnPanic<F: Fn()>(F);

impl<F: Fn()> Drop for OnPanic<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0();
        }
    }
}
