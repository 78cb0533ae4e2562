//! What can be set about a completion, by flags and, while the program runs, by commands like
//! `/temperature 0.7`.

use std::fmt;

use anyhow::{Context, Result};
use model::Sampling;

use crate::commands::inference::args::Args;
use crate::shell::exit::usage;

/// Everything that shapes a completion.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How the next token is chosen.
    pub sampling: Sampling,
    /// The most tokens of a completion.
    pub max_tokens: usize,
    /// Where random choices begin; `None`: somewhere else each time.
    pub seed: Option<u64>,
    /// Strings that end a completion.
    pub stop: Vec<String>,
}

/// The names of the commands that change a setting.
pub const NAMES: [&str; 7] =
    ["temperature", "top-p", "top-k", "min-p", "repetition-penalty", "max-tokens", "seed"];

impl Settings {
    /// The settings that the flags ask for.
    ///
    /// # Errors
    /// A usage error that names the flag whose value makes no sense.
    pub fn from_args(args: &Args) -> Result<Settings> {
        let settings = Settings {
            sampling: Sampling {
                temperature: args.temperature,
                top_k: args.top_k,
                top_p: Some(args.top_p),
                min_p: args.min_p,
                repetition_penalty: args.repetition_penalty,
            },
            max_tokens: args.max_tokens,
            seed: args.seed,
            stop: args.stop.clone(),
        };
        if settings.stop.iter().any(String::is_empty) {
            return Err(usage("--stop \"\": expected some text"));
        }
        settings.validate().map_err(|message| usage(format!("--{message}")))?;
        Ok(settings)
    }

    /// Checks the values; the message begins with the setting's name.
    fn validate(&self) -> Result<(), String> {
        self.sampling.validate().map_err(|error| {
            format!(
                "{} {}: expected {}",
                error.setting.replace('_', "-"),
                error.found,
                error.expected
            )
        })
    }

    /// Changes the setting `name` to `value`, as typed.
    ///
    /// # Errors
    /// When there is no such setting, or the value makes no sense for it; nothing is changed then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let mut changed = self.clone();
        let sampling = &mut changed.sampling;
        match name {
            "temperature" => sampling.temperature = number(value)?,
            "top-p" => sampling.top_p = unless_off(value)?,
            "top-k" => sampling.top_k = unless_off(value)?,
            "min-p" => sampling.min_p = unless_off(value)?,
            "repetition-penalty" => sampling.repetition_penalty = number(value)?,
            "max-tokens" => changed.max_tokens = number(value)?,
            "seed" => changed.seed = if value == "random" { None } else { Some(number(value)?) },
            _ => anyhow::bail!("there is no setting {name}; /help lists them"),
        }
        changed.validate().map_err(anyhow::Error::msg)?;
        *self = changed;
        Ok(())
    }

    /// The seed, or a new one from the system; short enough to be typed.
    pub fn seed_or_random(&self) -> u64 {
        self.seed.unwrap_or_else(|| rand::random::<u32>().into())
    }
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T> {
    value.parse().ok().with_context(|| format!("{value:?} is not a number of the right kind"))
}

fn unless_off<T: std::str::FromStr>(value: &str) -> Result<Option<T>> {
    if value == "off" { Ok(None) } else { number(value).map(Some) }
}

impl fmt::Display for Settings {
    /// One setting a line, as it would be typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn or<T: ToString>(value: Option<T>, none: &str) -> String {
            value.map_or(none.to_string(), |value| value.to_string())
        }
        let Sampling { temperature, top_k, top_p, min_p, repetition_penalty } = self.sampling;
        writeln!(f, "/temperature {temperature}")?;
        writeln!(f, "/top-p {}", or(top_p, "off"))?;
        writeln!(f, "/top-k {}", or(top_k, "off"))?;
        writeln!(f, "/min-p {}", or(min_p, "off"))?;
        writeln!(f, "/repetition-penalty {repetition_penalty}")?;
        writeln!(f, "/max-tokens {}", self.max_tokens)?;
        write!(f, "/seed {}", or(self.seed, "random"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::flags::parse_from;
    use crate::shell::exit::UsageError;

    fn settings(flags: &[&str]) -> Result<Settings> {
        let (args, _): (Args, _) =
            parse_from([&["inference", "--checkpoint", "c"], flags].concat())?;
        Settings::from_args(&args)
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let settings = settings(&[]).unwrap();
        assert_eq!(settings.sampling, Sampling::default());
        assert_eq!((settings.max_tokens, settings.seed), (256, None));
        assert_eq!(settings.stop, ["<|endoftext|>"]);
    }

    #[test]
    fn nonsense_is_refused_by_the_flags_name() {
        for (flag, value) in [
            ("--temperature", "-0.1"),
            ("--temperature", "nan"),
            ("--top-p", "0"),
            ("--top-p", "1.1"),
            ("--top-p", "nan"),
            ("--top-k", "0"),
            ("--min-p", "-1"),
            ("--min-p", "2"),
            ("--repetition-penalty", "0"),
            ("--stop", ""),
        ] {
            let error = settings(&[flag, value]).expect_err(flag);
            assert!(error.is::<UsageError>() && error.to_string().contains(flag), "{error}");
        }
    }

    #[test]
    fn commands_change_what_flags_set() {
        let mut changed = settings(&[]).unwrap();
        for (name, value) in [
            ("temperature", "0.7"),
            ("top-p", "0.5"),
            ("top-k", "40"),
            ("min-p", "0.1"),
            ("repetition-penalty", "1.2"),
            ("max-tokens", "9"),
            ("seed", "1"),
        ] {
            changed.set(name, value).unwrap();
        }
        let flags = [
            "--temperature=0.7",
            "--top-p=0.5",
            "--top-k=40",
            "--min-p=0.1",
            "--repetition-penalty=1.2",
            "--max-tokens=9",
            "--seed=1",
        ];
        assert_eq!(changed, settings(&flags).unwrap());
        changed.set("top-k", "off").unwrap();
        changed.set("seed", "random").unwrap();
        assert_eq!((changed.sampling.top_k, changed.seed), (None, None));
    }

    #[test]
    fn a_wrong_command_changes_nothing() {
        let mut changed = settings(&[]).unwrap();
        for (name, value) in
            [("temperature", "-1"), ("top-k", "1.5"), ("seed", ""), ("colour", "red")]
        {
            assert!(changed.set(name, value).is_err(), "{name}");
        }
        assert_eq!(changed, settings(&[]).unwrap());
    }
}
