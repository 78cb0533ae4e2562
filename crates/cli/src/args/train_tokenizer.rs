//! Arguments of `train-tokenizer`.
