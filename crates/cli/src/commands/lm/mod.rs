//! The program `lm`, which has all others as sub-commands.
//!
//! | module | holds |
//! |---|---|
//! | [`pipeline`] | the programs that can be called by their own names too |
//! | [`completions`] | scripts for shells |
//! | [`man`] | manual pages |

pub mod completions;
pub mod man;
pub mod pipeline;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Args, Command, CommandFactory};

use super::flags::{Color, parse_command};
use super::help::{self, Example};
use super::program::Program;
use crate::shell::command_line::{Called, LM};
use crate::shell::exit::{rendered, run_main};
use crate::shell::stdout::print;
use man::Page;
use pipeline::PIPELINE;

/// `lm` itself, with all its sub-commands. Its work is to show help.
pub const PROGRAM: Program = Program {
    name: LM,
    flags: definition,
    usage: &["lm [OPTIONS] <COMMAND>"],
    examples: EXAMPLES,
    variables: help::MODEL_VARIABLES,
    work: |mut command, argv| {
        if let Err(error) = command.try_get_matches_from_mut(argv) {
            return Err(with_suggestion(command, error).into());
        }
        print(rendered(&command.render_help()))
    },
};

const EXAMPLES: &[Example] = &[(
    "From a text to a model that continues it",
    "lm train-tokenizer --dataset train.txt --out tokenizer\n    \
     lm encode --tokenizer tokenizer --file train.txt --out train.npy\n    \
     lm train-model --preset demo --train-dataset train.npy --checkpoint-dir run\n    \
     lm inference --checkpoint run --prompt 'Once upon a time'",
)];

const COMPLETIONS: Program = Program {
    name: "completions",
    flags: completions::Args::command,
    usage: &[],
    examples: completions::EXAMPLES,
    variables: &[],
    work: |command, argv| {
        let (args, _): (completions::Args, _) = parse_command(command, argv)?;
        let program = pipeline::find(&args.program).unwrap_or(&PROGRAM);
        completions::run(&args, program.command(Called::ByName))
    },
};

const MAN: Program = Program {
    name: "man",
    flags: man::Args::command,
    usage: &[],
    examples: man::EXAMPLES,
    variables: &[],
    work: |command, argv| man::run(&parse_command(command, argv)?.0, &pages()),
};

/// Runs as the `main` of `lm`. A link to it that has the name of another program is that program.
pub fn main() -> ExitCode {
    run_main(|| {
        let argv: Vec<OsString> = std::env::args_os().collect();
        if let Some(program) = argv.first().and_then(|name| by_link(Path::new(name))) {
            return program.run(Called::ByName, argv);
        }
        match sub_command(&argv) {
            Some((program, argv)) => program.run(Called::ThroughLm, argv),
            None => PROGRAM.run(Called::ByName, argv),
        }
    })
}

/// Returns the program that has the name of the link through which `lm` was called.
fn by_link(called: &Path) -> Option<&'static Program> {
    pipeline::find(called.file_stem()?.to_str()?)
}

/// Returns all sub-commands, in the order in which the help lists them.
fn sub_commands() -> impl Iterator<Item = &'static Program> {
    PIPELINE.into_iter().chain([&COMPLETIONS, &MAN])
}

/// Returns the sub-command that `argv` calls, and its arguments, its name before them. Help and
/// mistakes are none.
fn sub_command(argv: &[OsString]) -> Option<(&'static Program, Vec<OsString>)> {
    let command = alone().allow_external_subcommands(true).disable_help_subcommand(true);
    let matches = command.try_get_matches_from(argv).ok()?;
    let (name, rest): (_, &ArgMatches) = matches.subcommand()?;
    let program = sub_commands().find(|program| program.name == name)?;
    let rest = rest.get_many::<OsString>("").into_iter().flatten().cloned();
    Some((program, [OsString::from(name)].into_iter().chain(rest).collect()))
}

/// Returns the error of a mistyped command; after `help`, that of the command without `help`, which
/// has a suggestion.
fn with_suggestion(mut command: Command, error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(name)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let alone = command.try_get_matches_from_mut([LM, name]).err();
    alone.filter(|alone| alone.kind() == ErrorKind::InvalidSubcommand).unwrap_or(error)
}

/// Returns the definition of `lm` without its sub-commands.
fn alone() -> Command {
    Color::augment_args(Command::new(LM).version(env!("CARGO_PKG_VERSION")))
}

fn definition() -> Command {
    alone()
        .mut_arg("color", |arg| arg.hide_short_help(false))
        .about("Language models from scratch: text, tokenizer, tokens, a trained model, text")
        .after_help("Flags of a command, with examples: lm help COMMAND")
        .subcommands(sub_commands().map(|program| program.command(Called::ThroughLm)))
}

/// Returns the manual pages of `lm`, of its sub-commands, and of the programs by their own names.
fn pages() -> Vec<Page> {
    let page_of = |program: &Program| format!("{LM}-{}", program.name);
    let all = sub_commands().map(page_of).collect();
    let mut pages = vec![Page::new(&PROGRAM, Called::ByName, all)];
    pages.extend(sub_commands().map(|program| {
        let others = sub_commands().map(page_of).filter(|page| *page != page_of(program));
        let see_also = [LM.into()].into_iter().chain(others).collect();
        Page::new(program, Called::ThroughLm, see_also)
    }));
    pages.extend(PIPELINE.map(|program| {
        let others = PIPELINE.iter().filter(|other| other.name != program.name);
        let see_also = others.map(|other| other.name.into()).chain([LM.into()]).collect();
        Page::new(program, Called::ByName, see_also)
    }));
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_consistent() {
        PROGRAM.command(Called::ByName).debug_assert();
    }

    #[test]
    fn a_sub_command_gets_its_own_arguments() {
        let called = |line: &str| {
            let argv: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let (program, rest) = sub_command(&argv)?;
            let rest: Vec<String> =
                rest.into_iter().map(|arg| arg.into_string().unwrap()).collect();
            Some((program.name, rest.join(" ")))
        };
        assert_eq!(called("lm encode --file -"), Some(("encode", "encode --file -".into())));
        assert_eq!(called("lm --color never man -o x"), Some(("man", "man -o x".into())));
        assert_eq!(called("lm encode --help"), Some(("encode", "encode --help".into())));
        for line in ["lm", "lm --help", "lm help", "lm encdoe", "lm --colour", "lm help encode"] {
            assert_eq!(called(line), None, "{line}");
        }
    }

    #[test]
    fn a_link_is_the_program_of_its_name() {
        let name = |called: &str| by_link(Path::new(called)).map(|program| program.name);
        assert_eq!(name("/usr/bin/train-model"), Some("train-model"));
        assert_eq!(name("encode.exe"), Some("encode"));
        for called in ["lm", "/usr/bin/lm", "man", "completions", ""] {
            assert_eq!(name(called), None, "{called}");
        }
    }
}
