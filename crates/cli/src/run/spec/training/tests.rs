use clap::Parser;

use super::*;
use crate::run::spec::ModelSpec;
use crate::shell::exit::UsageError;

#[derive(Parser)]
#[command(allow_negative_numbers = true)]
struct Flags {
    #[command(flatten)]
    model: ModelSpec,
    #[command(flatten)]
    training: TrainingSpec,
}

fn resolved(flags: &[&str]) -> Result<TrainingSpec> {
    let flags = Flags::try_parse_from([&["program"], flags].concat())?;
    let model = flags.model.config(None)?;
    flags.training.resolve(model.context_length, Precision::F32)
}

#[test]
fn defaults_are_those_of_the_contract() {
    let training = resolved(&[]).unwrap();
    assert_eq!(training.steps(), 5000);
    assert_eq!((training.warmup_steps, training.checkpoint_every), (Some(100), Some(1000)));
    let schedule = training.schedule();
    assert!((schedule.min_lr - 1e-5).abs() < 1e-18);
    assert_eq!((schedule.lr_at(0), schedule.lr_at(100)), (0.0, 1e-3));
    assert_eq!(schedule.lr_at(4999), schedule.min_lr);
}

#[test]
fn what_is_derived_follows_what_is_given() {
    let training = resolved(&["--grad-accum=2", "--total-tokens=163840", "--lr", "0.5"]).unwrap();
    assert_eq!(
        (training.steps(), training.warmup_steps, training.checkpoint_every()),
        (10, Some(0), 2)
    );
    assert_eq!(training.min_lr, Some(0.005));
}

#[test]
fn parameter_groups() {
    let decays = |flags: &[&str]| {
        let training = resolved(flags).unwrap();
        [ParameterKind::Linear, ParameterKind::Embedding, ParameterKind::Norm]
            .map(|kind| training.weight_decay_of(kind))
    };
    assert_eq!(decays(&[]), [0.01; 3], "the original's");
    assert_eq!(decays(&["--decay-embeddings", "false"]), [0.01, 0.0, 0.01]);
    assert_eq!(decays(&["--decay-norms=false", "--weight-decay=0.1"]), [0.1, 0.1, 0.0]);
}

#[test]
fn a_run_from_before_there_were_schedules_goes_on_as_it_began() {
    let now = resolved(&[]).unwrap();
    let mut stored = serde_json::to_value(&now).unwrap();
    for field in ["lr_schedule", "decay_embeddings", "decay_norms"] {
        assert!(stored.as_object_mut().unwrap().remove(field).is_some());
    }
    assert_eq!(serde_json::from_value::<TrainingSpec>(stored).unwrap(), now);
}

#[test]
fn a_file_has_every_field_of_the_first_version() {
    let stored = serde_json::to_value(resolved(&[]).unwrap()).unwrap();
    for field in [
        "batch_size",
        "grad_accum",
        "lr",
        "grad_clip",
        "beta1",
        "beta2",
        "eps",
        "weight_decay",
        "eval_every",
        "eval_batches",
        "log_every",
        "seed",
        "precision",
    ] {
        let mut stored = stored.clone();
        assert!(stored.as_object_mut().unwrap().remove(field).is_some());
        let error = serde_json::from_value::<TrainingSpec>(stored).expect_err(field);
        assert_eq!(error.to_string(), format!("missing field `{field}`"));
    }
}

#[test]
fn nonsense_is_refused_by_the_flags_name() {
    let cases = [
        ("--lr", "-1"),
        ("--lr", "nan"),
        ("--lr", "inf"),
        ("--min-lr", "2"),
        ("--steps", "0"),
        ("--beta1", "1"),
        ("--batch-size", "0"),
        ("--total-tokens", "8191"),
        ("--warmup-steps", "5001"),
        ("--num-heads", "7"),
        ("--log-every", "0"),
        ("--grad-clip", "-0.5"),
        ("--d-model", "48"),
        ("--rope-theta", "0"),
        ("--vocab-size", "0"),
        ("--keep-checkpoints", "0"),
        ("--num-layers", "5000"),
    ];
    for (flag, value) in cases {
        let error = resolved(&[flag, value]).expect_err(flag);
        assert!(error.is::<UsageError>() && error.to_string().contains(flag), "{error}");
    }
}

#[test]
fn stored_numbers_come_back_to_the_last_bit() {
    let training =
        resolved(&["--lr", "0.0031415926535897933", "--weight-decay", "1e-300"]).unwrap();
    let text = serde_json::to_string(&training).unwrap();
    assert_eq!(serde_json::from_str::<TrainingSpec>(&text).unwrap(), training);
}
