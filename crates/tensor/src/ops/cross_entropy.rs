//! Mean cross entropy of logits against target ids: loss = mean_n (log Σ_v exp(z_nv) − z_nt) for t
//! = target_n, hence dz_n = (softmax(z_n) − onehot(t)) · dloss / N. The row's maximum is subtracted
//! before exp, so that no finite logits overflow.

use super::softmax::{exp_row, sum_exp};
use crate::{Context, Op, Role, Tensor, Var, vectorize};
use rayon::prelude::*;

/// Returns −log softmax(z)[t] from z_t, the maximum m of z, and Σ exp(z − m).
#[inline(always)]
fn row_loss(target_logit: f32, max: f32, sum: f64) -> f32 {
    // The difference first: beside a maximum of 10⁴ the logarithm would lose its digits.
    (f64::from(max) - f64::from(target_logit) + sum.ln()) as f32
}

/// Computes each row's loss: `logits` (N, V) → `losses` (N).
pub(crate) fn row_losses(context: Context, logits: &[f32], targets: &[u32], losses: &mut [f32]) {
    let vocab_size = logits.len() / targets.len().max(1);
    let rows = logits.par_chunks(vocab_size.max(1)).zip(targets);
    rows.zip(losses).for_each(|((row, &target), loss)| {
        *loss = vectorize!(context.kernels, {
            let (max, sum) = sum_exp(row);
            row_loss(row[target as usize], max, sum)
        });
    });
}

/// Computes each row's loss, with the bits of [`row_losses`], and replaces the row of logits (N, V)
/// by its gradient, (softmax − onehot) · `scale`, stored in place for `role`: one pass of
/// exponentials gives both.
pub(crate) fn row_losses_and_gradients(
    context: Context,
    logits: &mut [f32],
    targets: &[u32],
    scale: f32,
    role: Role,
    losses: &mut [f32],
) {
    let vocab_size = logits.len() / targets.len().max(1);
    let rows = logits.par_chunks_mut(vocab_size.max(1)).zip(targets);
    rows.zip(losses).for_each(|((row, &target), loss)| {
        *loss = vectorize!(context.kernels, {
            let target = target as usize;
            let target_logit = row[target];
            let (max, sum) = exp_row(row);
            let inverse = 1.0 / sum as f32;
            let target_probability = row[target] * inverse;
            for z in row.iter_mut() {
                *z = *z * inverse * scale;
            }
            row[target] = (target_probability - 1.0) * scale;
            role.store_in_place(context, row);
            row_loss(target_logit, max, sum)
        });
    });
}

/// Returns the mean, summed in `f64` in order.
pub(crate) fn mean(losses: &[f32]) -> f32 {
    (losses.iter().map(|&l| f64::from(l)).sum::<f64>() / losses.len() as f64) as f32
}

/// Checks that each row has a target, which is a class.
#[track_caller]
pub(crate) fn assert_targets(op: &str, rows: usize, vocab_size: usize, targets: &[u32]) {
    assert_eq!(rows, targets.len(), "{op}: rows and targets differ in number");
    if let Some(target) = targets.iter().find(|&&t| t as usize >= vocab_size) {
        panic!("{op}: target {target} with {vocab_size} classes");
    }
}

impl<'t> Var<'t> {
    /// Returns the mean loss in nats of logits (…, V) against one target id per row, a scalar.
    #[track_caller]
    pub fn cross_entropy(&self, targets: &[u32]) -> Var<'t> {
        let op = Op::new("cross_entropy", &[self]);
        let (context, logits) = (self.context(), self.value().to_f32());
        assert_targets("cross_entropy", logits.rows(), logits.last_dim(), targets);
        let losses = Tensor::build(&[targets.len()], |losses| {
            row_losses(context, logits.as_slice(), targets, losses);
        });
        let loss = mean(losses.as_slice());
        let targets = targets.to_vec();
        op.record(Tensor::scalar(loss), move |dy, grads| {
            let mut dlogits = logits;
            let mut again = losses; // overwritten with the same numbers, which nothing reads
            let (scale, again) = (dy.item() / targets.len() as f32, again.as_mut_slice());
            let logits = dlogits.as_mut_slice();
            row_losses_and_gradients(context, logits, &targets, scale, Role::Residual, again);
            grads.give(0, dlogits);
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::tests::gradcheck;
    use crate::{Context, Tape, Tensor, testing};

    #[test]
    fn gradients() {
        gradcheck(&[testing::random(&[4, 7], 1)], |_, v| v[0].cross_entropy(&[0, 6, 3, 3]));
        gradcheck(&[testing::random(&[1, 1500], 1)], |_, v| v[0].cross_entropy(&[1400]));
    }

    #[test]
    fn uniform_logits_cost_the_logarithm_of_the_vocabulary() {
        let tape = Tape::new(Context::detect());
        let loss = tape.leaf(Tensor::full(&[2, 3000], 5.0)).cross_entropy(&[1, 2]);
        assert!((loss.value().item() - 3000f32.ln()).abs() < 1e-5);
    }

    #[test]
    fn extreme_logits_stay_finite() {
        let tape = Tape::new(Context::detect());
        let z = tape.leaf(Tensor::from_slice(&[1, 2], &[1e4, -1e4]));
        let loss = z.cross_entropy(&[1]);
        assert_eq!(loss.value().item(), 2e4);
        assert_eq!(tape.backward(&loss).get(&z).unwrap().as_slice(), &[1.0, -1.0]);
    }
}
