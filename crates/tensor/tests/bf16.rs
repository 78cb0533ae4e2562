//! Operations with products in bf16, compared with themselves in f32: close, and without bias.
//!
//! Rounding to nearest moves a number up as often as down. A kernel that truncates instead makes
//! every product smaller, by an error that is far below any tolerance and adds up in training.
//! These tests therefore measure, over many random inputs, the distance and also the mean of the
//! errors, with a positive sign if they point away from zero: it may differ from zero by as much as
//! its standard error makes likely.

use tensor::ops::{Int8Matrix, RopeLayout, RopeTable};
use tensor::testing::{random, relative_error};
use tensor::{Context, DType, Precision, Role, Tape, Tensor, Var, isa, round_to_bf16};

/// The largest ‖a − b‖ / ‖b‖ that is allowed.
const TOLERANCE: f64 = 2e-2;
/// The most standard errors by which the mean may differ from zero; an unbiased one exceeds it once
/// in ten thousand times.
const STANDARD_ERRORS: f64 = 4.0;
/// The number of random inputs.
const TRIALS: usize = 24;

/// Returns the output and the gradients of all inputs.
fn results(
    context: Context,
    inputs: &[Tensor],
    seed: u64,
    op: &impl for<'t> Fn(&'t Tape, &[Var<'t>]) -> Var<'t>,
) -> Vec<Tensor> {
    let tape = Tape::new(context);
    let vars: Vec<_> = inputs.iter().map(|x| tape.leaf(x.clone())).collect();
    let output = op(&tape, &vars);
    let mut results = vec![output.value().to_f32()];
    let cotangent = random(output.shape(), seed).map(|x| x + 0.1);
    let mut gradients = tape.backward_from(&output, cotangent);
    results.extend(vars.iter().map(|var| gradients.take(var).unwrap()));
    results
}

/// Returns Σ (a − b)·sign(b) / Σ |b|, the share by which a is longer than b.
fn excess(a: &Tensor, b: &Tensor) -> f64 {
    let pairs =
        || a.as_slice().iter().zip(b.as_slice()).map(|(&a, &b)| (f64::from(a), f64::from(b)));
    let error: f64 = pairs().map(|(a, b)| (a - b) * b.signum()).sum();
    error / pairs().map(|(_, b)| b.abs()).sum::<f64>()
}

/// Returns the mean in units of its standard error.
fn standard_errors(samples: &[f64]) -> f64 {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    if variance == 0.0 {
        mean.signum() * f64::from(mean != 0.0) * 1e9
    } else {
        mean / (variance / n).sqrt()
    }
}

/// Returns the largest distance, and the mean excess in standard errors, of the output and each
/// gradient of an operation between `found` and `expected`, over random inputs. Everything that is
/// rounded has to differ from trial to trial, as one number is always rounded to the same side.
fn compare(
    shapes: &impl Fn(usize) -> Vec<Vec<usize>>,
    found: impl Fn(&[Tensor], u64) -> Vec<Tensor>,
    expected: impl Fn(&[Tensor], u64) -> Vec<Tensor>,
) -> Vec<(f64, f64)> {
    let mut samples: Vec<Vec<(f64, f64)>> = Vec::new();
    for trial in 0..TRIALS {
        let seed = 100 * trial as u64;
        let shapes = shapes(trial);
        let inputs: Vec<_> =
            shapes.iter().zip(seed + 1..).map(|(s, seed)| random(s, seed)).collect();
        let pairs = found(&inputs, seed).into_iter().zip(expected(&inputs, seed));
        for (i, (a, b)) in pairs.enumerate() {
            if trial == 0 {
                samples.push(Vec::new());
            }
            samples[i].push((relative_error(a.as_slice(), b.as_slice()), excess(&a, &b)));
        }
    }
    let summary = |of_one: &Vec<(f64, f64)>| {
        let excesses: Vec<f64> = of_one.iter().map(|sample| sample.1).collect();
        let worst = of_one.iter().map(|sample| sample.0).fold(0.0, f64::max);
        (worst, standard_errors(&excesses))
    };
    samples.iter().map(summary).collect()
}

/// Checks an operation on every kernel table.
fn check(
    name: &str,
    shapes: impl Fn(usize) -> Vec<Vec<usize>>,
    op: impl for<'t> Fn(&'t Tape, &[Var<'t>]) -> Var<'t>,
) {
    for table in isa::available() {
        let f32 = Context::detect().with_kernels(table);
        let bf16 = f32.with_precision(Precision::Bf16);
        let all = compare(
            &shapes,
            |x, seed| results(bf16, x, seed, &op),
            |x, seed| results(f32, x, seed, &op),
        );
        for (what, (distance, mean)) in ["output", "d0", "d1", "d2"].iter().zip(all) {
            println!("{} {name} {what}: {distance:.1e}, {mean:.1} standard errors", table.isa());
            assert!(distance > 0.0, "{name} {what}: the same in bf16 as in f32");
            assert!(distance <= TOLERANCE, "{name} {what}: {distance:.2e} from f32");
            assert!(mean.abs() <= STANDARD_ERRORS, "{name} {what}: {mean} standard errors off");
        }
    }
}

#[test]
fn products_are_close_and_unbiased() {
    let two = |rows, w: [usize; 2]| move |_| vec![vec![rows, 60], w.to_vec()];
    check("matmul", two(20, [60, 30]), |_, v| v[0].matmul(&v[1]));
    check("linear", two(20, [30, 60]), |_, v| v[0].linear(&v[1]));
    check("linear on few rows", two(2, [30, 60]), |_, v| v[0].linear(&v[1]));
    check(
        "linear_many",
        |_| vec![vec![20, 60], vec![30, 60], vec![30, 60]],
        |_, v| {
            let [a, b] = v[0].linear_many([&v[1], &v[2]], Role::Residual);
            a.add(&b)
        },
    );
}

#[test]
fn attention_is_close_and_unbiased() {
    let rope = RopeTable::new(10_000.0, 16, 70, RopeLayout::Halves);
    for rope in [None, Some(&rope)] {
        check(
            "attention",
            |_| vec![vec![1, 70, 32]; 3],
            |_, v| v[0].causal_attention(&v[1], &v[2], 2, rope),
        );
    }
}

#[test]
fn attention_to_few_keys_with_much_in_common_keeps_its_gradients() {
    // Scores far apart and values near 30: dp − δ cancels, so that an error in δ becomes large
    // beside the rest.
    let rounded = |seed, factor: f32, offset: f32| {
        random(&[1, 256, 64], seed).map(|x| round_to_bf16(factor * x + offset))
    };
    let inputs = [rounded(1, 4.0, 0.0), rounded(2, 4.0, 0.0), rounded(3, 1.0, 30.0)];
    let of = |precision| {
        let context = Context::detect().with_precision(precision);
        results(context, &inputs, 4, &|_, v| v[0].causal_attention(&v[1], &v[2], 2, None))
    };
    let pairs = of(Precision::Bf16).into_iter().zip(of(Precision::F32));
    for (what, (a, b)) in ["o", "dq", "dk", "dv"].iter().zip(pairs) {
        let error = relative_error(a.as_slice(), b.as_slice());
        println!("{what}: {error:.1e}");
        assert!(error <= 5e-3, "{what}: {error:.1e} from f32");
    }
}

#[test]
fn leaves_have_gradients_of_f32_whatever_comes_in() {
    let tape = Tape::new(Context::detect().with_precision(Precision::Bf16));
    let [x, w] = [tape.leaf(random(&[3, 8], 1)), tape.leaf(random(&[8], 2))];
    let y = x.rms_norm(&w, 1e-5, Role::Operand);
    assert_eq!(y.value().dtype(), DType::Bf16);
    let other = tape.leaf(random(&[3, 8], 3));
    let sum = other.add(&y);
    let gradients = tape.backward_from(&sum, y.value().clone());
    for leaf in [&x, &w, &other] {
        assert_eq!(gradients.get(leaf).unwrap().dtype(), DType::F32);
    }
}

#[test]
fn the_output_layer_is_close_and_unbiased() {
    // Most gradients of logits are near one over the number of rows.
    check(
        "linear_cross_entropy",
        |trial| vec![vec![30 + trial, 60], vec![50, 60]],
        |_, v| {
            let targets: Vec<u32> = (0..v[0].shape()[0] as u32).map(|i| i * 7 % 50).collect();
            v[0].linear_cross_entropy(&v[1], &targets)
        },
    );
}

/// Truncates to the digits that bf16 has.
fn truncate(x: f32) -> f32 {
    f32::from_bits(x.to_bits() & 0xffff_0000)
}

#[test]
fn cutting_digits_off_would_be_noticed() {
    let context = Context::detect();
    let op = |_: &'_ Tape, v: &[Var<'_>]| -> Tensor { v[0].linear(&v[1]).into_value() };
    let product = |inputs: &[Tensor], map: fn(f32) -> f32| {
        let tape = Tape::inference(context);
        let vars: Vec<_> = inputs.iter().map(|x| tape.constant(x.map(map))).collect();
        vec![op(&tape, &vars)]
    };
    let shapes = |_| vec![vec![20, 60], vec![30, 60]];
    let against =
        |map: fn(f32) -> f32| compare(&shapes, |x, _| product(x, map), |x, _| product(x, |x| x))[0];
    let (distance, mean) = against(truncate);
    assert!(distance <= TOLERANCE, "the distance alone would not tell: {distance:.2e}");
    assert!(mean < -5.0 * STANDARD_ERRORS, "cutting off: {mean} standard errors");
    let (_, mean) = against(round_to_bf16);
    assert!(mean.abs() <= STANDARD_ERRORS, "rounding to nearest: {mean} standard errors");
}

#[test]
fn operations_without_products_are_those_of_f32() {
    let same = |shapes: &[&[usize]], op: &dyn for<'t> Fn(&[Var<'t>]) -> Var<'t>| {
        let inputs: Vec<_> = shapes.iter().zip(1..).map(|(s, seed)| random(s, seed)).collect();
        let of = |precision| {
            let context = Context::detect().with_precision(precision);
            let results = results(context, &inputs, 77, &|_, v| op(v));
            results.iter().map(|x| x.as_slice().to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(of(Precision::Bf16), of(Precision::F32));
    };
    let rope = RopeTable::new(10_000.0, 8, 32, RopeLayout::Halves);
    let pair: &[&[usize]] = &[&[5, 33], &[5, 33]];
    same(pair, &|v| v[0].add(&v[1]));
    same(pair, &|v| v[0].mul(&v[1]));
    same(&[&[5, 33]], &|v| v[0].softmax());
    same(&[&[5, 33], &[33]], &|v| v[0].rms_norm(&v[1], 1e-5, Role::Residual));
    same(&[&[2, 3, 4, 8]], &|v| v[0].rope(&rope, 1));
    same(&[&[9, 16]], &|v| v[0].embedding(&[1, 8, 1], &[3]));
    same(&[&[3, 16]], &|v| v[0].cross_entropy(&[1, 8, 15]));
}

#[test]
fn what_products_read_is_that_of_f32_rounded_before() {
    let rounded = |shapes: &[&[usize]], op: &dyn for<'t> Fn(&[Var<'t>]) -> Var<'t>| {
        let inputs: Vec<_> = shapes.iter().zip(1..).map(|(s, seed)| random(s, seed)).collect();
        for table in isa::available() {
            let context = Context::detect().with_kernels(table);
            let in_bf16 = context.with_precision(Precision::Bf16);
            let output = |context| {
                let tape = Tape::inference(context);
                let vars: Vec<_> = inputs.iter().map(|x| tape.constant(x.clone())).collect();
                op(&vars).into_value()
            };
            assert_eq!(output(context).dtype(), DType::F32);
            assert_eq!(output(in_bf16).dtype(), DType::Bf16);
            // Gradients as well: those of outputs that no product reads are not rounded.
            let of = |context| results(context, &inputs, 77, &|_, v| op(v));
            let (mut full, found) = (of(context), of(in_bf16));
            assert_ne!(full[0].as_slice(), found[0].as_slice());
            full[0] = full[0].map(round_to_bf16);
            for (full, found) in full.iter().zip(&found) {
                assert_eq!(full.as_slice(), found.as_slice());
            }
        }
    };
    // More than one piece of a loop and one chunk of a task.
    let pair: &[&[usize]] = &[&[17_001], &[17_001]];
    rounded(pair, &|v| v[0].swiglu(&v[1]));
    rounded(pair, &|v| v[0].geglu(&v[1]));
    rounded(&[&[5, 533]], &|v| v[0].silu());
    rounded(&[&[5, 533]], &|v| v[0].gelu());
    rounded(&[&[70, 33], &[33]], &|v| v[0].rms_norm(&v[1], 1e-5, Role::Operand));
}

#[test]
fn gradients_that_only_products_read_come_rounded() {
    // The backward pass of a linear layer multiplies by the gradient in its output: the same bits,
    // rounded or not.
    let inputs = [(1, [70, 48]), (2, [64, 48]), (3, [64, 48]), (4, [48, 64])]
        .map(|(seed, shape)| random(&shape, seed));
    let gradients = |hide: bool| {
        let tape = Tape::new(Context::detect().with_precision(Precision::Bf16));
        let [x, gate, up, down] = inputs.each_ref().map(|x| tape.leaf(x.clone()));
        let [gate_x, up_x] = x.linear_many([&gate, &up], Role::Residual);
        // A change of shape reads its gradient in f32.
        let shape = gate_x.shape().to_vec();
        let inner = match hide {
            true => gate_x.reshape(&shape).swiglu(&up_x.reshape(&shape)),
            false => gate_x.swiglu(&up_x),
        };
        let y = inner.linear(&down);
        let mut gradients = tape.backward_from(&y, random(y.shape(), 5));
        [x, gate, up, down].map(|x| gradients.take(&x).unwrap().as_slice().to_vec())
    };
    assert_eq!(gradients(false), gradients(true));
}

#[test]
fn rounded_values_go_through_every_operation() {
    // Silu's output is rounded; what reads it in f32 gets the same numbers.
    let same = |op: &dyn for<'t> Fn(&Var<'t>, &Var<'t>) -> Var<'t>, shape: &[usize]| {
        for new_tape in [Tape::new, Tape::inference] {
            let run = |hide: bool| {
                let tape = new_tape(Context::detect().with_precision(Precision::Bf16));
                let mut x = tape.leaf(random(shape, 1)).silu();
                assert_eq!(x.value().dtype(), DType::Bf16);
                if hide {
                    x = tape.leaf(x.value().to_f32());
                }
                let w = tape.leaf(random(&shape[shape.len() - 1..], 2));
                op(&x, &w).value().to_f32().as_slice().to_vec()
            };
            assert_eq!(run(false), run(true));
        }
    };
    let rope = RopeTable::new(10_000.0, 8, 32, RopeLayout::Halves);
    let int8 = Int8Matrix::quantize(Context::detect(), &random(&[5, 8], 3)).unwrap();
    same(&|x, _| x.tape().constant(x.value().clone()).linear_int8(&int8), &[6, 8]);
    same(&|x, _| x.add(x), &[6, 8]);
    same(&|x, _| x.mul(x), &[6, 8]);
    same(&|x, _| x.sum(), &[6, 8]);
    same(&|x, _| x.swiglu(x), &[6, 8]);
    same(&|x, _| x.gelu(), &[6, 8]);
    same(&|x, _| x.softmax(), &[6, 8]);
    same(&|x, w| x.rms_norm(w, 1e-5, Role::Residual), &[6, 8]);
    same(&|x, _| x.reshape(&[48]).silu(), &[6, 8]);
    same(&|x, _| x.rope(&rope, 1), &[6, 8]);
    same(&|x, _| x.matmul(x), &[8, 8]);
    same(&|x, _| x.linear(x), &[6, 8]);
    same(&|x, _| x.embedding(&[1, 5], &[2]), &[6, 8]);
    same(&|x, _| x.cross_entropy(&[1, 0, 7]), &[3, 8]);
    same(&|x, _| x.linear_cross_entropy(x, &[1, 0, 2]), &[3, 8]);
    same(&|x, _| x.causal_attention(x, x, 1, Some(&rope)), &[1, 6, 8]);
}
