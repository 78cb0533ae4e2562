//! `config.json` and `generation_config.json`, as Hugging Face's `transformers` 4 and 5 write and
//! read them.
//!
//! A model that is a Llama is written as one. A variant that Llama cannot express is written with
//! the architecture name `LmForCausalLM` and the three fields `norm`, `ffn` and `rope`, so that no
//! other program reads it as a Llama.

use super::error::{LoadError, LoadErrorKind};
use super::fields::Fields;
use super::safetensors::StoredType;
use crate::{FeedForward, ModelConfig, Norm};
use serde_json::{Value, json};
use std::path::Path;

/// The file with the architecture.
pub const CONFIG_FILE: &str = "config.json";
/// The file with the BOS and EOS token ids.
pub const GENERATION_CONFIG_FILE: &str = "generation_config.json";

const LLAMA: Architecture = Architecture { model_type: "llama", class: "LlamaForCausalLM" };
const VARIANT: Architecture = Architecture { model_type: "lm", class: "LmForCausalLM" };

#[derive(PartialEq)]
struct Architecture {
    model_type: &'static str,
    class: &'static str,
}

/// The contents of the JSON files of a directory.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFiles {
    /// The shape of the model.
    pub config: ModelConfig,
    /// The output layer's matrix is the embedding if `true`.
    pub tied: bool,
}

/// Returns `true` if Llama's architecture can express the model.
pub(super) fn is_llama(config: &ModelConfig) -> bool {
    config.norm == Norm::Pre && config.ffn == FeedForward::SwiGlu && config.rope
}

/// Writes both files into `dir`, for weights of the type `stored`.
///
/// # Errors
/// If one cannot be written.
pub fn write(dir: &Path, config: &ModelConfig, stored: StoredType) -> files::Result<()> {
    let eos_token_id = match config.eos_token_ids.as_slice() {
        [] => Value::Null,
        [id] => json!(id),
        ids => json!(ids),
    };
    let dtype = match stored {
        StoredType::F32 => "float32",
        StoredType::Bf16 => "bfloat16",
    };
    let Architecture { model_type, class } = if is_llama(config) { LLAMA } else { VARIANT };
    let mut fields = json!({
        "architectures": [class],
        "attention_bias": false,
        "attention_dropout": 0.0,
        "bos_token_id": config.bos_token_id,
        "dtype": dtype,
        "eos_token_id": eos_token_id,
        "head_dim": config.d_head(),
        "hidden_act": match config.ffn {
            FeedForward::SwiGlu | FeedForward::Silu => "silu",
            FeedForward::GeGlu | FeedForward::Gelu => "gelu",
        },
        "hidden_size": config.d_model,
        "initializer_range": 0.02,
        "intermediate_size": config.d_ff,
        "max_position_embeddings": config.context_length,
        "mlp_bias": false,
        "model_type": model_type,
        "num_attention_heads": config.num_heads,
        "num_hidden_layers": config.num_layers,
        "num_key_value_heads": config.num_heads,
        "pad_token_id": null,
        "rms_norm_eps": config.rms_norm_eps,
        "rope_parameters": { "rope_theta": config.rope_theta, "rope_type": "default" },
        "rope_theta": config.rope_theta,
        "tie_word_embeddings": false,
        "torch_dtype": dtype,
        "use_cache": true,
        "vocab_size": config.vocab_size,
    });
    if !is_llama(config) {
        fields["norm"] = json!(config.norm.name());
        fields["ffn"] = json!(config.ffn.name());
        fields["rope"] = json!(config.rope);
    }
    let write =
        |name, value: Value| files::write(&dir.join(name), format!("{value:#}\n").as_bytes());
    write(CONFIG_FILE, fields)?;
    let generation = json!({
        "_from_model_config": true,
        "bos_token_id": config.bos_token_id,
        "eos_token_id": eos_token_id,
        "use_cache": true,
    });
    write(GENERATION_CONFIG_FILE, generation)
}

/// Reads `config.json` of `dir`, and `generation_config.json` where there is one.
///
/// # Errors
/// If a file cannot be read, or describes a model that this crate does not implement or that cannot
/// be built.
pub fn read(dir: &Path) -> Result<ModelFiles, LoadError> {
    let path = dir.join(CONFIG_FILE);
    let fields = Fields::read(&path)?;
    let architecture = read_architecture(&fields)?;
    refuse_unsupported(&fields)?;
    let size = |name: &str| fields.required(name, fields.size(name)?);
    let (rope_theta, num_heads) = (read_rope_theta(&fields)?, size("num_attention_heads")?);
    let vocab_size = size("vocab_size")?;
    let mut config = ModelConfig {
        vocab_size,
        context_length: fields.size("max_position_embeddings")?.unwrap_or(2048),
        d_model: size("hidden_size")?,
        num_heads,
        num_layers: size("num_hidden_layers")?,
        d_ff: size("intermediate_size")?,
        rope: true,
        rope_theta,
        norm: Norm::Pre,
        ffn: FeedForward::SwiGlu,
        rms_norm_eps: fields.number("rms_norm_eps")?.unwrap_or(1e-6),
        bos_token_id: (fields.token_ids("bos_token_id", vocab_size)?)
            .and_then(|ids| ids.first().copied()),
        eos_token_ids: fields.token_ids("eos_token_id", vocab_size)?.unwrap_or_default(),
    };
    if architecture == VARIANT {
        let choice = |name: &str| fields.required(name, fields.text(name)?);
        config.norm =
            choice("norm")?.parse().map_err(|_| fields.wrong("norm", "pre, post or none"))?;
        config.ffn = (choice("ffn")?.parse())
            .map_err(|_| fields.wrong("ffn", "swiglu, geglu, silu or gelu"))?;
        config.rope = fields.required("rope", fields.flag("rope")?)?;
    } else {
        let act = fields.text("hidden_act")?;
        let silu = matches!(act.as_deref(), None | Some("silu" | "swish"));
        let hint = "a Llama's feed-forward network has silu";
        fields.check(silu, "hidden_act", "this activation is", hint)?;
    }
    let generation = dir.join(GENERATION_CONFIG_FILE);
    if generation.exists()
        && let Some(eos_token_ids) =
            Fields::read(&generation)?.token_ids("eos_token_id", vocab_size)?
    {
        config.eos_token_ids = eos_token_ids;
    }
    config.validate().map_err(|cause| LoadErrorKind::Config(cause).at(&path))?;
    check_heads(&fields, &config)?;
    let tied = fields.flag("tie_word_embeddings")?.unwrap_or(false);
    Ok(ModelFiles { config, tied })
}

fn read_architecture(fields: &Fields) -> Result<Architecture, LoadError> {
    let hint = "Llama models (LlamaForCausalLM) and this program's own are";
    let check = |supported, field| fields.check(supported, field, "this architecture is", hint);
    let model_type = fields.required("model_type", fields.text("model_type")?)?;
    let known = if model_type == VARIANT.model_type { VARIANT } else { LLAMA };
    check(model_type == known.model_type, "model_type")?;
    let classes = fields.get("architectures");
    check(classes.is_none_or(|classes| *classes == json!([known.class])), "architectures")?;
    Ok(known)
}

fn refuse_unsupported(fields: &Fields) -> Result<(), LoadError> {
    for field in ["attention_bias", "mlp_bias"] {
        let without = !fields.flag(field)?.unwrap_or(false);
        fields.check(without, field, "biases are", "layers without biases are")?;
    }
    let (field, hint) = ("quantization_config", "weights in f32, f16 and bf16 are");
    fields.check(fields.get(field).is_none(), field, "quantized weights are", hint)
}

/// Returns the base of the rotary embedding, from `rope_parameters` (version 5) or `rope_theta`
/// (version 4, whose `rope_scaling` has the other fields of `rope_parameters`).
fn read_rope_theta(fields: &Fields) -> Result<f64, LoadError> {
    let mut theta = fields.number("rope_theta")?;
    for field in ["rope_scaling", "rope_parameters"] {
        let Some(rope) = fields.object(field)? else { continue };
        let kind = rope.text("rope_type")?.or(rope.text("type")?);
        let partial = rope.number("partial_rotary_factor")?.is_some_and(|factor| factor != 1.0);
        let nested = rope.iter().any(|(_, value)| value.is_object());
        let default = matches!(kind.as_deref(), None | Some("default")) && !partial && !nested;
        fields.check(default, field, "rope scaling is", "the default rotary embedding is")?;
        theta = rope.number("rope_theta")?.or(theta);
    }
    Ok(theta.unwrap_or(10_000.0))
}

/// Checks that queries, keys and values have the same number of heads, which together are as wide
/// as the model.
fn check_heads(fields: &Fields, config: &ModelConfig) -> Result<(), LoadError> {
    let is = |field, size| Ok(fields.size(field)?.is_none_or(|found| found == size));
    let (field, supported) = ("num_key_value_heads", config.num_heads);
    let hint = "as many key and value heads as `num_attention_heads` are";
    fields.check(is(field, supported)?, field, "grouped-query heads are", hint)?;
    let (field, supported) = ("head_dim", config.d_head());
    let hint = "heads of `hidden_size` ÷ `num_attention_heads` channels are";
    fields.check(is(field, supported)?, field, "heads of this size are", hint)
}

#[cfg(test)]
mod tests;
