//! An operation while it is computed: what it reads, how much work it is, and how its results get
//! onto the tape.

use super::{Backward, InputGrads, Node, Tape, Var};
use crate::profile::{self, Work};
use crate::{DType, Tensor};
use std::time::Instant;

/// An operation while it is computed: made when it begins, [recorded](Op::record) when its result
/// is there.
pub struct Op<'t> {
    tape: &'t Tape,
    name: &'static str,
    /// The nodes of its inputs; `None` for one that needs no gradient.
    inputs: Vec<Option<usize>>,
    /// Bytes of all inputs, and of the gradients of those that need one.
    bytes: [usize; 2],
    /// Floating-point operations forward and backward.
    flops: [f64; 2],
    /// Whether backward reads and writes tensors at all.
    moves_backward: bool,
    /// The type in which backward reads the gradients of the outputs.
    reads: DType,
    /// When it began, if it is timed.
    start: Option<Instant>,
}

/// Bytes of the elements.
fn size(x: &Tensor) -> usize {
    x.len() * x.dtype().size()
}

impl<'t> Op<'t> {
    /// Begins an operation on at least one input, all on one tape. The profile knows it by its
    /// name.
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
            reads: DType::F32,
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

    /// Says that the gradients of the outputs may come as operands of products, rounded in bf16
    /// precision: backward does nothing but multiply by them, or the outputs are rounded
    /// themselves.
    pub(crate) fn takes_rounded_gradients(self) -> Self {
        Self { reads: self.tape.context.operands(), ..self }
    }

    /// Whether a gradient is wanted in any input, so that `backward` may run.
    pub fn needs_grad(&self) -> bool {
        self.tape.recording && self.inputs.iter().any(Option::is_some)
    }

    /// Puts the result on the tape.
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

    /// Puts several results on the tape. `backward` gets the gradient of each, `None` where nothing
    /// depends on it.
    #[track_caller]
    pub fn record_all<const N: usize>(
        self,
        values: [Tensor; N],
        backward: impl FnOnce([Option<Tensor>; N], &mut InputGrads<'_>) + 'static,
    ) -> [Var<'t>; N] {
        let needed = self.needs_grad();
        let Self { tape, name, inputs, bytes: [read, wanted], flops, reads, start, .. } = self;
        let written: usize = values.iter().map(size).sum();
        let work = |flops, bytes| Work { flops, bytes: bytes as f64 };
        let first = needed.then(|| {
            let moved = if self.moves_backward { written + read + wanted } else { 0 };
            let backward: Backward = Box::new(|dys, grads| {
                backward(std::array::from_fn(|i| dys[i].take()), grads);
            });
            let (backward, work) = (Some(backward), work(flops[1], moved));
            let first = tape.push(Node { inputs, backward, outputs: N, reads, name, work });
            (1..N).for_each(|_| _ = tape.push(Node { reads, ..Node::without_backward(name) }));
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
