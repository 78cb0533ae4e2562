//! Presets of `train-model`: a name for many flags. A preset gives them other defaults, so that
//! flags which were typed, the model of `--init-from` and the run of `--resume` go before it.

use std::ffi::OsString;

use anyhow::Result;
use clap::ValueEnum;

use crate::commands::flags::{Given, parse_from};
use crate::commands::train_model::args::Args;

/// A whole configuration.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// 22.7 million parameters for TinyStories: the defaults with beta2 0.95 and 327,680,000 tokens
    Tinystories,
    /// 1.1 million parameters with a vocabulary of 2048 (3.2 with 10,000): two minutes on two cores
    Demo,
    /// GPT-2 small's width, depth, heads, context and vocabulary, with this architecture's blocks:
    /// 162 million parameters
    Gpt2SmallShape,
}

impl Preset {
    /// Flags without their dashes, and their values.
    fn flags(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Tinystories => &[
                ("context-length", "256"),
                ("d-model", "512"),
                ("num-layers", "4"),
                ("num-heads", "16"),
                ("d-ff", "1344"),
                ("batch-size", "32"),
                ("total-tokens", "327680000"),
                ("lr", "0.001"),
                ("beta2", "0.95"),
            ],
            Self::Demo => &[
                ("context-length", "128"),
                ("d-model", "128"),
                ("num-layers", "3"),
                ("num-heads", "4"),
                ("d-ff", "344"),
                ("batch-size", "8"),
                ("total-tokens", "1024000"),
                ("lr", "0.006"),
                ("log-every", "50"),
            ],
            Self::Gpt2SmallShape => &[
                ("vocab-size", "50257"),
                ("context-length", "1024"),
                ("d-model", "768"),
                ("num-layers", "12"),
                ("num-heads", "12"),
                // Three matrices of this width have as many weights as GPT-2's two of 3072.
                ("d-ff", "2048"),
                ("batch-size", "4"),
                ("grad-accum", "8"),
                ("lr", "0.0006"),
                ("beta2", "0.95"),
                ("weight-decay", "0.1"),
            ],
        }
    }
}

/// Flags that decide a model's shape.
const SHAPE: [&str; 6] =
    ["vocab-size", "context-length", "d-model", "num-layers", "num-heads", "d-ff"];

/// The arguments `argv` of `train-model` and which of them were typed; those of a preset were not.
///
/// # Errors
/// A [`clap::Error`], as for [`crate::commands::flags::parse`].
pub fn parse(argv: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<(Args, Given)> {
    let mut argv: Vec<OsString> = argv.into_iter().map(Into::into).collect();
    let (args, given): (Args, Given) = parse_from(argv.clone())?;
    let Some(preset) = args.preset else { return Ok((args, given)) };
    for &(flag, value) in preset.flags() {
        let typed = |flag: &str| given.has(&flag.replace('-', "_"));
        // What sizes a tokenizer or a model to start from has is not for a preset to say.
        let decided = (flag == "vocab-size" && args.tokenizer.is_some())
            || (SHAPE.contains(&flag) && args.init_from.is_some())
            || (flag == "total-tokens" && typed("steps"));
        if typed(flag) || decided {
            continue;
        }
        argv.push(format!("--{flag}={}", adapted(flag, value, &args)).into());
    }
    let (args, _): (Args, Given) = parse_from(argv)?;
    Ok((args, given))
}

/// The value of a preset's flag beside the others: two matrices are half as wide again as three.
fn adapted(flag: &str, value: &str, args: &Args) -> String {
    match value.parse::<usize>() {
        Ok(width) if flag == "d-ff" && !args.ffn.is_gated() => (width * 3 / 2).to_string(),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(flags: &[&str]) -> (Args, Given) {
        parse([&["train-model", "--train-dataset", "t.npy"], flags].concat()).unwrap()
    }

    #[test]
    fn single_flags_override_a_preset() {
        let (args, given) = parsed(&["--preset", "demo", "--d_model=64", "--steps", "7"]);
        assert_eq!((args.d_model, args.num_layers, args.d_ff), (64, 3, Some(344)));
        assert_eq!((args.steps, args.lr), (Some(7), 0.006));
        assert!(given.has("d_model") && given.has("steps") && !given.has("num_layers"));
    }

    #[test]
    fn a_model_to_start_from_keeps_its_shape() {
        let (args, _) = parsed(&["--preset", "demo", "--init-from", "llama"]);
        assert_eq!((args.d_model, args.context_length, args.lr), (512, 256, 0.006));
    }

    #[test]
    fn every_preset_makes_sense() {
        for preset in Preset::value_variants() {
            let name = preset.to_possible_value().unwrap();
            let (args, _) = parsed(&["--preset", name.get_name()]);
            let shape = crate::run::spec::training::model_config(&args, None).unwrap();
            crate::run::spec::training::RunConfig::from_args(
                &args,
                shape.context_length,
                "f32".into(),
            )
            .unwrap();
        }
    }

    #[test]
    fn no_preset_changes_nothing_and_two_matrices_are_wider() {
        assert_eq!(parsed(&[]).0.d_model, 512);
        assert!(!parsed(&[]).1.has("d_model"));
        assert_eq!(parsed(&["--preset=demo", "--ffn", "silu"]).0.d_ff, Some(516));
        let (args, _) = parsed(&["--preset=gpt2-small-shape", "--tokenizer", "t"]);
        assert_eq!(args.vocab_size, None, "the tokenizer decides");
    }
}
