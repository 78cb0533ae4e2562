use super::*;
use crate::matrix::element::round_to_bf16;
use crate::{Precision, Role, isa, testing};
use half::bf16;

#[test]
fn writing_to_a_clone_leaves_the_original() {
    let a = Tensor::from_slice(&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let mut b = a.clone();
    b.as_mut_slice()[0] = 9.0;
    assert_eq!(a.as_slice(), &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(b.as_slice(), &[9.0, 2.0, 3.0, 4.0]);
}

#[test]
fn slices_share_and_copy_on_write() {
    let a = Tensor::from_slice(&[3, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let mut tail = a.slice_first(1, 3);
    assert_eq!(tail.shape(), &[2, 2]);
    assert_eq!(tail.as_slice(), &[2.0, 3.0, 4.0, 5.0]);
    tail.as_mut_slice()[0] = -1.0;
    assert_eq!(a.as_slice()[2], 2.0);
}

#[test]
fn operands_are_the_nearest_numbers_of_the_precision() {
    let x = testing::random(&[3, 2, CHUNK / 4 + 1], 1);
    let context = Context::detect();
    for (precision, dtype, map) in [
        (Precision::F32, DType::F32, (|x| x) as fn(f32) -> f32),
        (Precision::Bf16, DType::Bf16, round_to_bf16),
    ] {
        let context = context.with_precision(precision);
        let operand = Role::Operand.store(context, &x);
        assert_eq!((operand.dtype(), operand.shape()), (dtype, x.shape()));
        assert_eq!(operand.to_f32().as_slice(), x.map(map).as_slice());
        let matrix = operand.matrix();
        assert_eq!((matrix.rows(), matrix.cols()), (6, x.last_dim()));
        assert_eq!(matrix.at(5, 3), map(x.as_slice()[5 * x.last_dim() + 3]));
    }
}

#[test]
fn rounded_tensors_are_cut_shared_and_added_to() {
    let context = Context::detect();
    // An odd count, so that half of the last float is not used.
    let whole = testing::random(&[5, 3], 2).map(round_to_bf16);
    let rounded = whole.to_bf16(context);
    let mut rows = rounded.slice_first(1, 4);
    assert_eq!(rows.to_f32().as_slice(), &whole.as_slice()[3..12]);
    rows.elements_mut::<bf16>()[0] = bf16::ONE;
    assert_eq!(rounded.to_f32().as_slice(), whole.as_slice(), "the copy was written to");
    let mut sum = rounded.clone();
    sum.add_assign(context, &rounded);
    assert_eq!(sum.as_slice(), whole.map(|x| 2.0 * x).as_slice());
    assert!(format!("{rounded:?}").contains("Tensor"));
    assert_eq!(format!("{:.1}", Tensor::from([0.25, -1.0])), "[0.2, -1.0]");
}

#[test]
#[should_panic(expected = "a tensor [2] of Bf16, expected F32")]
fn rounded_tensors_are_no_floats() {
    Tensor::zeros(&[2]).to_bf16(Context::detect()).as_slice();
}

#[test]
fn empty_and_scalar_shapes() {
    assert_eq!(Tensor::zeros(&[0, 4]).len(), 0);
    assert_eq!(Tensor::zeros(&[0, 4]).rows(), 0);
    assert_eq!(Tensor::scalar(3.0).item(), 3.0);
    assert_eq!(Tensor::scalar(3.0).rows(), 1);
}

#[test]
fn sums_in_place_on_every_table() {
    for len in [1, CHUNK + 7] {
        let (x, y) = (testing::random(&[len], 1), testing::random(&[len], 2));
        for table in isa::available() {
            let mut sum = x.clone();
            sum.add_assign(Context::detect().with_kernels(table), &y);
            let mut terms = sum.as_slice().iter().zip(x.as_slice()).zip(y.as_slice());
            assert!(terms.all(|((sum, x), y)| *sum == x + y));
        }
    }
}

#[test]
fn shapes_beyond_memory_are_refused() {
    let half = 1 << (usize::BITS / 2);
    // Multiplied in `usize`, the first has 0 elements and the second 2.
    let shapes = [&[half, half][..], &[usize::MAX / 2 + 2, 2], &[usize::MAX], &[half, half, 0]];
    for shape in shapes {
        let made = [
            std::panic::catch_unwind(|| Tensor::zeros(shape)),
            std::panic::catch_unwind(|| Tensor::from_slice(shape, &[])),
            std::panic::catch_unwind(|| Tensor::zeros(&[0]).reshape(shape)),
        ];
        for made in made {
            let panic = made.expect_err("no such tensor exists");
            let message = panic.downcast_ref::<String>().expect("a message with the shape");
            assert!(message.contains("than memory can hold"), "{message}");
        }
    }
    assert!(Tensor::zeros(&[0, half]).is_empty());
}
