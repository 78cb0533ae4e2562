//! Many texts at a time: `inference --num-samples` and `--prompts`, run as a user runs it.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use assert_cmd::Command;
use common::{Folder, fails, stderr, stdout, text};
use serde_json::Value;

fn inference(folder: &Folder, args: &[&str]) -> Command {
    let mut command = folder.program("inference");
    command.args(["--checkpoint", "run", "--max-tokens", "9"]).args(args);
    command
}

fn folder_with_model() -> Folder {
    let folder = Folder::new();
    folder.checkpoint("run");
    folder
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The text that a prompt gets alone.
fn alone(folder: &Folder, prompt: &str, flags: &[&str]) -> Value {
    let args = [&["--prompt", prompt, "--json"], flags].concat();
    objects(&text(&mut inference(folder, &args))).remove(0)
}

#[test]
fn each_sample_is_the_text_of_its_seed_alone() {
    let folder = folder_with_model();
    // More than are generated at a time.
    let flags = ["--prompt", "The dog", "--num-samples", "20", "--seed", "5"];
    let samples = objects(&text(inference(&folder, &flags).arg("--json")));
    assert_eq!(samples.len(), 20);
    for (seed, sample) in (5..).zip(&samples) {
        assert_eq!(sample, &alone(&folder, "The dog", &["--seed", &seed.to_string()]));
    }
    let texts: Vec<String> = samples
        .iter()
        .map(|sample| format!("The dog{}", sample["text"].as_str().unwrap()))
        .collect();
    assert_eq!(text(&mut inference(&folder, &flags)), texts.join("\n\n"));
    assert_eq!(text(inference(&folder, &flags).args(["--threads", "1"])), texts.join("\n\n"));
}

#[test]
fn prompts_of_a_file_are_answered_in_their_order() {
    let folder = folder_with_model();
    let long = "There was once a dog who ran";
    let lines = format!(
        "\"The dog\"\n\n{{\"prompt\": \"{long}\", \"max_tokens\": 40, \"temperature\": 0}}\n\
         {{\"prompt\": \"A\", \"seed\": 77, \"max_tokens\": 1}}\n\"\"\n"
    );
    std::fs::write(folder.path("prompts.jsonl"), &lines).unwrap();
    let expected = [
        alone(&folder, "The dog", &["--seed", "3"]),
        objects(&text(folder.program("inference").args([
            "--checkpoint=run",
            "--prompt",
            long,
            "--json",
            "--seed=4",
            "-n40",
            "--temperature=0",
        ])))
        .remove(0),
        objects(&text(folder.program("inference").args([
            "--checkpoint=run",
            "--prompt=A",
            "--json",
            "--seed=77",
            "-n1",
        ])))
        .remove(0),
        alone(&folder, "", &["--seed", "6"]),
    ];
    let flags = ["--prompts", "prompts.jsonl", "--json", "--seed", "3"];
    assert_eq!(objects(&text(&mut inference(&folder, &flags))), expected);
    let mut piped = inference(&folder, &["--prompts", "-", "--json", "--seed", "3"]);
    assert_eq!(objects(&text(piped.write_stdin(lines))), expected);

    // Samples of a line count up from its own seed, others from the seed of the flag.
    let samples = objects(&text(inference(&folder, &flags).args(["--num-samples", "2"])));
    let seeds: Vec<u64> = samples.iter().map(|sample| sample["seed"].as_u64().unwrap()).collect();
    assert_eq!(seeds, [3, 4, 5, 6, 77, 78, 9, 10]);
    assert_eq!(samples[0], expected[0]);
}

#[test]
fn many_lines_are_answered_while_one_is_longer_than_all_others() {
    let folder = folder_with_model();
    let mut lines = "{\"prompt\": \"The\", \"max_tokens\": 400, \"temperature\": 0}\n".to_string();
    for i in 0..300 {
        lines += &format!("{{\"prompt\": \"dog {i}\", \"max_tokens\": 1}}\n");
    }
    let mut command = inference(&folder, &["--prompts", "-", "--json", "--seed", "1", "-q"]);
    let answers = objects(&text(command.write_stdin(lines)));
    let prompts: Vec<&str> =
        answers.iter().map(|answer| answer["prompt"].as_str().unwrap()).collect();
    let expected: Vec<String> = (0..300).map(|i| format!("dog {i}")).collect();
    assert_eq!(
        (prompts[0], &prompts[1..]),
        ("The", &*expected.iter().map(|x| &**x).collect::<Vec<_>>())
    );
    // It takes more steps than there are texts of one token that may wait for it.
    assert!(answers[0]["tokens"].as_array().unwrap().len() > 300);
}

#[test]
fn a_prompt_is_answered_before_the_next_one_is_sent() {
    let folder = folder_with_model();
    let mut child = folder
        .process("inference")
        .args(["--checkpoint", "run", "--max-tokens", "5", "--prompts", "-", "--json", "--seed=1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut output = BufReader::new(output);
    for prompt in ["The", "dog"] {
        writeln!(input, "\"{prompt}\"").unwrap();
        let mut answer = String::new();
        output.read_line(&mut answer).unwrap();
        assert_eq!(objects(&answer)[0]["prompt"], prompt);
    }
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_wrong_line_is_named_before_anything_is_generated() {
    let folder = folder_with_model();
    std::fs::write(folder.path("prompts.jsonl"), "\"The\"\nOnce\n").unwrap();
    let from_file = ["--prompts", "prompts.jsonl"];
    let message = ["--prompts prompts.jsonl: line 2: column 1: not JSON"];
    fails(&mut inference(&folder, &from_file), 1, &message);
    // What is piped is answered up to there.
    let mut piped = inference(&folder, &["--prompts", "-"]);
    let output = piped.write_stdin("\"The\"\nOnce\n").output().unwrap();
    assert!(stdout(&output).starts_with("The"), "{}", stdout(&output));
    assert!(stderr(&output).contains("error: --prompts -: line 2: "), "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(1));

    std::fs::write(folder.path("empty"), "\n").unwrap();
    fails(&mut inference(&folder, &["--prompts", "empty"]), 1, &["--prompts empty: no prompts"]);
    fails(
        &mut inference(&folder, &["--prompts", "none"]),
        1,
        &["--prompts none", "check the path"],
    );
    fails(&mut inference(&folder, &["--prompts", "run"]), 1, &["--prompts run: a directory"]);
    fails(&mut inference(&folder, &["--num-samples", "2"]), 2, &["--prompts <FILE>"]);
    for flags in [
        &["--prompts", "empty", "--prompt", "x"][..],
        &["--prompts", "empty", "--score"],
        &["--prompt", "x", "--speculate", "2"],
        &["--prompt", "x", "--speculate", "32", "--temperature", "0"],
    ] {
        let named = flags.iter().rfind(|flag| flag.starts_with("--") && **flag != "--temperature");
        fails(&mut inference(&folder, flags), 2, &[named.unwrap()]);
    }
}

#[test]
fn drafts_leave_a_text_as_it_is() {
    let folder = folder_with_model();
    let flags = ["--prompt", "The dog", "--temperature", "0", "--json", "--seed", "1"];
    let expected = text(&mut inference(&folder, &flags));
    for drafts in ["1", "8", "31"] {
        let found = text(inference(&folder, &flags).args(["--speculate", drafts]));
        assert_eq!(found, expected, "{drafts}");
    }
    let mut session = inference(&folder, &["--temperature", "0", "--speculate", "4"]);
    let output = session.write_stdin("/temperature 1\n/speculate 0\nThe dog\n").output().unwrap();
    assert!(stderr(&output).contains("speculate 4: expected temperature 0"), "{}", stderr(&output));
    let expected: Value = serde_json::from_str(&expected).unwrap();
    assert_eq!(stdout(&output), format!("The dog{}\n", expected["text"].as_str().unwrap()));
}

#[test]
fn speed_is_a_table_or_an_object() {
    let folder = folder_with_model();
    let bench = |flags: &[&str]| {
        let mut command = folder.program("inference");
        command.args(["--checkpoint", "run", "--bench", "--prompt-tokens=9", "--gen-tokens=8"]);
        command.args(flags);
        command
    };
    let speed = objects(&text(&mut bench(&["--json", "--batch", "1,3", "--threads", "2"])));
    let speed = &speed[0];
    assert_eq!((&speed["threads"], &speed["read"]["prompt_tokens"]), (&2.into(), &9.into()));
    let batches: Vec<u64> =
        speed["write"].as_array().unwrap().iter().map(|w| w["batch"].as_u64().unwrap()).collect();
    assert_eq!(batches, [1, 3]);
    let number = |value: &Value| value.as_f64().unwrap();
    let [bytes, bandwidth, limit] =
        ["bytes_per_token", "read_bandwidth", "limit"].map(|name| number(&speed[name]));
    assert!((bandwidth / bytes / limit - 1.0).abs() < 1e-9, "{speed}");
    let one = &speed["write"][0];
    assert!(
        (number(&one["tokens_per_second"]) / limit / number(&one["share_of_limit"]) - 1.0).abs()
            < 1e-9
    );
    assert_eq!(text(&mut bench(&[])).lines().count(), 8);
    for (flags, named) in [
        (&["--prompt", "x"][..], "--prompt"),
        (&["--max-tokens", "3"], "--max-tokens"),
        (&["--num-samples", "3"], "--num-samples"),
        (&["--batch", "0"], "--batch 0"),
    ] {
        fails(&mut bench(flags), 2, &[named]);
    }
    // What is not typed fits into the context.
    let mut plain = folder.program("inference");
    plain.args(["--checkpoint", "run", "--bench"]);
    let printed = text(&mut plain);
    assert!(printed.contains("read 16 tokens") && printed.contains("write 14 tokens"), "{printed}");
    plain.args(["--prompt-tokens", "250"]);
    fails(&mut plain, 2, &["--prompt-tokens 250", "context of 16 tokens"]);
    fails(&mut inference(&folder, &["--prompt", "x", "--gen-tokens", "4"]), 2, &["--gen-tokens"]);
    fails(&mut inference(&folder, &["--batch", "4"]), 2, &["--batch 4: expected it beside"]);
}
