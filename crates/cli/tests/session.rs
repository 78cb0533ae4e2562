//! The prompt of `inference` to type at, through a pipe and at a terminal.

mod common;

use common::{Folder, stderr, stdout};

fn folder_with_model() -> Folder {
    let folder = Folder::new();
    folder.checkpoint("run");
    folder
}

/// Types `lines`, and returns standard output and standard error.
#[track_caller]
fn session(folder: &Folder, flags: &[&str], lines: &str) -> (String, String) {
    let mut command = folder.program("inference");
    let output =
        command.args(["--checkpoint", "run"]).args(flags).write_stdin(lines).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    (stdout(&output), stderr(&output))
}

/// Completes a prompt without a session.
fn direct(folder: &Folder, prompt: &str, flags: &[&str]) -> String {
    let mut command = folder.program("inference");
    let output =
        command.args(["--checkpoint", "run", "--prompt", prompt]).args(flags).output().unwrap();
    stdout(&output)
}

#[test]
fn a_setting_is_shown_changed_and_confirmed() {
    let folder = folder_with_model();
    let lines = "/temperature\n/temperature 0.7\n/temperature\n/max-tokens 0\n/max-tokens\n\
                 /top-k 2k\n/top-k soon\n/seed 1 2\n";
    let (shown, said) = session(&folder, &[], lines);
    assert_eq!(shown, "");
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with(['/', 'e'])).collect();
    assert_eq!(
        lines,
        [
            "/temperature 1",
            "/temperature 0.7 (was 1)",
            "/temperature 0.7",
            "error: /max-tokens 0: expected at least 1",
            "/max-tokens 256",
            "/top-k 2000 (was off)",
            "error: /top-k soon: expected a whole number, such as 10000, 10k or 2M",
            "error: /seed 1 2: expected a whole number, such as 10000, 10k or 2M",
        ]
    );
    let (_, quiet) = session(&folder, &["--quiet"], "/temperature 0.7\n");
    assert_eq!(quiet, "");
}

#[test]
fn retry_writes_another_text_and_continue_goes_on() {
    let folder = folder_with_model();
    let flags = ["--max-tokens", "6", "--seed", "4"];
    let (shown, _) = session(&folder, &flags, "The dog\n/retry\n/retry\n");
    let texts = ["4", "5", "6"]
        .map(|seed| direct(&folder, "The dog", &["--max-tokens", "6", "--seed", seed]));
    assert_eq!(shown, format!("{}\n{}\n{}\n", texts[0], texts[1], texts[2]));

    let greedy = ["--max-tokens", "4", "--temperature", "0"];
    let (shown, _) = session(&folder, &greedy, "The dog\n/continue\n/save text.txt\n");
    let longer = direct(&folder, "The dog", &["--max-tokens", "8", "--temperature", "0"]);
    // A character that is cut off is shown as U+FFFD, and then again as what it became.
    let plain = |text: &str| text.replace(['\n', '\u{fffd}'], "");
    assert_eq!(plain(&shown), plain(&longer));
    assert_eq!(folder.read_text("text.txt"), format!("{longer}\n"));

    let (shown, said) = session(&folder, &[], "/retry\n/continue\n/save x\n/continue now\n");
    assert_eq!(shown, "");
    assert_eq!(said.matches("there is no text yet").count(), 3, "{said}");
    assert!(said.contains("/continue takes no value; found \"now\""), "{said}");
}

#[test]
fn stop_strings_are_added_and_shown() {
    let folder = folder_with_model();
    let flags = ["--max-tokens", "20", "--temperature", "0"];
    let whole = direct(&folder, "The dog", &flags);
    let added = whole.strip_prefix("The dog").unwrap();
    let stop: String = added.trim().chars().take(1).collect();
    let lines = format!("/stop {stop}\nThe dog\n/stop\n/stop off\nThe dog\n");
    let (shown, said) = session(&folder, &flags, &lines);
    let cut = &added[..added.find(&stop).unwrap()];
    assert_eq!(shown, format!("The dog{cut}\n{whole}\n"));
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("/stop")).collect();
    let both = format!("/stop \"<|endoftext|>\", {stop:?}, and the model's end tokens");
    assert_eq!(lines[..2], [&both[..]; 2]);
    assert!(!lines[2].contains(&format!("{stop:?}")), "{lines:?}");
}

#[test]
fn a_text_may_begin_with_a_slash() {
    let folder = folder_with_model();
    let flags = ["--max-tokens", "3", "--seed", "1"];
    let (shown, said) = session(&folder, &flags, "//usr is\n/usr is\n/temprature 1\n");
    assert_eq!(shown, format!("{}\n", direct(&folder, "/usr is", &flags)));
    assert!(said.contains("there is no command /usr;") && said.contains("with two"), "{said}");
    assert!(said.contains("did you mean /temperature?"), "{said}");
}

#[test]
fn a_file_that_cannot_be_written_does_not_end_the_session() {
    let folder = folder_with_model();
    let flags = ["--max-tokens", "3", "--seed", "1"];
    let (shown, said) = session(&folder, &flags, "a\n/save run\n/save\na\n");
    assert_eq!(shown.matches(&direct(&folder, "a", &flags)).count(), 2, "{shown}");
    assert!(said.contains("error: /save: run"), "{said}");
    assert!(said.contains("/save takes the name of a file"), "{said}");
}

#[cfg(target_os = "linux")]
fn at_a_terminal(folder: &Folder, arguments: &str) -> Option<String> {
    let program = assert_cmd::cargo::cargo_bin("inference");
    folder.at_a_terminal(&format!("'{}' --checkpoint run {arguments}", program.display()))
}

#[cfg(target_os = "linux")]
#[test]
fn at_a_terminal_nothing_stands_inside_a_text() {
    let folder = folder_with_model();
    let flags = ["--max-tokens", "40", "--temperature", "0", "--seed", "1"];
    let text = direct(&folder, "The dog", &flags);
    let line = format!("--prompt 'The dog' {}", flags.join(" "));
    let Some(screen) = at_a_terminal(&folder, &line) else { return };
    let written = text.strip_prefix("The dog").unwrap();
    let (before, after) = screen.split_once(written).expect(&screen);
    assert!(before.ends_with("\x1b[36mThe dog\x1b[0m"), "{before:?}");
    assert!(after.contains("40 tokens (cut off at max-tokens), "), "{after}");
    assert!(after.contains("longer than the context of 16 tokens"), "{after}");

    let verbose = at_a_terminal(&folder, &format!("{line} -v")).unwrap();
    assert!(verbose.contains(&format!("\x1b[36mThe dog\x1b[0m{written}\n")), "{verbose}");

    let plain = at_a_terminal(&folder, &format!("{line} --quiet | cat")).unwrap();
    assert_eq!(plain, text);
}

#[cfg(target_os = "linux")]
#[test]
fn at_a_terminal_lines_end_between_words() {
    const PROMPT: &str = "One day the dog found a daylight saving";
    const LINES: &str = "One day the dog\nfound a daylight\nsaving";
    let folder = folder_with_model();
    let flags = ["--max-tokens", "12", "--temperature", "0", "--seed", "1"];
    let text = direct(&folder, PROMPT, &flags);
    let program = assert_cmd::cargo::cargo_bin("inference");
    let narrow = |before: &str, arguments: &str| {
        let (program, flags) = (program.display(), flags.join(" "));
        let settings = "--checkpoint run --quiet --color never";
        folder.at_a_terminal(&format!(
            "stty cols 16 rows 24; {before} '{program}' {settings} {flags} {arguments}"
        ))
    };
    let once = format!("--prompt '{PROMPT}'");
    let Some(screen) = narrow("", &once) else { return };
    assert!(screen.starts_with(LINES), "{screen:?}");
    assert!(screen.split_whitespace().eq(text.split_whitespace()), "{screen:?} {text:?}");
    assert_eq!(narrow("", &format!("{once} --num-samples 2")).unwrap().matches(LINES).count(), 2);
    assert_eq!(narrow("TERM=dumb", &once).unwrap(), format!("{text}\n"));
    assert_eq!(narrow("", &format!("{once} | cat")).unwrap(), text);

    // What is saved has the text's own line ends.
    let typed = format!("printf '%s\\n' '{PROMPT}' '/save text.txt' |");
    assert_eq!(narrow(&typed, "").unwrap(), screen);
    assert_eq!(folder.read_text("text.txt"), format!("{text}\n"));
}

#[cfg(target_os = "linux")]
#[test]
fn no_colours_where_the_environment_says_so() {
    let folder = folder_with_model();
    let line = "--prompt 'The dog' --max-tokens 5 --seed 1";
    let program = assert_cmd::cargo::cargo_bin("inference");
    let prefix = format!("--version && NO_COLOR=1 '{}' --checkpoint run", program.display());
    let Some(screen) = at_a_terminal(&folder, &format!("{prefix} {line}")) else { return };
    assert!(screen.contains("The dog") && !screen.contains('\x1b'), "{screen:?}");
}
