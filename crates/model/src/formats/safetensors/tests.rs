use super::*;
use ::safetensors::tensor::TensorView;
use half::f16;
use proptest::prelude::*;

fn example() -> Vec<(&'static str, Tensor)> {
    vec![
        ("b", Tensor::from_slice(&[2, 3], &[1.0, -2.0, 3.5, f32::MIN_POSITIVE, 0.0, -0.0])),
        ("a", Tensor::scalar(7.0)),
        ("empty", Tensor::zeros(&[0, 4])),
    ]
}

fn written(tensors: &[(&'static str, Tensor)]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.safetensors");
    let metadata = [("format", "pt"), ("by", "us")];
    write(&path, tensors.iter().map(|(name, t)| (name, t)), &metadata, StoredType::F32).unwrap();
    (dir, path)
}

/// The error of opening a file with these contents, without the path.
fn error(contents: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.safetensors");
    std::fs::write(&path, contents).unwrap();
    let message = SafetensorsFile::open(&path).unwrap_err().to_string();
    message.split_once("file.safetensors: ").unwrap().1.to_string()
}

fn data_start(bytes: &[u8]) -> u64 {
    8 + u64::from_le_bytes(bytes[..8].try_into().unwrap())
}

#[test]
fn the_numbers_of_a_large_file_begin_a_cache_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.safetensors");
    let tensor = Tensor::zeros(&[LARGE / 4]);
    for name_len in (0..64).step_by(8) {
        write(&path, [("n".repeat(name_len), &tensor)], &[], StoredType::F32).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(data_start(&bytes) % 64, 0);
        ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
    }
}

fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

#[test]
fn what_is_written_is_read_back_bit_for_bit() {
    let (_dir, path) = written(&example());
    let file = SafetensorsFile::open(&path).unwrap();
    let metadata = file.header.metadata().as_ref().unwrap();
    assert_eq!(metadata["format"], "pt");
    assert!(!metadata.contains_key("nothing"));
    for (name, tensor) in example() {
        assert_eq!(file.shape(name), Some(tensor.shape()));
        let found = file.read(name, tensor.shape()).unwrap();
        let bits = |t: &Tensor| t.as_slice().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&found), bits(&tensor), "{name}");
    }
}

#[test]
fn other_readers_accept_what_is_written() {
    let (_dir, path) = written(&example());
    let bytes = std::fs::read(&path).unwrap();
    let file = ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("b").unwrap().shape(), &[2, 3]);
    assert_eq!(data_start(&bytes) % 8, 0, "the numbers are aligned");
    assert_eq!(bytes, std::fs::read(written(&example()).1).unwrap(), "the same bytes every time");
}

#[test]
fn bf16_is_the_nearest_number_in_half_the_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.safetensors");
    // Between two neighbours that are 2⁻⁷ apart: below the middle, in it twice, and above it.
    let x = Tensor::from_slice(&[5], &[1.003, 1.0 + 1.0 / 256.0, 1.0 + 3.0 / 256.0, 1.0045, -0.0]);
    let many = Tensor::full(&[PIECE + 3], 0.5); // more than one piece
    write(&path, [("x", &x), ("many", &many)], &[], StoredType::Bf16).unwrap();

    let file = SafetensorsFile::open(&path).unwrap();
    let found = file.read("x", &[5]).unwrap();
    assert_eq!(found.as_slice(), [1.0, 1.0, 1.015625, 1.0078125, -0.0]);
    assert!(file.read("many", many.shape()).unwrap().as_slice().iter().all(|&x| x == 0.5));
    let bytes = std::fs::read(&path).unwrap();
    let file = ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("x").unwrap().dtype(), Dtype::BF16);
    assert_eq!(file.tensor("many").unwrap().data().len(), 2 * many.as_slice().len());
}

#[test]
fn half_precisions_are_widened_exactly_over_several_pieces() {
    let count = PIECE + 37; // more than one piece of two-byte numbers
    let halves: Vec<u8> =
        (0..count).flat_map(|i| f16::from_f32(i as f32 * 0.25).to_le_bytes()).collect();
    let brains: Vec<u8> =
        (0..count).flat_map(|i| bf16::from_f32(i as f32 * 0.25).to_le_bytes()).collect();
    let views = [
        ("f16", TensorView::new(Dtype::F16, vec![count], &halves).unwrap()),
        ("bf16", TensorView::new(Dtype::BF16, vec![count], &brains).unwrap()),
    ];
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.safetensors");
    std::fs::write(&path, ::safetensors::serialize(views, None).unwrap()).unwrap();
    let file = SafetensorsFile::open(&path).unwrap();
    let (f16s, bf16s) = (file.read("f16", &[count]).unwrap(), file.read("bf16", &[count]).unwrap());
    for i in 0..count {
        let x = i as f32 * 0.25;
        assert_eq!(f16s.as_slice()[i], f16::from_f32(x).to_f32());
        assert_eq!(bf16s.as_slice()[i], bf16::from_f32(x).to_f32());
    }
}

#[test]
fn tensors_that_are_not_as_expected_are_refused_by_name() {
    let (_dir, path) = written(&example());
    let file = SafetensorsFile::open(&path).unwrap();
    let message = file.read("b", &[3, 2]).unwrap_err().to_string();
    assert!(message.ends_with("the tensor `b` has shape [2, 3], expected [3, 2]"), "{message}");
    let message = file.read("c", &[1]).unwrap_err().to_string();
    assert!(message.ends_with("file.safetensors: lacks the tensor `c` of shape [1]"), "{message}");

    let header = r#"{"x":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#;
    std::fs::write(&path, with_header(header, &[0; 8])).unwrap();
    let message = SafetensorsFile::open(&path).unwrap().read("x", &[1]).unwrap_err().to_string();
    assert!(message.ends_with("the tensor `x` holds I64, expected F32, F16 or BF16"), "{message}");
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let (_dir, path) = written(&example());
    let bytes = std::fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        error(&bytes[..length]);
    }
    let message = error(&bytes[..bytes.len() - 1]);
    let (found, length) = (bytes.len() - 1, bytes.len());
    let expected = format!("is {found} bytes long, but its header describes {length}");
    assert!(message.contains(&expected), "{message}");
    assert!(error(&[bytes, vec![0]].concat()).contains("but its header describes"));
}

#[test]
fn headers_that_lie_are_refused_before_anything_is_reserved() {
    assert!(
        error(&u64::MAX.to_le_bytes()).contains("ask for a header of 18446744073709551615 bytes")
    );
    assert!(error(&[255, 0, 0, 0, 0, 0, 0, 0, b'{']).contains("ask for a header of 255 bytes"));
    for (header, data) in [
        ("not json", 0),
        ("[]", 0),
        (r#"{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,8]}}"#, 8),
        (r#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#, 16),
        (r#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8),
        (
            r#"{"x":{"dtype":"F32","data_offsets":[0,8],
                "shape":[4294967296,4294967296,4294967296]}}"#,
            8,
        ),
        (r#"{"x":{"dtype":"F32","shape":[0],"data_offsets":[0,18446744073709551615]}}"#, 8),
        (r#"{"x":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}"#, 8),
        (r#"{"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, 8),
    ] {
        let message = error(&with_header(header, &vec![0; data]));
        assert!(message.starts_with("not a safetensors file: "), "{header}: {message}");
    }
    let huge = r#"{"x":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}"#;
    assert!(error(&with_header(huge, &[0; 8])).contains("but its header describes 43980465"));
}

#[test]
fn paths_that_are_no_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error = SafetensorsFile::open(&dir.path().join("none")).unwrap_err();
    assert!(matches!(error.kind, LoadErrorKind::Io(_)));
    let message = SafetensorsFile::open(dir.path()).unwrap_err().to_string();
    assert!(message.ends_with("not a regular file: it is a directory"), "{message}");
}

proptest! {
    #[test]
    fn damaged_files_never_panic(position in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
        let (_dir, path) = written(&example());
        let mut bytes = std::fs::read(&path).unwrap();
        let position = position % bytes.len();
        bytes[position] = byte;
        bytes.truncate(bytes.len() - cut.min(bytes.len()) * usize::from(cut % 3 == 0));
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(file) = SafetensorsFile::open(&path) {
            for name in file.names() {
                let shape = file.shape(&name).unwrap().to_vec();
                let _ = file.read(&name, &shape);
            }
        }
    }
}
