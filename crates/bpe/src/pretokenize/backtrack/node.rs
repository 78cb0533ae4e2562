//! The tree of a regular expression.

/// A part of a regular expression.
#[derive(Debug)]
pub(super) enum Node {
    /// One character of the set with this number.
    Set(usize),
    /// `\A`
    Start,
    /// `\z`
    End,
    /// One after the other.
    Sequence(Vec<Node>),
    /// The first that matches.
    Alternatives(Vec<Node>),
    Repeat {
        node: Box<Node>,
        min: usize,
        /// `usize::MAX` is no limit.
        max: usize,
        mode: Mode,
    },
    /// `(?>…)`
    Atomic(Box<Node>),
    Look {
        node: Box<Node>,
        side: Side,
        wanted: Wanted,
    },
}

/// The order in which numbers of repetitions are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Many first.
    Greedy,
    /// Few first.
    Lazy,
    /// As many as there are, and no other number.
    Possessive,
}

/// The text that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Ahead,
    Behind,
}

/// The result of a look with which matching goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Match,
    NoMatch,
}

impl Node {
    /// Returns the number of characters that it matches, which is one number for all that is inside
    /// a look-behind.
    pub fn width(&self) -> usize {
        match self {
            Node::Set(_) => 1,
            Node::Start | Node::End | Node::Look { .. } => 0,
            Node::Sequence(nodes) => nodes.iter().map(Node::width).sum(),
            Node::Alternatives(nodes) => nodes.first().map_or(0, Node::width),
            Node::Repeat { node, min, .. } => node.width().saturating_mul(*min),
            Node::Atomic(node) => node.width(),
        }
    }
}
