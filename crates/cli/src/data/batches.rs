//! Batches of uniformly random windows of a token file, drawn from the seed alone.
//!
//! Window i of a stream starts at ⌊x·n/2⁶⁴⌋, where x is the i-th 64-bit number of ChaCha8 keyed
//! with the seed, and n is the number of windows. (The bias of this product is at most n/2⁶⁴;
//! Lemire, arXiv:1805.10941.) A batch therefore depends on the seed and its index only, not on
//! earlier draws, and a checkpoint keeps no more than the seed and the step.

use model::Batch;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::data::tokens::TokenFile;

/// The purpose of random numbers. Each purpose draws from a separate stream, so that none disturbs
/// another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Stream {
    /// Training batches.
    Train = 1,
    /// Validation batches.
    Validation = 2,
}

/// Reads the windows of `time` + 1 tokens that begin at `starts`.
pub fn read(tokens: &TokenFile, starts: &[u64], time: usize) -> Batch {
    let rows = starts.len();
    let mut ids = Vec::with_capacity(rows * time);
    let mut targets = Vec::with_capacity(rows * time);
    for &start in starts {
        // A start is below the file's length, which fits.
        let start = start as usize;
        ids.extend(tokens.iter(start..start + time));
        targets.extend(tokens.iter(start + 1..start + 1 + time));
    }
    Batch::new([rows, time], ids, targets)
}

/// Random batches from a token file.
#[derive(Debug, Clone, Copy)]
pub struct Batches {
    /// The seed of all draws.
    pub seed: u64,
    /// The purpose of the batches.
    pub stream: Stream,
    /// B, the number of sequences per batch.
    pub rows: usize,
    /// T, the number of positions per sequence.
    pub time: usize,
}

impl Batches {
    /// Returns the positions at which the windows of batch `index` begin in a file of `len` tokens,
    /// which is more than T.
    pub fn starts(&self, index: u64, len: u64) -> Vec<u64> {
        let windows = len - self.time as u64;
        // The key is the seed's eight bytes, then zeros.
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(self.stream as u64);
        // Each number takes two words of the stream.
        rng.set_word_pos(u128::from(index) * self.rows as u128 * 2);
        let draw = |_| ((u128::from(rng.next_u64()) * u128::from(windows)) >> 64) as u64;
        (0..self.rows).map(draw).collect()
    }

    /// Reads batch `index` of the file.
    pub fn batch(&self, index: u64, tokens: &TokenFile) -> Batch {
        read(tokens, &self.starts(index, tokens.len() as u64), self.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCHES: Batches = Batches { seed: 7, stream: Stream::Train, rows: 5, time: 8 };

    #[test]
    fn a_batch_depends_on_seed_stream_and_number_only() {
        let again = BATCHES.starts(3, 1000);
        assert_eq!(BATCHES.starts(3, 1000), again);
        assert_ne!(BATCHES.starts(4, 1000), again);
        assert_ne!(Batches { seed: 8, ..BATCHES }.starts(3, 1000), again);
        assert_ne!(Batches { stream: Stream::Validation, ..BATCHES }.starts(3, 1000), again);
    }

    /// scripts/compare/torch_train.py draws the same windows with another implementation of
    /// ChaCha8.
    #[test]
    fn the_windows_stay_what_they_always_were() {
        assert_eq!(BATCHES.starts(3, 1000), [581, 687, 422, 305, 420]);
    }

    #[test]
    fn the_rows_of_small_batches_are_those_of_large_ones() {
        let large = Batches { rows: 10, ..BATCHES }.starts(2, 1000);
        assert_eq!([BATCHES.starts(4, 1000), BATCHES.starts(5, 1000)].concat(), large);
    }

    #[test]
    fn every_window_is_drawn_and_about_equally_often() {
        let mut counts = [0u32; 4];
        for index in 0..2000 {
            for start in BATCHES.starts(index, 8 + 4) {
                counts[start as usize] += 1;
            }
        }
        // 10,000 draws from 4: the standard deviation of a count is 43.
        assert!(counts.iter().all(|&count| count.abs_diff(2500) < 220), "{counts:?}");
        assert_eq!(BATCHES.starts(0, 9), [0; 5], "context + 1 tokens hold one window");
    }
}
