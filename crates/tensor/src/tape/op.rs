//! An operation from its beginning to its results: its inputs, its work, and how they get onto the
//! tape.

use super::node::{Backward, InputGrads, Node};
use super::{Tape, Var};
use crate::Tensor;
use crate::context::precision::Role;
use crate::profile::{self, Work};
use std::time::Instant;

/// An operation that is being computed: created when it begins, [recorded](Op::record) when its
/// result is there.
///
/// All operations of [`ops`](crate::ops) are made of it, and one of your own can be:
/// ```
/// use tensor::{Op, Tape, Var};
///
/// /// y = x³, hence dx = 3x²·dy.
/// fn cube<'t>(x: &Var<'t>) -> Var<'t> {
///     let op = Op::new("cube", &[x]);
///     let x = x.value().clone(); // shares the buffer
///     op.record(x.map(|x| x * x * x), move |dy, grads| {
///         grads.give(0, x.map(|x| 3.0 * x * x * dy.item()));
///     })
/// }
///
/// let tape = Tape::default();
/// let x = tape.leaf([2.0]);
/// let y = cube(&x);
/// assert_eq!(y.value().item(), 8.0);
/// assert_eq!(tape.backward(&y)[&x].item(), 12.0);
/// ```
pub struct Op<'t> {
    tape: &'t Tape,
    name: &'static str,
    /// The nodes of its inputs; `None` for one that needs no gradient.
    inputs: Vec<Option<usize>>,
    /// Bytes of all inputs, and of the gradients of those that need one.
    bytes: [usize; 2],
    /// Floating-point operations forward and backward.
    flops: [f64; 2],
    /// `true` if backward reads and writes tensors at all.
    moves_backward: bool,
    /// The use of the outputs.
    output: Role,
    /// The use of the outputs' gradients in backward.
    gradient: Role,
    /// When it began, if it is timed.
    start: Option<Instant>,
}

/// Returns the bytes of all elements.
fn size(x: &Tensor) -> usize {
    x.len() * x.dtype().size()
}

impl<'t> Op<'t> {
    /// Begins an operation on at least one input, all on one tape, which the profile lists by its
    /// name. Its outputs and their gradients are [`Role::Residual`] unless stated otherwise.
    ///
    /// # Panics
    /// If there is no input, or they are on different tapes.
    #[track_caller]
    pub fn new(name: &'static str, inputs: &[&Var<'t>]) -> Self {
        let tape = inputs[0].tape;
        let on_it = inputs.iter().all(|input| std::ptr::eq(input.tape, tape));
        assert!(on_it, "{name}: the operands are on different tapes");
        let bytes = |wanted: &dyn Fn(&Var<'t>) -> bool| {
            inputs.iter().filter(|input| wanted(input)).map(|input| size(&input.value)).sum()
        };
        Self {
            tape,
            name,
            inputs: inputs.iter().map(|input| input.node).collect(),
            bytes: [bytes(&|_| true), bytes(&|input| input.node.is_some())],
            flops: [0.0; 2],
            moves_backward: true,
            output: Role::Residual,
            gradient: Role::Residual,
            start: tape.profiling.then(Instant::now),
        }
    }

    /// Sets the floating-point operations of its matrix products, forward and backward.
    pub fn flops(self, forward: f64, backward: f64) -> Self {
        Self { flops: [forward, backward], ..self }
    }

    /// Marks an operation whose backward pass moves nothing, as the gradient of the output is that
    /// of the inputs.
    pub fn passes_gradient_on(self) -> Self {
        Self { moves_backward: false, ..self }
    }

    /// Sets what the outputs are for.
    pub fn output(self, output: Role) -> Self {
        Self { output, ..self }
    }

    /// Sets what the backward pass reads the gradients of the outputs for: [`Role::Operand`] if it
    /// only multiplies by them, or if the outputs are rounded as well.
    pub fn gradient(self, gradient: Role) -> Self {
        Self { gradient, ..self }
    }

    /// Returns a tensor for an output, to be overwritten.
    pub fn scratch(&self, shape: &[usize]) -> Tensor {
        self.output.scratch(self.tape.context, shape)
    }

    /// Returns `true` if a gradient is wanted in any input, so that `backward` may run.
    pub fn needs_grad(&self) -> bool {
        self.tape.recording && self.inputs.iter().any(Option::is_some)
    }

    /// Records the result on the tape.
    ///
    /// `backward` gets the gradient of the output, `dy`, and adds to the gradients of the inputs.
    /// It runs at most once, and not at all if no input needs a gradient; it should own no more
    /// than it reads.
    #[track_caller]
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

    /// Records several results on the tape. `backward` gets the gradient of each, `None` where
    /// nothing depends on it.
    #[track_caller]
    pub fn record_all<const N: usize>(
        self,
        values: [Tensor; N],
        backward: impl FnOnce([Option<Tensor>; N], &mut InputGrads<'_>) + 'static,
    ) -> [Var<'t>; N] {
        let needed = self.needs_grad();
        let Self { tape, name, inputs, bytes: [read, wanted], flops, gradient, start, .. } = self;
        let written: usize = values.iter().map(size).sum();
        let work = |flops, bytes| Work { flops, bytes: bytes as f64 };
        let first = needed.then(|| {
            let moved = if self.moves_backward { written + read + wanted } else { 0 };
            let backward: Backward = Box::new(|dys, grads| {
                backward(std::array::from_fn(|i| dys[i].take()), grads);
            });
            let (backward, work) = (Some(backward), work(flops[1], moved));
            let first = tape.push(Node { inputs, backward, outputs: N, gradient, name, work });
            (1..N).for_each(|_| _ = tape.push(Node::without_backward(name, gradient)));
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
