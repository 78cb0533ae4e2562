//! GGUF, the file format of llama.cpp: a header, named values, a list of tensors, then their
//! numbers.
//!
//! Files are only written, and only for models that llama.cpp calls `llama`. Its rotary embedding
//! rotates adjacent pairs of channels, so the rows of W_q and W_k are permuted
//! ([`rope_layout`](super::rope_layout)); all other weights are stored as they are, in `f32`. The
//! format is version 3 of the specification in `docs/gguf.md` of the ggml project; all numbers are
//! little-endian.

use super::hugging_face::is_llama;
use super::rope_layout::halves_to_pairs;
use super::safetensors::write_floats;
use crate::{FeedForward, ModelConfig, Norm, Parameters, Transformer};
use std::io::{self, Write};
use std::path::Path;

const MAGIC: &[u8; 4] = b"GGUF";
const VERSION: u32 = 3;
/// The numbers of each tensor begin at a multiple of this.
const ALIGNMENT: usize = 32;
/// The type number of `f32` tensors.
const F32: u32 = 0;

/// An error of writing a GGUF file.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    /// llama.cpp has no such architecture.
    #[error(
        "a model with norm {norm}, ffn {ffn}, rope {rope} is no Llama; \
         llama.cpp would need norm pre, ffn swiglu, rope true"
    )]
    NoLlama {
        /// The model's norms.
        norm: Norm,
        /// Its feed-forward network.
        ffn: FeedForward,
        /// Its rotary embedding, present if `true`.
        rope: bool,
    },
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] files::Error),
}

/// A value in the header.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A count or an id.
    U32(u32),
    /// A number.
    F32(f32),
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// Several small numbers.
    I32s(Vec<i32>),
}

impl Transformer {
    /// Writes the model as a GGUF file. `about` has further values for the header: the tokenizer.
    ///
    /// # Errors
    /// If the model is a variant that is no Llama, or the file cannot be written.
    ///
    /// # Panics
    /// If the model is for inference only.
    #[track_caller]
    pub fn save_gguf(&self, path: &Path, about: &[(&str, Value)]) -> Result<(), GgufError> {
        let (config, parameters) = (self.config(), self.parameters());
        if !is_llama(config) {
            let &ModelConfig { norm, ffn, rope, .. } = config;
            return Err(GgufError::NoLlama { norm, ffn, rope });
        }
        files::write_with(path, |out| write(out, config, parameters, about))?;
        Ok(())
    }
}

/// Writes header, list and numbers.
fn write(
    out: &mut impl Write,
    config: &ModelConfig,
    parameters: &Parameters,
    about: &[(&str, Value)],
) -> io::Result<()> {
    let architecture = describe(config);
    let mut header = MAGIC.to_vec();
    header.extend(VERSION.to_le_bytes());
    put_len(&mut header, parameters.tensors().len());
    put_len(&mut header, architecture.len() + about.len());
    for (key, value) in architecture.iter().chain(about) {
        put_text(&mut header, key);
        put_value(&mut header, value);
    }
    let mut offset = 0;
    for (name, tensor) in parameters.iter() {
        put_text(&mut header, &name_in_gguf(name));
        header.extend((tensor.shape().len() as u32).to_le_bytes());
        // The axis that is contiguous in memory comes first.
        tensor.shape().iter().rev().for_each(|&len| put_len(&mut header, len));
        header.extend(F32.to_le_bytes());
        put_len(&mut header, offset);
        offset += size_of_val(tensor.as_slice()).next_multiple_of(ALIGNMENT);
    }
    header.resize(header.len().next_multiple_of(ALIGNMENT), 0);
    out.write_all(&header)?;
    for (name, tensor) in parameters.iter() {
        let bytes = size_of_val(tensor.as_slice());
        let is_rotated = name.ends_with("q_proj.weight") || name.ends_with("k_proj.weight");
        let stored = if is_rotated { &halves_to_pairs(tensor, config.num_heads) } else { tensor };
        write_floats(out, stored)?;
        out.write_all(&[0; ALIGNMENT][..bytes.next_multiple_of(ALIGNMENT) - bytes])?;
    }
    Ok(())
}

/// Returns the values of the header that describe the architecture.
fn describe(config: &ModelConfig) -> Vec<(&'static str, Value)> {
    // All of these sizes are far below 2³² in a valid configuration.
    let size = |n: usize| Value::U32(n as u32);
    vec![
        ("general.architecture", Value::Text("llama".into())),
        ("general.alignment", size(ALIGNMENT)),
        ("general.file_type", Value::U32(F32)),
        ("llama.vocab_size", size(config.vocab_size)),
        ("llama.context_length", size(config.context_length)),
        ("llama.embedding_length", size(config.d_model)),
        ("llama.block_count", size(config.num_layers)),
        ("llama.feed_forward_length", size(config.d_ff)),
        ("llama.attention.head_count", size(config.num_heads)),
        ("llama.attention.head_count_kv", size(config.num_heads)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(config.rms_norm_eps as f32)),
        ("llama.rope.dimension_count", size(config.d_head())),
        ("llama.rope.freq_base", Value::F32(config.rope_theta as f32)),
    ]
}

/// Returns llama.cpp's name of a parameter of Hugging Face's Llama.
fn name_in_gguf(name: &str) -> String {
    const PARTS: [(&str, &str); 12] = [
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("input_layernorm", "attn_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("post_attention_layernorm", "ffn_norm"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
    ];
    let name = name.replace("model.layers.", "blk.");
    PARTS.iter().fold(name, |name, (from, to)| name.replace(from, to))
}

fn put_len(header: &mut Vec<u8>, len: usize) {
    header.extend((len as u64).to_le_bytes());
}

fn put_text(header: &mut Vec<u8>, text: &str) {
    put_len(header, text.len());
    header.extend(text.as_bytes());
}

/// Writes a value after the number of its type; an array (9) also has that of its elements.
fn put_value(header: &mut Vec<u8>, value: &Value) {
    let mut put = |kinds: &[u32], bytes: &[u8]| {
        header.extend(kinds.iter().flat_map(|kind| kind.to_le_bytes()));
        header.extend(bytes);
    };
    match value {
        Value::U32(n) => put(&[4], &n.to_le_bytes()),
        Value::F32(x) => put(&[6], &x.to_le_bytes()),
        Value::Bool(yes) => put(&[7], &[u8::from(*yes)]),
        Value::Text(text) => {
            put(&[8], &[]);
            put_text(header, text);
        }
        Value::I32s(numbers) => {
            put(&[9, 5], &(numbers.len() as u64).to_le_bytes());
            header.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
        }
        Value::Texts(texts) => {
            put(&[9, 8], &(texts.len() as u64).to_le_bytes());
            texts.iter().for_each(|text| put_text(header, text));
        }
    }
}

#[cfg(test)]
mod tests;
