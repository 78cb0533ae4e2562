use super::*;
use crate::formats::safetensors::StoredType;
use crate::formats::weights::{WEIGHTS_FILE, find};
use crate::{ModelConfig, Transformer};
use ::safetensors::Dtype;
use ::safetensors::tensor::TensorView;
use half::f16;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use tensor::Precision;

const FORMS: [WeightForm; 3] = [WeightForm::AsStored, WeightForm::Bf16, WeightForm::Int8];

fn config() -> ModelConfig {
    let (d_model, num_heads, num_layers, d_ff) = (32, 2, 2, 40);
    let sizes = ModelConfig { vocab_size: 50, context_length: 16, ..ModelConfig::default() };
    ModelConfig { d_model, num_heads, num_layers, d_ff, ..sizes }
}

/// Returns a directory with a model in a type, and the model.
fn saved(dtype: DType) -> (TempDir, Transformer) {
    let dir = tempfile::tempdir().unwrap();
    let model = Transformer::new(config(), 1).unwrap();
    match dtype {
        DType::F32 => model.save(dir.path()).unwrap(),
        DType::Bf16 => model.save_as(dir.path(), StoredType::Bf16).unwrap(),
        DType::F16 => {
            model.save(dir.path()).unwrap();
            write_f16(dir.path(), &model, "");
        }
    }
    let model = Transformer::load(dir.path()).unwrap();
    (dir, model)
}

/// Writes the weights in half precision, and `more` to the header.
fn write_f16(dir: &Path, model: &Transformer, more: &str) {
    let tensors: Vec<_> = (model.parameters().iter())
        .map(|(name, tensor)| {
            let numbers = tensor.as_slice().iter();
            let bytes: Vec<u8> = numbers.flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect();
            (name.to_string(), tensor.shape().to_vec(), bytes)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name, TensorView::new(Dtype::F16, shape.clone(), bytes).unwrap())
    });
    let mut bytes = ::safetensors::serialize(views, None).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes.splice(8 + header..8 + header, more.bytes());
    bytes[..8].copy_from_slice(&((header + more.len()) as u64).to_le_bytes());
    fs::write(dir.join(WEIGHTS_FILE), bytes).unwrap();
}

fn logits(model: &Transformer, precision: Precision) -> Vec<u32> {
    let context = Context::detect().with_precision(precision);
    let logits = model.logits(context, ndarray::aview2(&[[3, 1, 4, 1, 5, 9, 2, 6]]));
    logits.as_slice().iter().map(|x| x.to_bits()).collect()
}

/// Returns the model in `dir`, of which weights of more than `copied` bytes are mapped.
fn load(dir: &Path, tied: bool, form: WeightForm, copied: usize) -> Transformer {
    let found = find(dir, &config(), tied).unwrap();
    Transformer::for_inference(config(), found.read_up_to(form, copied).unwrap())
}

fn tensors(dir: &Path, tied: bool, form: WeightForm, copied: usize) -> Vec<Tensor> {
    let weights = find(dir, &config(), tied).unwrap().read_up_to(form, copied).unwrap();
    let tensor = |weight| match weight {
        InferenceWeight::Full(tensor) => Some(tensor),
        InferenceWeight::Int8(_) => None,
    };
    weights.into_iter().filter_map(tensor).collect()
}

#[test]
fn stored_weights_give_the_logits_of_widened_ones() {
    for dtype in [DType::F32, DType::Bf16, DType::F16] {
        let (dir, model) = saved(dtype);
        for copied in [0, COPIED] {
            for precision in [Precision::F32, Precision::Bf16] {
                let same = load(dir.path(), false, WeightForm::AsStored, copied);
                assert_eq!(logits(&same, precision), logits(&model, precision), "{dtype:?}");
            }
            let rounded = load(dir.path(), false, WeightForm::Bf16, copied);
            let (found, expected) =
                [&rounded, &model].map(|model| logits(model, Precision::Bf16)).into();
            assert_eq!(found, expected, "{dtype:?} in bf16");
            let quantized = load(dir.path(), false, WeightForm::Int8, copied);
            let of_f32 = Transformer::load(dir.path()).unwrap().quantize_int8().unwrap();
            let (found, expected) =
                [&quantized, &of_f32].map(|model| logits(model, Precision::F32)).into();
            assert_eq!(found, expected, "{dtype:?} in 8 bits");
        }
    }
}

#[test]
fn each_form_holds_the_types_that_it_names() {
    for dtype in [DType::F32, DType::Bf16, DType::F16] {
        let (dir, model) = saved(dtype);
        for form in FORMS {
            for copied in [0, COPIED] {
                let tensors = tensors(dir.path(), false, form, copied);
                let all = model.parameters().specs().iter();
                let expected: Vec<_> = all
                    .filter_map(|spec| match (spec.kind, form) {
                        (ParameterKind::Norm, _) => Some(DType::F32),
                        (ParameterKind::Linear, WeightForm::Int8) => None,
                        (ParameterKind::Linear, WeightForm::Bf16) => Some(DType::Bf16),
                        _ => Some(dtype),
                    })
                    .collect();
                let found: Vec<_> = tensors.iter().map(Tensor::dtype).collect();
                assert_eq!(found, expected, "{dtype:?} {form:?}");
            }
        }
    }
}

#[test]
fn large_weights_are_mapped_where_they_are_aligned() {
    let (dir, model) = saved(DType::F16);
    let is_mapped = || {
        let found = find(dir.path(), &config(), false).unwrap();
        let maps: Vec<_> =
            found.files().map(|file| MappedFile::of(file).ok().map(Arc::new)).collect();
        found.mapped(0, DType::F16, &maps).is_some()
    };
    let expected = logits(&model, Precision::F32);
    for (spaces, mapped) in [("", true), (" ", false), ("  ", true)] {
        write_f16(dir.path(), &model, spaces);
        assert_eq!(is_mapped(), mapped, "{} spaces", spaces.len());
        for form in FORMS {
            let found = load(dir.path(), false, form, 0);
            let same = load(dir.path(), false, form, COPIED);
            assert_eq!(logits(&found, Precision::F32), logits(&same, Precision::F32));
        }
        let found = load(dir.path(), false, WeightForm::AsStored, 0);
        assert_eq!(logits(&found, Precision::F32), expected);
    }
}

#[test]
fn a_tied_output_layer_takes_no_memory_of_its_own_in_the_same_type() {
    let (dir, model) = saved(DType::F32);
    let named = model.parameters().iter().filter(|(name, _)| *name != "lm_head.weight");
    crate::formats::safetensors::write(&dir.path().join(WEIGHTS_FILE), named, &[], StoredType::F32)
        .unwrap();
    for copied in [0, COPIED] {
        let weights = tensors(dir.path(), true, WeightForm::AsStored, copied);
        let [first, .., last] = &weights[..] else { panic!("no weights") };
        assert_eq!(first.as_slice().as_ptr(), last.as_slice().as_ptr());
        let weights = tensors(dir.path(), true, WeightForm::Bf16, copied);
        let [first, .., last] = &weights[..] else { panic!("no weights") };
        assert_eq!((first.dtype(), last.dtype()), (DType::F32, DType::Bf16));
        assert_eq!(last.shape(), first.shape());
        load(dir.path(), true, WeightForm::Int8, copied);
    }
}

#[test]
fn a_file_that_became_shorter_is_an_error() {
    for form in FORMS {
        for copied in [0, COPIED] {
            let (dir, _) = saved(DType::F32);
            let found = find(dir.path(), &config(), false).unwrap();
            let path = dir.path().join(WEIGHTS_FILE);
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(file.metadata().unwrap().len() - 4).unwrap();
            let error = found.read_up_to(form, copied).err().expect("an error").to_string();
            assert!(error.contains("model.safetensors: cannot be read"), "{error}");
        }
    }
}

#[test]
fn a_weight_that_is_not_finite_is_named() {
    let (dir, mut model) = saved(DType::F32);
    let name = "model.layers.1.mlp.up_proj.weight";
    let index = model.parameters().specs().iter().position(|spec| spec.name == name).unwrap();
    model.parameters_mut().tensors_mut()[index].as_mut_slice()[33] = f32::INFINITY;
    model.save(dir.path()).unwrap();
    let error = Transformer::load_for_inference(dir.path(), WeightForm::Int8, 1).err().unwrap();
    let expected = format!(
        "model.safetensors: the weight `{name}` cannot be rounded to 8 bits: row 1, column 1 \
         holds inf, expected a finite number; its file is damaged or its training failed"
    );
    assert!(error.to_string().ends_with(&expected), "{error}");
}
