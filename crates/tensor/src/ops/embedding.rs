//! Row look-up, y_n = w[id_n], hence dw[v] = Σ of dy_n over all n with id_n = v.
//!
//! Backward gathers: positions are sorted by id (stably), and each row of dw is summed by one task
//! in the order of the positions. No atomics, and the same bits for any number of threads.

use crate::gemm::Beta;
use crate::matrix::element::{self, with_any_element_type};
use crate::memory::pool::Buffer;
use crate::{Op, Tensor, Var};
use rayon::prelude::*;

/// The positions n of each id v, id_n = v, in order: `order[starts[v]..starts[v + 1]]`. In recycled
/// memory, with indices of 32 bits in the place of floats.
struct PositionsById {
    /// (V + 2), of which the last is not used.
    starts: Buffer,
    /// (N)
    order: Buffer,
}

impl PositionsById {
    /// Sorts the positions by id, by counting.
    fn new(ids: &[u32], vocab_size: usize) -> Self {
        let mut starts_buffer = Buffer::scratch(vocab_size + 2);
        let mut order_buffer = Buffer::scratch(ids.len());
        let starts: &mut [u32] = bytemuck::cast_slice_mut(starts_buffer.as_mut_slice());
        let order: &mut [u32] = bytemuck::cast_slice_mut(order_buffer.as_mut_slice());
        // The counts stand two places further on, so that their sums are the start of id v at
        // v + 1. Filling `order` moves it to the end of v, where v + 1 starts.
        starts.fill(0);
        for &id in ids {
            starts[id as usize + 2] += 1;
        }
        for v in 0..vocab_size {
            starts[v + 2] += starts[v + 1];
        }
        for (n, &id) in (0..).zip(ids) {
            let place = &mut starts[id as usize + 1];
            order[*place as usize] = n;
            *place += 1;
        }
        Self { starts: starts_buffer, order: order_buffer }
    }

    /// Returns the positions of id `v`.
    fn of(&self, v: usize) -> &[u32] {
        let starts: &[u32] = bytemuck::cast_slice(self.starts.as_slice());
        let order: &[u32] = bytemuck::cast_slice(self.order.as_slice());
        &order[starts[v] as usize..starts[v + 1] as usize]
    }
}

impl<'t> Var<'t> {
    /// Returns the rows of `self` (V, C) at `ids`, which have the given `shape`: (shape…, C).
    ///
    /// # Panics
    /// If the shapes do not fit, or an id is no row of the table.
    #[track_caller]
    pub fn embedding(&self, ids: &[u32], shape: &[usize]) -> Var<'t> {
        let &[vocab_size, channels] = self.shape() else {
            panic!("embedding: the table has shape {:?}, expected (V, C)", self.shape());
        };
        let count: usize = shape.iter().product();
        assert_eq!(ids.len(), count, "embedding: ids and shape {shape:?}");
        if let Some(id) = ids.iter().find(|&&id| id as usize >= vocab_size) {
            panic!("embedding: id {id} in a table of {vocab_size} rows");
        }
        let op = Op::new("embedding", &[self]);
        let y = Tensor::build(&[shape, &[channels]].concat(), |y| {
            with_any_element_type!(self.value(), |E| {
                let w = self.value().elements::<E>();
                y.par_chunks_mut(channels.max(1)).zip(ids).for_each(|(y, &id)| {
                    element::load(y, &w[id as usize * channels..][..channels]);
                });
            });
        });
        let (ids, table_shape) = (ids.to_vec(), self.shape().to_vec());
        op.record(y, move |dy, grads| {
            let positions = PositionsById::new(&ids, vocab_size);
            grads.write(0, &table_shape, |dw, beta| {
                dw.par_chunks_mut(channels.max(1)).enumerate().for_each(|(v, dw)| {
                    if beta == Beta::Zero {
                        dw.fill(0.0);
                    }
                    for &n in positions.of(v) {
                        let dy = &dy.as_slice()[n as usize * channels..][..channels];
                        dw.iter_mut().zip(dy).for_each(|(dw, &dy)| *dw += dy);
                    }
                });
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::HugePages;
    use crate::ops::tests::gradcheck;
    use crate::{Context, DType, Numbers, Tape, convert, testing};
    use std::sync::Arc;

    #[test]
    fn gradients() {
        let ids = [3, 0, 3, 3, 1, 4];
        gradcheck(&[testing::random(&[5, 4], 1)], |_, v| v[0].embedding(&ids, &[2, 3]));
        gradcheck(&[testing::random(&[5, 4], 1)], |_, v| {
            v[0].embedding(&ids, &[6]).add(&v[0].embedding(&ids, &[6]))
        });
    }

    #[test]
    fn rows_of_every_type_are_widened() {
        let table = testing::random(&[5, 4], 1);
        for dtype in [DType::F32, DType::Bf16, DType::F16] {
            let mut memory = HugePages::zeroed(20 * dtype.size());
            let from = bytemuck::cast_slice(table.as_slice());
            let to = Numbers { dtype, bytes: memory.as_mut() };
            convert(Context::detect(), DType::F32, from, to);
            let table = Tensor::shared(Arc::new(memory), 0, dtype, &[5, 4]).unwrap();
            let tape = Tape::inference(Context::detect());
            let y = tape.constant(table.clone()).embedding(&[3, 0], &[2]).into_value();
            let expected = [3, 0].map(|id| table.slice_first(id, id + 1).to_f32());
            assert_eq!(y.as_slice()[..4], *expected[0].as_slice(), "{dtype:?}");
            assert_eq!(y.as_slice()[4..], *expected[1].as_slice(), "{dtype:?}");
        }
    }

    #[test]
    #[should_panic(expected = "embedding: id 5 in a table of 5 rows")]
    fn an_id_out_of_range_is_named() {
        let tape = Tape::new(Context::detect());
        tape.leaf(Tensor::zeros(&[5, 4])).embedding(&[5], &[1]);
    }
}
