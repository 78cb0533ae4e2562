//! Rotary position embedding: pair j of a head at position p is turned by the angle p·θ^(−2j/D).
//! (Su et al., arXiv:2104.09864)
//!
//! (y₁, y₂) = (x₁·cos − x₂·sin, x₁·sin + x₂·cos). A rotation's transpose is the rotation back, so
//! dx is dy turned by the negative angle: the same loop with −sin.

use crate::{Op, Tensor, Var};
use rayon::prelude::*;
use std::sync::Arc;

/// Which two channels of a head make a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RopeLayout {
    /// Channels j and j + D/2, as in Hugging Face's Llama.
    Halves,
    /// Channels 2j and 2j + 1, as in the paper and Meta's Llama.
    Pairs,
}

/// The cosines and sines of all angles, computed once a model. Clones share them.
#[derive(Clone, Debug)]
pub struct RopeTable {
    d_head: usize,
    /// (positions, D/2) each.
    cos_sin: Arc<(Vec<f32>, Vec<f32>)>,
}

impl RopeTable {
    /// Angles for heads of `d_head` channels (even) at positions 0 .. `max_positions`. They are computed in
    /// `f64`, as a rounded frequency would be off by a whole rounding error a position.
    #[track_caller]
    pub fn new(theta: f64, d_head: usize, max_positions: usize) -> Self {
        assert!(d_head.is_multiple_of(2), "rope: a head of {d_head} channels cannot be paired");
        let angles = |f: fn(f64) -> f64| {
            (0..max_positions)
                .flat_map(|p| {
                    (0..d_head / 2).map(move |j| {
                        let frequency = theta.powf(-2.0 * j as f64 / d_head as f64);
                        f(p as f64 * frequency) as f32
                    })
                })
                .collect()
        };
        Self { d_head, cos_sin: Arc::new((angles(f64::cos), angles(f64::sin))) }
    }

    /// Turns every head row of `x`, (…, T, D), by its angle times `direction` (1 or −1).
    fn rotate(&self, x: &Tensor, start: usize, layout: RopeLayout, direction: f32) -> Tensor {
        let (d_head, half) = (self.d_head, self.d_head / 2);
        let time = x.shape()[x.shape().len() - 2];
        let angles = start * half..(start + time) * half;
        let (cos, sin) = (&self.cos_sin.0[angles.clone()], &self.cos_sin.1[angles]);
        let mut y = x.clone();
        y.as_mut_slice().par_chunks_mut((time * d_head).max(1)).for_each(|head| {
            let angles = cos.chunks_exact(half).zip(sin.chunks_exact(half));
            for (row, (cos, sin)) in head.chunks_exact_mut(d_head).zip(angles) {
                for j in 0..half {
                    let (first, second) = match layout {
                        RopeLayout::Halves => (j, j + half),
                        RopeLayout::Pairs => (2 * j, 2 * j + 1),
                    };
                    let (x1, x2) = (row[first], row[second]);
                    let (cos, sin) = (cos[j], direction * sin[j]);
                    row[first] = x1 * cos - x2 * sin;
                    row[second] = x1 * sin + x2 * cos;
                }
            }
        });
        y
    }
}

impl<'t> Var<'t> {
    /// `self` (…, T, D) whose first row is at position `start`; the output has the same shape.
    #[track_caller]
    pub fn rope(&self, table: &RopeTable, start: usize, layout: RopeLayout) -> Var<'t> {
        let shape = self.shape();
        let positions = table.cos_sin.0.len() / (table.d_head / 2).max(1);
        assert!(
            shape.len() >= 2
                && shape[shape.len() - 1] == table.d_head
                && start + shape[shape.len() - 2] <= positions,
            "rope: {shape:?} from position {start} with a table of {positions} positions × {}",
            table.d_head
        );
        let op = Op::new("rope", &[self]);
        let y = table.rotate(self.value(), start, layout, 1.0);
        let table = table.clone();
        op.record(y, move |dy, grads| {
            grads.give(0, table.rotate(&dy, start, layout, -1.0));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Tape, testing};

    #[test]
    fn gradients() {
        let table = RopeTable::new(10_000.0, 8, 16);
        for layout in [RopeLayout::Halves, RopeLayout::Pairs] {
            for start in [0, 9] {
                let x = testing::random(&[2, 3, 5, 8], 1);
                testing::gradcheck(&[x], |_, v| v[0].rope(&table, start, layout));
            }
        }
    }

    #[test]
    fn dot_products_depend_on_the_distance_alone() {
        let table = RopeTable::new(100.0, 8, 32);
        let (q, k) = (testing::random(&[1, 8], 1), testing::random(&[1, 8], 2));
        let score = |p, r| {
            let tape = Tape::inference(Context::detect());
            let at = |x: &Tensor, p| tape.constant(x.clone()).rope(&table, p, RopeLayout::Halves);
            at(&q, p).mul(&at(&k, r)).sum().value().item()
        };
        assert!((score(7, 3) - score(24, 20)).abs() < 1e-5);
        assert!((score(7, 3) - score(7, 4)).abs() > 1e-3);
    }
}
