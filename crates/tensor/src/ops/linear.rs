//! Linear layers without bias, y = x·wᵀ, hence dx = dy·w and dw = dyᵀ·x.
//!
//! The weight is stored (out, in) as in PyTorch and Hugging Face; the product reads it transposed
//! without moving it. Several layers of the same input are one operation: x is packed once for all
//! of them, forward and for every dw, and dx = Σ dy_i·w_i is written once. x is kept for dw in the
//! form in which products read it, and so may the gradients of the outputs come.

use crate::context::precision::store_products;
use crate::gemm::{MatMut, gemm_sharing_b, gemm_sum};
use crate::{Op, Role, Tensor, Var};
use std::slice::from_mut;

impl<'t> Var<'t> {
    /// Returns `self` (…, in) by `w` (out, in), (…, out), for the residual stream.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn linear(&self, w: &Var<'t>) -> Var<'t> {
        let [y] = self.linear_many([w], Role::Residual);
        y
    }

    /// Returns `self` (…, in) by each of the weights (out_i, in), (…, out_i) each, for `role`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn linear_many<const N: usize>(&self, weights: [&Var<'t>; N], role: Role) -> [Var<'t>; N] {
        let (context, x) = (self.context(), self.value());
        // In a loop, not a closure: the panic names the caller's line then.
        for w in weights {
            let &[_, inputs] = w.shape() else {
                panic!("linear: the weight has shape {:?}, expected (out, in)", w.shape());
            };
            let (x_shape, w_shape) = (x.shape(), w.shape());
            let fits = x_shape.last() == Some(&inputs);
            assert!(fits, "linear: {x_shape:?} by weight {w_shape:?}");
        }
        let ws = weights.map(|w| w.value().clone());
        let flops = 2.0 * (x.rows() * ws.iter().map(Tensor::len).sum::<usize>()) as f64;
        let mut inputs = vec![self];
        inputs.extend(weights);
        let op = Op::new("linear", &inputs).flops(flops, 2.0 * flops);
        // Backward only multiplies by the gradients, whatever the outputs are for.
        let op = op.output(role).gradient(Role::Operand);

        let leading = &x.shape()[..x.shape().len() - 1];
        let mut ys = weights.map(|w| op.scratch(&[leading, &w.shape()[..1]].concat()));
        let x = if op.needs_grad() { Role::Operand.store(context, x) } else { x.clone() };
        let transposed: Vec<_> = ws.iter().map(|w| w.matrix().t()).collect();
        store_products(context, x.matrix(), &transposed, &mut ys);
        op.record_all(ys, move |dys, grads| {
            let x_matrix = x.matrix();
            // Without the layers whose output nothing depends on. Input 0 is x, then come the
            // weights in their order.
            let layers = (1..).zip(&ws).zip(&dys);
            let layers: Vec<_> =
                layers.filter_map(|((input, w), dy)| Some((input, w, dy.as_ref()?))).collect();
            match &layers[..] {
                // A single product can be rounded as it is written, a sum of several cannot.
                [(_, w, dy)] if grads.is_rounded(0) => {
                    let [mut dx] = grads.scratch([0], x.shape());
                    store_products(context, dy.matrix(), &[w.matrix()], from_mut(&mut dx));
                    grads.give(0, dx);
                }
                _ => {
                    _ = grads.write(0, x.shape(), |dx, beta| {
                        let (dys, ws): (Vec<_>, Vec<_>) =
                            layers.iter().map(|(_, w, dy)| (dy.matrix(), w.matrix())).unzip();
                        let dx = MatMut::new(dx, x_matrix.rows(), x_matrix.cols());
                        gemm_sum(context, &dys, &ws, dx, beta);
                    })
                }
            }

            let wanted: Vec<_> = layers.iter().filter(|(input, ..)| grads.wants(*input)).collect();
            let mut dws: Vec<_> =
                wanted.iter().map(|(_, w, _)| Tensor::scratch(w.shape())).collect();
            let dys: Vec<_> = wanted.iter().map(|(.., dy)| dy.matrix().t()).collect();
            let dws_mut = dws.iter_mut().map(Tensor::matrix_mut).collect();
            gemm_sharing_b(context, &dys, x_matrix, dws_mut);
            wanted.iter().zip(dws).for_each(|((input, ..), dw)| grads.give(*input, dw));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::{assert_close, gradcheck};
    use crate::{Context, Tape, isa, testing};

    #[test]
    fn gradients() {
        for (x, w) in
            [(&[3, 5][..], [4, 5]), (&[2, 3, 7], [6, 7]), (&[1, 1], [1, 1]), (&[5], [3, 5])]
        {
            let inputs = [testing::random(x, 1), testing::random(&w, 2)];
            gradcheck(&inputs, |_, v| v[0].linear(&v[1]));
        }
    }

    #[test]
    fn gradients_of_layers_of_one_input() {
        for rows in [1, 7] {
            let shapes = [[rows, 5], [4, 5], [6, 5]];
            let inputs = [1, 2, 3].map(|seed| testing::random(&shapes[seed as usize - 1], seed));
            gradcheck(&inputs, |tape, v| {
                let [a, b] = v[0].linear_many([&v[1], &v[2]], Role::Residual);
                let last = tape.constant(testing::random(&[3, 6], 4));
                a.linear(&tape.constant(testing::random(&[3, 4], 5))).add(&b.linear(&last))
            });
        }
    }

    #[test]
    fn a_shared_input_sums_its_gradients() {
        let inputs = [testing::random(&[3, 5], 1), testing::random(&[5, 5], 2)];
        gradcheck(&inputs, |_, v| v[0].linear(&v[1]).add(&v[0].linear(&v[1])));
        gradcheck(&inputs, |_, v| {
            let [a, b] = v[0].linear_many([&v[1], &v[1]], Role::Residual);
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
            true => x.linear_many([&w[0], &w[1], &w[2]], Role::Residual),
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
                        "dx" => assert_close(name, found, expected, 1e-6),
                        _ => assert!(found == expected, "{name} of {shape:?} has other bits"),
                    }
                }
            }
        }
    }
}
