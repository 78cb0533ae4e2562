use clap::CommandFactory;
use tensor::Precision;

use super::*;
use crate::commands::flags::parse_from;

fn parsed(flags: &[&str]) -> Result<(Args, ExplicitFlags)> {
    parse_from([&["train-model", "--train-dataset", "t.npy"], flags].concat())
}

fn resumed(flags: &[&str]) -> Result<()> {
    let (first, _) = parsed(&["--steps", "100", "--lr", "0.1"])?;
    let stored = first.training.resolve(256, Precision::F32)?;
    let (args, explicit) = parsed(flags)?;
    check_resumed(&args, &explicit, &ModelConfig::default(), &stored, "runs/latest")
}

#[test]
fn defaults_and_equal_values_do_not_contradict() {
    assert!(resumed(&[]).is_ok());
    assert!(resumed(&["--lr", "1e-1", "--steps=100", "--precision=auto", "--d-ff=1344"]).is_ok());
    assert!(resumed(&["--total-tokens", "819200"]).is_ok());
    assert!(resumed(&["--keep-checkpoints", "1", "--threads", "7"]).is_ok());
}

#[test]
fn all_differences_are_named() {
    let message = resumed(&["--lr=1", "--norm=post", "--total-tokens=81920", "--no-rope"])
        .unwrap_err()
        .to_string();
    for part in [
        "--lr 1 (there 0.1)",
        "--norm post (there pre)",
        "--total-tokens 81920 (there 819200)",
        "--no-rope",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(resumed(&["--lr-schedule", "cosine", "--decay-norms", "true"]).is_ok());
    assert!(resumed(&["--lr-schedule", "wsd"]).is_err());
    assert!(resumed(&["--decay-embeddings", "false"]).is_err());
    assert!(resumed(&["--precision", "bf16"]).is_err());
    assert!(resumed(&["--context-length", "128"]).is_err());
}

/// Returns `true` if some value of the flag that sets `field` is refused by the flag's name.
fn is_refused(field: &str) -> bool {
    const VALUES: [&str; 8] = ["7", "0.25", "post", "gelu", "wsd", "bf16", "false", "elsewhere"];
    let flag = flag(field);
    let with_value = VALUES.iter().map(|value| vec![format!("{flag}={value}")]);
    with_value.chain([vec![flag.clone()]]).any(|flags| {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let is_valid = parsed(&flags).is_ok();
        is_valid && resumed(&flags).is_err_and(|error| error.to_string().starts_with(&flag))
    })
}

#[test]
fn every_flag_is_compared_or_may_differ_for_a_reason() {
    let command = Args::command();
    let all: Vec<&str> = command.get_arguments().map(|arg| arg.get_id().as_str()).collect();
    for field in &all {
        let may_differ = MAY_DIFFER.iter().any(|(other, _)| other == field);
        assert_ne!(
            is_refused(field),
            may_differ,
            "{field}: is compared with a resumed run if it is a field of the specification; \
             list it in MAY_DIFFER if it may differ"
        );
    }
    for (field, reason) in MAY_DIFFER {
        assert!(all.contains(&field) && !reason.is_empty(), "{field}");
    }
}

#[test]
fn a_directory_to_start_from_decides_the_shape_but_a_shorter_context_is_fine() {
    let check = |flags: &[&str]| {
        let (args, explicit) = parsed(flags)?;
        check_shape(&args, &explicit, &ModelConfig::default(), "llama")
    };
    assert!(check(&["--context-length", "64", "--batch-size", "1", "--d-model", "512"]).is_ok());
    let error = check(&["--context-length", "512"]).unwrap_err().to_string();
    assert!(error.contains("--context-length 512"), "{error}");
    let error = check(&["--d-model", "64"]).unwrap_err().to_string();
    assert!(error.contains("the model in llama"), "{error}");
}
