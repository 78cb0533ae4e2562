//! Products that are computed together have the bits of the same products one by one.

use proptest::prelude::*;
use tensor::gemm::{Beta, Mat, MatMut, Threads, gemm, gemm_sharing_a, gemm_sharing_b, gemm_sum};
use tensor::isa::available;
use tensor::{Context, Precision, testing};

/// A matrix (rows, cols) of noise, stored transposed or not.
struct Operand {
    data: Vec<f32>,
    rows: usize,
    cols: usize,
    transposed: bool,
}

impl Operand {
    fn new(rows: usize, cols: usize, transposed: bool, seed: usize) -> Self {
        let data = testing::random(&[rows * cols], seed as u64).as_slice().to_vec();
        Self { data, rows, cols, transposed }
    }

    fn mat(&self) -> Mat<'_> {
        match self.transposed {
            true => Mat::new(&self.data, self.cols, self.rows).t(),
            false => Mat::new(&self.data, self.rows, self.cols),
        }
    }
}

fn contexts() -> impl Iterator<Item = Context> {
    available().into_iter().flat_map(|kernels| {
        [Precision::F32, Precision::Bf16].map(|precision| Context { kernels, precision })
    })
}

/// Fresh matrices for the results of `a` and `b`.
fn targets<'c>(cs: &'c mut [Vec<f32>], sizes: &[(usize, usize)]) -> Vec<MatMut<'c>> {
    let sized = cs.iter_mut().zip(sizes);
    sized.map(|(c, &(rows, cols))| MatMut::new(c, rows, cols)).collect()
}

/// Checks products that share A, share B, or are summed, for matrices that share the axis `shared`
/// and differ along `sizes`.
fn check(context: Context, sizes: &[usize], shared: [usize; 2], transposed: bool) {
    let [p, q] = shared;
    let one_by_one = |a: &[Mat<'_>], b: &[Mat<'_>], sum: bool| {
        let at = |x: &[Mat<'_>], i: usize| if x.len() == 1 { 0 } else { i };
        let mut cs: Vec<Vec<f32>> = Vec::new();
        for i in 0..sizes.len() {
            let (a, b) = (a[at(a, i)], b[at(b, i)]);
            if !sum || i == 0 {
                cs.push(vec![0.5; a.rows() * b.cols()]);
            }
            let c = cs.last_mut().unwrap();
            let c = MatMut::new(c, a.rows(), b.cols());
            gemm(context, a, b, c, Beta::accumulating(sum), Threads::One);
        }
        cs
    };
    let operands = |along_rows: bool, other: usize, seed: usize| -> Vec<Operand> {
        let new = |(i, &size): (usize, &usize)| match along_rows {
            true => Operand::new(size, other, transposed, seed + i),
            false => Operand::new(other, size, transposed, seed + i),
        };
        sizes.iter().enumerate().map(new).collect()
    };
    fn mats(operands: &[Operand]) -> Vec<Mat<'_>> {
        operands.iter().map(Operand::mat).collect()
    }
    let one = Operand::new(p, q, !transposed, 99);
    let what = format!("{context:?}: {sizes:?}, {shared:?}, {transposed}");

    let bs = operands(false, q, 1);
    let expected = one_by_one(&[one.mat()], &mats(&bs), false);
    let mut found: Vec<_> = expected.iter().map(|c| vec![f32::NAN; c.len()]).collect();
    let shapes: Vec<_> = sizes.iter().map(|&size| (p, size)).collect();
    gemm_sharing_a(context, one.mat(), &mats(&bs), targets(&mut found, &shapes));
    assert!(found == expected, "sharing A, {what}");

    let many = operands(true, p, 1);
    let expected = one_by_one(&mats(&many), &[one.mat()], false);
    let mut found: Vec<_> = expected.iter().map(|c| vec![f32::NAN; c.len()]).collect();
    let shapes: Vec<_> = sizes.iter().map(|&size| (size, q)).collect();
    gemm_sharing_b(context, &mats(&many), one.mat(), targets(&mut found, &shapes));
    assert!(found == expected, "sharing B, {what}");

    let (many, bs) = (operands(false, p, 1), operands(true, q, 50));
    let expected = one_by_one(&mats(&many), &mats(&bs), true);
    let mut found = vec![0.5; p * q];
    gemm_sum(context, &mats(&many), &mats(&bs), MatMut::new(&mut found, p, q), Beta::One);
    assert!(found == expected[0], "sum, {what}");
}

#[test]
fn sizes_around_blocks() {
    for context in contexts() {
        check(context, &[300, 17, 513], [70, 40], false);
        check(context, &[16, 16], [7, 700], true);
        check(context, &[1030, 1030], [150, 20], false);
        check(context, &[0, 5, 0], [9, 3], true);
        check(context, &[3], [1, 300], false);
        check(context, &[2, 1], [2, 9], true);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for threads in 1..=3 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            for context in contexts() {
                check(context, &[400, 90, 400], [200, 130], threads == 2);
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_sizes(
        sizes in prop::collection::vec(0usize..90, 1..4),
        shared in [0usize..60, 0usize..300],
        transposed: bool,
    ) {
        contexts().for_each(|context| check(context, &sizes, shared, transposed));
    }
}
