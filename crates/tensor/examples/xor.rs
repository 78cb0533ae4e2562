//! A network of two layers learns XOR: the smallest function that one layer cannot compute.
//!
//! `cargo run --release -p lm-tensor --example xor`

use ndarray::array;
use tensor::{Context, Tape, Var, testing};

/// Returns two logits, "0" and "1", for each row of x.
fn network<'t>(x: &Var<'t>, [w1, w2]: [&Var<'t>; 2]) -> Var<'t> {
    x.linear(w1).gelu().linear(w2)
}

fn main() {
    // The last column is always 1, so that its weights are the biases of the first layer.
    let inputs = array![[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]];
    let targets = [0, 1, 1, 0];

    // Weights are (out, in): 3 inputs, 8 hidden units, 2 classes.
    let mut w1 = testing::random(&[8, 3], 1);
    let mut w2 = testing::random(&[2, 8], 2);
    let mut losses = Vec::new();
    for step in 0..=200 {
        let tape = Tape::default();
        let x = tape.constant(&inputs);
        let weights = [tape.leaf(&w1), tape.leaf(&w2)];
        let loss = network(&x, weights.each_ref()).cross_entropy(&targets);
        let gradients = tape.backward(&loss);

        // Gradient descent: a step against the gradient, w ← w − 0.5·dw.
        w1.view_mut().scaled_add(-0.5, &gradients[&weights[0]].view());
        w2.view_mut().scaled_add(-0.5, &gradients[&weights[1]].view());
        losses.push(loss.value().item());
        if step % 40 == 0 {
            println!("step {step:>3}   loss {:.4}", losses[step]);
        }
    }

    // A tape for inference records nothing.
    let tape = Tape::inference(Context::detect());
    let weights = [tape.constant(w1), tape.constant(w2)];
    let probabilities = network(&tape.constant(&inputs), weights.each_ref()).softmax().into_value();
    println!("\n a  b   P(a xor b = 1)");
    for (row, (input, target)) in inputs.rows().into_iter().zip(targets).enumerate() {
        let one = probabilities.view()[[row, 1]];
        println!(" {}  {}   {one:.3}", input[0], input[1]);
        assert_eq!(one > 0.5, target == 1);
    }
    assert!(losses[0] > 0.5 && losses[200] < 0.05, "{losses:?}");
}
