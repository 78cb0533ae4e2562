//! The probability of a given text.

use super::error::{GenerateError, check_ids};
use crate::Transformer;
use tensor::Context;

/// Positions whose logits are in memory at a time.
const ROWS: usize = 256;

impl Transformer {
    /// Returns the natural logarithm of the probability of each token but the first, given those
    /// before it: one number fewer than ids. A text longer than the context is read in consecutive
    /// windows, each without those before it.
    ///
    /// # Errors
    /// If there are no ids, or one is not in the vocabulary.
    pub fn score(&self, ctx: Context, ids: &[u32]) -> Result<Vec<f64>, GenerateError> {
        check_ids(ids, self.config().vocab_size)?;
        let context_length = self.config().context_length;
        let (inputs, targets) = (&ids[..ids.len() - 1], &ids[1..]);
        let mut scores = Vec::with_capacity(targets.len());
        for (inputs, targets) in inputs.chunks(context_length).zip(targets.chunks(context_length)) {
            self.logits_by_rows(ctx, inputs, ROWS, |start, logits| {
                let rows = logits.as_slice().chunks_exact(logits.last_dim());
                for (row, &target) in rows.zip(&targets[start..]) {
                    scores.push(log_softmax(row, target));
                }
            });
        }
        Ok(scores)
    }
}

/// Returns log softmax(`logits`) at `target`.
fn log_softmax(logits: &[f32], target: u32) -> f64 {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let below = |logit: f32| f64::from(logit) - f64::from(greatest);
    let sum: f64 = logits.iter().map(|&logit| below(logit).exp()).sum();
    below(logits[target as usize]) - sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, ModelConfig};

    #[test]
    fn log_probabilities_of_all_tokens_add_up_to_one() {
        let logits = [1e4, -1e4, 9.999e3, 0.0];
        let sum: f64 = (0..4).map(|id| log_softmax(&logits, id).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-12);
        assert!((log_softmax(&[0.0; 8], 3) + 8f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn windows_are_read_one_by_one_and_each_token_but_the_first_once() {
        let config = ModelConfig {
            vocab_size: 30,
            context_length: 8,
            d_model: 16,
            num_heads: 2,
            num_layers: 1,
            d_ff: 24,
            ..ModelConfig::default()
        };
        let model = Transformer::new(config, 5).unwrap();
        let ctx = Context::detect();
        let ids: Vec<u32> = (0..20).map(|i| (i * 7 + 3) % 30).collect();
        let scores = model.score(ctx, &ids).unwrap();
        assert_eq!(scores.len(), 19);
        // The mean loss of each window, weighted by its length, is the same number.
        let mut sum = 0.0;
        for (start, end) in [(0, 8), (8, 16), (16, 19)] {
            let (inputs, targets) = (&ids[start..end], &ids[start + 1..=end]);
            let batch = Batch::new([1, end - start], inputs.to_vec(), targets.to_vec());
            let mean = model.evaluate(ctx, &batch);
            sum += f64::from(mean) * (end - start) as f64;
        }
        assert!((sum + scores.iter().sum::<f64>()).abs() < 1e-4, "{sum} {scores:?}");
    }

    #[test]
    fn a_single_token_has_no_score_and_unknown_ids_are_refused() {
        let config = ModelConfig { vocab_size: 300, num_layers: 1, ..ModelConfig::default() };
        let model = Transformer::new(config, 0).unwrap();
        assert_eq!(model.score(Context::detect(), &[7]), Ok(vec![]));
        assert_eq!(model.score(Context::detect(), &[]), Err(GenerateError::EmptyPrompt));
        let unknown = GenerateError::UnknownId { id: 300, position: 1, vocab_size: 300 };
        assert_eq!(model.score(Context::detect(), &[7, 300]), Err(unknown));
    }
}
