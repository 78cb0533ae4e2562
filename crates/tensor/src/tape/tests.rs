//! What flows back through a few operations, by hand.

use super::*;

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
fn an_inference_tape_records_nothing() {
    let tape = Tape::inference(Context::detect());
    let x = tape.leaf(tensor(&[1.0]));
    let y = x.mul(&x);
    assert!(!y.needs_grad());
    assert!(tape.nodes.borrow().is_empty());
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
    let tape = Tape::new(Context::detect());
    for used in 0..2 {
        let x = tape.leaf(tensor(&[5.0]));
        let output = &doubled_and_tripled(&x)[used];
        let gradients = tape.backward(&output.sum());
        assert_eq!(gradients.get(&x).unwrap().as_slice(), &[2.0 + used as f32]);
    }
}
