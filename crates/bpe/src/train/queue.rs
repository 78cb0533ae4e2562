//! The priority queue of pairs: a heap whose order needs the bytes of tokens.
//!
//! The queue is lazy, as in Hugging Face's `BpeTrainer`. Once the merge that created a pair is
//! over, its count only falls, so the count in an entry is an upper bound. The caller compares a
//! popped entry with the true count, and pushes it back with that when it was stale.
//!
//! The order (count, bytes of the first element, bytes of the second) cannot be an `Ord` of the
//! entry alone, so this heap is handed the tokens with each call, which `std`'s cannot be. A node
//! has four children (a d-ary heap, D. B. Johnson, 1975): half the depth of a binary heap, and
//! children share cache lines.

use std::cmp::Ordering;

use super::pairs::Pair;
use super::tokens::TokenTable;

const CHILDREN: usize = 4;

/// A pair with the count it had when it was pushed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub count: u64,
    /// [`TokenTable::prefix`] of the first element. Decides most ties without reading the tokens.
    prefix: u64,
    /// Index into the table of pairs.
    pub pair: u32,
}

/// The pairs and tokens by which entries are ordered.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub pairs: &'a [Pair],
    pub tokens: &'a TokenTable,
}

impl Context<'_> {
    /// Makes an entry for `pair` with its current count.
    pub fn entry(&self, pair: u32) -> Entry {
        let Pair { left, count, .. } = self.pairs[pair as usize];
        Entry { count, prefix: self.tokens.prefix(left), pair }
    }

    /// Returns `true` if `a` is merged before `b`.
    #[inline]
    fn precedes(&self, a: &Entry, b: &Entry) -> bool {
        (a.count, a.prefix).cmp(&(b.count, b.prefix)).then_with(|| self.compare_bytes(a, b)).is_gt()
    }

    fn compare_bytes(&self, a: &Entry, b: &Entry) -> Ordering {
        let (a, b) = (&self.pairs[a.pair as usize], &self.pairs[b.pair as usize]);
        // Equal ids need no comparison of what may be long strings; different ids have different
        // bytes.
        let compare = |a, b| {
            if a == b { Ordering::Equal } else { self.tokens.bytes(a).cmp(self.tokens.bytes(b)) }
        };
        compare(a.left, b.left).then_with(|| compare(a.right, b.right))
    }
}

/// A max-heap of entries.
#[derive(Default)]
pub(super) struct PairQueue {
    heap: Vec<Entry>,
}

impl PairQueue {
    /// Replaces the content by `pairs`, in linear time.
    pub fn refill(&mut self, pairs: impl Iterator<Item = u32>, context: Context) {
        self.heap.clear();
        self.heap.extend(pairs.map(|pair| context.entry(pair)));
        for i in (0..self.heap.len().div_ceil(CHILDREN)).rev() {
            self.sift_down(i, context);
        }
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: Entry, context: Context) {
        self.heap.push(entry);
        let mut i = self.heap.len() - 1;
        while i > 0 {
            let parent = (i - 1) / CHILDREN;
            if !context.precedes(&entry, &self.heap[parent]) {
                break;
            }
            self.heap[i] = self.heap[parent];
            i = parent;
        }
        self.heap[i] = entry;
    }

    /// Removes and returns the entry that precedes all others.
    pub fn pop(&mut self, context: Context) -> Option<Entry> {
        if self.heap.is_empty() {
            return None;
        }
        let first = self.heap.swap_remove(0);
        self.sift_down(0, context);
        Some(first)
    }

    fn sift_down(&mut self, mut i: usize, context: Context) {
        let Some(&entry) = self.heap.get(i) else { return };
        loop {
            let children = CHILDREN * i + 1..(CHILDREN * i + 1 + CHILDREN).min(self.heap.len());
            let first = children
                .reduce(|a, b| if context.precedes(&self.heap[b], &self.heap[a]) { b } else { a });
            match first {
                Some(child) if context.precedes(&self.heap[child], &entry) => {
                    self.heap[i] = self.heap[child];
                    i = child;
                }
                _ => break,
            }
        }
        self.heap[i] = entry;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pops_in_order(
            pairs in prop::collection::vec((0u32..3, 0u32..3, 1u64..4), 0..60),
            split in 0usize..60,
        ) {
            let mut tokens = TokenTable::new(0);
            // Ids 256..259 with prefixes that tie: "aaaaaaaa", "aaaaaaaab", "aaaaaaaaa".
            let aa = tokens.push_pair(97, 97);
            let aaaa = tokens.push_pair(aa, aa);
            let eight = tokens.push_pair(aaaa, aaaa);
            let ids = [eight, tokens.push_pair(eight, 98), tokens.push_pair(eight, 97)];
            let pairs: Vec<Pair> = pairs
                .into_iter()
                .map(|(l, r, count)| Pair { count, ..Pair::new(ids[l as usize], ids[r as usize]) })
                .collect();
            let context = Context { pairs: &pairs, tokens: &tokens };
            let split = split.min(pairs.len()) as u32;
            let mut queue = PairQueue::default();
            queue.refill(0..split, context);
            for pair in split..pairs.len() as u32 {
                queue.push(context.entry(pair), context);
            }
            let key = |pair: &Pair| {
                (pair.count, tokens.bytes(pair.left).to_vec(), tokens.bytes(pair.right).to_vec())
            };
            let mut expected: Vec<_> = pairs.iter().map(key).collect();
            expected.sort_by(|a, b| b.cmp(a));
            let mut popped = Vec::new();
            while let Some(entry) = queue.pop(context) {
                popped.push(key(&pairs[entry.pair as usize]));
            }
            prop_assert_eq!(popped, expected);
        }
    }
}
