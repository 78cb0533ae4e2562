//! A recorded operation, and where its backward pass puts the gradients of its inputs.

use crate::context::precision::Role;
use crate::gemm::Beta;
use crate::profile::Work;
use crate::{Context, Tensor};

/// Gets the gradients of the operation's outputs; `None` for one that nothing depends on.
pub(super) type Backward = Box<dyn FnOnce(&mut [Option<Tensor>], &mut InputGrads<'_>)>;

/// An output of an operation on the tape, or a leaf.
pub(super) struct Node {
    /// The nodes that the operation read; `None` for an input that needs no gradient.
    pub(super) inputs: Vec<Option<usize>>,
    /// `None` for a leaf, and for the outputs of an operation after its first.
    pub(super) backward: Option<Backward>,
    /// The number of the operation's outputs: this node and those right after it.
    pub(super) outputs: usize,
    /// The use of this output's gradient in the operation's backward pass.
    pub(super) gradient: Role,
    /// The operation's name and the work of its backward pass, for the profile.
    pub(super) name: &'static str,
    pub(super) work: Work,
}

impl Node {
    /// Returns a leaf, or an output whose operation is recorded in an earlier node.
    pub(super) fn without_backward(name: &'static str, gradient: Role) -> Self {
        let (inputs, work) = (Vec::new(), Work::default());
        Self { inputs, backward: None, outputs: 1, gradient, name, work }
    }
}

/// The gradients of an operation's inputs, to which its backward pass adds; inputs are numbered in
/// the order in which [`Op::new`](crate::Op::new) was given them.
pub struct InputGrads<'a> {
    pub(super) context: Context,
    pub(super) inputs: &'a [Option<usize>],
    /// All nodes that were recorded before the operation.
    pub(super) nodes: &'a [Node],
    /// The gradients of these nodes, as far as they are known.
    pub(super) slots: &'a mut [Option<Tensor>],
}

impl InputGrads<'_> {
    /// Returns `true` if the gradient of `input` is needed at all.
    pub fn wants(&self, input: usize) -> bool {
        self.inputs[input].is_some()
    }

    /// Returns the use of the gradient of `input` by the operation that reads it.
    fn role(&self, input: usize) -> Role {
        self.inputs[input].map_or(Role::Residual, |node| self.nodes[node].gradient)
    }

    /// Returns `true` if the gradient of `input` may be rounded as it is computed.
    pub(crate) fn is_rounded(&self, input: usize) -> bool {
        self.role(input).is_rounded(self.context)
    }

    /// Returns tensors for the gradients of some inputs of one shape, all of one type, to be
    /// overwritten and [given](InputGrads::give).
    pub(crate) fn scratch<const N: usize>(
        &self,
        inputs: [usize; N],
        shape: &[usize],
    ) -> [Tensor; N] {
        let role = Role::shared_by(&inputs.map(|input| self.role(input)));
        inputs.map(|_| role.scratch(self.context, shape))
    }

    /// Adds a gradient that was computed as a separate tensor; the first one is moved, not copied.
    pub fn give(&mut self, input: usize, dx: Tensor) {
        let Some(node) = self.inputs[input] else { return };
        match &mut self.slots[node] {
            Some(sum) => sum.add_assign(self.context, &dx),
            empty => *empty = Some(self.nodes[node].gradient.read(self.context, dx)),
        }
    }

    /// Lets `write` compute the gradient of `input`, of the given shape, where it belongs, and
    /// returns its result; `None` if the gradient is not wanted. With [`Beta::Zero`] it must
    /// overwrite everything, as the contents are arbitrary; with [`Beta::One`] it must add to them.
    pub fn write<R>(
        &mut self,
        input: usize,
        shape: &[usize],
        write: impl FnOnce(&mut [f32], Beta) -> R,
    ) -> Option<R> {
        let node = self.inputs[input]?;
        let beta = Beta::accumulating(self.slots[node].is_some());
        let dx = self.slots[node].get_or_insert_with(|| Tensor::scratch(shape));
        Some(write(dx.widen(), beta))
    }
}
