//! Flags that were typed although something else decides: the directory of `--init-from`, or the
//! checkpoint that `--resume` goes on from. Equal values are fine, different ones are named;
//! defaults never contradict.

use anyhow::Result;
use model::ModelConfig;

use crate::commands::flags::Given;
use crate::commands::train_model::args::Args;
use crate::run::spec::training::RunConfig;

/// A flag that was typed, and whose value is not the one that counts.
struct Contradiction {
    flag: &'static str,
    typed: String,
    counts: String,
}

/// Collects what was typed and differs.
struct Comparison<'a> {
    given: &'a Given,
    found: Vec<Contradiction>,
}

impl Comparison<'_> {
    /// `flag` is the name of the argument's field.
    fn check(&mut self, flag: &'static str, typed: impl ToString, counts: impl ToString) {
        let (typed, counts) = (typed.to_string(), counts.to_string());
        if self.given.has(flag) && typed != counts {
            self.found.push(Contradiction { flag, typed, counts });
        }
    }

    fn finish(self, source: &str, hint: &str) -> Result<()> {
        if self.found.is_empty() {
            return Ok(());
        }
        let list: Vec<String> = self
            .found
            .into_iter()
            .map(|Contradiction { flag, typed, counts }| {
                format!("--{} {typed} (there {counts})", flag.replace('_', "-"))
            })
            .collect();
        anyhow::bail!("{} contradicts {source}; {hint}", list.join(", "))
    }
}

fn compare_shape(comparison: &mut Comparison<'_>, args: &Args, model: &ModelConfig) {
    comparison.check("vocab_size", args.vocab_size.unwrap_or_default(), model.vocab_size);
    comparison.check("d_model", args.d_model, model.d_model);
    comparison.check("num_heads", args.num_heads, model.num_heads);
    comparison.check("num_layers", args.num_layers, model.num_layers);
    comparison.check("d_ff", args.d_ff.unwrap_or_default(), model.d_ff);
    let rope_theta = if model.rope { model.rope_theta.to_string() } else { "no rotation".into() };
    comparison.check("rope_theta", args.rope_theta, rope_theta);
    comparison.check("no_rope", args.no_rope, !model.rope);
    comparison.check("norm", args.norm, model.norm);
    comparison.check("ffn", args.ffn, model.ffn);
}

/// Checks that no flag for the shape was typed that differs from the model in `source`, the value
/// of `--init-from`.
///
/// # Errors
/// Names all that do.
pub fn check_shape(args: &Args, given: &Given, model: &ModelConfig, source: &str) -> Result<()> {
    let mut comparison = Comparison { given, found: Vec::new() };
    compare_shape(&mut comparison, args, model);
    if args.context_length > model.context_length {
        comparison.check("context_length", args.context_length, model.context_length);
    }
    comparison.finish(&format!("the model in {source}"), "leave it out")
}

/// Checks that no flag was typed that differs from the run in `source`, a checkpoint to go on from.
///
/// # Errors
/// Names all that do.
pub fn check_resumed(
    args: &Args,
    given: &Given,
    model: &ModelConfig,
    stored: &RunConfig,
    source: &str,
) -> Result<()> {
    let mut comparison = Comparison { given, found: Vec::new() };
    compare_shape(&mut comparison, args, model);
    comparison.check("context_length", args.context_length, model.context_length);
    comparison.check("batch_size", args.batch_size, stored.batch_size);
    comparison.check("grad_accum", args.grad_accum, stored.grad_accum);
    comparison.check("steps", args.steps.unwrap_or_default(), stored.steps);
    let tokens_per_step = stored.tokens_per_step(model.context_length).max(1);
    if args.total_tokens / tokens_per_step != stored.steps {
        comparison.check(
            "total_tokens",
            args.total_tokens,
            stored.steps.saturating_mul(tokens_per_step),
        );
    }
    comparison.check("lr", args.lr, stored.lr);
    comparison.check("min_lr", args.min_lr.unwrap_or_default(), stored.min_lr);
    comparison.check("warmup_steps", args.warmup_steps.unwrap_or_default(), stored.warmup_steps);
    comparison.check("grad_clip", args.grad_clip, stored.grad_clip);
    comparison.check("beta1", args.beta1, stored.beta1);
    comparison.check("beta2", args.beta2, stored.beta2);
    comparison.check("eps", args.eps, stored.eps);
    comparison.check("weight_decay", args.weight_decay, stored.weight_decay);
    comparison.check("lr_schedule", args.lr_schedule.name(), &stored.lr_schedule);
    comparison.check("decay_embeddings", args.decay_embeddings, stored.decay_embeddings);
    comparison.check("decay_norms", args.decay_norms, stored.decay_norms);
    comparison.check("eval_every", args.eval_every, stored.eval_every);
    comparison.check("eval_batches", args.eval_batches, stored.eval_batches);
    let checkpoint_every = args.checkpoint_every.unwrap_or_default();
    comparison.check("checkpoint_every", checkpoint_every, stored.checkpoint_every);
    comparison.check("log_every", args.log_every, stored.log_every);
    comparison.check("seed", args.seed, stored.seed);
    let init_from = args.init_from.as_ref().map(|path| path.display().to_string());
    let none = || "none".to_string();
    comparison.check(
        "init_from",
        init_from.unwrap_or_else(none),
        stored.init_from.clone().unwrap_or_else(none),
    );
    if let Some(precision) = args.precision.fixed() {
        comparison.check("precision", precision, &stored.precision);
    }
    comparison.finish(
        &format!("the run in {source}"),
        "leave it out, or start a new run in another --checkpoint-dir",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::flags::parse_from;

    fn resumed(flags: &[&str]) -> Result<()> {
        let argv = ["train-model", "--train-dataset", "t.npy"];
        let (first, _): (Args, _) =
            parse_from([&argv[..], &["--steps", "100", "--lr", "0.1"]].concat())?;
        let stored = RunConfig::from_args(&first, 256, "f32".into())?;
        let (args, given): (Args, _) = parse_from([&argv[..], flags].concat())?;
        check_resumed(&args, &given, &ModelConfig::default(), &stored, "runs/latest")
    }

    #[test]
    fn defaults_and_equal_values_do_not_contradict() {
        assert!(resumed(&[]).is_ok());
        assert!(
            resumed(&["--lr", "1e-1", "--steps=100", "--precision=auto", "--d-ff=1344"]).is_ok()
        );
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

    #[test]
    fn a_directory_to_start_from_decides_the_shape_but_a_shorter_context_is_fine() {
        let check = |flags: &[&str]| {
            let argv = [&["train-model", "--train-dataset", "t.npy"], flags].concat();
            let (args, given) = parse_from(argv)?;
            check_shape(&args, &given, &ModelConfig::default(), "llama")
        };
        assert!(
            check(&["--context-length", "64", "--batch-size", "1", "--d-model", "512"]).is_ok()
        );
        assert!(
            check(&["--context-length", "512"])
                .unwrap_err()
                .to_string()
                .contains("--context-length 512")
        );
        assert!(
            check(&["--d-model", "64"]).unwrap_err().to_string().contains("the model in llama")
        );
    }
}
