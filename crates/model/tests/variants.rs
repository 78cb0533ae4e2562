//! Seven variants of the architecture: logits, loss and gradients.

mod common;

use common::{batch, fixture, max_difference, tensor};
use model::{FeedForward, ModelConfig, Norm, Transformer};
use safetensors::SafeTensors;
use tensor::testing::relative_error;
use tensor::{Context, isa};

fn config(variant: &str, bytes: &[u8]) -> ModelConfig {
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let metadata = header.metadata().as_ref().unwrap();
    let shape =
        |name: &str| header.info(&format!("{variant}.weight.{name}")).unwrap().shape.clone();
    let embedding = shape("model.embed_tokens.weight");
    let base = ModelConfig {
        vocab_size: embedding[0],
        context_length: 32,
        d_model: embedding[1],
        num_heads: metadata["heads"].parse().unwrap(),
        num_layers: 2,
        d_ff: shape("model.layers.0.mlp.up_proj.weight")[0],
        rope_theta: metadata["theta"].parse().unwrap(),
        rms_norm_eps: metadata["eps"].parse().unwrap(),
        ..ModelConfig::default()
    };
    match variant {
        "pre_swiglu" => base,
        "post_norm" => ModelConfig { norm: Norm::Post, ..base },
        "no_norm" => ModelConfig { norm: Norm::None, ..base },
        "no_rope" => ModelConfig { rope: false, ..base },
        "silu" => ModelConfig { ffn: FeedForward::Silu, ..base },
        "gelu" => ModelConfig { ffn: FeedForward::Gelu, ..base },
        "geglu" => ModelConfig { ffn: FeedForward::GeGlu, ..base },
        other => panic!("no variant {other}"),
    }
}

#[test]
fn logits_loss_and_gradients_of_every_variant_agree() {
    let bytes = fixture("variants.safetensors");
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let batch = batch(&file);
    for variant in ["pre_swiglu", "post_norm", "no_norm", "no_rope", "silu", "gelu", "geglu"] {
        let prefix = format!("{variant}.weight.");
        let names = file.names();
        let weights = names.iter().filter_map(|name| Some((name, name.strip_prefix(&prefix)?)));
        let weights = weights.map(|(full, name)| (name.to_string(), tensor(&file, full)));
        let model = Transformer::from_tensors(config(variant, &bytes), weights).unwrap();
        for kernels in isa::available() {
            let ctx = Context::detect().with_kernels(kernels);
            let logits = model.logits(ctx, batch.ids.view());
            let logits_off = max_difference(&logits, &tensor(&file, &format!("{variant}.logits")));
            let (loss, gradients) = model.loss_and_gradients(ctx, &batch);
            let loss_off = (loss - tensor(&file, &format!("{variant}.loss")).item()).abs();
            let mut gradients_off = 0.0f64;
            for ((name, _), gradient) in model.parameters().iter().zip(&gradients) {
                let expected = tensor(&file, &format!("{variant}.grad.{name}"));
                let off = relative_error(gradient.as_slice(), expected.as_slice());
                assert!(off < 1e-4, "{variant}: gradient of {name}: {off}");
                gradients_off = gradients_off.max(off);
            }
            println!(
                "{variant}, {:?}: logits {logits_off:.1e}, loss {loss_off:.1e}, \
                 gradients {gradients_off:.1e}",
                kernels.isa()
            );
            assert!(logits_off < 1e-4);
            assert!(loss_off < 1e-5);
        }
    }
}
