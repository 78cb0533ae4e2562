//! Gradients of a few operations, against those derived by hand.

use super::*;
use crate::{Op, Precision};

fn tensor(data: &[f32]) -> Tensor {
    Tensor::from_slice(&[data.len()], data)
}

#[test]
fn a_diamond_adds_both_paths() {
    let tape = Tape::new(Context::detect());
    let x = tape.leaf(tensor(&[3.0]));
    let y = x.mul(&x).add(&x).sum(); // y = x² + x, dx = 2x + 1
    assert_eq!(tape.backward(&y).get(&x).unwrap().as_slice(), &[7.0]);
}

#[test]
fn constants_get_no_gradient_and_unused_leaves_none() {
    let tape = Tape::new(Context::detect());
    let x = tape.leaf(tensor(&[1.0, 2.0]));
    let unused = tape.leaf(tensor(&[5.0]));
    let c = tape.constant(tensor(&[3.0, 4.0]));
    let y = x.mul(&c).sum();
    let gradients = tape.backward(&y);
    assert_eq!(gradients.get(&x).unwrap().as_slice(), &[3.0, 4.0]);
    assert!(gradients.get(&c).is_none());
    assert!(gradients.get(&unused).is_none());
}

#[test]
fn a_gradient_that_is_not_there_is_no_index() {
    let tape = Tape::default();
    let (x, unused, constant) = (tape.leaf([1.0]), tape.leaf([2.0]), tape.constant([3.0]));
    let square = &x * &x;
    let gradients = tape.backward(&(&square * &constant));
    for value in [&unused, &constant, &square] {
        let index = std::panic::AssertUnwindSafe(|| gradients[value].clone());
        let panic = std::panic::catch_unwind(index).expect_err("there is no gradient");
        let message = panic.downcast_ref::<String>().expect("a message");
        assert!(message.contains("no leaf on which the output depends"), "{message}");
    }
}

#[test]
fn an_inference_tape_records_nothing() {
    let tape = Tape::inference(Context::detect());
    let x = tape.leaf(tensor(&[1.0]));
    let y = x.mul(&x);
    assert!(!y.needs_grad());
    assert!(tape.nodes.borrow().as_ref().is_some_and(Vec::is_empty));
}

/// x ↦ (2x, 3x).
fn doubled_and_tripled<'t>(x: &Var<'t>) -> [Var<'t>; 2] {
    let values = [2.0, 3.0].map(|factor| x.value().map(|x| factor * x));
    Op::new("doubled and tripled", &[x]).record_all(values, |dys, grads| {
        for (dy, factor) in dys.into_iter().zip([2.0, 3.0]) {
            if let Some(dy) = dy {
                grads.give(0, dy.map(|dy| factor * dy));
            }
        }
    })
}

#[test]
fn an_operation_with_two_outputs_goes_back_once_both_are_whole() {
    let tape = Tape::new(Context::detect());
    let x = tape.leaf(tensor(&[5.0]));
    let [double, triple] = doubled_and_tripled(&x);
    let y = double.mul(&triple).add(&double).sum(); // y = 6x² + 2x, dx = 12x + 2
    assert_eq!(tape.backward(&y).get(&x).unwrap().as_slice(), &[62.0]);
}

#[test]
fn an_output_that_is_not_used_has_no_gradient() {
    for used in 0..2 {
        let tape = Tape::new(Context::detect());
        let x = tape.leaf(tensor(&[5.0]));
        let output = &doubled_and_tripled(&x)[used];
        let gradients = tape.backward(&output.sum());
        assert_eq!(gradients.get(&x).unwrap().as_slice(), &[2.0 + used as f32]);
    }
}

#[test]
#[should_panic(expected = "backward: the tape was differentiated before")]
fn a_tape_is_differentiated_once() {
    let tape = Tape::new(Context::detect());
    let x = tape.leaf(tensor(&[3.0]));
    let y = x.mul(&x).sum();
    tape.backward(&y);
    tape.backward(&y);
}

#[test]
#[should_panic(expected = "mul: the tape was differentiated and records no more")]
fn nothing_is_recorded_after_that() {
    let tape = Tape::new(Context::detect());
    let x = tape.leaf(tensor(&[3.0]));
    tape.backward(&x.mul(&x));
    x.mul(&x);
}

#[test]
#[should_panic(expected = "add: the operands are on different tapes")]
fn operands_of_two_tapes_are_refused() {
    let (one, other) = (Tape::new(Context::detect()), Tape::new(Context::detect()));
    one.leaf(tensor(&[1.0])).add(&other.leaf(tensor(&[2.0])));
}

#[test]
#[should_panic(expected = "backward: the output is on another tape")]
fn the_output_has_to_be_on_the_tape() {
    let (one, other) = (Tape::new(Context::detect()), Tape::new(Context::detect()));
    one.backward(&other.leaf(tensor(&[1.0])));
}

#[test]
#[should_panic(expected = "Gradients: the leaf is on another tape")]
fn gradients_are_of_the_leaves_of_one_tape() {
    let (one, other) = (Tape::new(Context::detect()), Tape::new(Context::detect()));
    let gradients = one.backward(&one.leaf(tensor(&[1.0])));
    gradients.get(&other.leaf(tensor(&[1.0])));
}

/// y = x, which hands its gradient on in the type in which that is read.
fn handed_on<'t>(x: &Var<'t>) -> Var<'t> {
    let context = x.context();
    Op::new("handed on", &[x]).record(x.value().clone(), move |dy, grads| {
        assert_eq!(grads.is_rounded(0), context.rounds_operands());
        grads.give(0, Role::Operand.store(context, &dy));
    })
}

/// y = x, whose gradient may come rounded, and is given in `f32`.
fn multiplied<'t>(x: &Var<'t>) -> Var<'t> {
    let op = Op::new("multiplied", &[x]).gradient(Role::Operand);
    op.record(x.value().clone(), |dy, grads| grads.give(0, dy.to_f32()))
}

#[test]
fn a_gradient_is_given_as_it_is_read_and_summed_in_f32() {
    let third = 1.0f32 / 3.0;
    let rounded = crate::round_to_bf16(third);
    for (precision, dx) in [(Precision::F32, third), (Precision::Bf16, rounded)] {
        let context = Context::detect().with_precision(precision);
        let run = |uses: usize| {
            let tape = Tape::new(context);
            let x = tape.leaf(Tensor::scalar(1.0));
            let y = multiplied(&x);
            let sum = (1..uses).fold(handed_on(&y), |sum, _| sum.add(&handed_on(&y)));
            tape.backward_from(&sum, Tensor::scalar(third)).get(&x).unwrap().item()
        };
        assert_eq!([run(1), run(2), run(3)], [dx, dx + dx, dx + dx + dx]);
    }
}
