//! The program `inference`, run as a user runs it.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command as Process, Stdio};
#[cfg(unix)]
use std::{
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use assert_cmd::Command;
#[cfg(unix)]
use common::kill;
use common::{Folder, fails, stderr, stdout, text};
use serde_json::Value;

fn inference(folder: &Folder, args: &[&str]) -> Command {
    let mut command = folder.program("inference");
    command.args(["--checkpoint", "run"]).args(args);
    command
}

fn folder_with_model() -> Folder {
    let folder = Folder::new();
    folder.checkpoint("run");
    folder
}

#[test]
fn standard_output_holds_prompt_and_completion_only() {
    let folder = folder_with_model();
    let args = ["--prompt", "There was", "--max-tokens", "20", "--seed", "3"];
    let shown = text(&mut inference(&folder, &args));
    let sample: Value =
        serde_json::from_str(&text(inference(&folder, &args).arg("--json"))).unwrap();
    assert_eq!(shown, format!("There was{}", sample["text"].as_str().unwrap()));
    assert_eq!((&sample["prompt"], &sample["seed"]), (&"There was".into(), &3.into()));
    assert_eq!(
        (&sample["finish"], sample["tokens"].as_array().unwrap().len()),
        (&"length".into(), 20)
    );
    let keys: Vec<&String> = sample.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 5);

    let mut piped = inference(&folder, &args[2..]);
    assert_eq!(text(piped.args(["--prompt", "-"]).write_stdin("There was")), shown);
    assert_eq!(text(&mut inference(&folder, &["--prompt", "x", "--max-tokens", "0"])), "x");
}

#[test]
fn samples_have_a_seed_each() {
    let folder = folder_with_model();
    let args = ["--prompt", "The", "--json", "--max-tokens", "8", "--seed", "5"];
    let samples = text(inference(&folder, &args).args(["--num-samples", "3"]));
    let samples: Vec<Value> =
        samples.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        samples.iter().map(|sample| sample["seed"].as_u64().unwrap()).collect::<Vec<_>>(),
        [5, 6, 7]
    );
    assert_ne!(samples[0]["tokens"], samples[1]["tokens"]);
    let again = text(&mut inference(&folder, &[&args[..6], &["7"]].concat()));
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), samples[2]);
}

#[test]
fn a_stop_string_ends_the_text_and_is_not_shown() {
    let folder = folder_with_model();
    let args = ["--prompt", "The", "--json", "--max-tokens", "60", "--seed", "1"];
    let whole: Value = serde_json::from_str(&text(&mut inference(&folder, &args))).unwrap();
    let whole = whole["text"].as_str().unwrap();
    let second = whole.char_indices().nth(8).unwrap().0;
    let stop: String = whole[second..].chars().take(2).collect();
    let stopped = text(inference(&folder, &args).args(["--stop", "never", "--stop", &stop]));
    let stopped: Value = serde_json::from_str(&stopped).unwrap();
    assert_eq!(stopped["finish"], "stop");
    assert_eq!(stopped["text"], whole[..whole.find(&stop).unwrap()]);
}

#[test]
fn a_prompt_cut_inside_a_character_is_completed() {
    let folder = Folder::new();
    let [first, second] = "é".as_bytes() else { panic!("two bytes") };
    folder.write_tokens("train.npy", &[u16::from(*first), u16::from(*second)].repeat(1000));
    folder.train("run", &["--steps", "40", "--lr", "0.05", "--quiet"]).assert().success();
    let args = ["--prompt", "-", "--max-tokens", "3", "--temperature", "0"];
    let complete = |flags: &[&str]| {
        let mut command = inference(&folder, &args);
        text(command.args(flags).write_stdin(b"caf\xC3".as_slice()))
    };
    assert_eq!(complete(&[]), "caféé");
    let sample: Value = serde_json::from_str(&complete(&["--json"])).unwrap();
    assert_eq!((&sample["prompt"], &sample["text"]), (&"caf".into(), &"éé".into()));
    assert_eq!(complete(&["--stop", "é"]), "caf");

    // The same through a session, of which the last text is one of bytes.
    let lines = b"/max-tokens 2\ncaf\xC3\n/continue\n/save text.txt\n".as_slice();
    let mut session = inference(&folder, &["--temperature", "0"]);
    assert_eq!(text(session.write_stdin(lines)), "café\u{fffd}\né\u{fffd}\n");
    assert_eq!(folder.read_text("text.txt"), "caféé\u{fffd}\n");
}

#[test]
fn kernels_and_precision_are_mentioned_on_demand() {
    let folder = folder_with_model();
    let args = ["--prompt", "The", "--max-tokens", "2", "--seed", "1"];
    let said = |flags: &[&str]| stderr(&inference(&folder, &args).args(flags).output().unwrap());
    assert!(!said(&[]).contains("precision"), "{}", said(&[]));
    assert!(said(&["-v"]).contains("precision"), "{}", said(&["-v"]));
}

#[test]
fn past_the_context_it_goes_on_and_says_so_once() {
    let folder = folder_with_model();
    let args = ["--prompt", "There was once", "--max-tokens", "50", "--temperature", "0"];
    let output = inference(&folder, &args).output().unwrap();
    assert!(output.status.success());
    assert_eq!(stderr(&output).matches("longer than the context of 16 tokens").count(), 1);
    let quiet = inference(&folder, &args).arg("--quiet").output().unwrap();
    assert!(quiet.stderr.is_empty());
    assert_eq!(quiet.stdout, output.stdout);
}

#[test]
fn an_empty_prompt_begins_a_text() {
    let folder = folder_with_model();
    let sample = text(&mut inference(
        &folder,
        &["--prompt", "", "--json", "--max-tokens", "5", "--temperature", "0"],
    ));
    let sample: Value = serde_json::from_str(&sample).unwrap();
    assert_eq!(sample["prompt"], "");
    assert!(sample["tokens"].as_array().unwrap().len() <= 5);
    // As after the end of another text.
    let after = ["--prompt", "<|endoftext|>", "--json", "--max-tokens", "5", "--temperature", "0"];
    let after: Value = serde_json::from_str(&text(&mut inference(&folder, &after))).unwrap();
    assert_eq!(sample["tokens"], after["tokens"]);
    common::fails(
        &mut inference(&folder, &["--prompt", "", "--score", "--quiet"]),
        1,
        &["--prompt", "nothing to score"],
    );
}

#[test]
fn scores_are_those_of_the_model() {
    let folder = folder_with_model();
    let prompt = "There was once a dog who ran and ran.";
    let score = text(&mut inference(
        &folder,
        &["--prompt", prompt, "--score", "--json", "--precision", "f32"],
    ));
    let score: Value = serde_json::from_str(&score).unwrap();
    let tokenizer = bpe::Tokenizer::load(folder.path("tokenizer")).unwrap();
    let ids = tokenizer.encode(prompt.as_bytes()).unwrap();
    let model = model::Transformer::load(folder.path("run/latest")).unwrap();
    let expected = model.score(tensor::Context::detect(), &ids).unwrap();
    let tokens: Vec<u32> =
        score["tokens"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect();
    assert_eq!(tokens, ids);
    let logprobs = score["logprobs"].as_array().unwrap();
    assert!(logprobs[0].is_null() && logprobs.len() == ids.len());
    for (logprob, expected) in logprobs[1..].iter().zip(&expected) {
        assert!((logprob.as_f64().unwrap() - expected).abs() < 1e-9);
    }
    let mean = -expected.iter().sum::<f64>() / expected.len() as f64;
    assert!((score["perplexity"].as_f64().unwrap() - mean.exp()).abs() < 1e-9 * mean.exp());
    let table = text(&mut inference(&folder, &["--prompt", prompt, "--score"]));
    assert_eq!(table.lines().count(), ids.len() + 2);
    assert!(table.contains("perplexity "));
}

#[test]
fn every_precision_generates() {
    let folder = folder_with_model();
    for precision in ["auto", "f32", "bf16", "int8"] {
        let args = ["--prompt", "The", "--max-tokens", "4", "--precision", precision];
        assert!(text(&mut inference(&folder, &args)).starts_with("The"), "{precision}");
    }
}

#[test]
fn a_session_with_commands() {
    let folder = folder_with_model();
    let lines = "/help\n/max-tokens 6\n/seed 4\n/temperature -1\n/settings\n\
                 The dog\nThe dog\n/dance\n/quit\nThe end\n";
    let output = inference(&folder, &[]).write_stdin(lines).output().unwrap();
    assert!(output.status.success());
    let direct =
        text(&mut inference(&folder, &["--prompt", "The dog", "--max-tokens", "6", "--seed", "4"]));
    assert_eq!(stdout(&output), format!("{direct}\n{direct}\n"));
    let messages = stderr(&output);
    assert!(
        messages.contains("/repetition-penalty X") && messages.contains("/max-tokens 6\n/seed 4"),
        "{messages}"
    );
    assert!(messages.contains("error: /temperature -1") && messages.contains("no command /dance"));
    assert!(!stdout(&output).contains("The end"));
}

#[test]
fn a_checkpoint_without_a_tokenizer_takes_the_default_one() {
    let folder = folder_with_model();
    let args = ["--prompt", "The", "--seed", "1", "--max-tokens", "5"];
    let expected = text(&mut inference(&folder, &args));
    let latest = folder.path("run/latest");
    for name in ["vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"] {
        std::fs::remove_file(latest.join(name)).unwrap();
    }
    fails(&mut inference(&folder, &args), 1, &["no tokenizer is there", "--tokenizer"]);
    std::fs::create_dir(folder.path("data")).unwrap();
    std::fs::rename(folder.path("tokenizer"), folder.path("data/tokenizer")).unwrap();
    assert_eq!(text(&mut inference(&folder, &args)), expected);
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let folder = folder_with_model();
    let mut child = folder
        .process("inference")
        .args([
            "--checkpoint",
            "run",
            "--prompt",
            "The",
            "--max-tokens",
            "100000",
            "--temperature",
            "0",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 3];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!stderr(&output).contains("error"), "{}", stderr(&output));
}

/// Starts the program with pipes to it and from it.
#[cfg(unix)]
fn start(folder: &Folder, args: &[&str]) -> (Child, ChildStdin, ChildStdout) {
    let mut child = folder
        .process("inference")
        .args(["--checkpoint", "run"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    (child, stdin, stdout)
}

/// Sends a signal. The process is killed unless the value returned is dropped within a minute, so
/// that a test fails instead of waiting for ever.
#[cfg(unix)]
#[must_use]
fn send(signal: &str, process: u32) -> Sender<()> {
    kill(signal, process);
    let (minute, ended) = channel();
    thread::spawn(move || {
        if ended.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout) {
            kill("-KILL", process);
        }
    });
    minute
}

#[cfg(unix)]
#[must_use]
fn press_control_c(child: &Child) -> Sender<()> {
    send("-INT", child.id())
}

/// The flags of a text without an end.
#[cfg(unix)]
const ENDLESS: [&str; 4] = ["--max-tokens", "1000000000", "--temperature", "0"];

#[cfg(unix)]
#[test]
fn control_c_stops_the_text_of_a_session_and_not_the_session() {
    let folder = folder_with_model();
    let (mut child, mut stdin, mut stdout) = start(&folder, &ENDLESS);
    writeln!(stdin, "The dog").unwrap();
    stdout.read_exact(&mut [0; 40]).unwrap();
    let _minute = press_control_c(&child);
    writeln!(stdin, "/max-tokens 1\nThe end").unwrap();
    drop(stdin);
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert!(String::from_utf8_lossy(&rest).contains("\nThe end"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[cfg(unix)]
#[test]
fn control_c_ends_the_wait_for_the_next_text() {
    let folder = folder_with_model();
    let (mut child, mut stdin, stdout) = start(&folder, &["--max-tokens", "1"]);
    writeln!(stdin, "The dog").unwrap();
    let mut answer = String::new();
    BufReader::new(stdout).read_line(&mut answer).unwrap();
    assert!(answer.starts_with("The dog"), "{answer}");
    let _minute = press_control_c(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[cfg(unix)]
#[test]
fn control_c_ends_a_single_completion_with_130() {
    let folder = folder_with_model();
    let args = [&["--prompt", "The dog"][..], &ENDLESS].concat();
    let (mut child, _stdin, mut stdout) = start(&folder, &args);
    stdout.read_exact(&mut [0; 40]).unwrap();
    let _minute = press_control_c(&child);
    stdout.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[cfg(unix)]
#[test]
fn sigterm_ends_a_session_in_the_middle_of_a_text() {
    use std::os::unix::process::ExitStatusExt;
    let folder = folder_with_model();
    let (mut child, mut stdin, mut stdout) = start(&folder, &ENDLESS);
    writeln!(stdin, "The dog").unwrap();
    stdout.read_exact(&mut [0; 40]).unwrap();
    let _minute = send("-TERM", child.id());
    stdout.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

/// A terminal comes from `script` of util-linux; others call theirs otherwise.
#[cfg(target_os = "linux")]
#[test]
fn sigterm_ends_a_session_that_waits_at_a_terminal() {
    let folder = folder_with_model();
    let program = assert_cmd::cargo::cargo_bin("inference");
    let session = format!("echo $$; exec '{}' --checkpoint run", program.display());
    let started = Process::new("script")
        .args(["--quiet", "--return", "--command", &session, "/dev/null"])
        .current_dir(folder.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut terminal) = started else {
        return eprintln!("skipped: there is no `script` to make a terminal");
    };
    let _keys = terminal.stdin.take().unwrap();
    let mut screen = BufReader::new(terminal.stdout.take().unwrap());
    let mut process = String::new();
    screen.read_line(&mut process).unwrap();
    let mut shown = Vec::new();
    while !shown.ends_with(b"> ") {
        let mut byte = [0];
        screen.read_exact(&mut byte).unwrap();
        shown.extend(byte);
    }
    let _minute = send("-TERM", process.trim().parse().unwrap());
    screen.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(terminal.wait().unwrap().code(), Some(128 + 15));
}
