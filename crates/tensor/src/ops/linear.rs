//! Linear layers without bias, y = x·wᵀ, hence dx = dy·w and dw = dyᵀ·x.
//!
//! The weight is stored (out, in) as in PyTorch and Hugging Face; the product reads it transposed
//! without moving it. Several layers of the same input are one operation: x is packed once for all
//! of them, forward and for every dw, and dx = Σ dy_i·w_i is written once. x is kept for dw as
//! products read it, and the gradients of the outputs may come so, too.

use crate::gemm::rounded::gemm_rounded;
use crate::gemm::{MatMut, gemm_sharing_a, gemm_sharing_b, gemm_sum};
use crate::matrix::element::Element;
use crate::{DType, Op, Tensor, Var};

/// All axes but the last as rows, to write to.
fn matrix_mut<E: Element>(x: &mut Tensor) -> MatMut<'_, E> {
    let (rows, cols) = (x.rows(), x.last_dim());
    MatMut::new(x.elements_mut(), rows, cols)
}

impl<'t> Var<'t> {
    /// `self` (…, in), `w` (out, in) → (…, out).
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn linear(&self, w: &Var<'t>) -> Var<'t> {
        let [y] = self.linears([w]);
        y
    }

    /// `self` (…, in) by each of the weights (out_i, in) → (…, out_i) each.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn linears<const N: usize>(&self, weights: [&Var<'t>; N]) -> [Var<'t>; N] {
        self.linears_of(weights, DType::F32)
    }

    /// The same with outputs that are written as operands of products: in bf16 precision each sum
    /// is rounded.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn linears_rounded<const N: usize>(&self, weights: [&Var<'t>; N]) -> [Var<'t>; N] {
        self.linears_of(weights, self.context().operands())
    }

    #[track_caller]
    fn linears_of<const N: usize>(&self, weights: [&Var<'t>; N], dtype: DType) -> [Var<'t>; N] {
        let (context, x) = (self.context(), self.value());
        // In a loop, not a closure: the panic names the caller's line then.
        for w in weights {
            let &[_, inputs] = w.shape() else {
                panic!("linear: the weight has shape {:?}, expected (out, in)", w.shape());
            };
            assert!(
                !x.shape().is_empty() && x.last_dim() == inputs,
                "linear: {:?} by weight {:?}",
                x.shape(),
                w.shape()
            );
        }
        let leading = &x.shape()[..x.shape().len() - 1];
        let mut ys =
            weights.map(|w| Tensor::scratch_of(dtype, &[leading, &w.shape()[..1]].concat()));
        let ws = weights.map(|w| w.value().clone());
        let flops = 2.0 * (x.rows() * ws.iter().map(Tensor::len).sum::<usize>()) as f64;
        let mut inputs = vec![self];
        inputs.extend(weights);
        let op = Op::new("linear", &inputs).flops(flops, 2.0 * flops).takes_rounded_gradients();

        let x = if op.needs_grad() { x.as_operand(context) } else { x.clone() };
        let transposed: Vec<_> = ws.iter().map(|w| w.matrix().t()).collect();
        let ys_mut = ys.iter_mut();
        match dtype {
            DType::F32 => {
                gemm_sharing_a(context, x.matrix(), &transposed, ys_mut.map(matrix_mut).collect());
            }
            DType::Bf16 => {
                gemm_rounded(context, x.matrix(), &transposed, ys_mut.map(matrix_mut).collect());
            }
        }
        op.record_all(ys, move |dys, grads| {
            let x_matrix = x.matrix();
            // Without the layers whose output nothing depends on; inputs are x and the weights in
            // their order.
            let layers = (1..).zip(&ws).zip(&dys);
            let layers: Vec<_> =
                layers.filter_map(|((input, w), dy)| Some((input, w, dy.as_ref()?))).collect();
            if let ([(_, w, dy)], DType::Bf16) = (&layers[..], grads.dtype(1)) {
                let mut dx = Tensor::scratch_of(DType::Bf16, x.shape());
                gemm_rounded(context, dy.matrix(), &[w.matrix()], vec![matrix_mut(&mut dx)]);
                grads.give(0, dx);
            } else {
                grads.write(0, x.shape(), |dx, accumulate| {
                    let (dys, ws): (Vec<_>, Vec<_>) =
                        layers.iter().map(|(_, w, dy)| (dy.matrix(), w.matrix())).unzip();
                    let dx = MatMut::new(dx, x_matrix.rows(), x_matrix.cols());
                    gemm_sum(context, &dys, &ws, dx, accumulate);
                });
            }

            let wanted: Vec<_> = layers.iter().filter(|(input, ..)| grads.wants(*input)).collect();
            let mut dws: Vec<_> =
                wanted.iter().map(|(_, w, _)| Tensor::scratch(w.shape())).collect();
            let dys: Vec<_> = wanted.iter().map(|(.., dy)| dy.matrix().t()).collect();
            gemm_sharing_b(context, &dys, x_matrix, dws.iter_mut().map(matrix_mut).collect());
            wanted.iter().zip(dws).for_each(|((input, ..), dw)| grads.give(*input, dw));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Tape, isa, testing};

    #[test]
    fn gradients() {
        for (x, w) in
            [(&[3, 5][..], [4, 5]), (&[2, 3, 7], [6, 7]), (&[1, 1], [1, 1]), (&[5], [3, 5])]
        {
            let inputs = [testing::random(x, 1), testing::random(&w, 2)];
            testing::gradcheck(&inputs, |_, v| v[0].linear(&v[1]));
        }
    }

    #[test]
    fn gradients_of_layers_of_one_input() {
        for rows in [1, 7] {
            let shapes = [[rows, 5], [4, 5], [6, 5]];
            let inputs = [1, 2, 3].map(|seed| testing::random(&shapes[seed as usize - 1], seed));
            testing::gradcheck(&inputs, |tape, v| {
                let [a, b] = v[0].linears([&v[1], &v[2]]);
                let last = tape.constant(testing::random(&[3, 6], 4));
                a.linear(&tape.constant(testing::random(&[3, 4], 5))).add(&b.linear(&last))
            });
        }
    }

    #[test]
    fn a_shared_input_sums_its_gradients() {
        let inputs = [testing::random(&[3, 5], 1), testing::random(&[5, 5], 2)];
        testing::gradcheck(&inputs, |_, v| v[0].linear(&v[1]).add(&v[0].linear(&v[1])));
        testing::gradcheck(&inputs, |_, v| {
            let [a, b] = v[0].linears([&v[1], &v[1]]);
            a.mul(&b)
        });
    }

    /// Outputs, dx and dws of three layers on x, one of them unused, as one operation or as three.
    fn three(context: Context, shape: &[usize], together: bool) -> Vec<Tensor> {
        let channels = *shape.last().unwrap();
        let tape = Tape::new(context);
        let x = tape.leaf(testing::random(shape, 1));
        let w = [(70, 2), (33, 3), (9, 4)]
            .map(|(outputs, seed)| tape.leaf(testing::random(&[outputs, channels], seed)));
        let [a, b, unused] = match together {
            true => x.linears([&w[0], &w[1], &w[2]]),
            false => w.each_ref().map(|w| x.linear(w)),
        };
        let [ga, gb] = [(&a, 5), (&b, 6)].map(|(y, seed)| testing::random(y.shape(), seed));
        let loss = a.mul(&tape.constant(ga)).sum().add(&b.mul(&tape.constant(gb)).sum());
        let mut gradients = tape.backward(&loss);
        assert!(gradients.get(&w[2]).is_none(), "nothing depends on this layer");
        let mut results: Vec<_> = [&a, &b, &unused].map(|y| y.value().clone()).into();
        results.extend([&x, &w[0], &w[1]].map(|v| gradients.take(v).unwrap()));
        results
    }

    #[test]
    fn layers_of_one_input_give_what_they_give_one_by_one() {
        for kernels in isa::available() {
            let context = Context::detect().with_kernels(kernels);
            for shape in [&[3, 50, 300][..], &[2, 40], &[7]] {
                let (together, one_by_one) =
                    (three(context, shape, true), three(context, shape, false));
                let names = ["a", "b", "unused", "dx", "dw_a", "dw_b"];
                for ((name, found), expected) in names.iter().zip(&together).zip(&one_by_one) {
                    let (found, expected) = (found.as_slice(), expected.as_slice());
                    match *name {
                        // One by one, the last layer comes first.
                        "dx" => testing::assert_close(name, found, expected, 1e-6),
                        _ => assert!(found == expected, "{name} of {shape:?} has other bits"),
                    }
                }
            }
        }
    }
}
