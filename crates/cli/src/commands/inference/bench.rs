//! `--bench`: tokens per second of reading a prompt and of writing texts, and what the memory of
//! the machine would allow.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use model::{BatchGenerator, Event, GenerateOptions, KvCache};
use serde::Serialize;
use tensor::decode::Team;
use tensor::peak;

use super::args::{Args, BenchArgs};
use super::engine::Engine;
use super::settings::Settings;
use crate::shell::exit::check_flag;
use crate::shell::interrupt;
use crate::shell::stdout::print;

/// The number of runs, of which the median counts. A run measures everything once, so that a
/// machine that is busy for a while slows down all of it.
const RUNS: usize = 5;

/// The speed of a model, in the form that `--json` prints.
#[derive(Debug, Serialize)]
struct Speed {
    /// The name of the kernels.
    isa: String,
    /// The precision of matrix products, as the flag names it.
    precision: String,
    threads: usize,
    /// Bytes of weights that a token needs.
    bytes_per_token: usize,
    /// Bytes per second that the threads read of as many bytes, the most of all runs.
    read_bandwidth: f64,
    /// Tokens per second that the bandwidth allows for one text.
    limit: f64,
    read: Reading,
    write: Vec<Writing>,
}

/// The speed of reading a prompt.
#[derive(Debug, Serialize)]
struct Reading {
    prompt_tokens: usize,
    tokens_per_second: f64,
}

/// The speed of writing some texts at a time.
#[derive(Debug, Serialize)]
struct Writing {
    batch: usize,
    gen_tokens: usize,
    /// Tokens of all texts per second.
    tokens_per_second: f64,
    /// The share of `limit` that the steps per second are.
    share_of_limit: f64,
}

/// Measures the speed and prints a table, or JSON.
///
/// # Errors
/// When the context is too short for the flags, and after Ctrl-C.
pub fn print_speed(engine: &Engine, args: &Args) -> Result<()> {
    let BenchArgs { prompt_tokens, gen_tokens, batch, .. } = &args.bench;
    let batch = if batch.is_empty() { &[1, 4, 16][..] } else { batch };
    let context_length = engine.model.config().context_length;
    let prompt_tokens = prompt_tokens.unwrap_or(context_length.min(250));
    let fits = prompt_tokens <= context_length;
    let expected = format!("at most the model's context of {context_length} tokens");
    check_flag("prompt-tokens", prompt_tokens, fits, &expected)?;
    // The token before the text, and the first of the text, which comes with the prompt.
    let most = context_length.saturating_sub(2);
    let gen_tokens = gen_tokens.unwrap_or(most.min(200));
    let expected = format!("at most {most}, as the model's context is {context_length} tokens");
    check_flag("gen-tokens", gen_tokens, gen_tokens <= most, &expected)?;

    let mut read = Vec::new();
    let mut write = vec![Vec::new(); batch.len()];
    let (threads, bytes_per_token) = (rayon::current_num_threads(), engine.model.bytes_per_token());
    let (kernels, team, mut read_bandwidth) = (engine.context.kernels, Team::new(threads), 0.0);
    // The first run warms up caches and clocks.
    for run in 0..=RUNS {
        let time = read_prompt(engine, prompt_tokens);
        read.extend((run > 0).then_some(time));
        for (times, &texts) in write.iter_mut().zip(batch) {
            interrupt::check()?;
            let time = write_texts(engine, &args.settings, gen_tokens, texts)?;
            times.extend((run > 0).then_some(time));
        }
        read_bandwidth = peak::read_bandwidth(kernels, &team, bytes_per_token).max(read_bandwidth);
    }

    let limit = read_bandwidth / bytes_per_token as f64;
    let writing = |(mut times, &batch): (Vec<Duration>, &usize)| {
        let steps = gen_tokens as f64 / median(&mut times).as_secs_f64();
        let (tokens_per_second, share_of_limit) = (steps * batch as f64, steps / limit);
        Writing { batch, gen_tokens, tokens_per_second, share_of_limit }
    };
    let speed = Speed {
        isa: kernels.isa().to_string(),
        precision: engine.precision(args.precision).to_string(),
        threads,
        bytes_per_token,
        read_bandwidth,
        limit,
        read: Reading {
            prompt_tokens,
            tokens_per_second: prompt_tokens as f64 / median(&mut read).as_secs_f64(),
        },
        write: write.into_iter().zip(batch).map(writing).collect(),
    };
    print(if args.json { serde_json::to_string(&speed)? + "\n" } else { table(&speed)? })
}

/// Returns the time to read a prompt of so many tokens.
fn read_prompt(engine: &Engine, count: usize) -> Duration {
    let vocab_size = engine.model.config().vocab_size;
    let ids: Vec<u32> = (0..count).map(|i| (i * 7919 % vocab_size) as u32).collect();
    let mut cache = KvCache::new(engine.model.config());
    let begin = Instant::now();
    engine.model.next_logits(engine.context, &ids, &mut cache);
    begin.elapsed()
}

/// Returns the time to write so many texts, without the reading of their prompts.
fn write_texts(
    engine: &Engine,
    settings: &Settings,
    gen_tokens: usize,
    texts: usize,
) -> Result<Duration> {
    let sampling = settings.sampling();
    let (speculate, seed) = (settings.speculate, settings.seed.unwrap_or(0));
    let mut batch = BatchGenerator::new(&engine.model, engine.context);
    for text in 0..texts {
        let seed = seed.wrapping_add(text as u64);
        // The first token comes with the prompt, and nothing ends the text before it is whole.
        let (max_tokens, stop_ids) = (gen_tokens + 1, Vec::new());
        let options = GenerateOptions { sampling, max_tokens, stop_ids, seed, speculate };
        batch.add(&[(text % engine.model.config().vocab_size) as u32], &options)?;
    }
    let mut events: Vec<Event> = Vec::new();
    batch.step(&mut events);
    let begin = Instant::now();
    while !batch.is_empty() {
        events.clear();
        batch.step(&mut events);
        interrupt::check()?;
    }
    Ok(begin.elapsed())
}

/// Returns the middle of some times, at least one.
fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default().max(Duration::from_nanos(1))
}

/// Formats the speed for people.
fn table(speed: &Speed) -> Result<String> {
    let Speed { isa, precision, threads, bytes_per_token, read_bandwidth, limit, .. } = speed;
    let mut text = String::new();
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    writeln!(text, "{isa} kernels, {precision}, {threads} thread{}", plural(*threads))?;
    writeln!(text, "{:<34}{:>10}{:>12}{:>10}", "", "tokens/s", "per text", "of limit")?;
    let Reading { prompt_tokens, tokens_per_second } = speed.read;
    let name = format!("read {prompt_tokens} token{}", plural(prompt_tokens));
    writeln!(text, "{name:<34}{tokens_per_second:>10.0}")?;
    for &Writing { batch, gen_tokens, tokens_per_second, share_of_limit } in &speed.write {
        let (tokens, texts) = (plural(gen_tokens), plural(batch));
        let name = format!("write {gen_tokens} token{tokens}, {batch} text{texts}");
        let (each, share) = (tokens_per_second / batch as f64, 100.0 * share_of_limit);
        writeln!(text, "{name:<34}{tokens_per_second:>10.0}{each:>12.0}{share:>8.0} %")?;
    }
    let (megabytes, gigabytes) = (*bytes_per_token as f64 / 1e6, read_bandwidth / 1e9);
    writeln!(
        text,
        "A token reads {megabytes:.1} MB of weights. The threads read {gigabytes:.1} GB/s of as \
         much memory:\nthe limit is {limit:.0} tokens/s per text."
    )?;
    Ok(text)
}
