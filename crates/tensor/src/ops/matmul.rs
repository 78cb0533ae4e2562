//! Batched matrix product, y = a·b, hence da = dy·bᵀ and db = aᵀ·dy.

use crate::gemm::{Beta, Mat, MatMut, Threads, gemm};
use crate::{Context, Op, Tensor, Var};

/// The sizes of a batched product: `batch` times (m, k)·(k, n).
#[derive(Clone, Copy)]
struct Sizes {
    batch: usize,
    m: usize,
    k: usize,
    n: usize,
}

#[track_caller]
fn sizes(a: &[usize], b: &[usize]) -> Sizes {
    let fits = a.len() >= 2
        && a.len() == b.len()
        && a[..a.len() - 2] == b[..b.len() - 2]
        && a[a.len() - 1] == b[b.len() - 2];
    assert!(fits, "matmul: {a:?} does not go with {b:?}; expected (…, M, K) and (…, K, N)");
    let rank = a.len();
    Sizes { batch: a[..rank - 2].iter().product(), m: a[rank - 2], k: a[rank - 1], n: b[rank - 1] }
}

/// The product `product(i)` for each matrix i of a batch, into `c`, (batch, rows, cols).
fn each<'a>(
    context: Context,
    (rows, cols): (usize, usize),
    c: &mut [f32],
    accumulate: bool,
    product: impl Fn(usize) -> (Mat<'a>, Mat<'a>),
) {
    for (i, c) in c.chunks_exact_mut((rows * cols).max(1)).enumerate() {
        let (a, b) = product(i);
        gemm(
            context,
            a,
            b,
            MatMut::new(c, rows, cols),
            Beta::accumulating(accumulate),
            Threads::All,
        );
    }
}

impl<'t> Var<'t> {
    /// (…, M, K)·(…, K, N) → (…, M, N); the leading axes are the same on both sides.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn matmul(&self, other: &Var<'t>) -> Var<'t> {
        let Sizes { batch, m, k, n } = sizes(self.shape(), other.shape());
        let flops = 2.0 * (batch * m * k * n) as f64;
        let op = Op::new("matmul", &[self, other]).flops(flops, 2.0 * flops);
        let (context, a, b) = (self.context(), self.value().to_f32(), other.value().to_f32());
        let mut shape = a.shape().to_vec();
        *shape.last_mut().expect("the rank is at least 2") = n;
        // Matrix i of a, b and any (batch, m, n).
        fn at(x: &[f32], i: usize, rows: usize, cols: usize) -> Mat<'_> {
            Mat::new(&x[i * rows * cols..], rows, cols)
        }
        let y = Tensor::build(&shape, |y| {
            each(context, (m, n), y, false, |i| {
                (at(a.as_slice(), i, m, k), at(b.as_slice(), i, k, n))
            });
        });
        debug_assert_eq!(y.len(), batch * m * n);
        op.record(y, move |dy, grads| {
            let (a, b, dy) = ((&a, a.as_slice()), (&b, b.as_slice()), dy.as_slice());
            grads.write(0, a.0.shape(), |da, accumulate| {
                each(context, (m, k), da, accumulate, |i| (at(dy, i, m, n), at(b.1, i, k, n).t()));
            });
            grads.write(1, b.0.shape(), |db, accumulate| {
                each(context, (k, n), db, accumulate, |i| (at(a.1, i, m, k).t(), at(dy, i, m, n)));
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[test]
    fn gradients() {
        for (a, b) in [(&[3, 4][..], &[4, 5][..]), (&[2, 3, 7], &[2, 7, 4]), (&[1, 1], &[1, 1])] {
            let inputs = [testing::random(a, 1), testing::random(b, 2)];
            testing::gradcheck(&inputs, |_, v| v[0].matmul(&v[1]));
        }
    }

    #[test]
    fn the_same_operand_twice() {
        testing::gradcheck(&[testing::random(&[4, 4], 3)], |_, v| v[0].matmul(&v[0]));
    }
}
