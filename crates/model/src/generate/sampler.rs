//! The choice of a token by [`sample`], in a fraction of its time: the same token from the same
//! random number.
//!
//! Almost all of that time goes into eˣ of the whole vocabulary in f64. Here a pass of vector code
//! computes all weights approximately, and a bound on its error tells which tokens can be among the
//! candidates at all: of 10,000 mostly a few dozen. Those alone get their weights in f64 and go
//! through the filters. Where the approximate total leaves a decision open, all of it is done as
//! [`sample`] does it.

use super::sample::{self, Candidate, Sampling};
use rand::{Rng, RngExt};
use tensor::{Kernels, simd, vectorize};

/// A bound on the relative error of a sum of approximate weights. An exponent x has an error of
/// 3·2⁻²⁴·|x|, and the mean of |x|, weighted by eˣ, is at most the logarithm of the number of
/// tokens, 22. eˣ has an error of 2·10⁻⁷ more, and adding up [`CHUNK`] weights in f32 one of
/// 13·2⁻²⁴.
const SUM_ERROR: f64 = 6e-6;

/// A generous bound on the relative error of one approximate weight of at least [`LEAST`].
const WEIGHT_ERROR: f32 = 1e-4;

/// The smallest weight that is told from others by its approximation; the greatest weight is 1.
const LEAST: f32 = 1e-30;

/// The number of weights that are added in f32, before their sum is added to the others in f64.
const CHUNK: usize = 256;

/// A choice of tokens with the memory that it needs, which is allocated once.
pub struct Sampler {
    sampling: Sampling,
    /// The logits (V) after the repetition penalty, if there is one.
    penalized: Vec<f32>,
    /// The approximate weight of each token (V).
    weights: Vec<f32>,
    kept: Vec<Candidate>,
}

impl Sampler {
    /// Prepares to choose among `vocab_size` tokens.
    pub fn new(sampling: Sampling, vocab_size: usize) -> Self {
        let is_penalized = sampling.repetition_penalty != 1.0;
        let penalized = Vec::with_capacity(if is_penalized { vocab_size } else { 0 });
        let capacity = if sampling.temperature == 0.0 { 0 } else { vocab_size };
        let (weights, kept) = (Vec::with_capacity(capacity), Vec::with_capacity(capacity));
        Self { sampling, penalized, weights, kept }
    }

    /// Chooses the next token as [`sample::choose`] does.
    ///
    /// # Panics
    /// If there are no logits.
    #[track_caller]
    pub fn choose(
        &mut self,
        kernels: &Kernels,
        logits: &[f32],
        seen: impl IntoIterator<Item = u32>,
        rng: &mut impl Rng,
    ) -> u32 {
        assert!(!logits.is_empty(), "Sampler::choose: no logits");
        if self.sampling.repetition_penalty == 1.0 {
            return self.choose_among(kernels, logits, rng);
        }
        let mut penalized = std::mem::take(&mut self.penalized);
        penalized.clear();
        penalized.extend_from_slice(logits);
        sample::penalize_repetition(&mut penalized, seen, self.sampling.repetition_penalty);
        let id = self.choose_among(kernels, &penalized, rng);
        self.penalized = penalized;
        id
    }

    fn choose_among(&mut self, kernels: &Kernels, logits: &[f32], rng: &mut impl Rng) -> u32 {
        let greatest = vectorize!(kernels, simd::max(logits));
        if self.sampling.temperature == 0.0 {
            let is_greatest = |&logit: &f32| logit == greatest && logit > f32::NEG_INFINITY;
            return logits.iter().position(is_greatest).unwrap_or(0) as u32;
        }
        let position = rng.random::<f64>();
        match self.fast_choice(kernels, logits, greatest, position) {
            Some(id) => id,
            None => {
                sample::candidates_into(logits, &self.sampling, &mut self.kept);
                sample::at(&self.kept, position)
            }
        }
    }

    /// Returns the choice, unless only exact weights of all tokens can tell.
    fn fast_choice(
        &mut self,
        kernels: &Kernels,
        logits: &[f32],
        greatest: f32,
        position: f64,
    ) -> Option<u32> {
        let Sampling { temperature, top_k, top_p, min_p, .. } = self.sampling;
        if !greatest.is_finite() || !(1e-6..1e6).contains(&temperature) {
            return None;
        }
        let total = self.approximate(kernels, logits, greatest, (1.0 / temperature) as f32);
        let top_p = top_p.filter(|p| *p < 1.0);
        let least = match (top_k, top_p, min_p) {
            (Some(k), ..) => {
                self.threshold(|weights, least| count_from(kernels, weights, least) >= k.max(1))?
            }
            (None, Some(p), _) => {
                let enough = (p + f64::from(WEIGHT_ERROR)) * total;
                self.threshold(|weights, least| sum_from(kernels, weights, least) >= enough)?
            }
            (None, None, Some(p)) if p > 0.0 => Some(p as f32).filter(|p| *p >= LEAST)?.min(1.0),
            (None, None, Some(p)) if p.is_nan() => return None,
            (None, None, _) => return self.crossing(total, position),
        };
        self.keep_from(kernels, least * (1.0 - WEIGHT_ERROR));
        for candidate in &mut self.kept {
            let logit = logits[candidate.id as usize];
            candidate.probability = sample::weight(logit, greatest, temperature);
        }
        let bounds = [total * (1.0 - SUM_ERROR), total * (1.0 + SUM_ERROR)];
        match (top_k, top_p) {
            (None, Some(p)) => keep_nucleus(&mut self.kept, p.max(0.0), bounds)?,
            (Some(k), p) => {
                sample::keep_top_k(&mut self.kept, k.max(1));
                if let Some(p) = p {
                    sample::keep_top_p(&mut self.kept, p.max(0.0));
                }
            }
            (None, None) => {}
        }
        sample::finish(&mut self.kept, min_p);
        Some(sample::at(&self.kept, position))
    }

    /// Computes the approximate weights and returns their sum.
    fn approximate(&mut self, kernels: &Kernels, logits: &[f32], greatest: f32, scale: f32) -> f64 {
        self.weights.clear();
        self.weights.extend_from_slice(logits);
        let mut total = 0.0;
        vectorize!(kernels, {
            for chunk in self.weights.chunks_mut(CHUNK) {
                total += f64::from(simd::map_sum(
                    chunk,
                    #[inline(always)]
                    |logit| or_zero(simd::exp((logit - greatest) * scale)),
                ));
            }
        });
        total
    }

    /// Returns the greatest of some weights from which on there are enough tokens.
    fn threshold(&self, is_enough: impl Fn(&[f32], f32) -> bool) -> Option<f32> {
        let falling = std::iter::successors(Some(0.25f32), |least| Some(least / 4.0));
        let mut falling = falling.take_while(|least| *least >= LEAST);
        falling.find(|&least| is_enough(&self.weights, least))
    }

    /// Keeps the tokens of at least this approximate weight, in the order of ids.
    fn keep_from(&mut self, kernels: &Kernels, least: f32) {
        const WIDTH: usize = 64;
        let Self { weights, kept, .. } = self;
        kept.clear();
        vectorize!(kernels, {
            for (i, chunk) in weights.chunks(WIDTH).enumerate() {
                if chunk.iter().fold(false, |any, &weight| any | (weight >= least)) {
                    let some = chunk.iter().enumerate().filter(|(_, weight)| **weight >= least);
                    kept.extend(some.map(|(j, &weight)| Candidate {
                        id: (i * WIDTH + j) as u32,
                        probability: weight.into(),
                    }));
                }
            }
        });
    }

    /// Returns the token whose weight and those before it together exceed the share `position` of
    /// all, where no error of the sums could make it another.
    fn crossing(&self, total: f64, position: f64) -> Option<u32> {
        let (target, margin) = (position * total, 2.0 * SUM_ERROR * total);
        let mut before = 0.0;
        for (i, chunk) in self.weights.chunks(CHUNK).enumerate() {
            let sum: f64 = chunk.iter().copied().map(f64::from).sum();
            if before + sum <= target {
                before += sum;
                continue;
            }
            for (j, &weight) in chunk.iter().enumerate() {
                let with = before + f64::from(weight);
                if with > target {
                    let is_certain = with - target > margin && target - before > margin;
                    return is_certain.then_some((i * CHUNK + j) as u32);
                }
                before = with;
            }
        }
        None
    }
}

/// Returns the number of weights of at least `least`.
fn count_from(kernels: &Kernels, weights: &[f32], least: f32) -> usize {
    vectorize!(kernels, weights.iter().filter(|weight| **weight >= least).count())
}

/// Returns the sum of the weights of at least `least`.
fn sum_from(kernels: &Kernels, weights: &[f32], least: f32) -> f64 {
    let mut total = 0.0;
    vectorize!(kernels, {
        for chunk in weights.chunks(CHUNK) {
            total += f64::from(simd::dot_map(
                chunk,
                chunk,
                #[inline(always)]
                |weight| if weight >= least { 1.0 } else { 0.0 },
            ));
        }
    });
    total
}

/// Returns a weight, or 0 for NaN.
#[inline(always)]
fn or_zero(weight: f32) -> f32 {
    if weight >= 0.0 { weight } else { 0.0 }
}

/// Keeps the fewest most probable of `kept` whose sum reaches the share `p` of a total within
/// `bounds`; `None` if that depends on the total.
fn keep_nucleus(kept: &mut Vec<Candidate>, p: f64, bounds: [f64; 2]) -> Option<()> {
    kept.sort_unstable_by(sample::most_probable_first);
    let [low, high] = bounds.map(|total| p * total);
    let mut sum = 0.0;
    let last = kept.iter().position(|candidate| {
        sum += candidate.probability;
        sum >= low
    })?;
    kept.truncate(last + 1);
    (sum >= high).then_some(())
}

#[cfg(test)]
mod tests;
