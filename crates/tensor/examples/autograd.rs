//! The gradient of a small function, twice: by hand with `ndarray`, and by the tape.
//!
//! `cargo run --release -p lm-tensor --example autograd`

use ndarray::{Array2, array};
use tensor::{Tape, Tensor};

/// σ(x) = 1/(1 + e⁻ˣ)
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// The loss Σ h² of one layer, z = x·wᵀ and h = silu(z) = z·σ(z), and its gradients in x and w.
fn by_hand(x: &Array2<f32>, w: &Array2<f32>) -> (f32, Array2<f32>, Array2<f32>) {
    let z = x.dot(&w.t());
    let h = z.mapv(|z| z * sigmoid(z));
    let loss = (&h * &h).sum();

    // The chain rule, from the loss back to the inputs; `dz` is the gradient of the loss in z.
    let dh = 2.0 * &h;
    let dz = dh * z.mapv(|z| sigmoid(z) * (1.0 + z * (1.0 - sigmoid(z))));
    let (dx, dw) = (dz.dot(w), dz.t().dot(x));
    (loss, dx, dw)
}

fn main() {
    let x = array![[0.5, -1.0, 2.0]];
    let w = array![[0.1, 0.2, 0.3], [-0.4, 0.5, -0.6]];
    let (loss, dx, dw) = by_hand(&x, &w);

    // The tape records every operation on its leaves, and then goes back through them.
    let tape = Tape::default();
    let (x, w) = (tape.leaf(&x), tape.leaf(&w));
    let h = x.linear(&w).silu();
    let y = (&h * &h).sum();
    let gradients = tape.backward(&y);

    println!("by hand: loss {loss:.6}\ndx = {dx:.6}\ndw = {dw:.6}\n");
    println!("by tape: loss {:.6}", y.value().item());
    println!("dx = {:.6}\ndw = {:.6}\n", gradients[&x], gradients[&w]);

    let difference = |a: &Tensor, b: Array2<f32>| {
        (&a.view() - &b).iter().fold(0.0f32, |worst, difference| worst.max(difference.abs()))
    };
    let worst = difference(&gradients[&x], dx).max(difference(&gradients[&w], dw));
    println!("The largest difference between the two is {worst}.");
    assert!(worst < 1e-6 && (loss - y.value().item()).abs() < 1e-6);
}
