//! Splitting channels into heads, (B, T, H·D) → (B, H, T, D), and merging them again. Each is the other's
//! inverse, so each one's gradient is the other's forward.

use crate::{Op, Tensor, Var};
use rayon::prelude::*;

/// (B, T, H·D) → (B, H, T, D).
#[track_caller]
fn split(x: &Tensor, num_heads: usize) -> Tensor {
    let &[batch, time, channels] = x.shape() else {
        panic!("split_heads: shape {:?}, expected (B, T, C)", x.shape());
    };
    assert!(
        num_heads > 0 && channels % num_heads == 0,
        "split_heads: {channels} channels do not split into {num_heads} heads"
    );
    let d_head = channels / num_heads;
    Tensor::build(&[batch, num_heads, time, d_head], |y| {
        y.par_chunks_mut((time * d_head).max(1)).enumerate().for_each(|(index, y)| {
            let (b, h) = (index / num_heads, index % num_heads);
            let x = &x.as_slice()[b * time * channels..][..time * channels];
            for (y, x) in y.chunks_exact_mut(d_head).zip(x.chunks_exact(channels)) {
                y.copy_from_slice(&x[h * d_head..][..d_head]);
            }
        });
    })
}

/// (B, H, T, D) → (B, T, H·D).
#[track_caller]
fn merge(x: &Tensor) -> Tensor {
    let &[batch, num_heads, time, d_head] = x.shape() else {
        panic!("merge_heads: shape {:?}, expected (B, H, T, D)", x.shape());
    };
    let channels = num_heads * d_head;
    Tensor::build(&[batch, time, channels], |y| {
        y.par_chunks_mut(channels.max(1)).enumerate().for_each(|(index, y)| {
            let (b, t) = (index / time, index % time);
            for (h, y) in y.chunks_exact_mut(d_head).enumerate() {
                let start = ((b * num_heads + h) * time + t) * d_head;
                y.copy_from_slice(&x.as_slice()[start..][..d_head]);
            }
        });
    })
}

impl<'t> Var<'t> {
    /// (B, T, C) → (B, H, T, D) with D = C ÷ H.
    #[track_caller]
    pub fn split_heads(&self, num_heads: usize) -> Var<'t> {
        let op = Op::new("split_heads", &[self]);
        let y = split(self.value(), num_heads);
        op.record(y, |dy, grads| grads.give(0, merge(&dy)))
    }

    /// (B, H, T, D) → (B, T, C) with C = H·D.
    #[track_caller]
    pub fn merge_heads(&self) -> Var<'t> {
        let op = Op::new("merge_heads", &[self]);
        let num_heads = self.shape().get(1).copied().unwrap_or(0);
        let y = merge(self.value());
        op.record(y, move |dy, grads| grads.give(0, split(&dy, num_heads)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn gradients() {
        testing::gradcheck(&[testing::random(&[2, 3, 8], 1)], |_, v| v[0].split_heads(4));
        testing::gradcheck(&[testing::random(&[2, 4, 3, 2], 1)], |_, v| v[0].merge_heads());
    }

    #[test]
    fn splitting_permutes_as_ndarray_does_and_merging_undoes_it() {
        let x = testing::random(&[2, 3, 8], 1);
        let y = split(&x, 4);
        let array = x.reshape(&[2, 3, 4, 2]).view().to_owned();
        assert_eq!(y.view(), array.permuted_axes(vec![0, 2, 1, 3]));
        assert_eq!(merge(&y).as_slice(), x.as_slice());
    }
}
