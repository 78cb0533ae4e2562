//! Conversion of weights between the two layouts of the rotary embedding.
//!
//! RoPE rotates pairs of a head's D channels. Hugging Face pairs the channels j and j + D/2
//! (halves); the paper (J. Su et al., arXiv:2104.09864), Meta's files and GGUF pair 2j and 2j + 1
//! (adjacent). A permutation of the rows of W_q and W_k, the same in every head, converts one into
//! the other and changes no score, as a score is a sum over channels: row 2j + b of the adjacent
//! layout is row b·D/2 + j of the halves, for b = 0, 1.

use tensor::Tensor;

/// Converts W_q or W_k (H·D, C), D even, from halves to adjacent pairs.
///
/// # Panics
/// If the weight has another shape.
#[track_caller]
pub fn halves_to_pairs(weight: &Tensor, num_heads: usize) -> Tensor {
    permute(weight, num_heads, |row, half| row % 2 * half + row / 2)
}

/// Reorders the rows of each head: row i comes from row `source(i, D/2)`.
#[track_caller]
fn permute(weight: &Tensor, num_heads: usize, source: fn(usize, usize) -> usize) -> Tensor {
    let &[d_out, d_in] = weight.shape() else {
        panic!("rope_layout: {:?} is not the shape of a matrix", weight.shape())
    };
    assert!(
        num_heads > 0 && d_out.is_multiple_of(2 * num_heads),
        "rope_layout: {:?} in {num_heads} heads of an even size",
        weight.shape()
    );
    let d_head = d_out / num_heads;
    Tensor::build(&[d_out, d_in], |out| {
        for (row, out) in out.chunks_exact_mut(d_in.max(1)).enumerate() {
            let in_head = row % d_head;
            let from = row - in_head + source(in_head, d_head / 2);
            out.copy_from_slice(&weight.as_slice()[from * d_in..][..d_in]);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::ops::{RopeLayout, RopeTable};
    use tensor::testing::relative_error;
    use tensor::{Context, Tape};

    /// The inverse of [`halves_to_pairs`].
    fn pairs_to_halves(weight: &Tensor, num_heads: usize) -> Tensor {
        permute(weight, num_heads, |row, half| 2 * (row % half) + row / half)
    }

    fn wave(shape: &[usize], step: f32) -> Tensor {
        Tensor::build(shape, |x| {
            x.iter_mut().zip(0..).for_each(|(x, i)| *x = (i as f32 * step).sin())
        })
    }

    #[test]
    fn there_and_back_is_the_identity() {
        let weight = wave(&[24, 5], 0.7);
        let permuted = pairs_to_halves(&weight, 3);
        assert_ne!(permuted.as_slice(), weight.as_slice());
        assert_eq!(halves_to_pairs(&permuted, 3).as_slice(), weight.as_slice());
    }

    #[test]
    fn rows_go_where_the_definition_says() {
        // One head of four rows: 0, 1, 2, 3 in pairs (0, 1), (2, 3) are the halves (0, 2), (1, 3).
        let weight = Tensor::from_slice(&[4, 1], &[0.0, 1.0, 2.0, 3.0]);
        assert_eq!(pairs_to_halves(&weight, 1).as_slice(), &[0.0, 2.0, 1.0, 3.0]);
    }

    #[test]
    fn both_rotations_give_the_same_attention() {
        let (num_heads, d_model, time) = (3, 24, 9);
        let tape = Tape::inference(Context::detect());
        let x = tape.constant(wave(&[2, time, d_model], 0.37));
        let (w_q, w_k) = (wave(&[d_model, d_model], 0.11), wave(&[d_model, d_model], 0.13));
        let attend = |w_q: &Tensor, w_k: &Tensor, layout| {
            let table = RopeTable::new(10_000.0, d_model / num_heads, time, layout);
            let project = |w: &Tensor| x.linear(&tape.constant(w.clone()));
            let (q, k) = (project(w_q), project(w_k));
            q.causal_attention(&k, &x, num_heads, Some(&table)).into_value()
        };
        let pairs = attend(&w_q, &w_k, RopeLayout::Pairs);
        let (w_q, w_k) = (pairs_to_halves(&w_q, num_heads), pairs_to_halves(&w_k, num_heads));
        let halves = attend(&w_q, &w_k, RopeLayout::Halves);
        assert!(relative_error(halves.as_slice(), pairs.as_slice()) < 1e-5);
    }
}
