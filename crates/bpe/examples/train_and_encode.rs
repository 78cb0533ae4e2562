//! A tokenizer learns from a few lines of text, and then encodes a sentence that is not in them.
//!
//! `cargo run --release -p lm-bpe --example train_and_encode`

use bpe::{END_OF_TEXT, Pattern, Tokenizer, TrainConfig};

const TEXT: &str = "\
She sells sea shells by the sea shore. The shells she sells are sea shells, for sure.
How much wood would a woodchuck chuck, if a woodchuck could chuck wood?
He would chuck, he would, as much as he could, if a woodchuck could chuck wood.
The shore is where the shells are, and the wood is where the woodchuck is.
";

fn main() -> bpe::Result<()> {
    // 256 bytes, one special token, and 63 merges: the most frequent pair of neighbours becomes a
    // token, over and over.
    let config = TrainConfig { vocab_size: 320, special_tokens: vec![END_OF_TEXT.to_string()] };
    let tokenizer = Tokenizer::train(TEXT.as_bytes(), &Pattern::gpt2(), &config)?;

    let show = |id: u32| tokenizer.token(id).map(|bytes| String::from_utf8_lossy(bytes));
    println!("The first merges, most frequent first:");
    let vocab = tokenizer.vocab();
    for (&(left, right), &id) in vocab.merges().iter().zip(vocab.merged()).take(8) {
        println!("  {id}  {:?} + {:?} = {:?}", show(left)?, show(right)?, show(id)?);
    }

    let sentence = "Where the woodchuck sells shells, he could see the shore. 🐚";
    let ids = tokenizer.encode(sentence)?;
    let pieces = ids.iter().map(|&id| show(id)).collect::<bpe::Result<Vec<_>>>()?;
    println!("\n{sentence}\n{}", pieces.join("|"));
    println!("{} bytes are {} tokens: {ids:?}", sentence.len(), ids.len());

    // The sentence has words and a character that the tokenizer has never seen. They are spelled
    // in bytes, so that decoding gives every text back.
    assert_eq!(tokenizer.decode(&ids)?, sentence.as_bytes());
    assert!(pieces.iter().any(|piece| piece == " woodchuck"));
    println!("Decoded, it is the same sentence again.");
    Ok(())
}
