//! Products of bf16 through the plain models of its units, against the definition.

use crate::gemm::naive::gemm_naive;
use crate::gemm::plan::table;
use crate::gemm::{Beta, Mat, MatMut, Threads, gemm};
use crate::isa::tests::model;
use crate::matrix::element::round_to_bf16;
use crate::{Context, Precision, testing};
use proptest::prelude::*;

fn noise(len: usize, seed: u64) -> Vec<f32> {
    testing::random(&[len], seed).as_slice().to_vec()
}

/// Compares the product with rounded operands on both models with the definition in f64.
fn check(m: usize, k: usize, n: usize, [ta, tb]: [bool; 2], beta: Beta, threads: Threads) {
    let (a, b, before) = (noise(m * k, 1), noise(k * n, 2), noise(m * n, 3));
    fn mat(data: &[f32], rows: usize, cols: usize, transposed: bool) -> Mat<'_> {
        if transposed { Mat::new(data, cols, rows).t() } else { Mat::new(data, rows, cols) }
    }
    let round = |x: &[f32]| x.iter().map(|&x| round_to_bf16(x)).collect::<Vec<f32>>();
    let (rounded_a, rounded_b) = (round(&a), round(&b));
    let exact = gemm_naive(mat(&rounded_a, m, k, ta), mat(&rounded_b, k, n, tb));
    for (unit, kernels) in [("tiles", &model::TILES), ("pairs", &model::PAIRS)] {
        let context = Context { kernels, precision: Precision::Bf16 };
        let mut c = before.clone();
        let target = MatMut::new(&mut c, m, n);
        gemm(context, mat(&a, m, k, ta), mat(&b, k, n, tb), target, beta, threads);
        for (i, (&found, exact)) in c.iter().zip(&exact).enumerate() {
            let expected = exact + if beta == Beta::One { f64::from(before[i]) } else { 0.0 };
            let error = (f64::from(found) - expected).abs();
            let bound = 3e-7 * (2 * k + 2) as f64;
            assert!(error <= bound, "{unit} {m}×{k}×{n}: C[{i}] is {found}, not {expected}");
        }
    }
}

#[test]
fn products_of_both_units_agree_with_the_definition() {
    let shapes = [(5, 1, 1), (32, 32, 32), (33, 65, 31), (100, 200, 70), (65, 64, 1100)];
    for (m, k, n) in shapes {
        for layouts in [[false, false], [false, true], [true, false], [true, true]] {
            check(m, k, n, layouts, Beta::Zero, Threads::All);
            check(m, k, n, layouts, Beta::One, Threads::One);
        }
    }
}

#[test]
fn a_row_has_the_same_bits_whatever_rows_are_computed_with_it() {
    // Small parts of A and of K, large ones, several parts of B; more rows than a block of A.
    let (k, n) = (1100, 70);
    for context in model::contexts() {
        let m = table(context).mc + 5;
        let mut a = testing::random(&[m, k], 1);
        // Rows of the largest subnormal number, which some instructions round to 0.
        let rows = a.as_mut_slice().chunks_exact_mut(k);
        rows.step_by(3).for_each(|row| row.fill(f32::from_bits(0x007f_ffff)));
        let b = testing::random(&[n, k], 2);
        let rounded = b.to_bf16(context);
        for b in [b.matrix().t(), rounded.matrix().t()] {
            let product = |first: usize, rows: usize| {
                let mut c = vec![f32::NAN; rows * n];
                let target = MatMut::new(&mut c, rows, n);
                let a = a.matrix().of_rows(first..first + rows);
                gemm(context, a, b, target, Beta::Zero, Threads::All);
                c
            };
            let whole = product(0, m);
            for (first, rows) in [(3, 1), (5, 2), (0, 4), (9, 7), (m - 16, 16), (1, m - 5)] {
                let expected = &whole[first * n..(first + rows) * n];
                let (found, isa) = (product(first, rows), context.kernels.isa());
                let precision = context.precision;
                assert!(found == expected, "{isa} {precision}: {rows} rows from {first}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn products_of_any_shape(
        m in 5usize..80, k in 1usize..150, n in 1usize..80,
        layouts in any::<[bool; 2]>(), accumulate: bool, serial: bool,
    ) {
        let threads = if serial { Threads::One } else { Threads::All };
        check(m, k, n, layouts, Beta::accumulating(accumulate), threads);
    }
}
