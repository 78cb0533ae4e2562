//! AdamW, clipping and the schedule against values that PyTorch computed, and the optimizer's
//! state.

use optim::{AdamW, AdamWConfig, Decay, Schedule, clip_scale, global_norm};
use safetensors::SafeTensors;
use serde_json::Value;
use std::path::PathBuf;
use tensor::testing::{relative_error, worse};
use tensor::{Context, NamedTensorsError, Tensor, isa};

const NAMES: [&str; 2] = ["p", "q"];

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn hyper_parameters() -> Value {
    serde_json::from_slice(&fixture("optim.json")).unwrap()
}

fn tensor(file: &SafeTensors<'_>, name: &str) -> Tensor {
    let view = file.tensor(name).unwrap();
    let data: Vec<f32> =
        view.data().chunks_exact(4).map(|x| f32::from_le_bytes(x.try_into().unwrap())).collect();
    Tensor::from_slice(view.shape(), &data)
}

/// The parameters or gradients of one step: `p.SUFFIX` and `q.SUFFIX`.
fn both(file: &SafeTensors<'_>, suffix: &str) -> Vec<Tensor> {
    NAMES.iter().map(|name| tensor(file, &format!("{name}.{suffix}"))).collect()
}

fn optimizer(json: &Value, parameters: &[Tensor]) -> AdamW {
    let config = AdamWConfig {
        beta1: json["betas"][0].as_f64().unwrap(),
        beta2: json["betas"][1].as_f64().unwrap(),
        eps: json["eps"].as_f64().unwrap(),
        weight_decay: json["weight_decay"].as_f64().unwrap(),
    };
    AdamW::new(config, NAMES.into_iter().zip(parameters))
}

#[test]
fn twelve_clipped_steps_agree_with_pytorch_on_every_kernel_table() {
    let bytes = fixture("adamw.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let json = &hyper_parameters()["adamw"];
    let lr = json["lr"].as_f64().unwrap();
    let max_norm = json["max_grad_norm"].as_f64().unwrap();
    for kernels in isa::available() {
        let ctx = Context::detect().with_kernels(kernels);
        let mut parameters = both(&file, "0");
        let mut adamw = optimizer(json, &parameters);
        let (mut norm_error, mut weight_error) = (0.0f64, 0.0f64);
        for step in 1..=12 {
            let gradients = both(&file, &format!("grad.{step}"));
            let norm = global_norm(ctx, &gradients);
            let expected_norm = json["grad_norms_before_clip"][step - 1].as_f64().unwrap();
            norm_error = worse(norm_error, (norm / expected_norm - 1.0).abs());
            adamw.step(ctx, lr, &mut parameters, &gradients, clip_scale(norm, max_norm));
            for (parameter, expected) in parameters.iter().zip(both(&file, &step.to_string())) {
                let differences = parameter.as_slice().iter().zip(expected.as_slice());
                for (a, b) in differences {
                    weight_error = worse(weight_error, f64::from((a - b).abs()));
                }
            }
        }
        println!("{:?}: norms {norm_error:.1e}, weights {weight_error:.1e}", kernels.isa());
        assert!(norm_error < 1e-5, "{norm_error}");
        assert!(weight_error < 1e-6, "{weight_error}");
    }
}

#[test]
fn the_schedule_agrees_with_sixty_values() {
    let json = &hyper_parameters()["schedule"];
    let schedule = Schedule {
        decay: Decay::Cosine,
        max_lr: json["max"].as_f64().unwrap(),
        min_lr: json["min"].as_f64().unwrap(),
        warmup_steps: json["warmup_steps"].as_u64().unwrap(),
        total_steps: json["total_steps"].as_u64().unwrap(),
    };
    let expected = json["lr"].as_array().unwrap();
    assert_eq!(expected.len(), 60);
    for (step, lr) in expected.iter().enumerate() {
        let found = schedule.lr_at(step as u64);
        assert!((found - lr.as_f64().unwrap()).abs() < 1e-9, "step {step}: {found}, not {lr}");
    }
}

/// A small problem: two parameters and a different gradient at every step.
fn run(adamw: &mut AdamW, parameters: &mut [Tensor], steps: std::ops::Range<usize>) {
    for step in steps {
        let gradients: Vec<Tensor> =
            parameters.iter().map(|p| p.map(|x| x * 0.7 + step as f32 * 0.1)).collect();
        adamw.step(Context::detect(), 0.01, &mut *parameters, &gradients, 0.5);
    }
}

fn start() -> (AdamW, Vec<Tensor>) {
    let parameters: Vec<Tensor> = [40_000, 7]
        .map(|len| {
            Tensor::build(&[len], |p| {
                p.iter_mut().zip(0..).for_each(|(p, i)| *p = (i as f32).sin())
            })
        })
        .into();
    (AdamW::new(AdamWConfig::default(), NAMES.into_iter().zip(&parameters)), parameters)
}

#[test]
#[should_panic(expected = "AdamW::new: two parameters are called `w`")]
fn two_parameters_of_one_name_are_refused() {
    let w = Tensor::zeros(&[1]);
    AdamW::new(AdamWConfig::default(), [("w", &w), ("b", &w), ("w", &w)]);
}

#[test]
fn a_restored_state_goes_on_bit_for_bit() {
    let (mut whole, mut expected) = start();
    run(&mut whole, &mut expected, 0..8);

    let (mut first, mut parameters) = start();
    run(&mut first, &mut parameters, 0..5);
    let saved: Vec<(String, Tensor)> =
        first.state().into_iter().map(|(name, tensor)| (name, tensor.clone())).collect();
    let (mut second, _) = start();
    second.load_state(first.steps_taken(), saved).unwrap();
    run(&mut second, &mut parameters, 5..8);

    assert_eq!(second.steps_taken(), 8);
    for (a, b) in parameters.iter().zip(&expected) {
        assert_eq!(a.as_slice(), b.as_slice());
    }
}

#[test]
fn a_state_of_another_model_is_refused_and_changes_nothing() {
    let (mut adamw, _) = start();
    let good: Vec<(String, Tensor)> =
        adamw.state().into_iter().map(|(name, tensor)| (name, tensor.clone())).collect();

    let missing = NamedTensorsError::Missing { name: "exp_avg_sq.q".into(), expected: vec![7] };
    assert_eq!(adamw.load_state(3, good[..3].to_vec()), Err(missing));

    let mut extra = good.clone();
    extra.push(("exp_avg.r".into(), Tensor::scalar(0.0)));
    assert_eq!(
        adamw.load_state(3, extra),
        Err(NamedTensorsError::Unexpected { name: "exp_avg.r".into() })
    );

    let mut misshapen = good.clone();
    misshapen[2].1 = Tensor::zeros(&[8]);
    let error = adamw.load_state(3, misshapen).unwrap_err();
    assert!(error.to_string().contains("`exp_avg.q` has shape [8], expected [7]"), "{error}");
    assert_eq!(adamw.steps_taken(), 0);
}

#[test]
fn weight_decay_can_differ_by_parameter() {
    let (adamw, mut parameters) = start();
    let before = parameters.clone();
    let mut adamw = adamw.with_weight_decay(|name| if name == "p" { 0.5 } else { 0.0 });
    let zeros: Vec<Tensor> = parameters.iter().map(|p| Tensor::zeros(p.shape())).collect();
    adamw.step(Context::detect(), 0.1, &mut parameters, &zeros, 1.0);
    let decayed = before[0].map(|p| p * 0.95);
    assert!(relative_error(parameters[0].as_slice(), decayed.as_slice()) < 1e-6);
    assert_eq!(parameters[1].as_slice(), before[1].as_slice());
}
