//! Merging by a heap of pairs: for any list of merges, O(n log n).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::table::{MergeTable, NO_RANK};

/// Memory that is used again.
#[derive(Debug, Default)]
pub(super) struct Heap {
    nodes: Vec<Node>,
    pairs: BinaryHeap<Reverse<(u32, usize)>>,
}

/// A token of a doubly linked list; its place in the list is where its bytes begin.
#[derive(Debug, Clone, Copy)]
struct Node {
    id: u32,
    /// Bytes; 0 once it was merged into the token before it.
    len: usize,
    /// Length of the token before it, 0 at the beginning.
    len_before: usize,
}

/// Merges `tokens`, one a byte at first, in place. The heap holds pairs with their ranks; what has
/// changed since a pair was put there is noticed when it comes up, because its rank is no longer
/// that of the tokens in its place.
pub(super) fn merge(table: &MergeTable, tokens: &mut Vec<u32>, heap: &mut Heap) {
    let Heap { nodes, pairs } = heap;
    nodes.clear();
    nodes.extend(tokens.iter().enumerate().map(|(at, &id)| Node {
        id,
        len: 1,
        len_before: at.min(1),
    }));
    let first = tokens.windows(2).enumerate().map(|(at, pair)| (table.rank(pair[0], pair[1]), at));
    let mut entries = std::mem::take(pairs).into_vec();
    entries.clear();
    entries.extend(first.filter(|&(rank, _)| rank != NO_RANK).map(Reverse));
    *pairs = BinaryHeap::from(entries);

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
        if let Some(next) = nodes.get_mut(at + len) {
            next.len_before = len;
            let rank = table.rank(id, next.id);
            if rank != NO_RANK {
                pairs.push(Reverse((rank, at)));
            }
        }
        if node.len_before > 0 {
            let before = at - node.len_before;
            let rank = table.rank(nodes[before].id, id);
            if rank != NO_RANK {
                pairs.push(Reverse((rank, before)));
            }
        }
    }
    tokens.clear();
    tokens.extend(nodes.iter().filter(|node| node.len > 0).map(|node| node.id));
    // One monstrous pre-token shall not hold its memory for ever.
    nodes.clear();
    nodes.shrink_to(1 << 16);
    pairs.shrink_to(1 << 16);
}
