//! Packing, and products through the plain model of the tile unit, against the definition.

use super::*;
use crate::gemm::naive::gemm_naive;
use crate::gemm::{MatMut, gemm, gemm_serial};
use crate::matrix::element::round_to_bf16;
use crate::{Context, Precision};
use proptest::prelude::*;

fn noise(len: usize, seed: u64) -> Vec<f32> {
    crate::testing::random(&[len], seed).as_slice().to_vec()
}

fn bf16(x: f32) -> u32 {
    u32::from(half::bf16::from_f32(x).to_bits())
}

#[test]
fn panels_of_every_layout_hold_the_pairs_where_the_unit_looks_for_them() {
    for (lead, depth) in [(1, 1), (16, 32), (32, 64), (33, 33), (70, 100), (15, 31), (64, 2)] {
        let data = noise(lead * depth, 1);
        let transposed: Vec<f32> =
            (0..lead * depth).map(|i| data[i % lead * depth + i / lead]).collect();
        let rounded =
            |x: &[f32]| -> Vec<half::bf16> { x.iter().map(|&x| half::bf16::from_f32(x)).collect() };
        let (rounded, rounded_transposed) = (rounded(&data), rounded(&transposed));
        let sources = [
            Mat::new(&data, lead, depth),
            Mat::new(&transposed, depth, lead).t(),
            Mat::of_bf16(&rounded, lead, depth),
            Mat::of_bf16(&rounded_transposed, depth, lead).t(),
        ];
        let at = |i: usize, k: usize| {
            if i < lead && k < depth { bf16(data[i * depth + k]) } else { 0 }
        };
        let blocks = depth.div_ceil(TERMS);
        for source in sources {
            for order in [Order::RowsOfTerms, Order::PairsOfTerms] {
                let mut tiles = vec![Tile::zeroed(); 2 * lead.div_ceil(PANEL) * blocks];
                tiles.iter_mut().for_each(|tile| tile.0 = [[!0; TILE]; TILE]);
                pack(source, bytemuck::cast_slice_mut(&mut tiles), order, model::Plain);
                for (index, tile) in tiles.iter().enumerate() {
                    let (panel, block, half) =
                        (index / (2 * blocks), index / 2 % blocks, index % 2);
                    for x in 0..TILE {
                        for y in 0..TILE {
                            let (row, p) = match order {
                                Order::RowsOfTerms => (x, y),
                                Order::PairsOfTerms => (y, x),
                            };
                            let i = panel * PANEL + half * TILE + row;
                            let k = block * TERMS + 2 * p;
                            let expected = at(i, k) | at(i, k + 1) << 16;
                            assert_eq!(tile.0[x][y], expected, "{lead}×{depth} {order:?} {i}, {k}");
                        }
                    }
                }
            }
        }
    }
}

/// The product with rounded operands on both models against the definition in f64.
fn check(m: usize, k: usize, n: usize, [ta, tb]: [bool; 2], accumulate: bool, serial: bool) {
    let (a, b, before) = (noise(m * k, 1), noise(k * n, 2), noise(m * n, 3));
    fn mat(data: &[f32], rows: usize, cols: usize, transposed: bool) -> Mat<'_> {
        if transposed { Mat::new(data, cols, rows).t() } else { Mat::new(data, rows, cols) }
    }
    let round = |x: &[f32]| x.iter().map(|&x| round_to_bf16(x)).collect::<Vec<f32>>();
    let (rounded_a, rounded_b) = (round(&a), round(&b));
    let exact = gemm_naive(mat(&rounded_a, m, k, ta), mat(&rounded_b, k, n, tb));
    for (unit, kernels) in [("tiles", &model::TILES), ("pairs", &model::PAIRS)] {
        let context = Context { kernels, precision: Precision::Bf16 };
        let product = if serial { gemm_serial } else { gemm };
        let mut c = before.clone();
        let target = MatMut::new(&mut c, m, n);
        product(context, mat(&a, m, k, ta), mat(&b, k, n, tb), target, accumulate);
        for (i, (&found, exact)) in c.iter().zip(&exact).enumerate() {
            let expected = exact + if accumulate { f64::from(before[i]) } else { 0.0 };
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
            check(m, k, n, layouts, false, false);
            check(m, k, n, layouts, true, true);
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
        check(m, k, n, layouts, accumulate, serial);
    }
}
