//! Merging by a heap of pairs, in O(n log n), for any list of merges.
//!
//! This is how SentencePiece (T. Kudo and J. Richardson 2018, arXiv:1808.06226) and most libraries
//! after it merge.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::table::{MergeTable, NO_RANK};

/// Memory that is used again.
#[derive(Debug, Default)]
pub(super) struct Heap {
    nodes: Vec<Node>,
    pairs: BinaryHeap<Reverse<(u32, usize)>>,
}

/// A token of a doubly linked list. Its index is the position of its first byte, so the lengths are
/// the links.
#[derive(Debug, Clone, Copy)]
struct Node {
    id: u32,
    /// Length in bytes; 0 once it was merged into the token before it.
    len: usize,
    /// Length of the token before it; 0 at the beginning.
    len_before: usize,
}

/// Merges `tokens`, one per byte at first, in place.
///
/// The heap holds the positions of pairs by rank. A pair that changed after it was pushed is not
/// removed: when it is popped, the rank of the tokens at its position is no longer its own.
pub(super) fn merge(table: &MergeTable, tokens: &mut Vec<u32>, heap: &mut Heap) {
    let Heap { nodes, pairs } = heap;
    nodes.clear();
    nodes.extend(tokens.iter().enumerate().map(|(at, &id)| Node {
        id,
        len: 1,
        len_before: at.min(1),
    }));
    let first = tokens.windows(2).enumerate().map(|(at, pair)| (table.rank(pair[0], pair[1]), at));
    pairs.clear();
    pairs.extend(first.filter(|&(rank, _)| rank != NO_RANK).map(Reverse));

    while let Some(Reverse((rank, at))) = pairs.pop() {
        let (node, right) = (nodes[at], at + nodes[at].len);
        if node.len == 0 || right >= nodes.len() {
            continue;
        }
        let (rank_now, id) = table.get(node.id, nodes[right].id);
        if rank_now != rank {
            continue;
        }
        let len = node.len + nodes[right].len;
        nodes[right].len = 0;
        nodes[at] = Node { id, len, len_before: node.len_before };
        let mut push = |left, right, at| {
            let rank = table.rank(left, right);
            if rank != NO_RANK {
                pairs.push(Reverse((rank, at)));
            }
        };
        if let Some(next) = nodes.get_mut(at + len) {
            next.len_before = len;
            push(id, next.id, at);
        }
        if node.len_before > 0 {
            let before = at - node.len_before;
            push(nodes[before].id, id, before);
        }
    }
    tokens.clear();
    tokens.extend(nodes.iter().filter(|node| node.len > 0).map(|node| node.id));
    // One huge pre-token shall not hold its memory for ever.
    nodes.clear();
    nodes.shrink_to(1 << 16);
    pairs.shrink_to(1 << 16);
}
