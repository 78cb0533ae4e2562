//! Texts for the benchmarks, made the same each time.

/// Length of a text.
pub const TEXT_BYTES: usize = 8 << 20;

/// Sentences of made-up words: word k is about 1/k as frequent as the first, as in natural text.
pub fn text(num_words: u32) -> Vec<u8> {
    const SYLLABLES: [&str; 16] = [
        "ba", "lo", "mi", "ra", "tu", "ne", "ki", "so", "da", "ve", "po", "li", "tor", "sha",
        "bel", "nim",
    ];
    let mut state = 1u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    let mut text = String::with_capacity(TEXT_BYTES + 64);
    while text.len() < TEXT_BYTES {
        let mut word = f64::from(num_words).powf(random()) as u32;
        while word > 0 {
            text.push_str(SYLLABLES[(word % 16) as usize]);
            word /= 16;
        }
        text.push_str(match (random() * 16.0) as u32 {
            0 => ".\n",
            1 => ", ",
            2 => "'s ",
            _ => " ",
        });
    }
    text.into_bytes()
}
