//! Encoding a stream on several threads, in memory that does not grow with it.
//!
//! Whoever is free reads the next chunk, up to a safe cut ([`Cutter`](crate::Cutter)), and encodes
//! it. Whoever has finished the chunk that is next in order hands it on, and those behind it that
//! wait already; the others go on meanwhile. Nobody reads further ahead than a few chunks, so a
//! slow reader or writer only makes the others wait.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::chunk::ChunkReader;
use crate::encode::encoder::Encoder;
use crate::encode::token_id::TokenId;
use crate::error::Error;
use crate::memory::lock::lock;

/// How a stream is encoded. The result does not depend on it.
#[derive(Debug, Clone, Copy)]
pub struct StreamOptions {
    /// Number of threads, at least 1.
    pub threads: usize,
    /// Bytes that a thread takes at a time.
    pub chunk_size: usize,
}

impl StreamOptions {
    /// This many threads and chunks of a size that suits caches.
    pub fn new(threads: usize) -> StreamOptions {
        StreamOptions { threads, chunk_size: 1 << 19 }
    }
}

/// What a stream was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamStats {
    /// Bytes read.
    pub bytes: u64,
    /// Ids made of them.
    pub tokens: u64,
}

/// How many finished chunks a thread may be ahead of the one that is next in order.
const AHEAD: u64 = 3;

/// Encodes on `threads` threads all chunks of `reader`, each thread with an encoder of its own, and
/// calls `sink` with the ids, in order, some at a time; `progress` with the number of bytes that
/// each such call was made of.
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
        is_handing_on: false,
        spare: Vec::new(),
        stats: StreamStats::default(),
        error: None,
        stopped: false,
    };
    let line = Line {
        input: Mutex::new((reader, 0)),
        output: Mutex::new(output),
        sink: Mutex::new(sink),
        moved: Condvar::new(),
        ahead: AHEAD * threads.max(1) as u64,
        progress,
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| line.work(encoder().in_large_pages()));
        }
        line.work(encoder().in_large_pages());
    });
    let output = line.output.into_inner().unwrap_or_else(PoisonError::into_inner);
    output.error.map_or(Ok(output.stats), Err)
}

/// What the threads share: one end where chunks come in, one where ids go out.
struct Line<R, S, T, E, P> {
    /// The reader and the number of the next chunk.
    input: Mutex<(ChunkReader<R>, u64)>,
    output: Mutex<Output<T, E>>,
    /// Whoever hands on has it, so that nobody waits for it.
    sink: Mutex<S>,
    /// Told when a chunk was handed on, or when all is over.
    moved: Condvar,
    ahead: u64,
    progress: P,
}

struct Output<T, E> {
    /// The number of the chunk that the sink gets next.
    next: u64,
    /// Ids of chunks that the sink did not get yet, and how many bytes they were.
    finished: BTreeMap<u64, (Vec<T>, usize)>,
    /// Whether a thread is at it.
    is_handing_on: bool,
    /// Memory to use again.
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
    /// What each thread does until the stream is at its end.
    fn work(&self, mut encoder: Encoder<'_, T>) {
        let _guard = StopOnPanic(self);
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

    /// Waits until the line has moved on enough, then reads.
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

    /// Gives the sink what is next in order; leaves that to another thread if one is doing so.
    fn hand_on(&self, number: u64, ids: Vec<T>, bytes: usize) {
        let mut output = lock(&self.output);
        output.finished.insert(number, (ids, bytes));
        if output.is_handing_on {
            return;
        }
        output.is_handing_on = true;
        let mut sink = lock(&self.sink);
        loop {
            let next = output.next;
            let Some((mut ids, bytes)) = output.finished.remove(&next) else { break };
            drop(output);
            let taken = (*sink)(&ids);
            if taken.is_ok() {
                (self.progress)(bytes as u64);
            }
            output = lock(&self.output);
            if let Err(error) = taken {
                // `next` stays at this chunk, which is gone: the sink gets no other.
                output.error.get_or_insert(error);
                output.stopped = true;
            } else {
                output.stats.bytes += bytes as u64;
                output.stats.tokens += ids.len() as u64;
                output.next += 1;
                ids.clear();
                output.spare.push(ids);
            }
            self.moved.notify_all();
        }
        output.is_handing_on = false;
    }

    fn stop(&self, error: Option<E>) {
        let mut output = lock(&self.output);
        output.stopped = true;
        output.error = output.error.take().or(error);
        self.moved.notify_all();
    }
}

/// Lets the other threads end when one panics, so that the panic is seen.
struct StopOnPanic<'l, R, S, T, E, P>(&'l Line<R, S, T, E, P>)
where
    R: Read,
    S: FnMut(&[T]) -> Result<(), E>,
    T: TokenId,
    E: From<Error>,
    P: Fn(u64);

impl<R, S, T, E, P> Drop for StopOnPanic<'_, R, S, T, E, P>
where
    R: Read,
    S: FnMut(&[T]) -> Result<(), E>,
    T: TokenId,
    E: From<Error>,
    P: Fn(u64),
{
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop(None);
        }
    }
}
