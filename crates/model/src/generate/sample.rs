//! The choice of the next token among logits: pure functions, applied in this order.
//!
//! 1. *Repetition penalty* r: the logit of each token that occurred already is divided by r if it
//!    is positive and multiplied by r if it is negative (N. S. Keskar et al., *CTRL*,
//!    arXiv:1909.05858, section 4.1).
//! 2. *Temperature* t: logits are divided by t. 0 means greedy: the greatest logit, of equal ones
//!    that of the lowest id, and the steps below are skipped.
//! 3. *Top-k*: the k most probable tokens stay (A. Fan et al., arXiv:1805.04833).
//! 4. *Top-p* (nucleus): of those, the fewest most probable ones stay whose sum reaches p
//!    (A. Holtzman et al., arXiv:1904.09751).
//! 5. *Min-p*: of those, the tokens stay that are at least min-p times as probable as the most
//!    probable one (N. N. Minh et al., arXiv:2407.01082).
//! 6. One of the remaining tokens is drawn, in proportion to the probabilities.
//!
//! Order and meaning are those of the logits processors of Hugging Face's `transformers`. Of
//! equally probable tokens the one of lower id comes first. A NaN logit counts as −∞. At least one
//! token stays.

use rand::{Rng, RngExt};
use std::cmp::Ordering;

/// Settings for the choice of the next token.
///
/// ```
/// use model::{Sampling, sample};
///
/// let logits = [2.0, 1.0, 0.0, -1.0];
/// let two = Sampling { top_k: Some(2), top_p: None, ..Sampling::default() };
/// let candidates = sample::candidates(&logits, &two);
/// assert_eq!(candidates.len(), 2);
/// assert!((candidates[0].probability - 0.731).abs() < 1e-3); // 1/(1 + e⁻¹)
/// assert_eq!(sample::greedy(&logits), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Below 1 sharpens the distribution, above 1 flattens it; 0 is greedy.
    pub temperature: f64,
    /// The number of tokens that stay; `None`: all.
    pub top_k: Option<usize>,
    /// The probability that stays; `None`: all of it.
    pub top_p: Option<f64>,
    /// The lowest probability that stays, relative to the highest; `None`: any.
    pub min_p: Option<f64>,
    /// Above 1, tokens that occurred become less probable; 1 changes nothing.
    pub repetition_penalty: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        let (temperature, repetition_penalty) = (1.0, 1.0);
        Self { temperature, top_k: None, top_p: Some(0.9), min_p: None, repetition_penalty }
    }
}

/// An error for an invalid setting.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("{setting} is {found}, expected {expected}")]
pub struct SamplingError {
    /// The field of [`Sampling`].
    pub setting: &'static str,
    /// Its value.
    pub found: f64,
    /// The valid values.
    pub expected: &'static str,
}

impl Sampling {
    /// Returns the settings that always choose the most probable token.
    pub fn greedy() -> Self {
        Self { temperature: 0.0, ..Self::default() }
    }

    /// Checks that each setting is valid. The functions of this file accept any value, so that a
    /// missing check gives odd text and no crash.
    ///
    /// # Errors
    /// If one is not; the error has its name, its value and the valid ones.
    pub fn validate(&self) -> Result<(), SamplingError> {
        let check = |setting, found: f64, good: bool, expected| {
            if good { Ok(()) } else { Err(SamplingError { setting, found, expected }) }
        };
        let &Self { temperature, top_k, top_p, min_p, repetition_penalty } = self;
        let is_temperature = temperature.is_finite() && temperature >= 0.0;
        check("temperature", temperature, is_temperature, "0 (greedy) or a positive number")?;
        check("top_k", 0.0, top_k != Some(0), "at least 1")?;
        let p = top_p.unwrap_or(1.0);
        check("top_p", p, p > 0.0 && p <= 1.0, "above 0 and at most 1")?;
        let p = min_p.unwrap_or(0.0);
        check("min_p", p, (0.0..=1.0).contains(&p), "0 to 1")?;
        let is_penalty = repetition_penalty.is_finite() && repetition_penalty > 0.0;
        check("repetition_penalty", repetition_penalty, is_penalty, "a positive number")
    }
}

/// A token that may come next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The token.
    pub id: u32,
    /// Its probability among the candidates.
    pub probability: f64,
}

/// Chooses the next token from `logits` (V), which it changes; `seen` has each id of the text so
/// far once.
///
/// # Panics
/// If there are no logits.
#[track_caller]
pub fn choose(
    logits: &mut [f32],
    seen: impl IntoIterator<Item = u32>,
    sampling: &Sampling,
    rng: &mut impl Rng,
) -> u32 {
    assert!(!logits.is_empty(), "sample::choose: no logits");
    penalize_repetition(logits, seen, sampling.repetition_penalty);
    if sampling.temperature == 0.0 {
        greedy(logits)
    } else {
        draw(&candidates(logits, sampling), rng)
    }
}

/// Makes the tokens `seen`, each given once, less probable (step 1).
pub fn penalize_repetition(
    logits: &mut [f32],
    seen: impl IntoIterator<Item = u32>,
    repetition_penalty: f64,
) {
    for id in seen {
        if let Some(logit) = logits.get_mut(id as usize) {
            let x = f64::from(*logit);
            let penalized = if x > 0.0 { x / repetition_penalty } else { x * repetition_penalty };
            *logit = penalized as f32;
        }
    }
}

/// Returns the token of the greatest logit, of equal ones the lowest id; 0 if all are NaN or −∞.
pub fn greedy(logits: &[f32]) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, &logit) in (0..).zip(logits) {
        if logit > best.1 {
            best = (id, logit);
        }
    }
    best.0
}

/// Returns the tokens that may come next and their probabilities, which add up to 1 (steps 2 to 5).
pub fn candidates(logits: &[f32], sampling: &Sampling) -> Vec<Candidate> {
    let mut kept = Vec::new();
    candidates_into(logits, sampling, &mut kept);
    kept
}

/// Computes [`candidates`] in the memory of `kept`.
pub(super) fn candidates_into(logits: &[f32], sampling: &Sampling, kept: &mut Vec<Candidate>) {
    weights(logits, sampling.temperature, kept);
    if let Some(k) = sampling.top_k {
        keep_top_k(kept, k.max(1));
    }
    if let Some(p) = sampling.top_p.filter(|p| *p < 1.0) {
        keep_top_p(kept, p.max(0.0));
    }
    finish(kept, sampling.min_p);
}

/// Removes tokens that are too improbable, and divides the weights by their sum (step 5).
pub(super) fn finish(kept: &mut Vec<Candidate>, min_p: Option<f64>) {
    if let Some(p) = min_p {
        let greatest = kept.iter().map(|c| c.probability).fold(0.0, f64::max);
        let least = (p * greatest).min(greatest);
        kept.retain(|candidate| candidate.probability >= least);
    }
    let total: f64 = kept.iter().map(|c| c.probability).sum();
    for candidate in kept {
        candidate.probability /= total;
    }
}

/// Returns the weight of a token, 1 for the greatest logit (step 2). They are not yet divided by
/// their sum.
pub(super) fn weight(logit: f32, greatest: f32, temperature: f64) -> f64 {
    let below = f64::from(logit) - f64::from(greatest);
    if logit == greatest { 1.0 } else { (below / temperature).exp() }
}

/// Keeps each token of a weight above 0, in the order of ids (step 2).
fn weights(logits: &[f32], temperature: f64, kept: &mut Vec<Candidate>) {
    let best = greedy(logits);
    let greatest = logits[best as usize];
    let all = (0..)
        .zip(logits)
        .map(|(id, &logit)| Candidate { id, probability: weight(logit, greatest, temperature) });
    kept.clear();
    kept.extend(all.filter(|c| c.probability > 0.0 && c.probability <= 1.0));
    // Every logit is −∞ or NaN: the token that greedy takes.
    if kept.is_empty() {
        kept.push(Candidate { id: best, probability: 1.0 });
    }
}

/// Returns the order of candidates: of equal ones the lower id comes first.
pub(super) fn most_probable_first(a: &Candidate, b: &Candidate) -> Ordering {
    b.probability.total_cmp(&a.probability).then(a.id.cmp(&b.id))
}

/// Keeps the `k` most probable tokens, sorted (step 3).
pub(super) fn keep_top_k(kept: &mut Vec<Candidate>, k: usize) {
    if k < kept.len() {
        kept.select_nth_unstable_by(k, most_probable_first);
        kept.truncate(k);
    }
    kept.sort_unstable_by(most_probable_first);
}

/// Keeps the fewest most probable tokens whose sum reaches `p`, sorted (step 4).
///
/// Sorting a whole vocabulary would take longer than all other steps, so tokens that cannot stay
/// are removed first: n tokens of less than (1 − p)/n each have less than 1 − p together, so the
/// others reach p without them.
pub(super) fn keep_top_p(kept: &mut Vec<Candidate>, p: f64) {
    let total: f64 = kept.iter().map(|c| c.probability).sum();
    let too_little = ((1.0 - p) * total / kept.len() as f64).min(1.0); // the greatest weight is 1
    kept.retain(|candidate| candidate.probability >= too_little);
    kept.sort_unstable_by(most_probable_first);
    let mut sum = 0.0;
    let reached = kept.iter().position(|candidate| {
        sum += candidate.probability;
        sum >= p * total
    });
    if let Some(last) = reached {
        kept.truncate(last + 1);
    }
}

/// Draws one of `candidates`, at least one (step 6).
#[track_caller]
pub fn draw(candidates: &[Candidate], rng: &mut impl Rng) -> u32 {
    at(candidates, rng.random())
}

/// Returns the candidate at a position from 0 to 1, where each takes up as much as it is probable.
#[track_caller]
pub(super) fn at(candidates: &[Candidate], position: f64) -> u32 {
    let total: f64 = candidates.iter().map(|c| c.probability).sum();
    let mut left = position * total;
    for candidate in candidates {
        left -= candidate.probability;
        if left < 0.0 {
            return candidate.id;
        }
    }
    candidates[candidates.len() - 1].id // the subtractions rounded up
}

#[cfg(test)]
mod tests;
