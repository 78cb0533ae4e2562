//! A model continues a text, token by token.
//!
//! `cargo run --release -p lm-model --example generate -- [DIR] [PROMPT]` with the directory of a
//! checkpoint: `data/storyteller` of the repository, unless another one is given. Where there is
//! none the model has random weights, and its text shows it.

use bpe::{Pattern, Tokenizer, Vocab};
use model::{GenerateOptions, Generator, ModelConfig, Sampling, Transformer};
use std::error::Error;
use std::io::Write;
use std::path::Path;
use tensor::Context;

const STORYTELLER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/storyteller");

/// Returns a model that was never trained, whose tokens are the 256 bytes.
fn untrained() -> Result<(Transformer, Tokenizer), Box<dyn Error>> {
    let tokenizer = Tokenizer::new(Vocab::from_merges(vec![], &[])?, Pattern::gpt2());
    let config = ModelConfig { vocab_size: tokenizer.vocab_size(), ..ModelConfig::default() };
    Ok((Transformer::new(config, 0)?, tokenizer))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let shipped = Path::new(STORYTELLER).exists().then(|| STORYTELLER.to_string());
    let (model, tokenizer) = match arguments.next().or(shipped) {
        Some(dir) => (Transformer::load(&dir)?, Tokenizer::load(&dir)?),
        None => untrained()?,
    };
    let text = arguments.next().unwrap_or("Once upon a time".to_string());

    // Texts begin with the model's BOS token, if it has one.
    let mut prompt: Vec<u32> = model.config().bos_token_id.into_iter().collect();
    prompt.extend(tokenizer.encode(&text)?);

    let options = GenerateOptions {
        sampling: Sampling { temperature: 0.6, ..Sampling::default() },
        max_tokens: 200,
        stop_ids: model.config().eos_token_ids.clone(),
        seed: 1,
        ..GenerateOptions::default()
    };
    let mut generator = Generator::new(&model, Context::detect(), &prompt, &options)?;

    // A character may take several tokens: its bytes are held back until it is whole.
    let mut decoder = tokenizer.stream_decoder();
    let mut tokens = 0;
    print!("{text}");
    for id in generator.by_ref() {
        print!("{}", decoder.push(id)?);
        std::io::stdout().flush()?;
        tokens += 1;
    }
    println!("{}", decoder.finish());

    let reason = generator.finish_reason().expect("the generator has ended");
    println!("\n[{tokens} tokens, {} parameters; {reason}]", model.config().parameter_count());
    assert!(tokens <= options.max_tokens);
    Ok(())
}
