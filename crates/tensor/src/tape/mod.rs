//! The tape: what was computed, in order, and how to go back.
//!
//! Each recorded operation is a node that knows which nodes it read and a closure that turns the
//! gradient of its output into gradients of its inputs. Nodes are made in the order of computation,
//! which is a topological order, so that backward is one loop in reverse. The tape knows no
//! operation: those live in [`ops`](crate::ops), one file each, and make an [`Op`] when they begin.
//!
//! A node keeps no value. What backward needs, its closure owns, and each closure is dropped as
//! soon as it has run. Reference: A. Griewank and A. Walther, *Evaluating Derivatives*, ch. 3.

mod op;

pub use op::Op;

use crate::profile::{self, Work};
use crate::{Context, DType, Tensor};
use std::cell::RefCell;
use std::time::Instant;

/// Gets the gradients of the operation's outputs; `None` for one that nothing depends on.
type Backward = Box<dyn FnOnce(&mut [Option<Tensor>], &mut InputGrads<'_>)>;

struct Node {
    /// The nodes that this one read; `None` for an input that needs no gradient.
    inputs: Vec<Option<usize>>,
    /// `None` for a leaf, and for the outputs of an operation after its first.
    backward: Option<Backward>,
    /// The operation's outputs: this node and those right after it.
    outputs: usize,
    /// The type in which this output's gradient is read.
    reads: DType,
    /// The operation's name and the work of its backward pass, for the profile.
    name: &'static str,
    work: Work,
}

impl Node {
    fn without_backward(name: &'static str) -> Self {
        let (inputs, reads) = (Vec::new(), DType::F32);
        Self { inputs, backward: None, outputs: 1, reads, name, work: Work::default() }
    }
}

/// A record of operations, to be differentiated once: backward uses it up.
pub struct Tape {
    context: Context,
    recording: bool,
    /// Whether the operations are timed.
    profiling: bool,
    /// `None` once the tape was differentiated.
    nodes: RefCell<Option<Vec<Node>>>,
}

/// A value on a tape.
#[derive(Clone)]
pub struct Var<'t> {
    tape: &'t Tape,
    /// `None` if no gradient flows here.
    node: Option<usize>,
    value: Tensor,
}

impl Tape {
    /// A tape that records.
    pub fn new(context: Context) -> Self {
        let profiling = profile::is_on();
        let nodes = RefCell::new(Some(Vec::new()));
        Self { context, recording: true, profiling, nodes }
    }

    /// A tape that records nothing: the same code then only computes.
    pub fn inference(context: Context) -> Self {
        Self { recording: false, ..Self::new(context) }
    }

    /// The kernels and precision of this tape's operations.
    pub fn context(&self) -> Context {
        self.context
    }

    /// A value whose gradient is wanted: a parameter, or an input in a gradient check.
    pub fn leaf(&self, value: Tensor) -> Var<'_> {
        let node = self.recording.then(|| self.push(Node::without_backward("leaf")));
        Var { tape: self, node, value }
    }

    /// A value whose gradient is not wanted.
    pub fn constant(&self, value: Tensor) -> Var<'_> {
        Var { tape: self, node: None, value }
    }

    #[track_caller]
    fn push(&self, node: Node) -> usize {
        let mut nodes = self.nodes.borrow_mut();
        let Some(nodes) = nodes.as_mut() else {
            panic!("{}: the tape was differentiated and records no more", node.name);
        };
        nodes.push(node);
        nodes.len() - 1
    }

    /// The gradients of `loss`, a single number, in every leaf.
    ///
    /// # Panics
    /// If the loss is not a single number or is on another tape, or the tape was differentiated
    /// before.
    #[track_caller]
    pub fn backward(&self, loss: &Var<'_>) -> Gradients<'_> {
        assert_eq!(loss.value.len(), 1, "backward: the loss has shape {:?}", loss.value.shape());
        self.backward_from(loss, Tensor::full(loss.value.shape(), 1.0))
    }

    /// The gradients of ⟨`output`, `d_output`⟩ in every leaf.
    ///
    /// # Panics
    /// If the two differ in shape, the output is on another tape, or the tape was differentiated
    /// before.
    #[track_caller]
    pub fn backward_from(&self, output: &Var<'_>, d_output: Tensor) -> Gradients<'_> {
        assert_eq!(output.value.shape(), d_output.shape(), "backward: output and its gradient");
        assert!(std::ptr::eq(output.tape, self), "backward: the output is on another tape");
        let Some(mut nodes) = self.nodes.take() else {
            panic!("backward: the tape was differentiated before; record the computation again");
        };
        let mut slots: Vec<Option<Tensor>> = nodes.iter().map(|_| None).collect();
        if let Some(node) = output.node {
            slots[node] = Some(as_read(d_output, &nodes[node]));
        }
        while let Some(Node { inputs, backward, outputs, name, work, .. }) = nodes.pop() {
            let Some(backward) = backward else { continue };
            // Whatever was computed from the outputs came after them, so that their gradients are
            // whole.
            let (slots, dys) = slots.split_at_mut(nodes.len());
            let dys = &mut dys[..outputs];
            if dys.iter().any(Option::is_some) {
                let start = self.profiling.then(Instant::now);
                let context = self.context;
                let inputs = &inputs;
                backward(dys, &mut InputGrads { context, inputs, nodes: &nodes, slots });
                dys.fill(None);
                if let Some(start) = start {
                    profile::backward(name, start, work);
                }
            }
        }
        Gradients { tape: self, slots }
    }
}

/// A gradient of a node's output: only who says so gets it rounded.
fn as_read(dy: Tensor, node: &Node) -> Tensor {
    if node.reads == DType::F32 { dy.to_f32() } else { dy }
}

/// The gradients of the leaves of a tape.
pub struct Gradients<'t> {
    tape: &'t Tape,
    slots: Vec<Option<Tensor>>,
}

impl Gradients<'_> {
    /// The gradient in `leaf`; `None` if the output does not depend on it.
    ///
    /// # Panics
    /// If the leaf is on another tape.
    #[track_caller]
    pub fn get(&self, leaf: &Var<'_>) -> Option<&Tensor> {
        self.slots[self.node_of(leaf)?].as_ref()
    }

    /// The gradient in `leaf`, taken out.
    ///
    /// # Panics
    /// If the leaf is on another tape.
    #[track_caller]
    pub fn take(&mut self, leaf: &Var<'_>) -> Option<Tensor> {
        let node = self.node_of(leaf)?;
        self.slots[node].take()
    }

    #[track_caller]
    fn node_of(&self, leaf: &Var<'_>) -> Option<usize> {
        assert!(std::ptr::eq(leaf.tape, self.tape), "Gradients: the leaf is on another tape");
        leaf.node
    }
}

/// Where the backward closure of an operation puts the gradients of its inputs, which are numbered
/// in the order in which [`Op::new`] was given them.
pub struct InputGrads<'a> {
    context: Context,
    inputs: &'a [Option<usize>],
    /// All nodes that came before.
    nodes: &'a [Node],
    slots: &'a mut [Option<Tensor>],
}

impl InputGrads<'_> {
    /// The type of which the gradients of the first `count` inputs may be given: bf16 if all of
    /// them are read so.
    pub(crate) fn dtype(&self, count: usize) -> DType {
        let reads = |node: &Option<usize>| node.map_or(DType::F32, |node| self.nodes[node].reads);
        let all_rounded = self.inputs[..count].iter().all(|node| reads(node) == DType::Bf16);
        if all_rounded { DType::Bf16 } else { DType::F32 }
    }

    /// Whether the gradient of `input` is wanted at all.
    pub fn wants(&self, input: usize) -> bool {
        self.inputs[input].is_some()
    }

    /// Adds a gradient that was computed as a tensor of its own; the first one is moved, not
    /// copied.
    pub fn give(&mut self, input: usize, dx: Tensor) {
        let Some(node) = self.inputs[input] else { return };
        match &mut self.slots[node] {
            Some(sum) => sum.add_assign(self.context, &dx),
            empty => *empty = Some(as_read(dx, &self.nodes[node])),
        }
    }

    /// Lets `write` put the gradient of `input`, of the given shape, where it belongs. With
    /// `accumulate` it must add to what is there; without, it must overwrite everything, as the
    /// contents are arbitrary.
    pub fn write(&mut self, input: usize, shape: &[usize], write: impl FnOnce(&mut [f32], bool)) {
        let Some(node) = self.inputs[input] else { return };
        let accumulate = self.slots[node].is_some();
        let dx = self.slots[node].get_or_insert_with(|| Tensor::scratch(shape));
        if dx.dtype() != DType::F32 {
            *dx = dx.to_f32();
        }
        write(dx.as_mut_slice(), accumulate);
    }
}

impl<'t> Var<'t> {
    /// The tape that this value is on.
    pub fn tape(&self) -> &'t Tape {
        self.tape
    }

    /// The kernels and precision to compute with.
    pub fn context(&self) -> Context {
        self.tape.context
    }

    /// The value itself; see [`Tensor::dtype`] for its elements' type.
    pub fn value(&self) -> &Tensor {
        &self.value
    }

    /// The value itself, given up by the variable.
    pub fn into_value(self) -> Tensor {
        self.value
    }

    /// The value's shape.
    pub fn shape(&self) -> &[usize] {
        self.value.shape()
    }

    /// Whether a gradient flows through here.
    pub fn needs_grad(&self) -> bool {
        self.node.is_some()
    }
}

#[cfg(test)]
mod tests;
