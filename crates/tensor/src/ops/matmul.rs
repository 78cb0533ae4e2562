//! Batched matrix product, y = a·b, hence da = dy·bᵀ and db = aᵀ·dy.

use crate::gemm::{Beta, Mat, MatMut, Threads, gemm};
use crate::{Context, Op, Tensor, Var};

/// Returns matrix `i` of a batch (…, rows, cols).
fn matrix(x: &Tensor, i: usize) -> Mat<'_> {
    let &[.., rows, cols] = x.shape() else { panic!("matmul: {:?} is no matrix", x.shape()) };
    Mat::new(&x.as_slice()[i * rows * cols..], rows, cols)
}

/// C_i ← A_i·B_i + β·C_i for each matrix of a batch.
fn products<'a>(
    context: Context,
    batch: usize,
    operands: impl Fn(usize) -> [Mat<'a>; 2],
    c: &mut [f32],
    beta: Beta,
) {
    for i in 0..batch {
        let [a, b] = operands(i);
        let (rows, cols) = (a.rows(), b.cols());
        let c = MatMut::new(&mut c[i * rows * cols..], rows, cols);
        gemm(context, a, b, c, beta, Threads::All);
    }
}

impl<'t> Var<'t> {
    /// Returns (…, M, K)·(…, K, N), (…, M, N); the leading axes are the same on both sides.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn matmul(&self, other: &Var<'t>) -> Var<'t> {
        let (context, a, b) = (self.context(), self.value().to_f32(), other.value().to_f32());
        let fits = match (a.shape(), b.shape()) {
            ([a @ .., _, k], [b @ .., l, _]) => a == b && k == l,
            _ => false,
        };
        let [x, y] = [self.shape(), other.shape()];
        assert!(fits, "matmul: {x:?} does not go with {y:?}; expected (…, M, K) and (…, K, N)");
        let (axes, n) = (a.shape().len(), b.last_dim());
        let batch: usize = a.shape()[..axes - 2].iter().product();
        let flops = 2.0 * (a.len() * n) as f64;
        let op = Op::new("matmul", &[self, other]).flops(flops, 2.0 * flops);
        let y = Tensor::build(&[&a.shape()[..axes - 1], &[n]].concat(), |y| {
            products(context, batch, |i| [matrix(&a, i), matrix(&b, i)], y, Beta::Zero);
        });
        op.record(y, move |dy, grads| {
            grads.write(0, a.shape(), |da, beta| {
                products(context, batch, |i| [matrix(&dy, i), matrix(&b, i).t()], da, beta);
            });
            grads.write(1, b.shape(), |db, beta| {
                products(context, batch, |i| [matrix(&a, i).t(), matrix(&dy, i)], db, beta);
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::tests::gradcheck;
    use crate::testing;

    #[test]
    fn gradients() {
        for (a, b) in [(&[3, 4][..], &[4, 5][..]), (&[2, 3, 7], &[2, 7, 4]), (&[1, 1], &[1, 1])] {
            let inputs = [testing::random(a, 1), testing::random(b, 2)];
            gradcheck(&inputs, |_, v| v[0].matmul(&v[1]));
        }
    }

    #[test]
    fn the_same_operand_twice() {
        gradcheck(&[testing::random(&[4, 4], 3)], |_, v| v[0].matmul(&v[0]));
    }
}
