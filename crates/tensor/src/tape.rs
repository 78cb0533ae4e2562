//! The tape: what was computed, in order, and how to go back.
//!
//! Each recorded operation is a node that knows which nodes it read and a closure that turns the
//! gradient of its output into gradients of its inputs. Nodes are made in the order of computation,
//! which is a topological order, so that backward is one loop in reverse. The tape knows no
//! operation: those live in [`ops`](crate::ops), one file each, and make an [`Op`] when they begin.
//!
//! A node keeps no value. What backward needs, its closure owns, and each closure is dropped as
//! soon as it has run. Reference: A. Griewank and A. Walther, *Evaluating Derivatives*, ch. 3.

use crate::profile::{self, Work};
use crate::{Context, Tensor};
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
    /// The operation's name and the work of its backward pass, for the profile.
    name: &'static str,
    work: Work,
}

impl Node {
    fn without_backward(name: &'static str) -> Self {
        Self { inputs: Vec::new(), backward: None, outputs: 1, name, work: Work::default() }
    }
}

/// A record of operations, to be differentiated once.
pub struct Tape {
    context: Context,
    recording: bool,
    /// Whether the operations are timed.
    profiling: bool,
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
        let profiling = profile::is_on();
        Self { context, recording: true, profiling, nodes: RefCell::default() }
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
        let node = self.recording.then(|| self.push(Node::without_backward("leaf")));
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
        while let Some(Node { inputs, backward, outputs, name, work }) = nodes.pop() {
            let Some(backward) = backward else { continue };
            // Whatever was computed from the outputs came after them, so that their gradients are whole.
            let (slots, dys) = slots.split_at_mut(nodes.len());
            let dys = &mut dys[..outputs];
            if dys.iter().any(Option::is_some) {
                let start = self.profiling.then(Instant::now);
                backward(dys, &mut InputGrads { inputs: &inputs, slots });
                dys.fill(None);
                if let Some(start) = start {
                    profile::backward(name, start, work);
                }
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
/// the order in which [`Op::new`] was given them.
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

/// An operation while it is computed: made when it begins, [recorded](Op::record) when its result is there.
pub struct Op<'t> {
    tape: &'t Tape,
    name: &'static str,
    /// The nodes of its inputs; `None` for one that needs no gradient.
    inputs: Vec<Option<usize>>,
    /// Floats of all inputs, and of those that need a gradient.
    floats: [usize; 2],
    /// Floating-point operations forward and backward.
    flops: [f64; 2],
    /// Whether backward reads and writes tensors at all.
    moves_backward: bool,
    /// When it began, if it is timed.
    start: Option<Instant>,
}

impl<'t> Op<'t> {
    /// Begins an operation on at least one input. The profile knows it by its name.
    pub fn new(name: &'static str, inputs: &[&Var<'t>]) -> Self {
        let tape = inputs[0].tape;
        let floats = |wanted: &dyn Fn(&Var<'t>) -> bool| {
            inputs.iter().filter(|input| wanted(input)).map(|input| input.value.len()).sum()
        };
        Self {
            tape,
            name,
            inputs: inputs.iter().map(|input| input.node).collect(),
            floats: [floats(&|_| true), floats(&|input| input.node.is_some())],
            flops: [0.0; 2],
            moves_backward: true,
            start: tape.profiling.then(Instant::now),
        }
    }

    /// Says how many floating-point operations its matrix products take, forward and backward.
    pub fn flops(self, forward: f64, backward: f64) -> Self {
        Self { flops: [forward, backward], ..self }
    }

    /// Says that backward moves nothing: the gradient of the output is that of the inputs.
    pub fn passes_gradient_on(self) -> Self {
        Self { moves_backward: false, ..self }
    }

    /// Whether a gradient is wanted in any input, so that `backward` may run.
    pub fn needs_grad(&self) -> bool {
        self.tape.recording && self.inputs.iter().any(Option::is_some)
    }

    /// Puts the result on the tape.
    ///
    /// `backward` gets the gradient of the output, `dy`, and adds to the gradients of the inputs. It runs at
    /// most once, and not at all if no input needs a gradient; it should own no more than it reads.
    pub fn record(
        self,
        value: Tensor,
        backward: impl FnOnce(Tensor, &mut InputGrads<'_>) + 'static,
    ) -> Var<'t> {
        let [var] = self.record_all([value], |[dy], grads| {
            if let Some(dy) = dy {
                backward(dy, grads);
            }
        });
        var
    }

    /// Puts several results on the tape. `backward` gets the gradient of each, `None` where nothing depends on it.
    pub fn record_all<const N: usize>(
        self,
        values: [Tensor; N],
        backward: impl FnOnce([Option<Tensor>; N], &mut InputGrads<'_>) + 'static,
    ) -> [Var<'t>; N] {
        let needed = self.needs_grad();
        let Self { tape, name, inputs, floats: [read, wanted], flops, moves_backward, start } =
            self;
        let written: usize = values.iter().map(Tensor::len).sum();
        let work = |flops, floats| Work { flops, bytes: (floats * size_of::<f32>()) as f64 };
        let first = needed.then(|| {
            let moved = if moves_backward { written + read + wanted } else { 0 };
            let backward: Backward = Box::new(|dys, grads| {
                backward(std::array::from_fn(|i| dys[i].take()), grads);
            });
            let (backward, work) = (Some(backward), work(flops[1], moved));
            let first = tape.push(Node { inputs, backward, outputs: N, name, work });
            (1..N).for_each(|_| _ = tape.push(Node::without_backward(name)));
            first
        });
        if let Some(start) = start {
            profile::forward(name, start, work(flops[0], read + written));
        }
        let mut nodes = 0..;
        values.map(|value| {
            let output = nodes.next();
            let node = first.zip(output).map(|(first, output)| first + output);
            Var { tape, node, value }
        })
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
mod tests;
