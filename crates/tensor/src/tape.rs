//! The tape: what was computed, in order, and how to go back.
//!
//! Each recorded operation is a node that knows which nodes it read and a closure that turns the
//! gradient of its output into gradients of its inputs. Nodes are made in the order of computation,
//! which is a topological order, so that backward is one loop in reverse. The tape knows no
//! operation: those live in [`ops`](crate::ops), one file each, and call [`Var::record`].
//!
//! A node keeps no value. What backward needs, its closure owns, and each closure is dropped as
//! soon as it has run. Reference: A. Griewank and A. Walther, *Evaluating Derivatives*, ch. 3.

use crate::{Context, Tensor};
use std::cell::RefCell;

type Backward = Box<dyn FnOnce(Tensor, &mut InputGrads<'_>)>;

struct Node {
    /// The nodes that this one read; `None` for an input that needs no gradient.
    inputs: Vec<Option<usize>>,
    /// `None` for a leaf.
    backward: Option<Backward>,
}

/// A record of operations, to be differentiated once.
pub struct Tape {
    context: Context,
    recording: bool,
    nodes: RefCell<Vec<Node>>,
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
        Self { context, recording: true, nodes: RefCell::default() }
    }

    /// A tape that records nothing: the same code then only computes.
    pub fn inference(context: Context) -> Self {
        Self { recording: false, ..Self::new(context) }
    }

    /// The kernels and precision of this tape's operations.
    pub fn context(&self) -> Context {
        self.context
    }

    /// Whether operations are recorded.
    pub fn is_recording(&self) -> bool {
        self.recording
    }

    /// A value whose gradient is wanted: a parameter, or an input in a gradient check.
    pub fn leaf(&self, value: Tensor) -> Var<'_> {
        let node = self.recording.then(|| self.push(Node { inputs: Vec::new(), backward: None }));
        Var { tape: self, node, value }
    }

    /// A value whose gradient is not wanted.
    pub fn constant(&self, value: Tensor) -> Var<'_> {
        Var { tape: self, node: None, value }
    }

    fn push(&self, node: Node) -> usize {
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(node);
        nodes.len() - 1
    }

    /// The gradients of `loss`, a single number, in every leaf. The tape is empty afterwards.
    #[track_caller]
    pub fn backward(&self, loss: &Var<'_>) -> Gradients {
        assert_eq!(loss.value.len(), 1, "backward: the loss has shape {:?}", loss.value.shape());
        self.backward_from(loss, Tensor::full(loss.value.shape(), 1.0))
    }

    /// The gradients of ⟨`output`, `d_output`⟩ in every leaf. The tape is empty afterwards.
    #[track_caller]
    pub fn backward_from(&self, output: &Var<'_>, d_output: Tensor) -> Gradients {
        assert_eq!(output.value.shape(), d_output.shape(), "backward: output and its gradient");
        let mut nodes = self.nodes.take();
        let mut slots: Vec<Option<Tensor>> = nodes.iter().map(|_| None).collect();
        if let Some(node) = output.node {
            slots[node] = Some(d_output);
        }
        while let Some(Node { inputs, backward }) = nodes.pop() {
            let index = nodes.len();
            let Some(backward) = backward else { continue };
            if let Some(dy) = slots[index].take() {
                backward(dy, &mut InputGrads { inputs: &inputs, slots: &mut slots });
            }
        }
        Gradients { slots }
    }
}

/// The gradients of the leaves of a tape.
pub struct Gradients {
    slots: Vec<Option<Tensor>>,
}

impl Gradients {
    /// The gradient in `leaf`; `None` if the output does not depend on it.
    pub fn get(&self, leaf: &Var<'_>) -> Option<&Tensor> {
        self.slots[leaf.node?].as_ref()
    }

    /// The gradient in `leaf`, taken out.
    pub fn take(&mut self, leaf: &Var<'_>) -> Option<Tensor> {
        self.slots[leaf.node?].take()
    }
}

/// Where the backward closure of an operation puts the gradients of its inputs, which are numbered in
/// the order in which [`Var::record`] was given them.
pub struct InputGrads<'a> {
    inputs: &'a [Option<usize>],
    slots: &'a mut [Option<Tensor>],
}

impl InputGrads<'_> {
    /// Whether the gradient of `input` is wanted at all.
    pub fn wants(&self, input: usize) -> bool {
        self.inputs[input].is_some()
    }

    /// Adds a gradient that was computed as a tensor of its own; the first one is moved, not copied.
    pub fn give(&mut self, input: usize, dx: Tensor) {
        let Some(node) = self.inputs[input] else { return };
        match &mut self.slots[node] {
            Some(sum) => sum.add_assign(&dx),
            empty => *empty = Some(dx),
        }
    }

    /// Lets `write` put the gradient of `input`, of the given shape, where it belongs. With `accumulate`
    /// it must add to what is there; without, it must overwrite everything, as the contents are arbitrary.
    pub fn write(&mut self, input: usize, shape: &[usize], write: impl FnOnce(&mut [f32], bool)) {
        let Some(node) = self.inputs[input] else { return };
        let accumulate = self.slots[node].is_some();
        let dx = self.slots[node].get_or_insert_with(|| Tensor::scratch(shape));
        write(dx.as_mut_slice(), accumulate);
    }
}

impl<'t> Var<'t> {
    /// Puts the result of an operation on the tape.
    ///
    /// `backward` gets the gradient of the output, `dy`, and adds to the gradients of `inputs`. It runs at
    /// most once, and not at all if no input needs a gradient; it should own no more than it reads.
    pub fn record(
        inputs: &[&Var<'t>],
        value: Tensor,
        backward: impl FnOnce(Tensor, &mut InputGrads<'_>) + 'static,
    ) -> Var<'t> {
        let tape = inputs[0].tape;
        let nodes: Vec<Option<usize>> = inputs.iter().map(|input| input.node).collect();
        let needed = tape.recording && nodes.iter().any(Option::is_some);
        let node =
            needed.then(|| tape.push(Node { inputs: nodes, backward: Some(Box::new(backward)) }));
        Var { tape, node, value }
    }

    /// The tape that this value is on.
    pub fn tape(&self) -> &'t Tape {
        self.tape
    }

    /// The kernels and precision to compute with.
    pub fn context(&self) -> Context {
        self.tape.context
    }

    /// The value itself.
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

    /// Whether a gradient flows through here. An operation that keeps more for backward than its inputs
    /// (a fused loss that computes its gradient at once) asks before it does so.
    pub fn needs_grad(&self) -> bool {
        self.node.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(data: &[f32]) -> Tensor {
        Tensor::from_slice(&[data.len()], data)
    }

    #[test]
    fn a_diamond_adds_both_paths() {
        let tape = Tape::new(Context::detect());
        let x = tape.leaf(tensor(&[3.0]));
        let y = x.mul(&x).add(&x).sum(); // y = x² + x, dx = 2x + 1
        assert_eq!(tape.backward(&y).get(&x).unwrap().as_slice(), &[7.0]);
    }

    #[test]
    fn constants_get_no_gradient_and_unused_leaves_none() {
        let tape = Tape::new(Context::detect());
        let x = tape.leaf(tensor(&[1.0, 2.0]));
        let unused = tape.leaf(tensor(&[5.0]));
        let c = tape.constant(tensor(&[3.0, 4.0]));
        let y = x.mul(&c).sum();
        let gradients = tape.backward(&y);
        assert_eq!(gradients.get(&x).unwrap().as_slice(), &[3.0, 4.0]);
        assert!(gradients.get(&c).is_none());
        assert!(gradients.get(&unused).is_none());
    }

    #[test]
    fn an_inference_tape_records_nothing() {
        let tape = Tape::inference(Context::detect());
        let x = tape.leaf(tensor(&[1.0]));
        let y = x.mul(&x);
        assert!(!y.needs_grad());
        assert!(tape.nodes.borrow().is_empty());
    }
}
