use super::*;
use crate::{FeedForward, Norm};

fn config() -> ModelConfig {
    ModelConfig {
        vocab_size: 300,
        context_length: 16,
        d_model: 24,
        num_heads: 3,
        num_layers: 2,
        d_ff: 10,
        ..ModelConfig::default()
    }
}

/// Reads a file back, by the specification and not by the writer's code.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn bytes(&mut self, len: usize) -> &[u8] {
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        bytes
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes(4).try_into().unwrap())
    }

    fn len(&mut self) -> usize {
        u64::from_le_bytes(self.bytes(8).try_into().unwrap()) as usize
    }

    fn text(&mut self) -> String {
        let len = self.len();
        String::from_utf8(self.bytes(len).to_vec()).unwrap()
    }

    fn value(&mut self) -> Value {
        match self.u32() {
            4 => Value::U32(self.u32()),
            6 => Value::F32(f32::from_bits(self.u32())),
            7 => Value::Bool(self.bytes(1) == [1]),
            8 => Value::Text(self.text()),
            9 => match (self.u32(), self.len()) {
                (5, len) => Value::I32s((0..len).map(|_| self.u32() as i32).collect()),
                (8, len) => Value::Texts((0..len).map(|_| self.text()).collect()),
                (other, _) => panic!("an array of type {other}"),
            },
            other => panic!("a value of type {other}"),
        }
    }
}

fn written(model: &Transformer, about: &[(&str, Value)]) -> Result<Vec<u8>, GgufError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    model.save_gguf(&path, about)?;
    Ok(std::fs::read(path).unwrap())
}

#[test]
fn header_and_numbers_are_where_the_format_says() {
    let model = Transformer::new(config(), 1).unwrap();
    let about = [
        ("a.text", Value::Text("né".into())),
        ("a.yes", Value::Bool(true)),
        ("a.list", Value::Texts(vec!["".into(), "x".into()])),
        ("a.numbers", Value::I32s(vec![-1, 2])),
    ];
    let file = written(&model, &about).unwrap();
    let mut reader = Reader(&file);
    assert_eq!(reader.bytes(4), b"GGUF");
    assert_eq!(reader.u32(), 3);
    let (num_tensors, num_values) = (reader.len(), reader.len());
    let values: Vec<(String, Value)> =
        (0..num_values).map(|_| (reader.text(), reader.value())).collect();
    for (key, value) in about {
        assert!(values.contains(&(key.into(), value)), "{key}");
    }
    for (key, value) in [
        ("llama.embedding_length", Value::U32(24)),
        ("llama.rope.dimension_count", Value::U32(8)),
        ("llama.rope.freq_base", Value::F32(10_000.0)),
    ] {
        assert!(values.contains(&(key.into(), value)), "{key}");
    }

    let list: Vec<(String, Vec<usize>, usize)> = (0..num_tensors)
        .map(|_| {
            let name = reader.text();
            let axes = reader.u32();
            let mut shape: Vec<usize> = (0..axes).map(|_| reader.len()).collect();
            shape.reverse();
            assert_eq!(reader.u32(), 0, "{name} is f32");
            (name, shape, reader.len())
        })
        .collect();
    let start = (file.len() - reader.0.len()).next_multiple_of(32);
    let floats = |name: &str, shape: &[usize]| -> Vec<f32> {
        let (_, found, offset) = list.iter().find(|(found, ..)| found == name).expect(name);
        assert_eq!((found.as_slice(), offset % 32), (shape, 0), "{name}");
        let bytes = &file[start + offset..][..4 * shape.iter().product::<usize>()];
        bytes.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect()
    };
    let parameter = |name: &str| model.parameters().get(name).unwrap();
    for (name, ours, shape) in [
        ("token_embd.weight", "model.embed_tokens.weight", &[300, 24][..]),
        ("blk.1.attn_v.weight", "model.layers.1.self_attn.v_proj.weight", &[24, 24]),
        ("blk.0.attn_output.weight", "model.layers.0.self_attn.o_proj.weight", &[24, 24]),
        ("blk.0.ffn_down.weight", "model.layers.0.mlp.down_proj.weight", &[24, 10]),
        ("blk.1.ffn_gate.weight", "model.layers.1.mlp.gate_proj.weight", &[10, 24]),
        ("blk.1.ffn_norm.weight", "model.layers.1.post_attention_layernorm.weight", &[24]),
        ("output_norm.weight", "model.norm.weight", &[24]),
        ("output.weight", "lm_head.weight", &[300, 24]),
    ] {
        assert_eq!(floats(name, shape), parameter(ours).as_slice(), "{name}");
    }
    let w_q = halves_to_pairs(parameter("model.layers.1.self_attn.q_proj.weight"), 3);
    assert_eq!(floats("blk.1.attn_q.weight", &[24, 24]), w_q.as_slice());
    assert_eq!(num_tensors, model.parameters().tensors().len());
}

#[test]
fn a_model_that_is_no_llama_is_refused() {
    for config in [
        ModelConfig { norm: Norm::Post, ..config() },
        ModelConfig { ffn: FeedForward::Gelu, ..config() },
        ModelConfig { rope: false, ..config() },
    ] {
        let error = written(&Transformer::new(config, 1).unwrap(), &[]).unwrap_err().to_string();
        assert!(error.contains("no Llama") && error.contains("norm pre"), "{error}");
    }
}
