use super::cached::{attend_to_cache, write_heads};
use super::*;
use crate::Context;
use crate::isa::tests::model;
use crate::ops::RopeLayout;
use crate::ops::tests::{assert_close, gradcheck};
use crate::{Precision, Tape, testing};

fn random_qkv(shape: &[usize]) -> [Tensor; 3] {
    [1, 2, 3].map(|seed| testing::random(shape, seed))
}

fn rope(d_head: usize) -> RopeTable {
    RopeTable::new(100.0, d_head, 128, RopeLayout::Halves)
}

#[test]
fn gradients() {
    for (shape, num_heads) in
        [([2, 5, 8], 2), ([1, 1, 2], 1), ([1, 51, 4], 2), ([1, 96, 4], 1), ([2, 3, 6], 3)]
    {
        let table = rope(shape[2] / num_heads);
        for rope in [None, Some(&table)] {
            gradcheck(&random_qkv(&shape), |_, v| {
                v[0].causal_attention(&v[1], &v[2], num_heads, rope)
            });
        }
    }
}

/// One head of `x` (B, T, C) as a tensor (B, T, D) of its own.
fn only(x: &Tensor, num_heads: usize, head: usize) -> Tensor {
    let d_head = x.last_dim() / num_heads;
    let rows = x.as_slice().chunks_exact(x.last_dim());
    let channels: Vec<_> = rows.flat_map(|row| &row[head * d_head..][..d_head]).copied().collect();
    Tensor::from_slice(&[x.shape()[0], x.shape()[1], d_head], &channels)
}

/// o, dq, dk and dv; without `fused`, queries and keys are rotated by the operation made for that.
fn results(
    context: Context,
    x: [Tensor; 3],
    d_o: Tensor,
    num_heads: usize,
    table: &RopeTable,
    fused: bool,
) -> [Tensor; 4] {
    let tape = Tape::new(context);
    let [q, k, v] = x.map(|x| tape.leaf(x));
    let o = match fused {
        true => q.causal_attention(&k, &v, num_heads, Some(table)),
        false => q.rope(table, 0).causal_attention(&k.rope(table, 0), &v, num_heads, None),
    };
    let mut grads = tape.backward_from(&o, d_o);
    let [dq, dk, dv] = [&q, &k, &v].map(|x| grads.take(x).unwrap());
    [o.into_value(), dq, dk, dv]
}

#[test]
fn heads_side_by_side_are_rotated_and_attended_to_one_by_one() {
    for context in model::contexts() {
        for (num_heads, shape) in [(3, [2, 70, 24]), (2, [1, 128, 64])] {
            let table = rope(shape[2] / num_heads);
            // Rounded in bf16 precision, so that heads are read where they are.
            let (x, d_o) =
                (random_qkv(&shape), Role::Operand.store(context, &testing::random(&shape, 4)));
            let all = results(context, x.clone(), d_o.clone(), num_heads, &table, true);
            for head in 0..num_heads {
                let one = |x: &Tensor| only(&x.to_f32(), num_heads, head);
                let x = x.each_ref().map(one);
                let alone = results(context, x, one(&d_o), 1, &table, false);
                for (all, alone) in all.iter().zip(&alone) {
                    assert_eq!(one(all).as_slice(), alone.to_f32().as_slice(), "the same bits");
                }
            }
        }
    }
}

#[test]
fn the_first_position_sees_only_itself() {
    let tape = Tape::inference(Context::detect());
    let [q, k, v] = random_qkv(&[1, 3, 4]).map(|x| tape.constant(x));
    let o = q.causal_attention(&k, &v, 1, None);
    assert_close("o_0", &o.value().as_slice()[..4], &v.value().as_slice()[..4], 1e-6);
}

#[test]
fn a_cache_gives_what_the_whole_sequence_gives() {
    for (precision, tolerance) in [(Precision::F32, 1e-6), (Precision::Bf16, 2e-3)] {
        cache_against_whole(Context::detect().with_precision(precision), tolerance);
    }
}

fn cache_against_whole(context: Context, tolerance: f64) {
    let channels = 8;
    let table = rope(4);
    let x = random_qkv(&[1, 120, channels]);
    let tape = Tape::inference(context);
    let [q, k, v] = x.each_ref().map(|x| tape.constant(x.clone()));
    let whole = q.causal_attention(&k, &v, 2, Some(&table)).into_value();
    let rows = |x: &Tensor, start: usize, end: usize| {
        let rows = &x.as_slice()[start * channels..end * channels];
        Tensor::from_slice(&[1, end - start, channels], rows)
    };
    let [mut keys, mut values] = [(); 2].map(|()| Tensor::zeros(&[1, 2, 128, 4]));
    for (start, end) in [(0, 70), (70, 71), (71, 79), (79, 120)] {
        write_heads(context, &rows(&x[1], start, end), Some(&table), &mut keys, start);
        write_heads(context, &rows(&x[2], start, end), None, &mut values, start);
        let o = attend_to_cache(
            context,
            &rows(&x[0], start, end),
            Some(&table),
            [&keys, &values],
            start,
        );
        assert_eq!(o.dtype(), whole.dtype());
        let expected = rows(&whole.to_f32(), start, end);
        assert_close("o", o.to_f32().as_slice(), expected.as_slice(), tolerance);
    }
}

#[test]
#[should_panic(expected = "rope: 129 positions with a table of 128")]
fn positions_beyond_the_table_are_refused() {
    let tape = Tape::inference(Context::detect());
    let [q, k, v] = random_qkv(&[1, 129, 4]).map(|x| tape.constant(x));
    q.causal_attention(&k, &v, 1, Some(&rope(4)));
}

#[test]
fn what_a_recycled_buffer_held_does_not_matter() {
    // Large enough for the pool; the second run finds what the first one left.
    let (shape, table) = ([1, 160, 32], RopeTable::new(100.0, 16, 160, RopeLayout::Halves));
    let run = |factor: f32| {
        let x = random_qkv(&shape).map(|x| x.map(|x| factor * x));
        results(Context::detect(), x, testing::random(&shape, 4), 2, &table, true)
    };
    let first = run(1.0);
    run(3.0);
    for (first, again) in first.iter().zip(&run(1.0)) {
        assert_eq!(first.as_slice(), again.as_slice());
    }
}
