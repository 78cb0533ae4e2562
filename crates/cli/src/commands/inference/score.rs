//! `--score`: the log-probability of each token of a text, and the perplexity.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::engine::Engine;
use crate::shell::stdout::print;

/// The score of a text in the form that `--json` prints.
#[derive(Debug, Serialize)]
struct Score {
    /// The ids of the text.
    tokens: Vec<u32>,
    /// The natural logarithm of each token's probability after those before it; `None` where there
    /// is none: for the first token, unless a text begins behind a token of its own.
    logprobs: Vec<Option<f64>>,
    /// exp of the mean of −logprob; `None` for a single token.
    perplexity: Option<f64>,
}

/// Scores `prompt` and prints it on standard output.
///
/// # Errors
/// When the prompt is empty or cannot be encoded.
pub fn print_score(engine: &Engine, prompt: &[u8], as_json: bool) -> Result<()> {
    let tokens = engine.tokenizer.encode(prompt).context("--prompt")?;
    if tokens.is_empty() {
        bail!("--prompt: empty, so there is nothing to score; give some text");
    }
    let ids: Vec<u32> = engine.begin_of_text.into_iter().chain(tokens.iter().copied()).collect();
    let known = engine.model.score(engine.context, &ids).context("--prompt")?;
    let mean = -known.iter().sum::<f64>() / known.len() as f64;
    let perplexity = (!known.is_empty()).then(|| mean.exp());
    let mut logprobs: Vec<Option<f64>> = known.into_iter().map(Some).collect();
    if logprobs.len() < tokens.len() {
        logprobs.insert(0, None);
    }
    let score = Score { tokens, logprobs, perplexity };
    let text = if as_json { serde_json::to_string(&score)? + "\n" } else { table(engine, &score)? };
    print(text)
}

/// Formats a line per token, and the perplexity.
fn table(engine: &Engine, score: &Score) -> Result<String> {
    let mut text = format!("{:>8}  {:>9}  token\n", "id", "logprob");
    for (id, logprob) in score.tokens.iter().zip(&score.logprobs) {
        let token = String::from_utf8_lossy(engine.tokenizer.token(*id)?).into_owned();
        let logprob = logprob.map_or("-".to_string(), |logprob| format!("{logprob:.4}"));
        writeln!(text, "{id:>8}  {logprob:>9}  {token:?}")?;
    }
    match score.perplexity {
        Some(perplexity) => writeln!(text, "perplexity {perplexity:.4}")?,
        None => writeln!(text, "perplexity unknown: a single token has nothing before it")?,
    }
    Ok(text)
}
