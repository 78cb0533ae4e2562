//! The tape: reverse-mode automatic differentiation of the operations that it has recorded.
//!
//! Each recorded operation is a node that holds the indices of the nodes it read and a closure that
//! turns the gradient of its output into gradients of its inputs. Nodes are recorded in the order
//! of computation, which is a topological order, so that backward is one loop in reverse. The tape
//! knows no operation: those live in [`ops`](crate::ops), one file each, and create an
//! [`Op`](op::Op) when they begin. Closures beside the forward pass, as in A. Karpathy's micrograd.
//!
//! A node keeps no value. Its closure owns what backward needs, and is dropped as soon as it has
//! run. Reference: A. Griewank and A. Walther, *Evaluating Derivatives*, ch. 3.

pub(crate) mod node;
pub(crate) mod op;

use self::node::{InputGrads, Node};
use crate::context::precision::Role;
use crate::profile;
use crate::{Context, Tensor};
use std::cell::RefCell;
use std::ops::Index;
use std::time::Instant;

/// A record of operations, to be differentiated once: the backward pass consumes it.
///
/// ```
/// use tensor::Tape;
///
/// let tape = Tape::default();
/// let x = tape.leaf([3.0]);
/// let y = (&x * &x + &x).sum(); // y = x² + x
/// let gradients = tape.backward(&y);
/// assert_eq!(y.value().item(), 12.0);
/// assert_eq!(gradients[&x].item(), 7.0); // 2x + 1
/// ```
pub struct Tape {
    context: Context,
    recording: bool,
    /// `true` if the operations are timed.
    profiling: bool,
    /// `None` after the tape was differentiated.
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
    /// Returns an empty tape that records.
    pub fn new(context: Context) -> Self {
        let profiling = profile::is_on();
        let nodes = RefCell::new(Some(Vec::new()));
        Self { context, recording: true, profiling, nodes }
    }

    /// Returns a tape that records nothing, on which operations only compute.
    pub fn inference(context: Context) -> Self {
        Self { recording: false, ..Self::new(context) }
    }

    /// Returns the kernels and the precision of this tape's operations.
    pub fn context(&self) -> Context {
        self.context
    }

    /// Puts a value on the tape whose gradient is wanted: a parameter, or an input in a gradient
    /// check.
    pub fn leaf(&self, value: impl Into<Tensor>) -> Var<'_> {
        let node =
            self.recording.then(|| self.push(Node::without_backward("leaf", Role::Residual)));
        Var { tape: self, node, value: value.into() }
    }

    /// Puts a value on the tape whose gradient is not wanted.
    pub fn constant(&self, value: impl Into<Tensor>) -> Var<'_> {
        Var { tape: self, node: None, value: value.into() }
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

    /// Computes the gradients of `loss`, a single number, in every leaf.
    ///
    /// # Panics
    /// If the loss is not a single number or is on another tape, or the tape was differentiated
    /// before.
    #[track_caller]
    pub fn backward(&self, loss: &Var<'_>) -> Gradients<'_> {
        assert_eq!(loss.value.len(), 1, "backward: the loss has shape {:?}", loss.value.shape());
        self.backward_from(loss, Tensor::full(loss.value.shape(), 1.0))
    }

    /// Computes the gradients of ⟨`output`, `d_output`⟩ in every leaf.
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
            slots[node] = Some(nodes[node].gradient.read(self.context, d_output));
        }
        while let Some(Node { inputs, backward, outputs, name, work, .. }) = nodes.pop() {
            let Some(backward) = backward else { continue };
            // Everything that was computed from the outputs was recorded after them and has run,
            // so that their gradients are complete.
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

impl Default for Tape {
    /// Returns a tape that records, with [the kernels for this machine](Context::detect), in `f32`.
    fn default() -> Self {
        Self::new(Context::detect())
    }
}

/// The gradients of the leaves of a tape.
pub struct Gradients<'t> {
    tape: &'t Tape,
    slots: Vec<Option<Tensor>>,
}

impl Gradients<'_> {
    /// Returns the gradient in `leaf`; `None` if the output does not depend on it, or if it is a
    /// constant or the result of an operation.
    ///
    /// # Panics
    /// If the leaf is on another tape.
    #[track_caller]
    pub fn get(&self, leaf: &Var<'_>) -> Option<&Tensor> {
        self.slots[self.node_of(leaf)?].as_ref()
    }

    /// Takes out the gradient in `leaf`; `None` where [`get`](Self::get) has none.
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

impl Index<&Var<'_>> for Gradients<'_> {
    type Output = Tensor;

    /// Returns the gradient in a leaf.
    ///
    /// # Panics
    /// If the output does not depend on the leaf, or the leaf is on another tape.
    #[track_caller]
    fn index(&self, leaf: &Var<'_>) -> &Tensor {
        let Some(gradient) = self.get(leaf) else {
            let shape = leaf.value().shape();
            panic!(
                "Gradients: the value of shape {shape:?} is no leaf on which the output depends"
            );
        };
        gradient
    }
}

impl<'t> Var<'t> {
    /// Returns the tape that this value is on.
    pub fn tape(&self) -> &'t Tape {
        self.tape
    }

    /// Returns the kernels and the precision to compute with.
    pub fn context(&self) -> Context {
        self.tape.context
    }

    /// Returns the value; [`Tensor::dtype`] is the type of its elements.
    pub fn value(&self) -> &Tensor {
        &self.value
    }

    /// Returns the value itself.
    pub fn into_value(self) -> Tensor {
        self.value
    }

    /// Returns the value's shape.
    pub fn shape(&self) -> &[usize] {
        self.value.shape()
    }

    /// Returns `true` if a gradient flows through here.
    pub fn needs_grad(&self) -> bool {
        self.node.is_some()
    }
}

impl std::fmt::Debug for Var<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Var({:?})", self.value)
    }
}

#[cfg(test)]
mod tests;
