use super::*;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn any_logit() -> impl Strategy<Value = f32> {
    prop_oneof![
        60 => -20.0f32..20.0,
        20 => (-3i8..3).prop_map(f32::from),
        1 => any::<f32>(),
        2 => Just(f32::NEG_INFINITY),
        1 => Just(f32::NAN),
        1 => Just(f32::INFINITY)
    ]
}

/// Logits as a model gives them: a few that stand out, and many that are improbable.
fn logits(seed: u64, count: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let spread: f32 = rng.random_range(0.5..4.0);
    let one = |_| {
        let sum: f32 = (0..6).map(|_| rng.random_range(-1.0f32..1.0)).sum();
        (sum * spread * 64.0).round() / 64.0 // some are equal
    };
    (0..count).map(one).collect()
}

fn any_sampling() -> impl Strategy<Value = Sampling> {
    let temperature = prop_oneof![4 => 0.05..3.0, 1 => Just(1.0), 1 => any::<f64>()];
    let share = prop_oneof![8 => 0.0..1.0, 2 => Just(0.9), 1 => Just(0.9999), 1 => any::<f64>()];
    let share = proptest::option::of(share);
    let penalty = prop_oneof![Just(1.0), 0.5..2.0];
    (temperature, proptest::option::of(0usize..60), share.clone(), share, penalty).prop_map(
        |(temperature, top_k, top_p, min_p, repetition_penalty)| Sampling {
            temperature,
            top_k,
            top_p,
            min_p,
            repetition_penalty,
        },
    )
}

/// Checks that the sampler chooses what the definition chooses, on every table, several times.
fn agrees(logits: &[f32], seen: &[u32], sampling: &Sampling, seed: u64) -> Result<(), String> {
    for table in tensor::isa::available() {
        let mut sampler = Sampler::new(*sampling, logits.len());
        let [mut ours, mut theirs] = [seed; 2].map(ChaCha8Rng::seed_from_u64);
        for _ in 0..4 {
            let expected =
                sample::choose(&mut logits.to_vec(), seen.to_vec(), sampling, &mut theirs);
            let found = sampler.choose(table, logits, seen.to_vec(), &mut ours);
            if found != expected {
                return Err(format!("{}: {found}, not {expected}: {sampling:?}", table.isa()));
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn it_chooses_what_the_definition_chooses(
        logits in prop::collection::vec(any_logit(), 1..300),
        seen in prop::collection::btree_set(0u32..400, 0..9),
        sampling in any_sampling(), seed in any::<u64>(),
    ) {
        let seen: Vec<u32> = seen.into_iter().collect();
        prop_assert_eq!(agrees(&logits, &seen, &sampling, seed), Ok(()));
    }

    #[test]
    fn it_does_so_for_the_logits_of_a_model(
        count in 1usize..6000, sampling in any_sampling(), seed in any::<u64>(),
    ) {
        prop_assert_eq!(agrees(&logits(seed, count), &[1, 7], &sampling, seed), Ok(()));
    }
}

#[test]
fn where_a_share_ends_exactly_at_a_token_it_is_decided_exactly() {
    // Four equal tokens: half of the probability is two of them, and 10⁻¹² more are three.
    for (top_p, kept) in [(0.5, 2), (0.5 + 1e-12, 3), (0.5 - 1e-12, 2)] {
        let sampling = Sampling { top_p: Some(top_p), ..Sampling::default() };
        assert_eq!(sample::candidates(&[1.5; 4], &sampling).len(), kept);
        for seed in 0..50 {
            assert_eq!(agrees(&[1.5; 4], &[], &sampling, seed), Ok(()));
        }
    }
}

#[test]
fn it_rarely_needs_all_exact_weights() {
    let table = tensor::isa::active();
    let nothing = Sampling { top_p: None, ..Sampling::default() };
    for sampling in [
        Sampling::default(),
        nothing,
        Sampling { temperature: 0.5, ..Sampling::default() },
        Sampling { top_k: Some(40), ..nothing },
        Sampling { min_p: Some(0.05), ..nothing },
    ] {
        let mut sampler = Sampler::new(sampling, 5000);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let is_fast = |seed| {
            let logits = logits(seed, 5000);
            let greatest = simd::max(&logits);
            sampler.fast_choice(table, &logits, greatest, rng.random()).is_some()
        };
        let fast = (0..200).map(is_fast).filter(|fast| *fast).count();
        assert!(fast >= 180, "{fast} of 200: {sampling:?}");
    }
}

#[test]
fn its_memory_does_not_grow() {
    for sampling in [Sampling::default(), Sampling { top_p: None, ..Sampling::default() }] {
        let mut sampler = Sampler::new(sampling, 3000);
        let before = [sampler.weights.capacity(), sampler.kept.capacity()];
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for seed in 0..50 {
            sampler.choose(tensor::isa::active(), &logits(seed, 3000), [], &mut rng);
            sampler.choose(tensor::isa::active(), &[1.0; 3000], [], &mut rng);
        }
        assert_eq!([sampler.weights.capacity(), sampler.kept.capacity()], before);
    }
}
