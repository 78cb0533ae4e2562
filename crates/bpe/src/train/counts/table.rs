//! The count table: open addressing with linear probing, 24 bytes per entry. Short pre-tokens are
//! in their entries, long ones beside them.

use rayon::prelude::*;

use super::hash::Seeds;
use super::pre_token_counts::PreTokenCounts;
use crate::memory::byte_strings::ByteStrings;
use crate::memory::prefetch::prefetch;
use crate::memory::probe::probe;
use crate::memory::short_key::Key;
use crate::pretokenize::pipeline::Lookup;

/// Entries of a new table, as a power of two.
const FIRST_BITS: u32 = 12;

/// A key and its count. A count of 0 marks a free place. The key of a long pre-token is
/// [`Key::long`] of its hash and its index in [`CountTable::long_words`].
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    key: Key,
    count: u64,
}

/// Pre-tokens and their counts, in no particular order.
#[derive(Debug)]
pub(super) struct CountTable {
    /// A power of two of entries, at most three quarters of them taken.
    entries: Vec<Entry>,
    /// The search for a hash begins at its top bits: hash >> shift.
    shift: u32,
    len: usize,
    /// The bytes of long pre-tokens.
    long_words: ByteStrings,
    seeds: Seeds,
}

impl CountTable {
    pub fn new(seeds: Seeds) -> CountTable {
        CountTable {
            entries: vec![Entry::default(); 1 << FIRST_BITS],
            shift: u64::BITS - FIRST_BITS,
            len: 0,
            long_words: ByteStrings::default(),
            seeds,
        }
    }

    /// The memory that the table takes, in bytes.
    pub fn memory(&self) -> usize {
        let long_words = self.long_words.total_bytes() + self.long_words.len() * size_of::<usize>();
        self.entries.len() * size_of::<Entry>() + long_words
    }

    /// Adds `count` occurrences of `word`.
    pub fn add(&mut self, word: &[u8], count: u64) {
        if count == 0 {
            return;
        }
        let key = Key::new(word, 0..word.len());
        match key.as_long() {
            None => self.add_short(key, self.seeds.hash(key), count),
            Some(_) => self.add_long(word, self.seeds.hash_long(word), count),
        }
    }

    /// Adds `count` occurrences of a short pre-token with this hash.
    #[inline]
    pub fn add_short(&mut self, key: Key, hash: u64, count: u64) {
        let i = self.find(hash, |other| other == key);
        self.add_at(i, key, count);
    }

    fn add_long(&mut self, word: &[u8], hash: u64, count: u64) {
        let i = self.find(hash, |other| {
            other.as_long().is_some_and(|(h, index)| h == hash && self.long(index) == word)
        });
        if self.entries[i].count == 0 {
            self.entries[i].key = Key::long(hash, self.long_words.len());
            self.long_words.push(word);
        }
        self.add_at(i, self.entries[i].key, count);
    }

    /// Returns the place of the key with this hash that `is_it`, or the free place where the search
    /// for it ends.
    #[inline(always)]
    fn find(&self, hash: u64, is_it: impl Fn(Key) -> bool) -> usize {
        probe(&self.entries, hash >> self.shift, |entry| entry.count == 0 || is_it(entry.key))
    }

    /// Adds `count` occurrences of `key` at its place. Grows the table when it is three quarters
    /// full.
    #[inline]
    fn add_at(&mut self, i: usize, key: Key, count: u64) {
        let entry = &mut self.entries[i];
        if entry.count != 0 {
            entry.count = entry.count.saturating_add(count);
            return;
        }
        *entry = Entry { key, count };
        self.len += 1;
        if self.len > self.entries.len() / 4 * 3 {
            self.grow();
        }
    }

    /// Returns the long pre-token with this index.
    fn long(&self, index: usize) -> &[u8] {
        self.long_words.get(index).unwrap_or_default()
    }

    #[cold]
    fn grow(&mut self) {
        let bigger = vec![Entry::default(); self.entries.len() * 2];
        let entries = std::mem::replace(&mut self.entries, bigger);
        self.shift -= 1;
        for entry in entries.into_iter().filter(|entry| entry.count != 0) {
            let i = self.find(self.seeds.hash(entry.key), |_| false);
            self.entries[i] = entry;
        }
    }

    /// Moves all counts of `other`, which has the same seeds, into this table.
    pub fn absorb(&mut self, other: &mut CountTable) {
        if self.len < other.len {
            std::mem::swap(self, other);
        }
        for &Entry { key, count } in other.entries.iter().filter(|entry| entry.count != 0) {
            let hash = self.seeds.hash(key);
            match key.as_long() {
                None => self.add_short(key, hash, count),
                Some((_, index)) => self.add_long(other.long(index), hash, count),
            }
        }
        *other = CountTable::new(self.seeds);
    }

    /// Returns the counts in ascending order of the pre-tokens' bytes.
    pub fn into_sorted(mut self) -> PreTokenCounts {
        let (mut short, mut long) = (Vec::with_capacity(self.len), Vec::new());
        let entries = std::mem::take(&mut self.entries);
        for Entry { key, count } in entries.into_iter().filter(|entry| entry.count != 0) {
            match key.as_long() {
                None => short.push((key, count)),
                Some((_, index)) => long.push((self.long(index), count)),
            }
        }
        short.par_sort_unstable_by_key(|(key, _)| key.rank());
        long.par_sort_unstable();

        let mut counts = PreTokenCounts::with_capacity(short.len() + long.len());
        let mut long = long.into_iter().peekable();
        for (key, count) in short {
            let short = &key.bytes()[..key.len()];
            while let Some((word, count)) = long.next_if(|(word, _)| *word < short) {
                counts.push(word, count);
            }
            counts.push(short, count);
        }
        long.for_each(|(word, count)| counts.push(word, count));
        counts
    }
}

/// Counts each pre-token once. Only short ones gain: the place of a long one depends on all its
/// bytes, so it is searched for when it is counted.
impl Lookup for &mut CountTable {
    /// The hash of a short pre-token.
    type Place = u64;

    #[inline(always)]
    fn request(&mut self) -> impl Fn(Key) -> u64 {
        let table = &**self;
        move |key| {
            // Long pre-tokens are not told apart here: a branch costs more than a useless prefetch.
            let hash = table.seeds.hash_short(key);
            prefetch(&table.entries[(hash >> table.shift) as usize]);
            hash
        }
    }

    #[inline(always)]
    fn resolve(&mut self, text: &[u8], keys: &[Key], hashes: &[u64]) {
        for (&key, &hash) in keys.iter().zip(hashes) {
            match key.as_long() {
                None => self.add_short(key, hash, 1),
                Some((start, end)) => self.add(&text[start as usize..end], 1),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::pretokenize::pattern::Pattern;
    use crate::pretokenize::pipeline::Pipeline;
    use proptest::prelude::*;

    fn word() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(0u8..2, 0..20)
    }

    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            20 => prop::sample::select(vec!["a", "ab", " ab", "'s", " ", "\n", "é", "12", "!"]),
            1 => Just(" fifteen letters, and then some more of them: abcdefghijklmnopqrst"),
        ];
        prop::collection::vec(piece, 0..200).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn counts_like_an_ordered_map(
            words in prop::collection::vec((word(), 0u64..1 << 40), 0..300),
            split in 0usize..300,
        ) {
            let seeds = Seeds::random();
            let (mut table, mut other) = (CountTable::new(seeds), CountTable::new(seeds));
            let mut expected = BTreeMap::new();
            for (i, (word, count)) in words.iter().enumerate() {
                if i < split { table.add(word, *count) } else { other.add(word, *count) }
                if *count > 0 {
                    *expected.entry(word.as_slice()).or_insert(0) += count;
                }
            }
            table.absorb(&mut other);
            prop_assert_eq!(other.len, 0);
            let counts = table.into_sorted();
            prop_assert!(counts.iter().eq(expected));
        }

        #[test]
        fn a_pipeline_counts_like_one_by_one(
            texts in prop::collection::vec(text(), 0..4),
            name in "gpt[24]|[a-z]+",
        ) {
            let whole = texts.concat();
            let pattern = Pattern::parse(&name).unwrap();
            let seeds = Seeds::random();
            let (mut table, mut expected) = (CountTable::new(seeds), CountTable::new(seeds));
            let mut pipeline = Pipeline::new();
            let mut start = 0;
            for text in &texts {
                let text = text.as_bytes();
                let part = start..start + text.len();
                start = part.end;
                let mut run = pipeline.run(whole.as_bytes(), part.start, &mut table);
                pattern.for_each_boundary(whole.as_bytes(), part, &mut run).unwrap();
                run.finish();
                pattern.for_each_pre_token(text, &mut |at| expected.add(&text[at], 1)).unwrap();
            }
            prop_assert_eq!(table.into_sorted(), expected.into_sorted());
        }
    }

    #[test]
    fn grows_and_forgets_nothing() {
        let mut table = CountTable::new(Seeds::random());
        let words: Vec<String> =
            (0..20_000).map(|i| format!("{i:0width$}", width = i % 30)).collect();
        for _ in 0..2 {
            words.iter().for_each(|word| table.add(word.as_bytes(), 1 << 33));
        }
        let counts = table.into_sorted();
        assert_eq!(counts.len(), words.iter().collect::<std::collections::HashSet<_>>().len());
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 40_000 << 33);
    }
}
