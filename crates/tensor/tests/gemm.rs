//! Matrix products on every kernel table of this machine, against the definition in f64.

use half::bf16;
use proptest::prelude::*;
use tensor::gemm::naive::gemm_naive;
use tensor::gemm::{Beta, Mat, MatMut, Threads, gemm};
use tensor::isa::available;
use tensor::{Context, Isa, Kernels, Precision};

/// The layout of an operand in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Layout {
    transposed: bool,
    /// Elements between the end of a row and the beginning of the next.
    gap: usize,
}

const PLAIN: Layout = Layout { transposed: false, gap: 0 };
const LAYOUTS: [Layout; 4] = [
    PLAIN,
    Layout { transposed: true, gap: 0 },
    Layout { transposed: false, gap: 3 },
    Layout { transposed: true, gap: 5 },
];

#[derive(Clone, Copy, Debug)]
struct Case {
    m: usize,
    k: usize,
    n: usize,
    a: Layout,
    b: Layout,
    c_gap: usize,
    beta: Beta,
    precision: Precision,
    threads: Threads,
}

/// Numbers in −1 ≤ x < 1 without a pattern.
fn noise(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// A matrix of noise and its elements; the gaps hold NaN, which would be seen in the result.
struct Operand {
    data: Vec<f32>,
    rows: usize,
    cols: usize,
    layout: Layout,
}

impl Operand {
    fn new(rows: usize, cols: usize, layout: Layout, seed: u32) -> Self {
        let (outer, inner) = if layout.transposed { (cols, rows) } else { (rows, cols) };
        let mut data = noise(outer * (inner + layout.gap), seed);
        for row in data.chunks_mut((inner + layout.gap).max(1)) {
            row[inner..].fill(f32::NAN);
        }
        Self { data, rows, cols, layout }
    }

    fn mat(&self) -> Mat<'_> {
        Self::mat_of(&self.data, self.rows, self.cols, self.layout)
    }

    fn mat_of(data: &[f32], rows: usize, cols: usize, layout: Layout) -> Mat<'_> {
        if layout.transposed {
            Mat::with_row_stride(data, cols, rows, rows + layout.gap).t()
        } else {
            Mat::with_row_stride(data, rows, cols, cols + layout.gap)
        }
    }
}

/// A, B and C before the product.
fn operands(case: Case) -> (Operand, Operand, Vec<f32>) {
    let Case { m, k, n, .. } = case;
    let (a, b) = (Operand::new(m, k, case.a, 1), Operand::new(k, n, case.b, 2));
    (a, b, noise(m * (n + case.c_gap), 3))
}

/// The elements of C with their gaps.
fn compute(kernels: &'static Kernels, case: Case) -> Vec<f32> {
    let (a, b, mut c) = operands(case);
    let context = Context { kernels, precision: case.precision };
    let target = MatMut::with_row_stride(&mut c, case.m, case.n, case.n + case.c_gap);
    gemm(context, a.mat(), b.mat(), target, case.beta, case.threads);
    c
}

/// Returns a bound of the rounding error of a sum of `k` products, relative to the sum of their
/// sizes. As roundings go either way, it is half a unit in the last place times √k, which is hardly
/// ever exceeded (N. Higham and T. Mary, *A New Approach to Probabilistic Rounding Error Analysis*,
/// 2019), and some units for short sums.
fn relative_bound(k: usize) -> f64 {
    f64::from(f32::EPSILON) / 2.0 * (k as f64).sqrt().max(5.0)
}

/// Computes the case and compares each element with the definition; returns C.
fn check(kernels: &'static Kernels, case: Case) -> Vec<f32> {
    let Case { m, k, n, precision, .. } = case;
    let c = compute(kernels, case);
    let (a, b, before) = operands(case);
    let stride = n + case.c_gap;

    let rounded = |operand: &Operand| -> Vec<f32> {
        let round = |x: f32| half::bf16::from_f32(x).to_f32();
        let exact = |x: f32| x;
        let f = if precision == Precision::Bf16 { round } else { exact };
        operand.data.iter().map(|&x| f(x)).collect()
    };
    let (a_data, b_data) = (rounded(&a), rounded(&b));
    let magnitudes = |data: &[f32]| data.iter().map(|x| x.abs()).collect::<Vec<_>>();
    let (a_size, b_size) = (magnitudes(&a_data), magnitudes(&b_data));
    let exact =
        gemm_naive(Operand::mat_of(&a_data, m, k, case.a), Operand::mat_of(&b_data, k, n, case.b));
    let size =
        gemm_naive(Operand::mat_of(&a_size, m, k, case.a), Operand::mat_of(&b_size, k, n, case.b));
    for i in 0..m {
        for j in 0..stride {
            let (found, before) = (c[i * stride + j], before[i * stride + j]);
            if j >= n {
                assert_eq!(found, before, "{}: {case:?} wrote to the gap", kernels.isa());
                continue;
            }
            let start = if case.beta == Beta::One { f64::from(before) } else { 0.0 };
            let expected = start + exact[i * n + j];
            let error = (f64::from(found) - expected).abs();
            let bound = relative_bound(k) * (start.abs() + size[i * n + j]);
            assert!(
                error <= bound,
                "{}: {case:?}: C[{i}, {j}] is {found}, not {expected}",
                kernels.isa()
            );
        }
    }
    c
}

fn case(m: usize, k: usize, n: usize) -> Case {
    Case {
        m,
        k,
        n,
        a: PLAIN,
        b: PLAIN,
        c_gap: 0,
        beta: Beta::Zero,
        precision: Precision::F32,
        threads: Threads::All,
    }
}

/// Shapes around the sizes of every table's tiles (6×8, 6×16, 14×32, 32×32), blocks (256 of K,
/// two of them in a slab of 2048 columns; 72, 140 and 144 rows) and of the methods for few rows and
/// few columns.
const SHAPES: [(usize, usize, usize); 29] = [
    (50, 300, 32),
    (13, 513, 64),
    (6, 48, 16),
    (5, 700, 2100),
    (7, 1100, 33),
    (0, 3, 4),
    (3, 0, 4),
    (3, 4, 0),
    (1, 1, 1),
    (1, 37, 1),
    (1, 300, 70),
    (2, 31, 33),
    (3, 64, 513),
    (4, 1025, 17),
    (5, 5, 5),
    (5, 255, 7),
    (6, 256, 8),
    (7, 257, 9),
    (6, 1, 16),
    (13, 255, 31),
    (14, 256, 32),
    (15, 257, 33),
    (64, 32, 256),
    (71, 17, 15),
    (73, 300, 17),
    (141, 257, 65),
    (12, 20, 1025),
    (300, 3, 1),
    (73, 260, 1030),
];

#[test]
fn fixed_shapes_in_every_layout() {
    for kernels in available() {
        for (m, k, n) in SHAPES {
            for (index, a) in LAYOUTS.into_iter().enumerate() {
                // Small shapes go through all pairs, large ones through four of them.
                let pairs = if m * k * n < 100_000 { 4 } else { 1 };
                for turn in 0..pairs {
                    let b = LAYOUTS[(index + turn) % 4];
                    let beta = Beta::accumulating((index + turn) % 2 == 1);
                    let c_gap = if index % 2 == 0 { 0 } else { 7 };
                    for precision in [Precision::F32, Precision::Bf16] {
                        let case = Case { a, b, c_gap, beta, precision, ..case(m, k, n) };
                        let parallel = check(kernels, case);
                        let serial = compute(kernels, Case { threads: Threads::One, ..case });
                        assert_eq!(parallel, serial, "{case:?}: serial and parallel differ");
                    }
                }
            }
        }
    }
}

#[test]
fn operands_that_are_rounded_already_give_the_bits_that_rounding_gives() {
    for kernels in available() {
        for (m, k, n) in SHAPES {
            let data = [noise(m * k, 1), noise(k * n, 2)];
            let rounded = data
                .each_ref()
                .map(|x| -> Vec<bf16> { x.iter().map(|&x| bf16::from_f32(x)).collect() });
            for transposed in [[false; 2], [true; 2], [false, true], [true, false]] {
                let shapes = [(m, k), (k, n)];
                let mat = |i: usize, is_rounded: bool| {
                    let (rows, cols) = shapes[i];
                    let (rows, cols) = if transposed[i] { (cols, rows) } else { (rows, cols) };
                    let mat = match is_rounded {
                        true => Mat::new(&rounded[i], rows, cols),
                        false => Mat::new(&data[i], rows, cols),
                    };
                    if transposed[i] { mat.t() } else { mat }
                };
                let product = |is_rounded: [bool; 2]| {
                    let mut c = vec![0.0; m * n];
                    let context = Context { kernels, precision: Precision::Bf16 };
                    let target = MatMut::new(&mut c, m, n);
                    gemm(
                        context,
                        mat(0, is_rounded[0]),
                        mat(1, is_rounded[1]),
                        target,
                        Beta::Zero,
                        Threads::All,
                    );
                    c
                };
                let expected = product([false; 2]);
                for is_rounded in [[true, false], [false, true], [true, true]] {
                    let (isa, found) = (kernels.isa(), product(is_rounded));
                    assert!(
                        found == expected,
                        "{isa}: {m}×{k}×{n}, {transposed:?}, {is_rounded:?}"
                    );
                }
            }
        }
    }
}

fn layouts() -> impl Strategy<Value = Layout> {
    (any::<bool>(), 0usize..4).prop_map(|(transposed, gap)| Layout { transposed, gap })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn random_shapes(
        (m, k, n) in (0usize..90, 0usize..300, 0usize..90),
        (a, b, c_gap) in (layouts(), layouts(), 0usize..4),
        (accumulate, bf16, serial) in any::<(bool, bool, bool)>(),
    ) {
        let precision = if bf16 { Precision::Bf16 } else { Precision::F32 };
        let beta = Beta::accumulating(accumulate);
        let threads = if serial { Threads::One } else { Threads::All };
        for kernels in available() {
            check(kernels, Case { m, k, n, a, b, c_gap, beta, precision, threads });
        }
    }
}

#[test]
fn one_two_and_three_threads_give_the_same_bits() {
    // Deep; so wide and deep that B is packed in four parts; tall; few rows; more than one block
    // each way.
    let shapes = [(96, 1500, 80), (40, 700, 2100), (900, 70, 60), (2, 700, 900), (150, 260, 1030)];
    for kernels in available() {
        for (m, k, n) in shapes {
            for b in [LAYOUTS[0], LAYOUTS[1]] {
                let case = Case { b, ..case(m, k, n) };
                let results = [1, 2, 3].map(|threads| {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                    pool.unwrap().install(|| compute(kernels, case))
                });
                assert!(results[0] == results[1], "{case:?}: 1 and 2 threads differ");
                assert!(results[0] == results[2], "{case:?}: 1 and 3 threads differ");
            }
        }
    }
}

#[test]
fn what_is_not_finite_stays_in_its_row_and_column() {
    for kernels in available() {
        let (m, k, n) = (20, 30, 40);
        let (mut a, b) = (noise(m * k, 1), noise(k * n, 2));
        a[7 * k + 3] = f32::NAN;
        a[9 * k + 5] = f32::INFINITY;
        for precision in [Precision::F32, Precision::Bf16] {
            let mut c = vec![0.0; m * n];
            let context = Context { kernels, precision };
            let (a, b) = (Mat::new(&a, m, k), Mat::new(&b, k, n));
            gemm(context, a, b, MatMut::new(&mut c, m, n), Beta::Zero, Threads::All);
            for (i, row) in c.chunks(n).enumerate() {
                match i {
                    7 => assert!(row.iter().all(|c| c.is_nan())),
                    9 => assert!(row.iter().all(|c| c.is_infinite())),
                    _ => assert!(row.iter().all(|c| c.is_finite())),
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "shapes do not fit")]
fn shapes_that_do_not_fit_are_a_bug() {
    let data = [0.0; 6];
    let mut c = [0.0; 4];
    gemm(
        Context::detect(),
        Mat::new(&data, 2, 3),
        Mat::new(&data, 2, 3),
        MatMut::new(&mut c, 2, 2),
        Beta::Zero,
        Threads::All,
    );
}

#[test]
#[should_panic(expected = "needs")]
fn a_matrix_needs_its_elements() {
    Mat::with_row_stride(&[0.0; 8], usize::MAX, 2, usize::MAX);
}

/// Prints the tables that the tests of this file ran, and fails if one is missing that the
/// environment demands: `LMTEST_REQUIRE_ISA=avx2`, or several with commas.
#[test]
fn the_tables_that_are_demanded_were_exercised() {
    let here: Vec<Isa> = available().iter().map(|kernels| kernels.isa()).collect();
    for isa in Isa::ALL {
        let state =
            if here.contains(&isa) { "exercised" } else { "NOT exercised: this CPU lacks it" };
        println!("kernel table {isa}: {state}");
    }
    let demanded = std::env::var("LMTEST_REQUIRE_ISA").unwrap_or_default();
    for name in demanded.split(',').filter(|name| !name.is_empty()) {
        assert!(
            here.iter().any(|isa| isa.name() == name),
            "LMTEST_REQUIRE_ISA={demanded}: {name} kernels were not exercised, only {here:?}"
        );
    }
}
