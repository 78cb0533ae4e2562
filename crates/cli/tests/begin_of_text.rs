//! The token that `inference` puts before a text, or does not.

mod common;

use std::path::Path;

use assert_cmd::Command;
use common::{Folder, fails, stderr, stdout};
use serde_json::Value;

/// Runs `inference` for JSON in f32, and returns the object and standard error.
#[track_caller]
fn json(command: &mut Command, args: &[&str]) -> (Value, String) {
    let output = command.args(args).args(["--json", "--precision", "f32"]).output().unwrap();
    assert!(output.status.success(), "{args:?}\n{}", stderr(&output));
    (serde_json::from_str(&stdout(&output)).unwrap(), stderr(&output))
}

/// The model of the fixture, with the greedy texts and the log-probabilities that `transformers`
/// 5.24 and PyTorch give.
#[test]
fn texts_begin_as_in_transformers() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/begin-of-text");
    let folder = Folder::empty();
    let run = |args: &[&str]| {
        let mut command = folder.program("inference");
        json(command.arg("--checkpoint").arg(&model), args).0
    };
    let prompt = ["--prompt", "hello the hi, how low", "--max-tokens", "10"];
    let greedy =
        |args: &[&str]| run(&[args, &["--temperature", "0"]].concat())["tokens"].to_string();
    assert_eq!(greedy(&prompt), "[183,253,265,1,146,239,16,1,40,145]");
    // The token is one of those that occurred.
    let penalty = ["--repetition-penalty", "1.3"];
    assert_eq!(greedy(&[&prompt[..], &penalty].concat()), "[183,253,265,1,146,239,16,154,159,220]");
    assert_eq!(greedy(&["--prompt", "", "--max-tokens", "6"]), "[107,35,35,225,28,83]");

    let score = run(&[&prompt[..], &["--score"]].concat());
    assert_eq!(score["tokens"].to_string(), "[259,262,32,261,44,32,104,263,32,108,263]");
    let expected = [
        -6.4866671859786305,
        -5.496428454435186,
        -7.174560482556487,
        -6.532357078306332,
        -6.863514657310718,
        -6.537339093531273,
        -5.290736841693628,
        -6.046540724732517,
        -6.060018247435499,
        -5.357643293641745,
        -5.544446942240053,
    ];
    let found = score["logprobs"].as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found.as_f64().unwrap() - expected).abs() < 1e-5, "{found}, expected {expected}");
    }
    let perplexity = score["perplexity"].as_f64().unwrap();
    assert!((perplexity - 457.779).abs() < 0.01, "{perplexity}");

    let score = run(&[&prompt[..], &["--score", "--no-bos"]].concat());
    assert!(score["logprobs"][0].is_null() && score["logprobs"][1].is_number(), "{score}");
    let mut command = folder.program("inference");
    command.arg("--checkpoint").arg(&model).args(["--prompt", "", "--no-bos", "--quiet"]);
    fails(&mut command, 1, &["--prompt", "no token to begin"]);
}

#[test]
fn files_that_say_nothing_and_files_that_say_too_much() {
    let folder = Folder::empty();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/begin-of-text");
    std::fs::create_dir(folder.path("model")).unwrap();
    std::fs::create_dir(folder.path("silent")).unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        std::fs::copy(fixture.join(name), folder.path(&format!("model/{name}"))).unwrap();
    }
    let first_logprob = |flags: &[&str]| {
        let args = [&["--checkpoint", "model", "--prompt", "hello", "--score"], flags].concat();
        json(&mut folder.program("inference"), &args).0["logprobs"][0].clone()
    };
    // The checkpoint's own tokenizer tells where the one that was named does not.
    let told = folder.read_text("model/tokenizer.json");
    let mut silent: Value = serde_json::from_str(&told).unwrap();
    silent["post_processor"] = Value::Null;
    folder.write("silent/tokenizer.json", silent.to_string());
    assert_eq!(first_logprob(&["--tokenizer", "silent"]), first_logprob(&[]));
    folder.write("model/tokenizer.json", silent.to_string());
    assert!(first_logprob(&[]).is_null());

    let token = r#"{"SpecialToken": {"id": "<s>", "type_id": 0}}, "#;
    let twice = told.replacen(token, &token.repeat(2), 1);
    assert_ne!(twice, told);
    folder.write("model/tokenizer.json", twice);
    let mut command = folder.program("inference");
    command.args(["--checkpoint", "model", "--prompt", "hello", "--max-tokens", "1"]);
    fails(&mut command, 1, &["--checkpoint", "something else than one token", "--no-bos"]);
    assert!(first_logprob(&["--no-bos"]).is_null());
}

/// Returns a folder with the model `run`, whose training text has stories between which the token
/// 256 stands, or not.
fn trained(between: &[u16]) -> Folder {
    let folder = Folder::new();
    let story: Vec<u16> = "Once a dog ran.".bytes().map(u16::from).collect();
    folder.write_tokens("train.npy", &[&story[..], between].concat().repeat(100));
    folder.checkpoint("run");
    folder
}

#[test]
fn a_run_with_ends_of_texts_begins_texts_and_one_without_does_not() {
    for (between, begins) in [(&[256][..], true), (&[], false)] {
        let folder = trained(between);
        let tokens = |prompt: &str, flags: &[&str]| {
            let args = ["--checkpoint", "run", "--max-tokens", "5", "--temperature", "0"];
            let args = [&args[..], &["--prompt", prompt], flags].concat();
            json(&mut folder.program("inference"), &args).0
        };
        let score = tokens("Once", &["--score"]);
        assert_eq!(score["logprobs"][0].is_number(), begins, "{score}");
        assert_eq!(score["tokens"].as_array().unwrap().len(), 4);
        let expected = if begins { "<|endoftext|>Once" } else { "Once" };
        assert_eq!(tokens("Once", &[])["tokens"], tokens(expected, &["--no-bos"])["tokens"]);
        // A single token has a perplexity if something stands before it.
        let single = tokens("O", &["--score"]);
        assert_eq!(single["perplexity"].is_number(), begins, "{single}");
    }
}

#[test]
fn a_prompt_that_brings_the_token_along_is_warned_about() {
    let folder = trained(&[256]);
    let args = ["--checkpoint", "run", "--prompt", "<|endoftext|>Once", "--max-tokens", "2"];
    let (_, said) = json(&mut folder.program("inference"), &args);
    assert!(said.contains("begins with <|endoftext|>"), "{said}");
    let without = [&args[..], &["--no-bos"]].concat();
    let (_, said) = json(&mut folder.program("inference"), &without);
    assert!(!said.contains("begins with"), "{said}");
}

#[test]
fn a_model_without_the_token_says_so_where_a_text_has_no_beginning() {
    let folder = trained(&[]);
    let args = ["--checkpoint", "run", "--prompt", "", "--max-tokens", "2"];
    let (_, said) = json(&mut folder.program("inference"), &args);
    assert!(said.contains("warning: no token stands before this model's texts"), "{said}");
    let mut without = folder.program("inference");
    let without = without.args(args).args(["--no-bos", "--quiet"]);
    fails(without, 1, &["--prompt", "no token to begin", "give some text"]);
}

#[test]
fn an_empty_line_of_a_session_begins_a_text() {
    let folder = trained(&[256]);
    let args = ["--checkpoint", "run", "--max-tokens", "6", "--seed", "4", "--no-bos"];
    let mut command = folder.program("inference");
    let after_end = command.args(args).args(["--prompt", "<|endoftext|>"]).output().unwrap();
    let mut command = folder.program("inference");
    let session = command.args(&args[..6]).write_stdin("\n").output().unwrap();
    assert_eq!(
        stdout(&session),
        format!("{}\n", stdout(&after_end).strip_prefix("<|endoftext|>").unwrap())
    );
}

#[test]
fn a_tokenizer_that_did_not_make_the_checkpoint_is_refused() {
    let folder = trained(&[256]);
    folder.write_tokenizer("other", &[(b'o'.into(), b'g'.into())]);
    let run = |flags: &[&str]| {
        let mut command = folder.program("inference");
        let args = ["--checkpoint", "run", "--prompt", "Once", "--max-tokens", "2"];
        command.args(args).args(["--tokenizer", "other"]).args(flags);
        command
    };
    fails(&mut run(&[]), 1, &["--tokenizer", "other", "--any-tokenizer"]);
    run(&["--any-tokenizer"]).assert().success();
    // Files of the same content are the same tokenizer.
    std::fs::remove_dir_all(folder.path("other")).unwrap();
    std::fs::rename(folder.path("tokenizer"), folder.path("other")).unwrap();
    std::fs::remove_file(folder.path("other/tokenizer.json")).unwrap();
    run(&[]).assert().success();
}

/// Returns a folder whose tokenizer names `th` as its token that begins texts, in its configuration
/// alone, and the run `run` that was trained with it.
fn trained_with_a_bos_token_of_its_own() -> Folder {
    let folder = Folder::new();
    let config = folder.read_text("tokenizer/tokenizer_config.json");
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["bos_token"] = "th".into();
    folder.write("tokenizer/tokenizer_config.json", config.to_string());
    let story: Vec<u16> = "Once a dog ran.".bytes().map(u16::from).collect();
    folder.write_tokens("train.npy", &[&story[..], &[256]].concat().repeat(100));
    folder.checkpoint("run");
    folder
}

#[test]
fn a_bos_token_of_the_tokenizers_own_begins_texts() {
    let folder = trained_with_a_bos_token_of_its_own();
    let read = |name: &str| -> Value {
        serde_json::from_str(&folder.read_text(&format!("run/latest/{name}"))).unwrap()
    };
    let config = read("tokenizer_config.json");
    assert_eq!((&config["bos_token"], &config["add_bos_token"]), (&"th".into(), &true.into()));
    assert_eq!(read("config.json")["bos_token_id"], 257);
    assert_eq!(read("generation_config.json")["bos_token_id"], 257);
    // The tokenizer of the checkpoint is the one that it was trained with, also by its digest.
    let args = ["--checkpoint", "run", "--max-tokens", "5", "--temperature", "0"];
    let tokens = |prompt: &[&str]| {
        json(&mut folder.program("inference"), &[&args[..], prompt].concat()).0["tokens"].clone()
    };
    assert_eq!(tokens(&["--prompt", "Once"]), tokens(&["--prompt", "thOnce", "--no-bos"]));
}

#[test]
fn tokenizer_files_copied_over_those_of_a_checkpoint_are_noticed() {
    let folder = trained(&[256]);
    folder.write_tokenizer("other", &[(b'h'.into(), b'e'.into())]);
    for name in ["vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"] {
        folder.write(&format!("run/latest/{name}"), folder.read(&format!("other/{name}")));
    }
    let train = |args: &[&str]| {
        let mut command = folder.program("train-model");
        command.args(args).args(["--quiet", "--steps", "4"]);
        command
    };
    let expected = ["not the one that it was trained with", "--any-tokenizer"];
    let begun = ["--train-dataset", "train.npy", "--init-from", "run", "--checkpoint-dir", "new"];
    fails(&mut train(&begun), 1, &expected);
    fails(&mut train(&["--resume", "--checkpoint-dir", "run"]), 1, &expected);
    let insisting = [&begun[..], &["--any-tokenizer"]].concat();
    train(&insisting).assert().success();
    let args = ["--checkpoint", "new", "--prompt", "Once", "--max-tokens", "1"];
    folder.program("inference").args(args).assert().success();

    let evaluated = ["--eval-only", "--init-from", "new", "--val-dataset", "val.npy"];
    let typed = |tokenizer: &'static str| {
        let mut command = folder.program("train-model");
        command.args(evaluated).args(["--tokenizer", tokenizer]);
        command
    };
    fails(&mut typed("tokenizer"), 1, &["--tokenizer", "--any-tokenizer"]);
    typed("other").assert().success();
}
