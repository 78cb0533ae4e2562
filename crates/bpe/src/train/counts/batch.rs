//! Pre-tokens counted many at a time, so that they wait for the table's memory together.

use std::ops::Range;

use super::count_key::CountKey;
use super::table::CountTable;
use crate::error::Result;
use crate::memory::short_key::Key;
use crate::pretokenize::boundaries::{InBatches, PendingEnds, ROOM};
use crate::pretokenize::pattern::Pattern;

/// Pre-tokens on their way from a text to a table.
#[derive(Debug)]
pub(super) struct Batch {
    pending: PendingEnds,
    /// The keys of those before them, and the hashes of these. The table was asked for their
    /// places.
    asked: [(CountKey, u64); ROOM],
    num_asked: usize,
}

impl Batch {
    pub fn new() -> Batch {
        Batch { pending: PendingEnds::new(), asked: [(CountKey::default(), 0); ROOM], num_asked: 0 }
    }

    /// Counts the pre-tokens by `pattern` of a part of `text`, as if there were nothing else.
    ///
    /// # Errors
    /// Those of the pattern.
    pub fn count(
        &mut self,
        text: &[u8],
        part: Range<usize>,
        pattern: &Pattern,
        table: &mut CountTable,
    ) -> Result<()> {
        // Nothing is left but after a pattern that failed.
        self.pending.begin(part.start);
        self.num_asked = 0;
        let mut counting = Counting { text, batch: self, table };
        pattern.all_ends(text, part, &mut counting)?;
        // The pipeline has two stages: a call counts the keys of the call before and makes keys of
        // the ends found since. The first of two calls empties the second stage and moves the last
        // ends into it, the second call counts these.
        counting.advance();
        counting.advance();
        Ok(())
    }
}

struct Counting<'c> {
    text: &'c [u8],
    batch: &'c mut Batch,
    table: &'c mut CountTable,
}

impl InBatches for Counting<'_> {
    #[inline(always)]
    fn pending(&mut self) -> &mut PendingEnds {
        &mut self.batch.pending
    }

    /// Counts what was asked for, and asks for what came since.
    #[inline(never)]
    fn advance(&mut self) {
        let Batch { pending, asked, num_asked } = &mut *self.batch;
        for &(key, hash) in &asked[..*num_asked] {
            self.table.add_key(key, hash, 1);
        }
        *num_asked = 0;
        let (mut start, ends) = pending.take();
        for &end in ends {
            let key = Key::new(self.text, start..end);
            if key.as_long().is_some() {
                self.table.add(&self.text[start..end], 1);
            } else {
                let key = CountKey::short(key);
                asked[*num_asked % ROOM] = (key, self.table.hash_and_prefetch(key));
                *num_asked += 1;
            }
            start = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::count_key::Seeds;
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            20 => prop::sample::select(vec!["a", "ab", " ab", "'s", " ", "\n", "é", "12", "!"]),
            1 => Just(" fifteen letters, and then some more of them: abcdefghijklmnopqrst"),
        ];
        prop::collection::vec(piece, 0..200).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn counts_like_one_by_one(texts in prop::collection::vec(text(), 0..4), name in "gpt[24]|[a-z]+") {
            let whole = texts.concat();
            let pattern = Pattern::parse(&name).unwrap();
            let seeds = Seeds::random();
            let (mut table, mut expected) = (CountTable::new(seeds), CountTable::new(seeds));
            let mut batch = Batch::new();
            let mut start = 0;
            for text in &texts {
                let text = text.as_bytes();
                let part = start..start + text.len();
                start = part.end;
                batch.count(whole.as_bytes(), part, &pattern, &mut table).unwrap();
                pattern.for_each_pre_token(text, &mut |at| expected.add(&text[at], 1)).unwrap();
            }
            prop_assert_eq!(table.into_sorted(), expected.into_sorted());
        }
    }
}
