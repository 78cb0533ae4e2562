//! From the tree of a regular expression to instructions.

use super::node::{Mode, Node, Side, Wanted};
use super::parse::parse;
use super::set::Set;

/// The most instructions. Repetitions of a number are written out.
const MAX_OPS: usize = 1 << 16;

/// A regular expression, ready to run.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(super) ops: Vec<Op>,
    pub(super) sets: Vec<Set>,
}

/// An instruction. Places are numbers of instructions.
#[derive(Debug, Clone, Copy)]
pub(super) enum Op {
    /// One character of a set.
    Set(usize),
    /// A run of characters of a set.
    Run {
        set: usize,
        min: usize,
        max: usize,
        mode: Mode,
    },
    /// Goes on at `first`, or else at `second`.
    Split {
        first: usize,
        second: usize,
    },
    Jump(usize),
    Start,
    End,
    /// Runs what follows up to its [`Op::Done`], without returning into it; then goes on at `next`.
    Atomic {
        next: usize,
    },
    /// Runs what follows in the same way, `behind` characters back, and goes on at `next` where it
    /// began.
    Look {
        behind: usize,
        wanted: Wanted,
        next: usize,
    },
    Done,
}

impl Program {
    /// Makes a program of a rewritten regular expression.
    ///
    /// # Errors
    /// When it is too large, or was not rewritten.
    pub(crate) fn new(regex: &str) -> Result<Program, String> {
        let (node, sets) = parse(regex)?;
        let mut program = Program { ops: Vec::new(), sets };
        program.add(&node)?;
        program.push(Op::Done)?;
        Ok(program)
    }

    fn push(&mut self, op: Op) -> Result<usize, String> {
        if self.ops.len() == MAX_OPS {
            return Err("the expression repeats too much; write smaller numbers in braces".into());
        }
        self.ops.push(op);
        Ok(self.ops.len() - 1)
    }

    fn add(&mut self, node: &Node) -> Result<(), String> {
        match node {
            Node::Set(set) => self.push(Op::Set(*set)).map(|_| ()),
            Node::Start => self.push(Op::Start).map(|_| ()),
            Node::End => self.push(Op::End).map(|_| ()),
            Node::Sequence(nodes) => nodes.iter().try_for_each(|node| self.add(node)),
            Node::Alternatives(nodes) => self.add_alternatives(nodes),
            Node::Repeat { node, min, max, mode } => match **node {
                Node::Set(set) => {
                    let (min, max, mode) = (*min, *max, *mode);
                    self.push(Op::Run { set, min, max, mode }).map(|_| ())
                }
                _ if *mode == Mode::Possessive => {
                    let at = self.push(Op::Atomic { next: 0 })?;
                    self.add_loop(node, *min, *max, Mode::Greedy)?;
                    self.push(Op::Done)?;
                    self.ops[at] = Op::Atomic { next: self.ops.len() };
                    Ok(())
                }
                _ => self.add_loop(node, *min, *max, *mode),
            },
            Node::Atomic(node) => {
                let at = self.push(Op::Atomic { next: 0 })?;
                self.add(node)?;
                self.push(Op::Done)?;
                self.ops[at] = Op::Atomic { next: self.ops.len() };
                Ok(())
            }
            Node::Look { node, side, wanted } => {
                let behind = if *side == Side::Behind { node.width() } else { 0 };
                let at = self.push(Op::Done)?;
                self.add(node)?;
                self.push(Op::Done)?;
                self.ops[at] = Op::Look { behind, wanted: *wanted, next: self.ops.len() };
                Ok(())
            }
        }
    }

    fn add_alternatives(&mut self, nodes: &[Node]) -> Result<(), String> {
        let mut jumps = Vec::with_capacity(nodes.len());
        for (number, node) in nodes.iter().enumerate() {
            if number + 1 == nodes.len() {
                self.add(node)?;
                break;
            }
            let split = self.push(Op::Done)?;
            self.add(node)?;
            jumps.push(self.push(Op::Done)?);
            self.ops[split] = Op::Split { first: split + 1, second: self.ops.len() };
        }
        let end = self.ops.len();
        jumps.into_iter().for_each(|jump| self.ops[jump] = Op::Jump(end));
        Ok(())
    }

    /// Adds `node` as often as it must come, and then as often as it may. It is never empty where
    /// it may come any number of times.
    fn add_loop(&mut self, node: &Node, min: usize, max: usize, mode: Mode) -> Result<(), String> {
        for _ in 0..min {
            self.add(node)?;
        }
        let mut splits = Vec::new();
        if max == usize::MAX {
            let split = self.push(Op::Done)?;
            self.add(node)?;
            self.push(Op::Jump(split))?;
            splits.push(split);
        } else {
            for _ in min..max {
                splits.push(self.push(Op::Done)?);
                self.add(node)?;
            }
        }
        let end = self.ops.len();
        for split in splits {
            let (first, second) =
                if mode == Mode::Lazy { (end, split + 1) } else { (split + 1, end) };
            self.ops[split] = Op::Split { first, second };
        }
        Ok(())
    }
}
