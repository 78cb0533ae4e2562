//! Parsing of command lines, and the flags that all programs share.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::ffi::OsString;

use anyhow::Result;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Parser};

use crate::shell::logging;

/// Flags that every program has.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "General")]
pub struct Common {
    /// Number of threads [default: $RAYON_NUM_THREADS, else all cores]
    #[arg(long, visible_alias = "processes")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,

    /// No progress and no log lines on standard error; errors only
    #[arg(long)]
    pub quiet: bool,
}

impl Common {
    /// Starts logging, unless with `--quiet`, and the thread pool. Call it once, before any work.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn set_up(&self) -> Result<()> {
        // Before logging starts, nothing is logged.
        if !self.quiet {
            logging::start();
        }
        crate::shell::threads::start(self.threads.map(usize::from))
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
    parse_with_defaults(argv, [])
}

/// Parses `argv` as [`parse_from`] does, with other defaults: pairs of a field's name and its
/// value.
///
/// # Errors
/// A [`clap::Error`], as for [`parse`].
pub fn parse_with_defaults<T: Parser>(
    argv: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    defaults: impl IntoIterator<Item = (&'static str, String)>,
) -> Result<(T, ExplicitFlags)> {
    // Of a flag given twice the last value counts, so that scripts can append to their own
    // defaults.
    let mut command = T::command().mut_args(with_conventions).args_override_self(true);
    for (field, value) in defaults {
        command = command.mut_arg(field, |arg| arg.default_value(value));
    }
    let mut matches = command.try_get_matches_from(argv)?;
    let explicit = ExplicitFlags::from_matches(&matches);
    Ok((T::from_arg_matches_mut(&mut matches)?, explicit))
}

/// Adds what flags of one kind have in common: the original scripts' spelling (`--vocab_size` for
/// `--vocab-size`), N and X as names of integers and of real numbers, texts that may begin with a
/// hyphen, and switches that are on when they take a value and none is given.
pub fn with_conventions(mut arg: Arg) -> Arg {
    let names = arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default());
    let names = names.filter(|name| name.contains('-')).map(|name| name.replace('-', "_"));
    let snake_case: Vec<String> = names.collect();
    arg = arg.aliases(snake_case);
    if !arg.get_action().takes_values() {
        return arg;
    }
    let of_type = arg.get_value_parser().type_id();
    let integers = [TypeId::of::<u16>(), TypeId::of::<u64>(), TypeId::of::<usize>()];
    if integers.iter().any(|&integer| of_type == integer) {
        arg.value_name("N")
    } else if of_type == TypeId::of::<f64>() {
        arg.value_name("X")
    } else if of_type == TypeId::of::<bool>() {
        arg.value_name("BOOL").num_args(0..=1).default_missing_value("true")
    } else if of_type == TypeId::of::<String>() && !arg.is_positional() {
        arg.allow_hyphen_values(true)
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
    fn of_a_flag_given_twice_the_last_one_counts() {
        let (program, _) =
            parsed(&["program", "--vocab-size", "7", "--vocab_size=8", "--quiet", "--quiet"]);
        assert_eq!(program.vocab_size, 8);
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
        assert!(parse_from::<Program>(["program", "--threads", "0"]).is_err());
    }
}
