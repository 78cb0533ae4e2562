//! Choosing the next token among logits: pure functions, applied in this order.
//!
//! 1. *Repetition penalty* r: the logit of each token that was already seen is divided by r if it
//!    is positive and multiplied by r if it is negative. (arXiv:1909.05858, section 4.1)
//! 2. *Temperature* t: logits are divided by t. 0 means greedy: the greatest logit, the lowest id
//!    of equals, and the steps below are skipped.
//! 3. *Top-k*: the k most probable tokens stay.
//! 4. *Top-p*: of those, the fewest most probable ones stay whose share reaches p.
//!    (arXiv:1904.09751)
//! 5. *Min-p*: of those, the tokens stay that are at least min-p times as probable as the most
//!    probable one. (arXiv:2407.01082)
//! 6. One of what is left is drawn, in proportion to the probabilities.
//!
//! That is the order and meaning of Hugging Face's processors. Of equally probable tokens the lower
//! id counts as the more probable. A logit that is not a number counts as −∞. At least one token
//! always stays.

use rand::{Rng, RngExt};
use std::cmp::Ordering;

/// How the next token is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Below 1 the probable becomes more probable; 0 is greedy.
    pub temperature: f64,
    /// How many tokens stay; `None`: all.
    pub top_k: Option<usize>,
    /// Which share of the probability stays; `None`: all of it.
    pub top_p: Option<f64>,
    /// The least probability that stays, as a share of the greatest; `None`: any.
    pub min_p: Option<f64>,
    /// Above 1, tokens that were seen become less probable; 1 changes nothing.
    pub repetition_penalty: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: None,
            top_p: Some(0.9),
            min_p: None,
            repetition_penalty: 1.0,
        }
    }
}

/// A setting that makes no sense.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("{setting} is {found}, expected {expected}")]
pub struct SamplingError {
    /// The field of [`Sampling`].
    pub setting: &'static str,
    /// Its value.
    pub found: f64,
    /// What it may be.
    pub expected: &'static str,
}

impl Sampling {
    /// Checks that each setting makes sense. The functions of this file accept any, so that a
    /// mistake there is odd text and no crash.
    ///
    /// # Errors
    /// Names the setting, its value and what it may be.
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

/// Chooses the next token from `logits` (V), which are changed; `seen` are the ids of the text so
/// far, each once.
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

/// Step 1: makes the tokens `seen`, each given once, less probable.
pub fn penalize_repetition(
    logits: &mut [f32],
    seen: impl IntoIterator<Item = u32>,
    repetition_penalty: f64,
) {
    if repetition_penalty == 1.0 {
        return;
    }
    for id in seen {
        if let Some(logit) = logits.get_mut(id as usize) {
            let penalized = if *logit > 0.0 {
                f64::from(*logit) / repetition_penalty
            } else {
                f64::from(*logit) * repetition_penalty
            };
            *logit = penalized as f32;
        }
    }
}

/// The token of the greatest logit, the lowest id of equals; 0 if there is no number among them.
pub fn greedy(logits: &[f32]) -> u32 {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, &logit) in (0..).zip(logits) {
        if logit > best.1 {
            best = (id, logit);
        }
    }
    best.0
}

/// Steps 2 to 5: the tokens that may come next and their probabilities, which add up to 1.
pub fn candidates(logits: &[f32], sampling: &Sampling) -> Vec<Candidate> {
    let mut kept = weights(logits, sampling.temperature);
    if let Some(k) = sampling.top_k {
        keep_top_k(&mut kept, k.max(1));
    }
    if let Some(p) = sampling.top_p.filter(|p| *p < 1.0) {
        keep_top_p(&mut kept, p.max(0.0));
    }
    if let Some(p) = sampling.min_p {
        let greatest = kept.iter().map(|c| c.probability).fold(0.0, f64::max);
        let least = (p * greatest).min(greatest);
        kept.retain(|candidate| candidate.probability >= least);
    }
    let total: f64 = kept.iter().map(|c| c.probability).sum();
    for candidate in &mut kept {
        candidate.probability /= total;
    }
    kept
}

/// Step 2, in the order of ids: every token of some weight; the greatest has weight 1, and they do
/// not yet add up to 1.
fn weights(logits: &[f32], temperature: f64) -> Vec<Candidate> {
    let greatest = logits[greedy(logits) as usize];
    let weight = |logit: f32| {
        let below = f64::from(logit) - f64::from(greatest);
        if logit == greatest { 1.0 } else { (below / temperature).exp() }
    };
    let all = (0..).zip(logits).map(|(id, &logit)| Candidate { id, probability: weight(logit) });
    let some: Vec<_> = all.filter(|c| c.probability > 0.0 && c.probability <= 1.0).collect();
    // Nothing but −∞ and what is not a number: the token that greedy takes.
    if some.is_empty() { vec![Candidate { id: greedy(logits), probability: 1.0 }] } else { some }
}

fn most_probable_first(a: &Candidate, b: &Candidate) -> Ordering {
    b.probability.total_cmp(&a.probability).then(a.id.cmp(&b.id))
}

/// Step 3. Sorts what is kept.
fn keep_top_k(kept: &mut Vec<Candidate>, k: usize) {
    if k < kept.len() {
        kept.select_nth_unstable_by(k, most_probable_first);
        kept.truncate(k);
    }
    kept.sort_unstable_by(most_probable_first);
}

/// Step 4. Sorts what is kept.
///
/// Sorting a whole vocabulary would take longer than the rest, so what is certainly not kept leaves
/// first: n tokens that each have less than (1 − p)/n of the probability have less than 1 − p
/// together, so the others reach p without them.
fn keep_top_p(kept: &mut Vec<Candidate>, p: f64) {
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

/// Step 6: draws one of `candidates`, of which there is at least one.
#[track_caller]
pub fn draw(candidates: &[Candidate], rng: &mut impl Rng) -> u32 {
    let total: f64 = candidates.iter().map(|c| c.probability).sum();
    let mut left = rng.random::<f64>() * total;
    for candidate in candidates {
        left -= candidate.probability;
        if left < 0.0 {
            return candidate.id;
        }
    }
    candidates[candidates.len() - 1].id // rounding left a crumb
}

#[cfg(test)]
mod tests;
