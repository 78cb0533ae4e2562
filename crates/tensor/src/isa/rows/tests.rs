//! Every table against the definition, and the promise that the number of rows changes no bit.

use super::*;
use crate::isa::{Kernels, available};
use crate::matrix::int8::{Int8Matrix, quantize_rows};
use crate::testing;
use crate::{Context, Isa, Tensor};
use half::{bf16, f16};

/// An element type with its kernel.
trait Dense: Copy + Default {
    fn kernel(kernels: &Kernels) -> DenseKernel<Self>;
    fn round(x: f32) -> Self;
    fn widen(self) -> f64;
}

impl Dense for f32 {
    fn kernel(kernels: &Kernels) -> DenseKernel<Self> {
        kernels.rows.f32
    }
    fn round(x: f32) -> Self {
        x
    }
    fn widen(self) -> f64 {
        self.into()
    }
}

impl Dense for bf16 {
    fn kernel(kernels: &Kernels) -> DenseKernel<Self> {
        kernels.rows.bf16
    }
    fn round(x: f32) -> Self {
        bf16::from_f32(x)
    }
    fn widen(self) -> f64 {
        self.into()
    }
}

impl Dense for f16 {
    fn kernel(kernels: &Kernels) -> DenseKernel<Self> {
        kernels.rows.f16
    }
    fn round(x: f32) -> Self {
        f16::from_f32(x)
    }
    fn widen(self) -> f64 {
        self.into()
    }
}

/// Returns the tile of x (rows, k) and w (outputs, k).
fn dense<E: Dense>(kernels: &Kernels, x: &[f32], w: &[E], k: usize) -> Tile {
    let mut tile = [[f32::NAN; BLOCK]; MAX_ROWS];
    let (rows, outputs) = (x.len() / k, w.len() / k);
    assert!(rows <= MAX_ROWS && outputs <= BLOCK);
    let job = DenseJob { k, x: x.as_ptr(), x_stride: k, rows, w: w.as_ptr(), outputs };
    // SAFETY: the table is available, and the slices have these sizes.
    unsafe { E::kernel(kernels)(job, &mut tile) };
    tile
}

fn check_dense<E: Dense>() {
    for k in [1, 7, 15, 16, 17, 40, 64, 333] {
        let w = testing::random(&[BLOCK, k], k as u64);
        let w: Vec<E> = w.as_slice().iter().map(|&w| E::round(w)).collect();
        let x = testing::random(&[MAX_ROWS, k], 99);
        let x = x.as_slice();
        for kernels in available() {
            let all = dense(kernels, x, &w, k);
            for (i, x) in x.chunks(k).enumerate() {
                for (j, w) in w.chunks(k).enumerate() {
                    let exact: f64 = x.iter().zip(w).map(|(&x, w)| f64::from(x) * w.widen()).sum();
                    let error = (f64::from(all[i][j]) - exact).abs();
                    assert!(error <= 1e-5, "{:?}: k {k}, row {i}, output {j}", kernels.isa());
                }
            }
            // Any number of rows and outputs has the bits of all.
            for rows in 1..=MAX_ROWS {
                for outputs in [1, 3, 8, 15, BLOCK] {
                    let tile = dense(kernels, &x[..rows * k], &w[..outputs * k], k);
                    for i in 0..rows {
                        let (found, expected) = (&tile[i][..outputs], &all[i][..outputs]);
                        assert_eq!(found, expected, "{:?}: {rows} rows", kernels.isa());
                    }
                }
            }
        }
        // Tables that fuse products with sums agree to the bit.
        let fused: Vec<Tile> = available()
            .into_iter()
            .filter(|kernels| kernels.isa() != Isa::Portable)
            .map(|kernels| dense(kernels, x, &w, k))
            .collect();
        assert!(fused.windows(2).all(|pair| pair[0] == pair[1]), "k {k}");
    }
}

#[test]
fn numbers_of_each_type_are_multiplied_in_one_order() {
    check_dense::<f32>();
    check_dense::<bf16>();
    check_dense::<f16>();
}

/// Returns the tile of x (rows, k) and the first block of w.
fn int8(kernels: &Kernels, x: &[f32], w: &Int8Matrix) -> Tile {
    let (k, groups) = (w.inputs(), w.groups());
    let rows = x.len() / k;
    let (mut bytes, mut x_scales) = (vec![0; rows * groups * GROUP], vec![0.0; rows * groups]);
    quantize_rows(x, k, &mut bytes, &mut x_scales);
    let (w, w_scales) = w.block(0);
    let mut tile = [[f32::NAN; BLOCK]; MAX_ROWS];
    let job = Int8Job {
        groups,
        x_scales: x_scales.as_ptr(),
        x: bytes.as_ptr(),
        rows,
        w_scales: w_scales.as_ptr(),
        w: w.as_ptr(),
    };
    // SAFETY: the table is available, and the slices have these sizes.
    unsafe { (kernels.rows.int8)(job, &mut tile) };
    tile
}

#[test]
fn bytes_have_the_same_bits_on_every_table_and_for_any_number_of_rows() {
    for (k, magnitude) in [(1, 1.0), (32, 1e-3), (33, 100.0), (512, 1.0), (1344, 1.0)] {
        let context = Context::detect();
        let weight = testing::random(&[BLOCK, k], k as u64);
        let w = Int8Matrix::quantize(context, &weight).unwrap();
        let x = testing::random(&[MAX_ROWS, k], 3).map(|x| x * magnitude);
        let expected = int8(available()[0], x.as_slice(), &w);
        for kernels in available() {
            for rows in 1..=MAX_ROWS {
                let found = int8(kernels, &x.as_slice()[..rows * k], &w);
                assert_eq!(found[..rows], expected[..rows], "{:?}: {rows} rows", kernels.isa());
            }
        }
        let exact = |x: &[f32], w: &[f32]| -> f32 { x.iter().zip(w).map(|(x, w)| x * w).sum() };
        let bound = 0.02 * magnitude * (k as f32).sqrt();
        for (row, x) in expected.iter().zip(x.as_slice().chunks(k)) {
            for (&y, w) in row.iter().zip(weight.as_slice().chunks(k)) {
                assert!((y - exact(x, w)).abs() <= bound, "{y} {} {bound}", exact(x, w));
            }
        }
    }
}

#[test]
fn the_largest_bytes_do_not_overflow() {
    let context = Context::detect();
    let k = 64;
    for sign in [1.0f32, -1.0] {
        let w = Int8Matrix::quantize(context, &Tensor::full(&[BLOCK, k], sign)).unwrap();
        let x = vec![2.0; k];
        for kernels in available() {
            let found = int8(kernels, &x, &w)[0][BLOCK - 1];
            let expected = sign * 2.0 * k as f32;
            assert!((found / expected - 1.0).abs() < 0.01, "{:?}: {found}", kernels.isa());
        }
    }
}

#[test]
fn weighted_sums_of_rows_are_added_in_one_order() {
    for width in [1, 7, 8, 12, 16, 32, 40, 64] {
        for count in [1, 2, 3, 4, 5, 30, 103] {
            let (p, v) = (testing::random(&[count], 1), testing::random(&[count, width], 2));
            let sums = available().into_iter().map(|kernels| {
                let mut o = vec![f32::NAN; width + 1];
                let (p, v) = (p.as_slice(), v.as_slice());
                let o_start = o.as_mut_ptr();
                let rows = WeightedRows { count, p: p.as_ptr(), v: v.as_ptr(), width, o: o_start };
                // SAFETY: the table is available, and the slices have these sizes.
                unsafe { (kernels.rows.weighted_sum)(rows) };
                assert!(o[width].is_nan(), "{:?}: written beyond the end", kernels.isa());
                for (i, &o) in o[..width].iter().enumerate() {
                    let column = v.iter().skip(i).step_by(width);
                    let products = p.iter().zip(column).map(|(&p, &v)| f64::from(p) * f64::from(v));
                    let exact: f64 = products.sum();
                    assert!((f64::from(o) - exact).abs() < 1e-5, "{:?}", kernels.isa());
                }
                (kernels.isa(), o[..width].to_vec())
            });
            let sums: Vec<_> = sums.filter(|(isa, _)| *isa != Isa::Portable).collect();
            assert!(sums.windows(2).all(|pair| pair[0].1 == pair[1].1), "{count} × {width}");
        }
    }
}
