//! Parsing of command lines, and the flags that all programs share.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroU64;

use anyhow::{Error, Result};
use clap::builder::ValueParser;
use clap::error::{ContextKind, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, Parser, ValueHint};

use crate::shell::choice;
use crate::shell::color::{self, When};
use crate::shell::exit::{check_flag, usage};
use crate::shell::logging::{self, Verbosity};
use crate::shell::number::{real, whole};

/// Flags that every program has.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "General")]
pub struct Common {
    /// Threads [default: all cores]
    ///
    /// Without this flag RAYON_NUM_THREADS counts.
    #[arg(short, long, visible_alias = "processes")]
    pub threads: Option<u16>,

    /// No progress and no log lines on standard error; errors only
    #[arg(short, long)]
    pub quiet: bool,

    /// More log lines, such as kernels and digests
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub color: Color,
}

/// The flag on colours.
#[derive(Args, Debug, Clone)]
pub struct Color {
    /// When to show colours [default: auto]
    ///
    /// auto is on terminals that have them, unless NO_COLOR or CLICOLOR_FORCE is set.
    #[arg(long = "color", value_name = "WHEN", hide_short_help = true)]
    #[arg(value_parser = choice::parser(&When::ALL))]
    pub color: Option<When>,
}

impl Common {
    /// Starts logging, unless with `--quiet`, and the thread pool. Call it once, before any work.
    ///
    /// # Errors
    /// A usage error for a number of threads beyond any machine, or when they cannot be started.
    pub fn set_up(&self) -> Result<()> {
        if let Some(threads) = self.threads {
            check_flag("threads", threads, (1..=1024).contains(&threads), "1 to 1024")?;
        }
        self.color.color.into_iter().for_each(color::set);
        logging::start(self.verbosity());
        crate::shell::threads::start(self.threads.map(usize::from))
    }

    /// Returns the amount of logging that the flags ask for.
    pub fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        }
    }
}

/// The flags that were typed, as opposed to those that have their default, with their values.
#[derive(Debug, Clone, Default)]
pub struct ExplicitFlags(BTreeMap<String, String>);

impl ExplicitFlags {
    /// Returns `true` if the flag was typed. `field` is the name of the argument's field
    /// (`vocab_size`).
    pub fn has(&self, field: &str) -> bool {
        self.value(field).is_some()
    }

    /// Returns the value of the flag as it was typed, if it was.
    pub fn value(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(String::as_str)
    }

    /// Counts the flag of a field among those that were typed.
    pub fn add(&mut self, field: &str, value: String) {
        self.0.insert(field.into(), value);
    }

    fn from_matches(matches: &ArgMatches) -> ExplicitFlags {
        let typed = |id: &&str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let value = |id| matches.get_raw(id)?.next().map(|value| value.to_string_lossy().into());
        let ids = matches.ids().map(clap::Id::as_str).filter(typed);
        ExplicitFlags(ids.map(|id| (id.into(), value(id).unwrap_or_default())).collect())
    }
}

/// Parses the arguments that this process was started with.
///
/// # Errors
/// A [`clap::Error`], also for `--help` and `--version`; [`crate::shell::exit::run_main`] knows
/// what to do with it.
pub fn parse<T: Parser>() -> Result<T> {
    Ok(parse_from(std::env::args_os())?.0)
}

/// Parses `argv`, which begins with the program's name. Also returns the flags that were typed.
///
/// # Errors
/// A [`clap::Error`], as for [`parse`].
pub fn parse_from<T: Parser>(
    argv: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<(T, ExplicitFlags)> {
    parse_command(conventional(T::command()), argv)
}

/// Parses `argv` as [`parse_from`] does, by `command`, a [`conventional`] form of `T`'s.
///
/// # Errors
/// A [`clap::Error`], as for [`parse`].
pub fn parse_command<T: FromArgMatches>(
    command: Command,
    argv: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<(T, ExplicitFlags)> {
    parse_with_defaults(command, argv, [] as [(&str, String); 0])
}

/// Parses `argv` as [`parse_command`] does, with other defaults: pairs of a field's name and its
/// value.
///
/// # Errors
/// A [`clap::Error`], as for [`parse`].
pub fn parse_with_defaults<T: FromArgMatches>(
    mut command: Command,
    argv: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    defaults: impl IntoIterator<Item = (impl AsRef<str>, String)>,
) -> Result<(T, ExplicitFlags)> {
    let argv: Vec<OsString> = argv.into_iter().map(Into::into).collect();
    for (field, value) in defaults {
        command = command.mut_arg(field, |arg| arg.default_value(value));
    }
    let parsed = command.clone().try_get_matches_from(&argv);
    let mut matches = parsed.map_err(|error| match given_twice(command, &argv, &error) {
        Some(error) => error,
        None => error.into(),
    })?;
    let explicit = ExplicitFlags::from_matches(&matches);
    Ok((T::from_arg_matches_mut(&mut matches)?, explicit))
}

/// Returns the error of a flag that takes one value and was given twice, with all its values, if
/// that is what `error` is about.
fn given_twice(command: Command, argv: &[OsString], error: &clap::Error) -> Option<Error> {
    let name = error.get(ContextKind::InvalidArg)?;
    if error.kind() != ErrorKind::ArgumentConflict || error.get(ContextKind::PriorArg)? != name {
        return None;
    }
    let name = name.to_string();
    let mut built = command.clone();
    built.build();
    let arg = built.get_arguments().find(|arg| arg.to_string() == name)?;
    let (id, flag) = (arg.get_id().clone(), arg.get_long()?.to_string());
    let command = command.mut_arg(&id, |arg| arg.action(ArgAction::Append)).ignore_errors(true);
    let matches = command.try_get_matches_from(argv).ok()?;
    let values = matches.get_raw_occurrences(id.as_str())?.flatten();
    let values: Vec<String> = values.map(|value| value.to_string_lossy().into()).collect();
    Some(usage(format!("--{flag}: takes one value, but {} were given", values.join(" and "))))
}

/// Adds to a command what all of this package have in common: the conventions of flags, and the
/// line of the short help about the long one.
pub fn conventional(command: Command) -> Command {
    // A value such as -1 is a wrong number and no flag.
    let command = command.mut_args(with_conventions).allow_negative_numbers(true);
    let is_shortened = command.get_arguments().any(Arg::is_hide_short_help_set);
    match is_shortened {
        true => command.after_help("All flags, with examples: --help"),
        false => command,
    }
}

/// Adds what flags of one kind have in common: the original scripts' spelling (`--vocab_size` for
/// `--vocab-size`), N and X as names of integers and of real numbers, which may be written as `10k`
/// and `2M`, texts that may begin with a hyphen, and switches that are on when they take a value
/// and none is given. A switch without a value may be given twice, which changes nothing.
pub fn with_conventions(mut arg: Arg) -> Arg {
    let names = arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default());
    let names = names.filter(|name| name.contains('-')).map(|name| name.replace('-', "_"));
    let snake_case: Vec<String> = names.collect();
    arg = arg.aliases(snake_case);
    if !arg.get_action().takes_values() {
        let id = arg.get_id().clone();
        return arg.overrides_with(id);
    }
    let of_type = arg.get_value_parser().type_id();
    let numbers = [
        (TypeId::of::<u16>(), "N", ValueParser::new(whole::<u16>)),
        (TypeId::of::<u64>(), "N", ValueParser::new(whole::<u64>)),
        (TypeId::of::<NonZeroU64>(), "N", ValueParser::new(whole::<NonZeroU64>)),
        (TypeId::of::<usize>(), "N", ValueParser::new(whole::<usize>)),
        (TypeId::of::<f64>(), "X", ValueParser::new(real)),
    ];
    if let Some((_, name, parser)) = numbers.into_iter().find(|(number, ..)| of_type == *number) {
        arg.value_name(name).value_parser(parser)
    } else if of_type == TypeId::of::<bool>() {
        arg.value_name("BOOL").num_args(0..=1).default_missing_value("true")
    } else if of_type == TypeId::of::<String>() && !arg.is_positional() {
        arg.allow_hyphen_values(true)
    } else if arg.get_value_names().is_some_and(|names| names == ["DIR"]) {
        arg.value_hint(ValueHint::DirPath)
    } else {
        arg
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Parser, Debug)]
    #[command(name = "program")]
    struct Program {
        #[arg(long, default_value_t = 10)]
        vocab_size: usize,
        #[arg(long)]
        no_rope: bool,
        #[command(flatten)]
        common: Common,
    }

    fn parsed(argv: &[&str]) -> (Program, ExplicitFlags) {
        parse_from(argv).expect("valid arguments")
    }

    #[test]
    fn both_spellings_and_both_separators() {
        for argv in [["--vocab_size=7", "--quiet"], ["--vocab-size=7", "--quiet"]] {
            assert_eq!(parsed(&["program", argv[0], argv[1]]).0.vocab_size, 7);
        }
        assert_eq!(parsed(&["program", "--vocab_size", "7"]).0.vocab_size, 7);
        assert!(parsed(&["program", "--no_rope"]).0.no_rope);
    }

    #[test]
    fn a_value_given_twice_is_wrong_usage_and_a_switch_given_twice_is_not() {
        let argv = ["program", "--vocab-size", "7", "--no-rope", "--vocab_size=8"];
        let error = parse_from::<Program>(argv).unwrap_err();
        assert!(error.is::<crate::shell::exit::UsageError>());
        assert_eq!(error.to_string(), "--vocab-size: takes one value, but 7 and 8 were given");
        let (program, _) = parsed(&["program", "--quiet", "-q", "--no-rope", "--no_rope"]);
        assert!(program.common.quiet && program.no_rope);
        assert!(parse_from::<Program>(["program", "--quiet", "--verbose"]).is_err());
    }

    #[test]
    fn numbers_may_have_a_suffix_and_wrong_ones_say_what_is_expected() {
        assert_eq!(parsed(&["program", "--vocab-size", "10k"]).0.vocab_size, 10_000);
        let error = parse_from::<Program>(["program", "--vocab-size", "many"]).unwrap_err();
        assert!(error.to_string().contains("expected a whole number"), "{error}");
    }

    #[test]
    fn only_what_was_typed_is_explicit() {
        let (program, explicit) = parsed(&["program", "--vocab_size", "10", "--processes=3"]);
        assert_eq!(program.common.threads, Some(3));
        assert!(explicit.has("vocab_size") && explicit.has("threads"));
        assert!(!explicit.has("no_rope") && !explicit.has("quiet"));
    }

    #[test]
    fn flags_after_an_argument_without_a_name_are_flags() {
        #[derive(Parser, Debug)]
        struct Comparing {
            runs: Vec<String>,
            #[arg(long)]
            title: String,
        }
        let (program, _): (Comparing, _) =
            parse_from(["p", "run", "--title", "-loss-"]).expect("a run and a title");
        assert_eq!((program.runs, &*program.title), (vec!["run".to_string()], "-loss-"));
    }

    #[test]
    fn values_are_not_taken_for_flags() {
        #[derive(Parser, Debug)]
        struct Prompting {
            #[arg(long)]
            prompt: String,
        }
        let (program, _): (Prompting, _) =
            parse_from(["p", "--prompt", "--vocab_size"]).expect("a value");
        assert_eq!(program.prompt, "--vocab_size");
    }

    #[test]
    fn no_threads_is_an_error() {
        let (program, _) = parsed(&["program", "-t", "0"]);
        let error = program.common.set_up().unwrap_err();
        assert_eq!(error.to_string(), "--threads 0: expected 1 to 1024");
    }
}
