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

/// Returns `true` if some value of the flag is refused by the flag's name.
fn is_refused(arg: &clap::Arg) -> bool {
    let flag = flag(arg.get_id().as_str());
    let names = arg.get_possible_values();
    let names = names.iter().map(|value| value.get_name());
    let values: Vec<&str> = names.chain(["7", "0.25", "elsewhere"]).collect();
    let with_value = values.iter().map(|value| format!("{flag}={value}"));
    with_value.chain([flag.clone()]).any(|typed| {
        let is_valid = parsed(&[&typed]).is_ok();
        is_valid && resumed(&[&typed]).is_err_and(|error| error.to_string().starts_with(&flag))
    })
}

#[test]
fn every_flag_is_compared_or_may_differ_for_a_reason() {
    let command = Args::command();
    let mut not_compared = Vec::new();
    for arg in command.get_arguments() {
        let field = arg.get_id().as_str();
        let may_differ = MAY_DIFFER.iter().any(|(other, _)| *other == field);
        assert_ne!(
            is_refused(arg),
            may_differ,
            "{field}: is compared with a resumed run if it is a field of the specification; \
             list it in MAY_DIFFER if it may differ"
        );
        if may_differ {
            not_compared.push(field);
        }
    }
    assert_eq!(not_compared.len(), MAY_DIFFER.len(), "MAY_DIFFER has a name that is no flag's");
    assert!(MAY_DIFFER.iter().all(|(_, reason)| !reason.is_empty()));
}

#[test]
fn no_option_of_the_model_or_the_training_may_differ_but_the_number_of_checkpoints() {
    let (args, _) = parsed(&[]).unwrap();
    let mut options = fields(&args.model);
    options.extend(fields(&args.training));
    options.insert("total_tokens".into(), Value::Null);
    let may_differ = MAY_DIFFER.map(|(field, _)| field);
    let options: Vec<&str> =
        may_differ.into_iter().filter(|field| options.contains_key(*field)).collect();
    assert_eq!(options, ["keep_checkpoints"]);
}

#[test]
fn a_typed_value_is_shown_as_it_was_typed() {
    for (flag, shown) in
        [("--lr=nan", "--lr nan (there 0.1)"), ("--beta1=inf", "--beta1 inf (there 0.9)")]
    {
        let message = resumed(&[flag]).unwrap_err().to_string();
        assert!(message.starts_with(shown), "{message}");
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
