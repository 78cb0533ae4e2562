//! Variants: runs that differ in their seed only.

use super::run::Run;

/// Runs that differ in their seed only.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The common part of their names.
    pub name: String,
    /// The runs, at least one.
    pub runs: Vec<Run>,
}

impl Variant {
    /// Returns the mean of the final validation losses, and half their range.
    pub fn final_loss(&self) -> Option<(f64, f64)> {
        let losses: Vec<f64> = self.runs.iter().filter_map(Run::final_loss).collect();
        let lowest = losses.iter().copied().reduce(f64::min)?;
        let highest = losses.iter().copied().reduce(f64::max)?;
        Some((losses.iter().sum::<f64>() / losses.len() as f64, (highest - lowest) / 2.0))
    }

    /// Returns the steps done and the steps planned of a run that has not ended, if there is one.
    pub fn unfinished(&self) -> Option<(u64, u64)> {
        self.runs.iter().find_map(|run| run.unfinished)
    }

    /// Returns the first step at which one of the runs diverged.
    pub fn divergence(&self) -> Option<u64> {
        self.runs.iter().filter_map(Run::divergence).min()
    }
}

/// Groups runs by variant, in the order in which the variants first appear.
pub fn group(runs: Vec<Run>) -> Vec<Variant> {
    let mut variants: Vec<Variant> = Vec::new();
    for run in runs {
        let name = without_seed(&run.name).to_string();
        match variants.iter_mut().find(|variant| variant.name == name) {
            Some(variant) => variant.runs.push(run),
            None => variants.push(Variant { name, runs: vec![run] }),
        }
    }
    variants
}

/// Returns the variant's name: `baseline` for `baseline-s3`.
pub fn without_seed(name: &str) -> &str {
    match name.rsplit_once("-s") {
        Some((variant, seed)) if !variant.is_empty() && seed.parse::<u64>().is_ok() => variant,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::super::run::tests::run;
    use super::*;

    #[test]
    fn seeds_of_a_variant_belong_together() {
        let names = ["base-s0", "base-s1", "x-slow", "base", "-s1"];
        let variants = group(names.map(|name| run(name, &[1.0])).to_vec());
        let found: Vec<_> = variants.iter().map(|v| (v.name.as_str(), v.runs.len())).collect();
        assert_eq!(found, [("base", 3), ("x-slow", 1), ("-s1", 1)]);
    }
}
