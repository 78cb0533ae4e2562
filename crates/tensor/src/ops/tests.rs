//! Tools for the tests of operations, the gradient check above all, and tests of the check itself.

use crate::testing::{random, relative_error, worse};
use crate::{Context, Op, Tape, Tensor, Var, isa};

/// Checks that the [`relative_error`] is at most `tolerance`.
///
/// # Panics
/// If it is not, naming `what` and the error.
#[track_caller]
pub(crate) fn assert_close(what: &str, a: &[f32], b: &[f32], tolerance: f64) {
    let error = relative_error(a, b);
    assert!(error <= tolerance, "{what}: relative error {error:.2e} above {tolerance:.0e}");
}

/// Returns ⟨a, b⟩ in `f64`.
fn inner(a: &Tensor, b: &Tensor) -> f64 {
    a.as_slice().iter().zip(b.as_slice()).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// Returns the largest error of an operation's gradients against finite differences, over its
/// inputs, on one kernel table.
///
/// For a random cotangent w and, input by input, a random direction u, the derivative of ⟨w, f(x)⟩
/// along u is compared: ⟨dx, u⟩ from the tape against the central difference (⟨w, f(x + hu)⟩ − ⟨w,
/// f(x − hu)⟩) / 2h, relative to the larger of the two and to ‖dx‖ (a direction may be nearly
/// orthogonal to the gradient).
///
/// # Panics
/// If `f` does, for these shapes.
fn gradcheck_error(
    context: Context,
    inputs: &[Tensor],
    f: impl for<'t> Fn(&'t Tape, &[Var<'t>]) -> Var<'t>,
) -> f64 {
    let h = 1e-2;
    let tape = Tape::new(context);
    let leaves: Vec<_> = inputs.iter().map(|x| tape.leaf(x.clone())).collect();
    let output = f(&tape, &leaves);
    let cotangent = random(output.shape(), 77);
    let gradients = tape.backward_from(&output, cotangent.clone());
    let evaluate = |moved: usize, direction: &Tensor, h: f32| {
        let tape = Tape::inference(context);
        let vars: Vec<_> = (inputs.iter().enumerate())
            .map(|(i, x)| {
                let mut x = x.clone();
                if i == moved {
                    let pairs = x.as_mut_slice().iter_mut().zip(direction.as_slice());
                    pairs.for_each(|(x, u)| *x += h * u);
                }
                tape.constant(x)
            })
            .collect();
        inner(f(&tape, &vars).value(), &cotangent)
    };
    let mut worst = 0.0f64;
    for (i, x) in inputs.iter().enumerate() {
        let dx =
            gradients.get(&leaves[i]).expect("every input of a checked operation has a gradient");
        assert_eq!(dx.shape(), x.shape(), "the gradient of input {i} has another shape");
        for seed in 0..3 {
            let u = random(x.shape(), 1000 + 10 * i as u64 + seed);
            let analytic = inner(dx, &u);
            let numeric = (evaluate(i, &u, h) - evaluate(i, &u, -h)) / (2.0 * f64::from(h));
            let scale = analytic.abs().max(numeric.abs()).max(0.3 * inner(dx, dx).sqrt());
            worst = worse(worst, (analytic - numeric).abs() / scale.max(1e-6));
        }
    }
    worst
}

/// Checks that the gradients of `f` agree with finite differences to 2 · 10⁻³ on every kernel table
/// that this machine has. A wrong term in a derivative scores 0.1 and more.
///
/// # Panics
/// If they do not.
#[track_caller]
pub(crate) fn gradcheck(inputs: &[Tensor], f: impl for<'t> Fn(&'t Tape, &[Var<'t>]) -> Var<'t>) {
    for table in isa::available() {
        let error = gradcheck_error(Context::detect().with_kernels(table), inputs, &f);
        assert!(error <= 2e-3, "gradient check on {:?}: error {error:.2e}", table.isa());
    }
}

/// Returns the error of x ↦ x·σ(x) whose backward pass multiplies dy by `derivative(x)`.
fn error_of_silu_with(derivative: impl Fn(f32) -> f32 + Copy + 'static) -> f64 {
    let inputs = [random(&[3, 5], 1), random(&[3, 5], 2)];
    gradcheck_error(Context::detect(), &inputs, |_, inputs| {
        let x = inputs[0].value().clone();
        let y = x.map(|x| x * sigmoid(x));
        let silu = Op::new("silu", &[&inputs[0]]).record(y, move |dy, grads| {
            let dx = Tensor::build(x.shape(), |dx| {
                for ((dx, x), dy) in dx.iter_mut().zip(x.as_slice()).zip(dy.as_slice()) {
                    *dx = dy * derivative(*x);
                }
            });
            grads.give(0, dx);
        });
        silu.add(&inputs[1])
    })
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[test]
fn a_wrong_gradient_is_caught() {
    let right = error_of_silu_with(|x| sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x))));
    assert!(right < 2e-3, "{right}");
    let lacks_a_term = error_of_silu_with(sigmoid);
    assert!(lacks_a_term > 0.1, "{lacks_a_term}");
    // The right gradients of the second input come later, and must not make this one forgotten.
    let no_number = error_of_silu_with(|_| f32::NAN);
    assert!(no_number.is_nan(), "{no_number}");
}
