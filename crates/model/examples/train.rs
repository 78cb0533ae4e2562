//! A tiny transformer learns a rhyme by heart, a byte at a time.
//!
//! `cargo run --release -p lm-model --example train`

use model::{Batch, GenerateOptions, Generator, ModelConfig, Sampling, Transformer};
use optim::{AdamW, AdamWConfig, Decay, Schedule, clip_scale, global_norm};
use tensor::Context;

const RHYME: &str = "\
Little hen, little hen, what have you found?
A bean in a box at the edge of the pond.
Little hen, little hen, what will it be?
A leaf, then a stem, then a very tall tree.
Little hen, little hen, when will it grow?
When the rain has been kind and the wind has been slow.
";
const STEPS: u64 = 120;
/// T, the tokens of a window.
const TIME: usize = 48;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Every byte is a token.
    let tokens: Vec<u32> = RHYME.bytes().map(u32::from).collect();
    let config = ModelConfig {
        vocab_size: 256,
        context_length: TIME,
        d_model: 64,
        num_heads: 4,
        num_layers: 2,
        d_ff: 160,
        ..ModelConfig::default()
    };
    let context = Context::detect();
    let mut model = Transformer::new(config, 1)?;
    let mut adamw = AdamW::new(AdamWConfig::default(), model.parameters());
    let decay = Decay::Cosine;
    let schedule =
        Schedule { decay, max_lr: 3e-3, min_lr: 3e-4, warmup_steps: 10, total_steps: STEPS };

    for step in 0..STEPS {
        // Eight windows of T + 1 tokens each: every token is predicted from those before it. The
        // prime number scatters the windows over the text and leaves no place out.
        let starts = (0..8).map(|i| (8 * step as usize + i) * 7919 % (tokens.len() - TIME));
        let batch = Batch::from_windows(starts.map(|start| &tokens[start..start + TIME + 1]));
        let (loss, gradients) = model.loss_and_gradients(context, &batch);
        let clip = clip_scale(global_norm(context, &gradients), 1.0);
        adamw.step(context, schedule.lr_at(step), model.parameters_mut(), &gradients, clip);

        if (step + 1) % 20 == 0 {
            let sampling = Sampling::greedy();
            let options = GenerateOptions { sampling, max_tokens: 60, ..Default::default() };
            let generated = Generator::new(&model, context, &tokens[..11], &options)?;
            let text: Vec<u8> = generated.map(|id| id as u8).collect();
            let text = String::from_utf8_lossy(&text).replace('\n', " / ");
            println!("step {:>3}   loss {loss:.3}   Little hen,{text}", step + 1);
            assert!(step + 1 < STEPS || loss < 0.3, "the model did not learn: loss {loss}");
        }
    }
    Ok(())
}
