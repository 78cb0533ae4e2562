//! Rotary position embedding: pair j of a head at position p is rotated by the angle p·θ^(−2j/D).
//! (Su et al., arXiv:2104.09864)
//!
//! (y₁, y₂) = (x₁·cos − x₂·sin, x₁·sin + x₂·cos). The transpose of a rotation is its inverse, so
//! dx is dy rotated by the negative angle: the same loop with −sin.
//!
//! Attention rotates its heads row by row while it copies them; the operation on whole tensors is
//! its reference in tests.

use crate::{Context, Op, Tensor, Var, vectorize};
use rayon::prelude::*;
use std::sync::Arc;

/// The pairing of a head's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RopeLayout {
    /// Channels j and j + D/2, as in Hugging Face's Llama.
    Halves,
    /// Channels 2j and 2j + 1, as in the paper and Meta's Llama.
    Pairs,
}

/// The direction of a rotation to a position: the sign of the angle, and so of its sine.
pub(crate) const FORWARD: f32 = 1.0;
/// The direction of the inverse of a rotation, which is its gradient.
pub(super) const BACK: f32 = -1.0;

/// The cosines and sines of all angles, computed once per model. Clones share them.
#[derive(Clone, Debug)]
pub struct RopeTable {
    /// The channels per head.
    pub(crate) d_head: usize,
    layout: RopeLayout,
    /// (positions, D/2) each.
    cos_sin: Arc<(Vec<f32>, Vec<f32>)>,
}

impl RopeTable {
    /// Computes the angles of heads of `d_head` channels (even) at positions 0 .. `max_positions`,
    /// in `f64`: the error of a frequency in `f32` would grow with the position.
    ///
    /// # Panics
    /// If `d_head` is odd.
    #[track_caller]
    pub fn new(theta: f64, d_head: usize, max_positions: usize, layout: RopeLayout) -> Self {
        assert!(d_head.is_multiple_of(2), "rope: a head of {d_head} channels cannot be paired");
        let half = d_head / 2;
        let frequencies: Vec<f64> =
            (0..half).map(|j| theta.powf(-2.0 * j as f64 / d_head as f64)).collect();
        let (mut cos, mut sin) = (vec![0.0; max_positions * half], vec![0.0; max_positions * half]);
        let rows = cos.par_chunks_mut(half.max(1)).zip(sin.par_chunks_mut(half.max(1)));
        rows.enumerate().for_each(|(p, (cos, sin))| {
            for ((cos, sin), frequency) in cos.iter_mut().zip(sin).zip(&frequencies) {
                let angle = p as f64 * frequency;
                (*cos, *sin) = (angle.cos() as f32, angle.sin() as f32);
            }
        });
        Self { d_head, layout, cos_sin: Arc::new((cos, sin)) }
    }

    /// Checks that there are angles for positions 0 .. `positions`.
    #[track_caller]
    pub(crate) fn assert_holds(&self, positions: usize) {
        let held = self.cos_sin.0.len() / (self.d_head / 2).max(1);
        assert!(positions <= held, "rope: {positions} positions with a table of {held}");
    }

    /// Writes `x` (D), rotated to `position` or back, to `y`; `direction` is [`FORWARD`] or
    /// [`BACK`].
    #[inline(always)]
    pub(crate) fn rotate(&self, position: usize, x: &[f32], y: &mut [f32], direction: f32) {
        let half = self.d_head / 2;
        let angles = position * half..(position + 1) * half;
        let (cos, sin) = (&self.cos_sin.0[angles.clone()], &self.cos_sin.1[angles]);
        match self.layout {
            RopeLayout::Halves => rotate_halves(y, x, cos, sin, direction),
            RopeLayout::Pairs => rotate_pairs(y, x, cos, sin, direction),
        }
    }

    /// Returns `x` (…, T, D) with every row rotated, the first one as at position `start`.
    fn rotate_all(&self, context: Context, x: &Tensor, start: usize, direction: f32) -> Tensor {
        let (d_head, time) = (self.d_head, x.shape()[x.shape().len() - 2]);
        let size = (time * d_head).max(1);
        Tensor::build(x.shape(), |y| {
            y.par_chunks_mut(size).zip(x.as_slice().par_chunks(size)).for_each(|(y, x)| {
                vectorize!(context.kernels, {
                    let rows = y.chunks_exact_mut(d_head).zip(x.chunks_exact(d_head));
                    for ((y, x), position) in rows.zip(start..) {
                        self.rotate(position, x, y, direction);
                    }
                });
            });
        })
    }
}

/// Returns (x₁·cos − x₂·sin, x₁·sin + x₂·cos).
#[inline(always)]
fn rotated((x1, x2): (f32, f32), cos: f32, sin: f32) -> (f32, f32) {
    (x1 * cos - x2 * sin, x1 * sin + x2 * cos)
}

/// Pairs per group, a vector or two. A head has so few pairs that the compiler's own loops, which
/// unroll further, would leave most of them to the scalar remainder.
const GROUP: usize = 8;

#[inline(always)]
fn rotate_halves(y: &mut [f32], x: &[f32], cos: &[f32], sin: &[f32], direction: f32) {
    let half = cos.len();
    let ((y1, y2), (x1, x2)) = (y.split_at_mut(half), x.split_at(half));
    let whole = half - half % GROUP;
    for i in (0..whole).step_by(GROUP) {
        let group = |x: &[f32]| -> [f32; GROUP] { std::array::from_fn(|j| x[i..i + GROUP][j]) };
        let (x1, x2, cos, sin) = (group(x1), group(x2), group(cos), group(sin));
        let (y1, y2) = (&mut y1[i..i + GROUP], &mut y2[i..i + GROUP]);
        for j in 0..GROUP {
            (y1[j], y2[j]) = rotated((x1[j], x2[j]), cos[j], direction * sin[j]);
        }
    }
    for i in whole..half {
        (y1[i], y2[i]) = rotated((x1[i], x2[i]), cos[i], direction * sin[i]);
    }
}

#[inline(always)]
fn rotate_pairs(y: &mut [f32], x: &[f32], cos: &[f32], sin: &[f32], direction: f32) {
    let pairs = y.as_chunks_mut::<2>().0.iter_mut().zip(x.as_chunks::<2>().0);
    for ((y, x), (&cos, &sin)) in pairs.zip(cos.iter().zip(sin)) {
        (y[0], y[1]) = rotated((x[0], x[1]), cos, direction * sin);
    }
}

impl<'t> Var<'t> {
    /// Rotates `self` (…, T, D), whose first row is at position `start`, to its positions.
    ///
    /// # Panics
    /// If the table is for heads of another size or for fewer positions.
    #[track_caller]
    pub fn rope(&self, table: &RopeTable, start: usize) -> Var<'t> {
        let shape = self.shape();
        let &[.., time, d_head] = shape else { panic!("rope: {shape:?}, expected (…, T, D)") };
        let held = table.d_head;
        assert_eq!(d_head, held, "rope: {shape:?} with a table for heads of {held}");
        table.assert_holds(start + time);
        let op = Op::new("rope", &[self]);
        let context = self.context();
        let y = table.rotate_all(context, &self.value().to_f32(), start, FORWARD);
        let table = table.clone();
        op.record(y, move |dy, grads| {
            grads.give(0, table.rotate_all(context, &dy, start, BACK));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::gradcheck;
    use crate::{Context, Tape, testing};

    #[test]
    fn gradients() {
        for layout in [RopeLayout::Halves, RopeLayout::Pairs] {
            let table = RopeTable::new(10_000.0, 8, 16, layout);
            for start in [0, 9] {
                let x = testing::random(&[2, 3, 5, 8], 1);
                gradcheck(&[x], |_, v| v[0].rope(&table, start));
            }
        }
    }

    #[test]
    fn the_table_holds_the_angles_of_the_paper() {
        let table = RopeTable::new(10_000.0, 6, 4, RopeLayout::Halves);
        let (cos, sin) = &*table.cos_sin;
        for (p, j) in [(0, 0), (1, 0), (1, 2), (3, 1)] {
            let angle = p as f64 / 10_000f64.powf(2.0 * j as f64 / 6.0);
            assert!((f64::from(cos[p * 3 + j]) - angle.cos()).abs() < 1e-7, "{p} {j}");
            assert!((f64::from(sin[p * 3 + j]) - angle.sin()).abs() < 1e-7, "{p} {j}");
        }
        assert_eq!((cos.len(), sin.len()), (12, 12));
        assert!(RopeTable::new(10_000.0, 0, 4, RopeLayout::Halves).cos_sin.0.is_empty());
    }

    #[test]
    fn dot_products_depend_on_the_distance_alone() {
        let table = RopeTable::new(100.0, 8, 32, RopeLayout::Halves);
        let (q, k) = (testing::random(&[1, 8], 1), testing::random(&[1, 8], 2));
        let score = |p, r| {
            let tape = Tape::inference(Context::detect());
            let at = |x: &Tensor, p| tape.constant(x.clone()).rope(&table, p);
            at(&q, p).mul(&at(&k, r)).sum().value().item()
        };
        assert!((score(7, 3) - score(24, 20)).abs() < 1e-5);
        assert!((score(7, 3) - score(7, 4)).abs() > 1e-3);
    }
}
