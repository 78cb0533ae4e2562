use super::list::{EMBEDDING_NAME, OUTPUT_NAME};
use super::*;
use crate::{FeedForward, Norm};

fn small() -> ModelConfig {
    ModelConfig {
        vocab_size: 50,
        d_model: 24,
        num_heads: 3,
        num_layers: 2,
        d_ff: 40,
        ..ModelConfig::default()
    }
}

fn names(config: &ModelConfig) -> Vec<String> {
    parameter_specs(config).into_iter().map(|spec| spec.name).collect()
}

#[test]
fn the_list_is_that_of_llama() {
    let expected = "model.embed_tokens.weight \
        model.layers.0.input_layernorm.weight model.layers.0.self_attn.q_proj.weight \
        model.layers.0.self_attn.k_proj.weight model.layers.0.self_attn.v_proj.weight \
        model.layers.0.self_attn.o_proj.weight model.layers.0.post_attention_layernorm.weight \
        model.layers.0.mlp.gate_proj.weight model.layers.0.mlp.up_proj.weight \
        model.layers.0.mlp.down_proj.weight model.norm.weight lm_head.weight";
    let config = ModelConfig { num_layers: 1, ..small() };
    assert_eq!(names(&config).join(" "), expected.split_whitespace().collect::<Vec<_>>().join(" "));
    assert!(names(&config).contains(&EMBEDDING_NAME.to_string()));
    assert!(names(&config).contains(&OUTPUT_NAME.to_string()));
}

#[test]
fn variants_have_no_parameter_that_they_do_not_use() {
    let none = names(&ModelConfig { norm: Norm::None, ..small() });
    assert!(none.iter().all(|name| !name.contains("norm")));
    let silu = names(&ModelConfig { ffn: FeedForward::Silu, ..small() });
    assert!(silu.iter().all(|name| !name.contains("gate_proj")));
}

#[test]
fn the_sizes_in_the_list_add_up_to_the_parameter_count() {
    for norm in Norm::ALL {
        for ffn in FeedForward::ALL {
            let config = ModelConfig { norm, ffn, ..small() };
            let sizes = parameter_specs(&config)
                .into_iter()
                .map(|spec| spec.shape.iter().product::<usize>());
            assert_eq!(sizes.sum::<usize>() as u64, config.parameter_count(), "{norm} {ffn}");
        }
    }
}

#[test]
fn first_values_have_the_spread_that_they_should_and_no_outliers() {
    let config = ModelConfig { vocab_size: 3000, d_model: 256, num_heads: 8, d_ff: 512, ..small() };
    let parameters = Parameters::init(&config, 7);
    let spread = |name: &str| {
        let x = parameters.get(name).unwrap().as_slice();
        let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / x.len() as f64;
        let variance =
            x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / x.len() as f64;
        (mean, variance.sqrt(), x.iter().fold(0.0f32, |max, x| max.max(x.abs())))
    };
    // Cutting at ±3σ leaves 0.9866 of the standard deviation.
    for (name, sigma) in [
        ("model.embed_tokens.weight", 1.0),
        ("model.layers.0.self_attn.q_proj.weight", (2.0f64 / 512.0).sqrt()),
        ("model.layers.1.mlp.down_proj.weight", (2.0f64 / 768.0).sqrt()),
        ("lm_head.weight", (2.0f64 / 3256.0).sqrt()),
    ] {
        let (mean, deviation, largest) = spread(name);
        assert!(mean.abs() < 0.02 * sigma, "{name}: mean {mean}");
        assert!(
            (deviation / sigma - 0.9866).abs() < 0.01,
            "{name}: deviation {deviation}, σ {sigma}"
        );
        assert!(f64::from(largest) <= 3.0 * sigma * 1.000_001, "{name}: {largest}");
        assert!(f64::from(largest) > 2.8 * sigma, "{name}: {largest}");
    }
    assert!(parameters.get("model.norm.weight").unwrap().as_slice().iter().all(|&x| x == 1.0));
}

#[test]
fn values_depend_on_seed_and_name_and_on_nothing_else() {
    let first = Parameters::init(&small(), 1);
    let same = Parameters::init(&small(), 1);
    let other = Parameters::init(&small(), 2);
    let deeper = Parameters::init(&ModelConfig { num_layers: 3, norm: Norm::None, ..small() }, 1);
    let (q, k) =
        ("model.layers.1.self_attn.q_proj.weight", "model.layers.1.self_attn.k_proj.weight");
    let values =
        |parameters: &Parameters, name: &str| parameters.get(name).unwrap().as_slice().to_vec();
    assert_eq!(values(&first, q), values(&same, q));
    assert_eq!(values(&first, q), values(&deeper, q));
    assert_ne!(values(&first, q), values(&other, q));
    assert_ne!(values(&first, q), values(&first, k));
}

/// Another generator, or another way of drawing from it, would make another model of every seed.
#[test]
fn a_seed_means_the_same_model_for_ever() {
    let parameters = Parameters::init(&small(), 1);
    for (name, expected) in [
        (EMBEDDING_NAME, [0.823_083_8, 1.161_928_9, 1.106_963_4]),
        ("model.layers.1.mlp.down_proj.weight", [0.171_875_4, 0.100_065_96, -0.215_531_48]),
    ] {
        let first = &parameters.get(name).unwrap().as_slice()[..3];
        let close = first.iter().zip(expected).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6);
        assert!(close, "{name} begins with {first:?}, not {expected:?}");
    }
}

#[test]
fn tensors_of_another_model_are_refused() {
    let tensors: Vec<(String, Tensor)> = Parameters::init(&small(), 0)
        .iter()
        .map(|(name, tensor)| (name.to_string(), tensor.clone()))
        .collect();
    let mut shuffled = tensors.clone();
    shuffled.reverse();
    assert!(Parameters::from_tensors(&small(), shuffled).is_ok());

    let error = |tensors| Parameters::from_tensors(&small(), tensors).unwrap_err().to_string();
    assert_eq!(
        error(tensors[1..].to_vec()),
        "lacks the tensor `model.embed_tokens.weight` of shape [50, 24]"
    );
    let mut misshapen = tensors.clone();
    misshapen[1].1 = Tensor::zeros(&[23]);
    assert!(error(misshapen).ends_with("has shape [23], expected [24]"));
    let mut extra = tensors;
    extra.push(("lm_head.bias".into(), Tensor::zeros(&[50])));
    assert_eq!(error(extra), "has a tensor `lm_head.bias`, which the model has no place for");
}
