//! The work of `train-tokenizer`.
