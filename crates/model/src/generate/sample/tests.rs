use super::*;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Nothing filtered.
const ALL: Sampling =
    Sampling { temperature: 1.0, top_k: None, top_p: None, min_p: None, repetition_penalty: 1.0 };

/// Logits whose probabilities are 0.4, 0.3, 0.2, 0.1 in some order of ids.
fn four() -> Vec<f32> {
    [0.2f32, 0.4, 0.1, 0.3].map(f32::ln).to_vec()
}

fn kept(logits: &[f32], sampling: &Sampling) -> Vec<u32> {
    let mut ids: Vec<u32> = candidates(logits, sampling).iter().map(|c| c.id).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn greedy_takes_the_lowest_of_equals_and_passes_over_nan() {
    assert_eq!(greedy(&[1.0, 3.0, 3.0]), 1);
    assert_eq!(greedy(&[f32::NAN, 2.0, f32::NAN]), 1);
    assert_eq!(greedy(&[f32::NAN, f32::NEG_INFINITY]), 0);
    assert_eq!(greedy(&[1.0, f32::INFINITY]), 1);
}

#[test]
fn each_filter_keeps_what_its_definition_says() {
    let top_k = |k| kept(&four(), &Sampling { top_k: Some(k), ..ALL });
    assert_eq!(top_k(1), [1]);
    assert_eq!(top_k(3), [0, 1, 3]);
    assert_eq!(top_k(9), [0, 1, 2, 3]);
    let top_p = |p| kept(&four(), &Sampling { top_p: Some(p), ..ALL });
    assert_eq!(top_p(-5.0), [1]);
    assert_eq!(top_p(0.0), [1]);
    assert_eq!(top_p(0.39), [1]);
    assert_eq!(top_p(0.65), [1, 3]);
    assert_eq!(top_p(0.85), [0, 1, 3]);
    assert_eq!(top_p(1.0), [0, 1, 2, 3]);
    let min_p = |p| kept(&four(), &Sampling { min_p: Some(p), ..ALL });
    assert_eq!(min_p(0.0), [0, 1, 2, 3]);
    assert_eq!(min_p(0.45), [0, 1, 3]);
    assert_eq!(min_p(1.0), [1]);
    assert_eq!(min_p(7.0), [1]);
}

#[test]
fn top_p_is_a_share_of_what_top_k_left() {
    // Of 0.4 and 0.3 the first has 57 %.
    let both = |p| kept(&four(), &Sampling { top_k: Some(2), top_p: Some(p), ..ALL });
    assert_eq!(both(0.55), [1]);
    assert_eq!(both(0.6), [1, 3]);
}

#[test]
fn temperature_raises_probabilities_to_a_power() {
    let half = candidates(&four(), &Sampling { temperature: 0.5, ..ALL });
    let squares = [0.04, 0.16, 0.01, 0.09].map(|p| p / 0.3);
    for (candidate, expected) in half.iter().zip(squares) {
        assert!((candidate.probability - expected).abs() < 1e-6, "{candidate:?}, not {expected}");
    }
}

#[test]
fn the_repetition_penalty_lowers_positive_and_negative_logits() {
    let mut logits = [2.0, -2.0, 4.0, f32::NEG_INFINITY];
    penalize_repetition(&mut logits, [0, 1, 3, 99], 2.0);
    assert_eq!(logits, [1.0, -4.0, 4.0, f32::NEG_INFINITY]);
}

#[test]
fn frequencies_are_the_probabilities() {
    const DRAWS: u32 = 40_000;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut counts = [0u32; 4];
    for _ in 0..DRAWS {
        counts[choose(&mut four(), [], &ALL, &mut rng) as usize] += 1;
    }
    for (count, p) in counts.into_iter().zip([0.2, 0.4, 0.1, 0.3]) {
        let deviation = (f64::from(DRAWS) * p * (1.0 - p)).sqrt();
        let off = (f64::from(count) - f64::from(DRAWS) * p).abs();
        assert!(off < 4.0 * deviation, "{count} of {DRAWS} at probability {p}");
    }
}

#[test]
fn settings_that_make_no_sense_are_named() {
    assert_eq!(Sampling::default().validate(), Ok(()));
    let error = |sampling: Sampling| sampling.validate().unwrap_err().to_string();
    assert!(
        error(Sampling { temperature: -1.0, ..ALL }).starts_with("temperature is -1, expected 0")
    );
    assert!(error(Sampling { temperature: f64::NAN, ..ALL }).starts_with("temperature is NaN"));
    assert!(error(Sampling { top_k: Some(0), ..ALL }).starts_with("top_k is 0"));
    assert!(error(Sampling { top_p: Some(1.5), ..ALL }).starts_with("top_p is 1.5"));
    assert!(error(Sampling { top_p: Some(0.0), ..ALL }).starts_with("top_p is 0"));
    assert!(error(Sampling { min_p: Some(f64::NAN), ..ALL }).starts_with("min_p is NaN"));
    assert!(
        error(Sampling { repetition_penalty: 0.0, ..ALL }).starts_with("repetition_penalty is 0")
    );
}

/// Any number at all, the odd ones often.
fn any_setting() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        0.0..2.0,
        Just(0.0),
        Just(-0.0),
        Just(1e-300),
        Just(f64::NAN),
        Just(f64::INFINITY)
    ]
}

fn any_logit() -> impl Strategy<Value = f32> {
    prop_oneof![
        6 => -20.0f32..20.0,
        2 => (-3i8..3).prop_map(f32::from),
        1 => any::<f32>(),
        1 => Just(f32::NEG_INFINITY),
        1 => Just(f32::NAN),
        1 => Just(f32::INFINITY)
    ]
}

fn sensible() -> impl Strategy<Value = Sampling> {
    let some = |range| proptest::option::of(range);
    (0.05..4.0, proptest::option::of(1usize..40), some(0.01..1.0), some(0.0..1.0)).prop_map(
        |(temperature, top_k, top_p, min_p)| Sampling { temperature, top_k, top_p, min_p, ..ALL },
    )
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(
        mut logits in prop::collection::vec(any_logit(), 1..40),
        seen in prop::collection::vec(0u32..60, 0..5),
        temperature in any_setting(), penalty in any_setting(),
        top_k in proptest::option::of(0usize..50),
        top_p in proptest::option::of(any_setting()), min_p in proptest::option::of(any_setting()),
    ) {
        let sampling = Sampling { temperature, top_k, top_p, min_p, repetition_penalty: penalty };
        let count = logits.len();
        let id = choose(&mut logits, seen, &sampling, &mut ChaCha8Rng::seed_from_u64(3));
        prop_assert!((id as usize) < count);
    }

    #[test]
    fn probabilities_add_up_to_one_and_filters_keep_the_most_probable(
        logits in prop::collection::vec(-20.0f32..20.0, 1..60), sampling in sensible(),
    ) {
        let all = candidates(&logits, &Sampling { temperature: sampling.temperature, ..ALL });
        let kept = candidates(&logits, &sampling);
        prop_assert!((kept.iter().map(|c| c.probability).sum::<f64>() - 1.0).abs() < 1e-12);
        prop_assert!(kept.len() <= sampling.top_k.unwrap_or(usize::MAX));
        // Whatever was dropped is no more probable than anything that was kept.
        let least = kept.iter().map(|c| logits[c.id as usize]).fold(f32::INFINITY, f32::min);
        for candidate in &all {
            if kept.iter().all(|c| c.id != candidate.id) {
                prop_assert!(logits[candidate.id as usize] <= least);
            }
        }
    }

    #[test]
    fn top_p_agrees_with_sorting_everything(
        logits in prop::collection::vec(-6.0f32..6.0, 1..200), p in 0.01f64..1.0,
    ) {
        let mut sorted = candidates(&logits, &ALL);
        sorted.sort_by(most_probable_first);
        let mut sum = 0.0;
        let mut expected = Vec::new();
        for candidate in sorted {
            if sum >= p - 1e-9 { break; }
            sum += candidate.probability;
            expected.push(candidate.id);
        }
        let found = candidates(&logits, &Sampling { top_p: Some(p), ..ALL });
        let found: Vec<u32> = found.iter().map(|candidate| candidate.id).collect();
        prop_assert_eq!(found, expected);
    }
}
