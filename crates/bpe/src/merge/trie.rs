//! A trie (E. Fredkin 1960): finds the longest token that a text begins with, byte by byte.
//!
//! Its edges are in one hash table, so that a step is one look-up, whatever the number of children.

use crate::memory::fibonacci_hash::fibonacci_hash;
use crate::memory::probe::probe;

/// No token.
const NONE: u32 = u32::MAX;

/// The most nodes: their numbers must fit into 24 bits, so that a number and a byte are four bytes,
/// and a trie takes 50 MB at most.
const MAX_NODES: usize = 1 << 21;

/// A trie of tokens. A node is a text that some token begins with; the first 256 are the bytes.
#[derive(Debug, Clone)]
pub(super) struct Trie {
    /// Open addressing, at most half full: maps a node and a byte to the node longer by that byte.
    edges: Vec<Edge>,
    /// The number of edges is 2^(64 − shift).
    shift: u32,
    nodes: u32,
    /// The token of each byte, or [`NONE`].
    bytes: [u32; 256],
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    /// The parent's number and the byte, plus 1, so that 0 marks a free place.
    from: u32,
    to: u32,
    /// The token that is the text of the node the edge leads to, or [`NONE`].
    token: u32,
}

impl Trie {
    /// Creates a trie of tokens and their ids. Returns `None` if it would be too large.
    pub(super) fn new<'t>(tokens: impl IntoIterator<Item = (&'t [u8], u32)>) -> Option<Trie> {
        let mut tokens: Vec<(&[u8], u32)> = tokens.into_iter().collect();
        tokens.sort_unstable();
        let mut before: &[u8] = &[];
        let new_nodes = tokens.iter().map(|&(token, _)| {
            let common = token.iter().zip(before).take_while(|(a, b)| a == b).count();
            before = token;
            token.len() - common
        });
        let nodes = 256 + new_nodes.sum::<usize>();
        if nodes > MAX_NODES {
            return None;
        }
        let places = (2 * nodes).next_power_of_two();
        let mut trie = Trie {
            edges: vec![Edge { from: 0, to: 0, token: NONE }; places],
            shift: 64 - places.trailing_zeros(),
            nodes: 256,
            bytes: [NONE; 256],
        };
        tokens.into_iter().for_each(|(token, id)| trie.insert(token, id));
        Some(trie)
    }

    fn insert(&mut self, token: &[u8], id: u32) {
        let [first, rest @ ..] = token else { return };
        let mut node = u32::from(*first);
        let mut end = &mut self.bytes[node as usize];
        for &byte in rest {
            let (from, place) = place(&self.edges, self.shift, node, byte);
            let edge = &mut self.edges[place];
            if edge.from == 0 {
                *edge = Edge { from, to: self.nodes, token: NONE };
                self.nodes += 1;
            }
            node = edge.to;
            end = &mut edge.token;
        }
        *end = id;
    }

    /// Returns the longest token that `text` begins with.
    #[inline]
    pub(super) fn longest(&self, text: &[u8]) -> Option<u32> {
        let [first, rest @ ..] = text else { return None };
        let mut node = u32::from(*first);
        let mut longest = self.bytes[node as usize];
        for &byte in rest {
            let edge = self.edges[place(&self.edges, self.shift, node, byte).1];
            if edge.from == 0 {
                break;
            }
            node = edge.to;
            longest = if edge.token == NONE { longest } else { edge.token };
        }
        (longest != NONE).then_some(longest)
    }
}

/// Returns the value of `from` of an edge, and its place or the free one where it would be.
#[inline]
fn place(edges: &[Edge], shift: u32, node: u32, byte: u8) -> (u32, usize) {
    let from = (node << 8 | u32::from(byte)) + 1;
    let home = fibonacci_hash(u64::from(from)) >> shift;
    (from, probe(edges, home, |edge| edge.from == from || edge.from == 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_the_longest_token(
            tokens in prop::collection::btree_set("[ab\0]{1,5}", 0..20), text in "[abc\0]{0,8}",
        ) {
            let trie = Trie::new(tokens.iter().map(String::as_bytes).zip(0..)).unwrap();
            let fits = (0..).zip(&tokens).filter(|(_, token)| text.starts_with(*token));
            let longest = fits.max_by_key(|(_, token)| token.len()).map(|(id, _)| id);
            prop_assert_eq!(trie.longest(text.as_bytes()), longest);
        }
    }
}
