use super::*;
use crate::Transformer;
use crate::formats::hugging_face::CONFIG_FILE;
use serde_json::{Value, json};
use tempfile::TempDir;
use tensor::{Context, Tensor};

fn model() -> Transformer {
    let config = ModelConfig {
        vocab_size: 20,
        context_length: 8,
        d_model: 8,
        num_heads: 2,
        num_layers: 1,
        d_ff: 12,
        ..ModelConfig::default()
    };
    Transformer::new(config, 1).unwrap()
}

fn saved() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    model().save(dir.path()).unwrap();
    dir
}

/// The directory with other weights: those of the model after `change`.
fn saved_with(change: impl FnOnce(&mut Vec<(String, Tensor)>)) -> TempDir {
    let dir = saved();
    let mut tensors: Vec<_> =
        model().parameters().iter().map(|(name, t)| (name.to_string(), t.clone())).collect();
    change(&mut tensors);
    write_tensors(&dir.path().join(WEIGHTS_FILE), &tensors);
    dir
}

fn write_tensors(path: &Path, tensors: &[(String, Tensor)]) {
    safetensors::write(path, tensors.iter().map(|(name, t)| (name, t)), &[], StoredType::F32)
        .unwrap();
}

fn change_config(dir: &TempDir, field: &str, value: Value) {
    let path = dir.path().join(CONFIG_FILE);
    let mut json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    json[field] = value;
    std::fs::write(&path, json.to_string()).unwrap();
}

fn error(dir: &TempDir) -> String {
    Transformer::load(dir.path()).err().expect("an error").to_string()
}

fn logits(model: &Transformer) -> Vec<f32> {
    model.logits(Context::detect(), ndarray::aview2(&[[3, 1, 4, 1, 5]])).as_slice().to_vec()
}

#[test]
fn a_saved_model_is_loaded_bit_for_bit() {
    let dir = saved();
    let loaded = Transformer::load(dir.path()).unwrap();
    assert_eq!(loaded.config(), model().config());
    assert_eq!(logits(&loaded), logits(&model()));
    let mut files: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["config.json", "generation_config.json", "model.safetensors"]);
}

#[test]
fn several_files_are_one_model() {
    let dir = saved();
    std::fs::remove_file(dir.path().join(WEIGHTS_FILE)).unwrap();
    let tensors: Vec<_> =
        model().parameters().iter().map(|(name, t)| (name.to_string(), t.clone())).collect();
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let mut weight_map = serde_json::Map::new();
    for (file, tensors) in names.iter().zip(tensors.chunks(tensors.len().div_ceil(2))) {
        write_tensors(&dir.path().join(file), tensors);
        weight_map.extend(tensors.iter().map(|(name, _)| (name.clone(), json!(file))));
    }
    let index = |weight_map: &serde_json::Map<String, Value>| {
        let json = json!({ "metadata": { "total_size": 1 }, "weight_map": weight_map });
        std::fs::write(dir.path().join(INDEX_FILE), json.to_string()).unwrap();
    };
    index(&weight_map);
    assert_eq!(logits(&Transformer::load(dir.path()).unwrap()), logits(&model()));

    // Both files have a tensor of this name: the index decides.
    let other = names.map(|name| dir.path().join(name));
    let second_half = tensors[tensors.len().div_ceil(2)..].iter().cloned();
    let first_name = tensors[0].clone().0;
    let decoy = (first_name.clone(), Tensor::zeros(tensors[0].1.shape()));
    write_tensors(&other[1], &second_half.chain([decoy]).collect::<Vec<_>>());
    assert_eq!(logits(&Transformer::load(dir.path()).unwrap()), logits(&model()));
    weight_map[&first_name] = json!(names[1]);
    index(&weight_map);
    assert_ne!(logits(&Transformer::load(dir.path()).unwrap()), logits(&model()));
    weight_map[&first_name] = json!(names[0]);

    weight_map["lm_head.weight"] = json!(names[0]);
    index(&weight_map);
    assert!(
        error(&dir)
            .contains("index.json: `lm_head.weight` is \"model-00001-of-00002.safetensors\"")
    );
    for outside in ["../model.safetensors", "/dev/zero", "a/b", "", ".."] {
        weight_map["lm_head.weight"] = json!(outside);
        index(&weight_map);
        assert!(error(&dir).contains("expected the name of a file beside this one"), "{outside}");
    }
    weight_map["lm_head.weight"] = json!("model-3.safetensors");
    index(&weight_map);
    assert!(error(&dir).contains("model-3.safetensors: cannot be read"));
    weight_map.clear();
    index(&weight_map);
    assert!(error(&dir).contains("index.json: lacks the tensor `model.embed_tokens.weight`"));
}

#[test]
fn a_tied_output_layer_is_the_embedding() {
    let dir = saved_with(|tensors| tensors.retain(|(name, _)| name != OUTPUT_NAME));
    assert!(
        error(&dir)
            .ends_with("model.safetensors: lacks the tensor `lm_head.weight` of shape [20, 8]")
    );
    change_config(&dir, "tie_word_embeddings", json!(true));
    let tied = Transformer::load(dir.path()).unwrap();
    assert!(tied.was_tied());
    let values = |name| tied.parameters().get(name).unwrap().as_slice().to_vec();
    assert_eq!(values(OUTPUT_NAME), values(EMBEDDING_NAME));
    // Saved again, it is a directory with both, not tied, that gives the same logits.
    tied.save(dir.path()).unwrap();
    let saved = Transformer::load(dir.path()).unwrap();
    assert_eq!(logits(&saved), logits(&tied));
    assert!(!saved.was_tied());
}

/// As `transformers` 5.24 loads these directories.
#[test]
fn a_flag_that_contradicts_the_weights_does_not_count() {
    let other = Transformer::new(model().config().clone(), 2).unwrap();
    let tensor = |model: &Transformer, name| model.parameters().get(name).unwrap().clone();
    let output = |tensors: &mut Vec<(String, Tensor)>, new: Tensor| {
        tensors.iter_mut().find(|(name, _)| name == OUTPUT_NAME).unwrap().1 = new;
    };
    let load = |dir: &TempDir| {
        change_config(dir, "tie_word_embeddings", json!(true));
        let model = Transformer::load(dir.path()).unwrap();
        let values = |name| tensor(&model, name).as_slice().to_vec();
        (model.was_tied(), values(EMBEDDING_NAME), values(OUTPUT_NAME))
    };
    let embedding = tensor(&model(), EMBEDDING_NAME);
    let different = tensor(&other, OUTPUT_NAME);
    let values = |tensor: &Tensor| tensor.as_slice().to_vec();

    let dir = saved_with(|tensors| output(tensors, different.clone()));
    assert_eq!(load(&dir), (false, values(&embedding), values(&different)));
    let dir = saved_with(|tensors| output(tensors, embedding.clone()));
    assert_eq!(load(&dir), (true, values(&embedding), values(&embedding)));
    let dir = saved_with(|tensors| {
        output(tensors, different.clone());
        tensors.retain(|(name, _)| name != EMBEDDING_NAME);
    });
    assert_eq!(load(&dir), (true, values(&different), values(&different)));
    let dir = saved_with(|tensors| {
        tensors.retain(|(name, _)| ![EMBEDDING_NAME, OUTPUT_NAME].contains(&name.as_str()));
    });
    change_config(&dir, "tie_word_embeddings", json!(true));
    assert!(error(&dir).contains("lacks the tensor `model.embed_tokens.weight`"));
    let dir = saved_with(|tensors| output(tensors, Tensor::zeros(&[10, 8])));
    change_config(&dir, "tie_word_embeddings", json!(true));
    assert!(error(&dir).contains("lm_head.weight` has shape [10, 8], expected [20, 8]"));
}

#[test]
fn missing_misnamed_and_misshapen_tensors_are_refused_by_name() {
    let missing = saved_with(|tensors| drop(tensors.remove(3)));
    let q = "the tensor `model.layers.0.self_attn.k_proj.weight` of shape [8, 8]";
    assert!(error(&missing).ends_with(&format!("model.safetensors: lacks {q}")));

    let misnamed = saved_with(|tensors| tensors[3].0 = "model.layers.0.attn.k.weight".into());
    assert!(
        error(&misnamed).contains("has a tensor `model.layers.0.attn.k.weight`, which the model")
    );

    let misshapen = saved_with(|tensors| tensors[3].1 = Tensor::zeros(&[8, 4]));
    assert!(error(&misshapen).contains("k_proj.weight` has shape [8, 4], expected [8, 8]"));

    let another_model = saved();
    change_config(&another_model, "num_hidden_layers", json!(2));
    assert!(
        error(&another_model).contains("lacks the tensor `model.layers.1.input_layernorm.weight`")
    );
    change_config(&another_model, "num_hidden_layers", json!(1));
    change_config(&another_model, "vocab_size", json!(1 << 20));
    assert!(error(&another_model).contains("has shape [20, 8], expected [1048576, 8]"));

    let old = saved_with(|tensors| {
        tensors.push(("model.layers.0.self_attn.rotary_emb.inv_freq".into(), Tensor::zeros(&[2])));
    });
    assert!(Transformer::load(old.path()).is_ok(), "what old versions saved beside the weights");
}

#[test]
fn a_directory_without_weights_and_a_cut_off_file_are_refused() {
    let dir = saved();
    let path = dir.path().join(WEIGHTS_FILE);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(error(&dir).contains("it is cut off or damaged"));
    std::fs::remove_file(&path).unwrap();
    assert!(error(&dir).contains("has neither `model.safetensors` nor"));
    std::fs::remove_file(dir.path().join(CONFIG_FILE)).unwrap();
    assert!(error(&dir).contains("config.json: cannot be read"));
}
