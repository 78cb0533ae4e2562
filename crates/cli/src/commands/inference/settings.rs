//! The settings of a completion: flags of the program, and commands of a session such as
//! `/temperature 0.7`.
//!
//! Both follow from [`Settings`]: a command `/NAME VALUE` is parsed as the flag `--NAME=VALUE`
//! after the flags that give the present settings.

use std::error::Error as _;
use std::fmt;

use anyhow::{Error, Result, anyhow, ensure};
use clap::error::ContextKind;
use clap::{Command, FromArgMatches};
use model::Sampling;

use crate::commands::flags::with_conventions;
use crate::shell::number::{NumberError, real, whole};

/// A number, or none where the setting is spelled `off` or `random`. (An alias, because clap takes
/// a field of type `Option` for a flag without a default.)
type Optional<T> = Option<T>;

/// The settings of a completion.
#[derive(clap::Args, Debug, Clone, PartialEq)]
#[command(next_help_heading = "Sampling")]
pub struct Settings {
    /// Randomness of the choice; 0 always takes the most likely token
    #[arg(long, default_value_t = 1.0)]
    pub temperature: f64,
    /// Choose among the most likely tokens with this share of the probability; 1 turns it off
    #[arg(long, value_name = "X", default_value = "0.9")]
    #[arg(value_parser = optional(real, "off"))]
    pub top_p: Optional<f64>,
    /// Choose among this many likeliest tokens
    #[arg(long, value_name = "N", default_value = "off")]
    #[arg(value_parser = optional(whole::<usize>, "off"))]
    pub top_k: Optional<usize>,
    /// Choose among tokens with at least this share of the most likely token's probability
    #[arg(long, value_name = "X", default_value = "off", hide_short_help = true)]
    #[arg(value_parser = optional(real, "off"))]
    pub min_p: Optional<f64>,
    /// Divide the score of tokens that occurred by this; 1 turns it off
    #[arg(long, default_value_t = 1.0, hide_short_help = true)]
    pub repetition_penalty: f64,
    /// Largest number of tokens per completion
    #[arg(long, short = 'n', default_value_t = 256, help_heading = "Text")]
    #[arg(visible_aliases = ["max-new-tokens", "n-predict"])]
    pub max_tokens: usize,
    /// Guess up to this many tokens from the text so far and check them in one step: faster where a
    /// text repeats itself, and the same text; with temperature 0 only
    #[arg(long, default_value_t = 0, help_heading = "Text", hide_short_help = true)]
    pub speculate: usize,
    /// Seed of the choices, or random [default: from the system]
    #[arg(long, value_name = "N", default_value = "random", hide_default_value = true)]
    #[arg(value_parser = optional(whole::<u64>, "random"))]
    pub seed: Optional<u64>,
}

/// Returns a parser of the numbers that `parse` reads; the word `none` is no number.
fn optional<T>(
    parse: fn(&str) -> Result<T, NumberError>,
    none: &'static str,
) -> impl Fn(&str) -> Result<Option<T>, NumberError> + Clone + Send + Sync + 'static
where
    T: 'static,
{
    move |text| if text == none { Ok(None) } else { parse(text).map(Some) }
}

/// The most tokens to draft: products of so many rows and one cost little more than one of one.
const MOST_DRAFTS: usize = 31;

/// Returns the error of a value that is not one of its setting's.
fn invalid(error: &clap::Error) -> Error {
    let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let flag = context(ContextKind::InvalidArg);
    let name = flag.trim_start_matches('-').split([' ', '=']).next().unwrap_or_default();
    let value = context(ContextKind::InvalidValue);
    match error.source() {
        Some(reason) => anyhow!("{name} {value}: {reason}"),
        None => anyhow!("{name} {value}: not a number of the right kind"),
    }
}

/// Returns a command whose flags are the settings.
fn command() -> Command {
    let command = Command::new("settings").no_binary_name(true).args_override_self(true);
    <Settings as clap::Args>::augment_args(command).mut_args(with_conventions)
}

/// Returns the names of the settings.
pub fn names() -> Vec<String> {
    command().get_arguments().filter_map(|arg| arg.get_long().map(String::from)).collect()
}

/// Describes the commands that change a setting, in lines of at most 80 columns.
pub fn help() -> String {
    let entry = |arg: &clap::Arg| {
        let value = arg.get_value_names().and_then(|names| names.first())?;
        let default = arg.get_default_values().first()?.to_str()?;
        // A default that is no number is the other value that the setting may have.
        let other = if default.parse::<f64>().is_ok() { "" } else { &format!("|{default}") };
        let usage = format!("{} {value}{other}", arg.get_long()?);
        Some(help_entry(&usage, &arg.get_help()?.to_string()))
    };
    command().get_arguments().filter_map(entry).collect()
}

/// Describes the command `/usage`, in lines of at most 80 columns.
pub fn help_entry(usage: &str, help: &str) -> String {
    let mut text = format!("  {:<23}", format!("/{usage}"));
    for word in help.split(' ') {
        let column = text.lines().last().map_or(0, str::len);
        let fits = column + word.len() < 80;
        text += &if fits { format!(" {word}") } else { format!("\n{:26}{word}", "") };
    }
    text + "\n"
}

impl Settings {
    /// Returns the settings that shape the choice of a token.
    pub fn sampling(&self) -> Sampling {
        let &Settings { temperature, top_k, top_p, min_p, repetition_penalty, .. } = self;
        Sampling { temperature, top_k, top_p, min_p, repetition_penalty }
    }

    /// Checks the values.
    ///
    /// # Errors
    /// A message that begins with the setting's name.
    pub fn validate(&self) -> Result<(), String> {
        self.sampling().validate().map_err(|error| {
            let name = error.setting.replace('_', "-");
            format!("{name} {}: expected {}", error.found, error.expected)
        })?;
        let Settings { speculate, temperature, .. } = self;
        if *speculate > MOST_DRAFTS {
            return Err(format!("speculate {speculate}: expected at most {MOST_DRAFTS}"));
        }
        if *speculate > 0 && *temperature != 0.0 {
            return Err(format!(
                "speculate {speculate}: expected temperature 0 beside it, found {temperature}"
            ));
        }
        Ok(())
    }

    /// Returns the value of the setting `name` as it would be typed; `None` if there is no such
    /// setting.
    pub fn value(&self, name: &str) -> Option<String> {
        let typed = self.to_string();
        let value = |line: &str| {
            Some(line.strip_prefix('/')?.strip_prefix(name)?.strip_prefix(' ')?.to_string())
        };
        typed.lines().find_map(value)
    }

    /// Changes the setting `name` to `value`, as typed. A text of no tokens, which the flag allows,
    /// is refused: a session would seem dead.
    ///
    /// # Errors
    /// When the value is invalid; the settings are unchanged then. The message begins with the
    /// setting's name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let changed = self.with([(name, value)])?;
        ensure!(changed.max_tokens > 0, "max-tokens 0: expected at least 1");
        *self = changed;
        Ok(())
    }

    /// Returns these settings with other values of some, as typed.
    ///
    /// # Errors
    /// When a value is invalid. The message begins with the setting's name.
    pub fn with<'a>(&self, values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let values: Vec<String> =
            values.into_iter().map(|(name, value)| format!("/{name} {value}")).collect();
        let typed = format!("{self}\n{}", values.join("\n"));
        let flags = typed.lines().map(|line| line.replacen('/', "--", 1).replacen(' ', "=", 1));
        let changed = command()
            .try_get_matches_from(flags)
            .and_then(|matches| Settings::from_arg_matches(&matches))
            .map_err(|error| invalid(&error))?;
        changed.validate().map_err(Error::msg)?;
        Ok(changed)
    }

    /// Returns the seed, or a new one from the system, short enough to be typed.
    pub fn seed_or_random(&self) -> u64 {
        self.seed.unwrap_or_else(|| rand::random::<u32>().into())
    }
}

impl fmt::Display for Settings {
    /// Writes one command per line, as it would be typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn or<T: ToString>(value: &Option<T>, none: &str) -> String {
            value.as_ref().map_or(none.to_string(), T::to_string)
        }
        let Settings { temperature, top_p, top_k, min_p, repetition_penalty, .. } = self;
        let Settings { max_tokens, speculate, seed, .. } = self;
        writeln!(f, "/temperature {temperature}")?;
        writeln!(f, "/top-p {}", or(top_p, "off"))?;
        writeln!(f, "/top-k {}", or(top_k, "off"))?;
        writeln!(f, "/min-p {}", or(min_p, "off"))?;
        writeln!(f, "/repetition-penalty {repetition_penalty}")?;
        writeln!(f, "/speculate {speculate}")?;
        writeln!(f, "/max-tokens {max_tokens}")?;
        write!(f, "/seed {}", or(seed, "random"))
    }
}
