//! Every operation against PyTorch's outputs and gradients, on every kernel table of this machine.

use safetensors::SafeTensors;
use tensor::ops::{RopeLayout, RopeTable};
use tensor::testing::relative_error;
use tensor::{Context, Role, Tape, Tensor, Var, isa};

/// ‖a − b‖ / ‖b‖ that is allowed in `f32`.
const TOLERANCE: f64 = 1e-5;

const FIXTURE: &[u8] = include_bytes!("fixtures/ops.safetensors");

/// Reads a tensor of the fixture.
fn load(file: &SafeTensors<'_>, name: &str) -> Tensor {
    let view = file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
    let floats = view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
    Tensor::from_slice(view.shape(), &floats.collect::<Vec<_>>())
}

/// Reads ids of the fixture.
fn load_ids(file: &SafeTensors<'_>, name: &str) -> Vec<u32> {
    let view = file.tensor(name).unwrap();
    let ids = view.data().chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()));
    ids.map(|id| id.try_into().unwrap()).collect()
}

/// Runs one case on every kernel table: `out` and each `d_<input>` must agree.
fn check(name: &str, inputs: &[&str], op: impl for<'t> Fn(&[Var<'t>]) -> Var<'t>) {
    let file = SafeTensors::deserialize(FIXTURE).unwrap();
    let load = |part: &str| load(&file, &format!("{name}.{part}"));
    for table in isa::available() {
        let tape = Tape::new(Context::detect().with_kernels(table));
        let vars: Vec<_> = inputs.iter().map(|input| tape.leaf(load(input))).collect();
        let out = op(&vars);
        let compare = |what: &str, ours: &Tensor, theirs: &Tensor| {
            assert_eq!(ours.shape(), theirs.shape(), "{name}.{what}: shape");
            let error = relative_error(ours.as_slice(), theirs.as_slice());
            println!("{:?} {name}.{what}: {error:.1e}", table.isa());
            assert!(error <= TOLERANCE, "{:?} {name}.{what}: error {error:.2e}", table.isa());
        };
        compare("out", out.value(), &load("out"));
        let gradients = tape.backward_from(&out, load("d_out"));
        for (input, var) in inputs.iter().zip(&vars) {
            let gradient = format!("d_{input}");
            compare(&gradient, gradients.get(var).unwrap(), &load(&gradient));
        }
    }
}

fn ids(name: &str) -> Vec<u32> {
    load_ids(&SafeTensors::deserialize(FIXTURE).unwrap(), name)
}

#[test]
fn products() {
    check("matmul", &["a", "b"], |v| v[0].matmul(&v[1]));
    check("linear", &["x", "w"], |v| v[0].linear(&v[1]));
}

#[test]
fn elementwise() {
    check("add", &["a", "b"], |v| v[0].add(&v[1]));
    check("mul", &["a", "b"], |v| v[0].mul(&v[1]));
    check("silu", &["x"], |v| v[0].silu());
    check("gelu", &["x"], |v| v[0].gelu());
    check("swiglu", &["gate", "up"], |v| v[0].swiglu(&v[1]));
    check("geglu", &["gate", "up"], |v| v[0].geglu(&v[1]));
}

#[test]
fn rows() {
    check("softmax", &["x"], |v| v[0].softmax());
    check("rms_norm", &["x", "w"], |v| v[0].rms_norm(&v[1], 1e-5, Role::Residual));
}

#[test]
fn rope() {
    let [halves, pairs] = [RopeLayout::Halves, RopeLayout::Pairs]
        .map(|layout| RopeTable::new(10_000.0, 8, 32, layout));
    check("rope_half", &["x"], |v| v[0].rope(&halves, 0));
    check("rope_half_from_9", &["x"], |v| v[0].rope(&halves, 9));
    check("rope_interleaved", &["x"], |v| v[0].rope(&pairs, 0));
}

#[test]
fn attention() {
    // The reference has (B, H, T, D): each head is a sequence with one head.
    fn attend<'t>(v: &[Var<'t>]) -> Var<'t> {
        let &[batch, num_heads, time, d_head] = v[0].shape() else { panic!("four axes") };
        let sequences = |x: &Var<'t>| x.reshape(&[batch * num_heads, time, d_head]);
        let o = sequences(&v[0]).causal_attention(&sequences(&v[1]), &sequences(&v[2]), 1, None);
        o.reshape(v[0].shape())
    }
    check("causal_attention", &["q", "k", "v"], attend);
    check("causal_attention_long", &["q", "k", "v"], attend);
}

#[test]
fn embedding() {
    let ids = ids("embedding.ids");
    check("embedding", &["w"], |v| v[0].embedding(&ids, &[3, 17]));
}

#[test]
fn losses() {
    for name in ["cross_entropy", "cross_entropy_extreme"] {
        let targets = ids(&format!("{name}.targets"));
        check(name, &["logits"], |v| v[0].cross_entropy(&targets));
    }
    let targets = ids("linear_cross_entropy.targets");
    check("linear_cross_entropy", &["x", "w"], |v| v[0].linear_cross_entropy(&v[1], &targets));
}
