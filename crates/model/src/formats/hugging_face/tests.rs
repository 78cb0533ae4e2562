use super::*;
use proptest::prelude::*;

/// A small Llama as transformers 4 writes it.
fn version_4() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "attention_bias": false, "bos_token_id": 1,
        "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 32, "intermediate_size": 88,
        "max_position_embeddings": 64, "model_type": "llama", "num_attention_heads": 4,
        "num_hidden_layers": 2, "num_key_value_heads": 4, "pretraining_tp": 1,
        "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 5000.0,
        "tie_word_embeddings": false, "torch_dtype": "float32", "use_cache": true,
        "vocab_size": 128
    })
}

/// A small Llama as transformers 5 writes it.
fn version_5() -> Value {
    let mut json = version_4();
    let fields = json.as_object_mut().unwrap();
    for gone in ["rope_theta", "rope_scaling", "torch_dtype"] {
        fields.remove(gone);
    }
    json["dtype"] = json!("float32");
    json["head_dim"] = json!(8);
    json["mlp_bias"] = json!(false);
    json["rope_parameters"] = json!({ "rope_theta": 5000.0, "rope_type": "default" });
    json
}

fn read_json(json: &Value) -> Result<ModelFiles, LoadError> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(CONFIG_FILE), json.to_string()).unwrap();
    read(dir.path())
}

/// The error for `version_4` with one field changed, without the path.
fn error(field: &str, value: Value) -> String {
    let mut json = version_4();
    json[field] = value;
    let message = read_json(&json).unwrap_err().to_string();
    message.split_once("config.json: ").expect("the file's name").1.to_string()
}

#[test]
fn both_versions_are_read_alike() {
    let expected = ModelConfig {
        vocab_size: 128,
        context_length: 64,
        d_model: 32,
        num_heads: 4,
        num_layers: 2,
        d_ff: 88,
        rope_theta: 5000.0,
        bos_token_id: Some(1),
        eos_token_ids: vec![2],
        ..ModelConfig::default()
    };
    assert_eq!(
        read_json(&version_4()).unwrap(),
        ModelFiles { config: expected.clone(), tied: false }
    );
    assert_eq!(read_json(&version_5()).unwrap(), ModelFiles { config: expected, tied: false });
}

#[test]
fn what_is_left_out_has_transformers_default() {
    let mut json = version_4();
    for gone in ["rope_theta", "rms_norm_eps", "num_key_value_heads", "hidden_act", "architectures"]
    {
        json.as_object_mut().unwrap().remove(gone);
    }
    json["bos_token_id"] = Value::Null;
    json["eos_token_id"] = json!([2, 5]);
    json["tie_word_embeddings"] = json!(true);
    let ModelFiles { config, tied } = read_json(&json).unwrap();
    assert_eq!((config.rope_theta, config.rms_norm_eps), (10_000.0, 1e-6));
    assert_eq!((config.bos_token_id, config.eos_token_ids), (None, vec![2, 5]));
    assert!(tied);
}

#[test]
fn the_generation_config_knows_better_what_ends_a_text() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(CONFIG_FILE), version_4().to_string()).unwrap();
    let generation = json!({ "eos_token_id": [7, 9] }).to_string();
    std::fs::write(dir.path().join(GENERATION_CONFIG_FILE), generation).unwrap();
    assert_eq!(read(dir.path()).unwrap().config.eos_token_ids, [7, 9]);
    // What is wrong with its tokens is said of this file.
    let wrong = json!({ "eos_token_id": "</s>" }).to_string();
    std::fs::write(dir.path().join(GENERATION_CONFIG_FILE), wrong).unwrap();
    let message = read(dir.path()).unwrap_err().to_string();
    assert!(message.contains("generation_config.json: `eos_token_id` is \"</s>\""), "{message}");
}

/// A model with such an id works all the same: `transformers` loads it without a word.
#[test]
fn ids_beyond_the_vocabulary_are_left_out() {
    let mut json = version_4();
    json["bos_token_id"] = json!(-1);
    for (eos, expected) in
        [(json!(128), vec![]), (json!([127, 128, -1]), vec![127]), (json!(-1), vec![])]
    {
        json["eos_token_id"] = eos;
        let config = read_json(&json).unwrap().config;
        assert_eq!((config.bos_token_id, config.eos_token_ids), (None, expected));
    }
}

/// Python's `json` writes these, which no standard knows.
#[test]
fn infinity_is_read_over_where_it_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let text = version_4().to_string();
    let with = |old: &str, new: &str| {
        assert!(text.contains(old), "{text}");
        std::fs::write(dir.path().join(CONFIG_FILE), text.replace(old, new)).unwrap();
        read(dir.path())
    };
    let ignored = r#""use_cache":[-Infinity,NaN,"Infinity"]"#;
    assert_eq!(with(r#""use_cache":true"#, ignored).unwrap(), read_json(&version_4()).unwrap());
    let error = with(r#""rope_theta":5000.0"#, r#""rope_theta":Infinity"#).unwrap_err();
    let expected = "config.json: `rope_theta` is \"Infinity\", expected a number";
    assert!(error.to_string().ends_with(expected), "{error}");
}

#[test]
fn a_small_directory_cannot_ask_for_a_large_table_of_angles() {
    let mut json = version_4();
    json["num_attention_heads"] = json!(1);
    json["num_key_value_heads"] = json!(1);
    json["hidden_size"] = json!(4096);
    json["max_position_embeddings"] = json!(1 << 20);
    let message = read_json(&json).unwrap_err().to_string();
    let expected = "max_position_embeddings 1048576 is too long for the rotary embedding's table";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn what_the_model_cannot_express_is_refused_by_name() {
    for (field, value, expected) in [
        ("num_key_value_heads", json!(2), "grouped-query heads are not supported"),
        ("rope_scaling", json!({ "rope_type": "llama3", "factor": 8.0 }), "rope scaling is not"),
        ("rope_scaling", json!({ "type": "linear", "factor": 2.0 }), "rope scaling is not"),
        ("rope_parameters", json!({ "rope_type": "yarn" }), "rope scaling is not supported"),
        (
            "rope_parameters",
            json!({ "full_attention": { "rope_theta": 1e4 } }),
            "rope scaling is not",
        ),
        (
            "rope_parameters",
            json!({ "rope_type": "default", "partial_rotary_factor": 0.5 }),
            "rope scaling",
        ),
        ("attention_bias", json!(true), "biases are not supported (`attention_bias` is true)"),
        ("mlp_bias", json!(true), "biases are not supported"),
        (
            "model_type",
            json!("mistral"),
            "this architecture is not supported (`model_type` is \"mistral\")",
        ),
        ("architectures", json!(["LlamaModel"]), "this architecture is not supported"),
        (
            "hidden_act",
            json!("gelu"),
            "this activation is not supported (`hidden_act` is \"gelu\")",
        ),
        ("head_dim", json!(16), "heads of this size are not supported (`head_dim` is 16)"),
        ("quantization_config", json!({ "bits": 4 }), "quantized weights are not supported"),
    ] {
        let message = error(field, value);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    for (field, value, expected) in [
        ("hidden_size", json!("32"), "`hidden_size` is \"32\", expected a whole number"),
        ("hidden_size", json!(-32), "`hidden_size` is -32, expected a whole number"),
        ("vocab_size", Value::Null, "`vocab_size` is null, expected a value"),
        ("eos_token_id", json!([1, "2"]), "`eos_token_id` is [1,\"2\"], expected a token id or a"),
        (
            "num_attention_heads",
            json!(5),
            "hidden_size 32 is not divisible by num_attention_heads 5",
        ),
        ("num_hidden_layers", json!(1u64 << 50), "num_hidden_layers is 1125899906842624"),
        (
            "max_position_embeddings",
            json!(u64::MAX),
            "max_position_embeddings is 18446744073709551615",
        ),
        ("rope_theta", json!("big"), "`rope_theta` is \"big\", expected a number"),
        ("intermediate_size", json!(0), "intermediate_size is 0, expected 1 to"),
        ("rms_norm_eps", json!(0.0), "rms_norm_eps is 0.0, expected a positive"),
        ("rms_norm_eps", json!(1e-60), "rms_norm_eps is 1e-60, expected a positive"),
        ("rope_scaling", json!("none"), "`rope_scaling` is \"none\", expected an object"),
    ] {
        let message = error(field, value);
        assert!(message.contains(expected), "{message}");
    }
    let mut json = version_4();
    json.as_object_mut().unwrap().remove("hidden_size");
    let message = read_json(&json).unwrap_err().to_string();
    assert!(message.ends_with("`hidden_size` is missing, expected a value"), "{message}");
}

#[test]
fn files_that_are_not_json_objects_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let message = |contents: Option<&[u8]>| {
        if let Some(contents) = contents {
            std::fs::write(dir.path().join(CONFIG_FILE), contents).unwrap();
        }
        read(dir.path()).unwrap_err().to_string()
    };
    assert!(message(None).contains("config.json: cannot be read"));
    assert!(message(Some(b"")).contains("config.json: not a JSON object"));
    assert!(message(Some(b"{\"a\": 1")).ends_with("copy it again"));
    assert!(message(Some(b"[1]")).contains("config.json: not a JSON object"));
    assert!(message(Some(b"{\"a\": \xff}")).contains("config.json: not a JSON object"));
    assert!(message(Some(&[b'['; 100_000])).contains("config.json: not a JSON object"));
}

#[test]
fn a_llama_is_written_as_one_and_a_variant_under_its_own_name() {
    let dir = tempfile::tempdir().unwrap();
    let written = |config: &ModelConfig| -> Value {
        write(dir.path(), config, StoredType::F32).unwrap();
        serde_json::from_slice(&std::fs::read(dir.path().join(CONFIG_FILE)).unwrap()).unwrap()
    };
    let llama = written(&ModelConfig { eos_token_ids: vec![256], ..ModelConfig::default() });
    assert_eq!(llama["architectures"], json!(["LlamaForCausalLM"]));
    assert_eq!(llama["rope_theta"], json!(10_000.0));
    assert_eq!(llama["rope_parameters"], json!({ "rope_theta": 10_000.0, "rope_type": "default" }));
    assert_eq!(llama["rms_norm_eps"], json!(1e-5));
    assert_eq!((&llama["eos_token_id"], &llama["bos_token_id"]), (&json!(256), &Value::Null));
    assert_eq!((&llama["dtype"], &llama["torch_dtype"]), (&json!("float32"), &json!("float32")));
    let post = written(&ModelConfig { norm: Norm::Post, ..ModelConfig::default() });
    assert_eq!(post["architectures"], json!(["LmForCausalLM"]));
    assert_eq!((&post["model_type"], &post["norm"]), (&json!("lm"), &json!("post")));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        vocab_size in 10usize..100_000, context_length in 1usize..5000,
        num_heads in 1usize..8, half_head in 1usize..9,
        num_layers in 1usize..5, d_ff in 1usize..300,
        rope in any::<bool>(), rope_theta in 1.0f64..1e6,
        norm in 0usize..3, ffn in 0usize..4, rms_norm_eps in 1e-8f64..1e-3,
        bos_token_id in proptest::option::of(0u32..10),
        eos_token_ids in prop::collection::vec(0u32..10, 0..3),
    ) {
        let (norm, ffn) = (Norm::ALL[norm], FeedForward::ALL[ffn]);
        let config = ModelConfig {
            vocab_size, context_length, d_model: num_heads * half_head * 2, num_heads, num_layers,
            d_ff, rope, rope_theta, norm, ffn, rms_norm_eps, bos_token_id, eos_token_ids,
        };
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &config, StoredType::F32).unwrap();
        prop_assert_eq!(read(dir.path()).unwrap(), ModelFiles { config, tied: false });
    }
}
