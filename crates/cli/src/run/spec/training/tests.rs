use super::*;
use crate::commands::flags::parse_from;

fn config(flags: &[&str]) -> Result<RunConfig> {
    let argv = [&["train-model", "--train-dataset", "t.npy"], flags].concat();
    let (args, _): (Args, _) = parse_from(argv)?;
    let model = model_config(&args, None)?;
    RunConfig::from_args(&args, model.context_length, "f32".into())
}

#[test]
fn defaults_are_those_of_the_contract() {
    let config = config(&[]).unwrap();
    assert_eq!(config.steps, 5000);
    assert_eq!((config.warmup_steps, config.checkpoint_every), (100, 1000));
    assert!((config.min_lr - 1e-5).abs() < 1e-18);
    let schedule = config.schedule();
    assert_eq!((schedule.lr_at(0), schedule.lr_at(100)), (0.0, 1e-3));
    assert_eq!(schedule.lr_at(4999), config.min_lr);
}

#[test]
fn what_is_derived_follows_what_is_given() {
    let config = config(&["--grad-accum=2", "--total-tokens=163840", "--lr", "0.5"]).unwrap();
    assert_eq!((config.steps, config.warmup_steps, config.checkpoint_every), (10, 0, 2));
    assert_eq!(config.min_lr, 0.005);
}

#[test]
fn parameter_groups() {
    let decays = |flags: &[&str]| {
        let config = config(flags).unwrap();
        [ParameterKind::Linear, ParameterKind::Embedding, ParameterKind::Norm]
            .map(|kind| config.weight_decay_of(kind))
    };
    assert_eq!(decays(&[]), [0.01; 3], "the original's");
    assert_eq!(decays(&["--decay-embeddings", "false"]), [0.01, 0.0, 0.01]);
    assert_eq!(decays(&["--decay-norms=false", "--weight-decay=0.1"]), [0.1, 0.1, 0.0]);
}

#[test]
fn a_run_from_before_there_were_schedules_goes_on_as_it_began() {
    let now = config(&[]).unwrap();
    let mut stored = serde_json::to_value(&now).unwrap();
    for field in ["lr_schedule", "decay_embeddings", "decay_norms"] {
        assert!(stored.as_object_mut().unwrap().remove(field).is_some());
    }
    assert_eq!(serde_json::from_value::<RunConfig>(stored).unwrap(), now);
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
        let error = config(&[flag, value]).expect_err(flag);
        assert!(
            error.is::<crate::shell::exit::UsageError>() && error.to_string().contains(flag),
            "{error}"
        );
    }
}

#[test]
fn stored_numbers_come_back_to_the_last_bit() {
    let config = config(&["--lr", "0.0031415926535897933", "--weight-decay", "1e-300"]).unwrap();
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<RunConfig>(&text).unwrap(), config);
}
