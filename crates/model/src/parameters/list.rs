//! The one list of the parameters: their names, shapes and kinds.
//!
//! Names and shapes are those of Hugging Face's Llama; a matrix is (out, in). Variants that Llama
//! lacks leave out what they do not use: without a gate there is no `gate_proj`, without norms no
//! norm weight at all. With norms after each half of a block, `input_layernorm` is the one after
//! attention and `post_attention_layernorm` the one after the feed-forward network.

use crate::{ModelConfig, Norm};

/// The name of the embedding, which is also the output layer's matrix where both are tied.
pub(crate) const EMBEDDING_NAME: &str = "model.embed_tokens.weight";
/// The name of the output layer's matrix.
pub(crate) const OUTPUT_NAME: &str = "lm_head.weight";

/// A parameter, by its index in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ParameterId(pub(crate) usize);

/// The use of a parameter, from which its first values follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// A matrix (out, in) of a linear layer: truncated normal, σ² = 2/(in + out) (Glorot and
    /// Bengio, 2010), cut at ±3σ.
    Linear,
    /// The embedding (V, C): truncated normal, σ = 1, cut at ±3.
    Embedding,
    /// The scale (C) of a norm: ones.
    Norm,
}

/// A parameter that the architecture has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSpec {
    /// Its name in Hugging Face's Llama.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its use.
    pub kind: ParameterKind,
}

/// The parameters of a whole model.
#[derive(Clone, Debug)]
pub(crate) struct ModelLayout {
    pub(crate) embed_tokens: ParameterId,
    pub(crate) layers: Vec<BlockLayout>,
    pub(crate) norm: Option<ParameterId>,
    pub(crate) lm_head: ParameterId,
}

/// The parameters of a block.
#[derive(Clone, Debug)]
pub(crate) struct BlockLayout {
    pub(crate) input_layernorm: Option<ParameterId>,
    pub(crate) attention: AttentionLayout,
    pub(crate) post_attention_layernorm: Option<ParameterId>,
    pub(crate) feed_forward: FeedForwardLayout,
}

/// The matrices of an attention layer.
#[derive(Clone, Debug)]
pub(crate) struct AttentionLayout {
    pub(crate) q_proj: ParameterId,
    pub(crate) k_proj: ParameterId,
    pub(crate) v_proj: ParameterId,
    pub(crate) o_proj: ParameterId,
}

/// The matrices of a feed-forward network.
#[derive(Clone, Debug)]
pub(crate) struct FeedForwardLayout {
    pub(crate) gate_proj: Option<ParameterId>,
    pub(crate) up_proj: ParameterId,
    pub(crate) down_proj: ParameterId,
}

/// The list under construction.
#[derive(Default)]
struct List(Vec<ParameterSpec>);

impl List {
    fn add(&mut self, kind: ParameterKind, name: String, shape: &[usize]) -> ParameterId {
        self.0.push(ParameterSpec { name, shape: shape.to_vec(), kind });
        ParameterId(self.0.len() - 1)
    }

    fn linear(&mut self, name: String, d_out: usize, d_in: usize) -> ParameterId {
        self.add(ParameterKind::Linear, name, &[d_out, d_in])
    }
}

/// Returns the list of parameters of a model, and for each part of the architecture the places of
/// its own in it. `config` must be valid.
pub(crate) fn parameter_list(config: &ModelConfig) -> (Vec<ParameterSpec>, ModelLayout) {
    let &ModelConfig { vocab_size, d_model, d_ff, .. } = config;
    let mut list = List::default();
    let norm = |list: &mut List, name: String| {
        (config.norm != Norm::None).then(|| list.add(ParameterKind::Norm, name, &[d_model]))
    };

    let embedding = EMBEDDING_NAME.to_string();
    let embed_tokens = list.add(ParameterKind::Embedding, embedding, &[vocab_size, d_model]);
    let mut layers = Vec::new();
    for layer in 0..config.num_layers {
        let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
        layers.push(BlockLayout {
            input_layernorm: norm(&mut list, name("input_layernorm")),
            attention: AttentionLayout {
                q_proj: list.linear(name("self_attn.q_proj"), d_model, d_model),
                k_proj: list.linear(name("self_attn.k_proj"), d_model, d_model),
                v_proj: list.linear(name("self_attn.v_proj"), d_model, d_model),
                o_proj: list.linear(name("self_attn.o_proj"), d_model, d_model),
            },
            post_attention_layernorm: norm(&mut list, name("post_attention_layernorm")),
            feed_forward: FeedForwardLayout {
                gate_proj: (config.ffn.is_gated())
                    .then(|| list.linear(name("mlp.gate_proj"), d_ff, d_model)),
                up_proj: list.linear(name("mlp.up_proj"), d_ff, d_model),
                down_proj: list.linear(name("mlp.down_proj"), d_model, d_ff),
            },
        });
    }
    let norm = norm(&mut list, "model.norm.weight".to_string());
    let lm_head = list.linear(OUTPUT_NAME.to_string(), vocab_size, d_model);
    (list.0, ModelLayout { embed_tokens, layers, norm, lm_head })
}

/// Returns the parameters that a model of this shape has.
///
/// Their order is that of all lists of parameters, gradients and moments. `config` must be valid.
pub fn parameter_specs(config: &ModelConfig) -> Vec<ParameterSpec> {
    parameter_list(config).0
}
