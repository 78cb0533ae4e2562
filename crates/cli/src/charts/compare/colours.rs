//! Colours of variants.

/// A colour on white, and the one that stands for it on black.
pub type Colour = [[u8; 3]; 2];

/// Colours that differ in lightness too. Those that also differ from all of [`SCALE`] come first
/// in [`BESIDE_SCALE`].
const DISTINCT: [Colour; 8] = [
    [[0x1f, 0x6f, 0xc4], [0x6c, 0xb0, 0xf5]],
    [[0xc4, 0x50, 0x0a], [0xf5, 0xa3, 0x5c]],
    [[0x1a, 0x7f, 0x4b], [0x56, 0xd3, 0x98]],
    [[0xa0, 0x2c, 0x8a], [0xec, 0x8f, 0xd6]],
    [[0x8a, 0x6d, 0x00], [0xe3, 0xc3, 0x41]],
    [[0xc0, 0x26, 0x2d], [0xff, 0x8a, 0x85]],
    [[0x00, 0x79, 0x8c], [0x4f, 0xd0, 0xe0]],
    [[0x57, 0x60, 0x6a], [0xa8, 0xb3, 0xbf]],
];
/// Indices of the colours that are unlike the scale: green, turquoise, gray.
const BESIDE_SCALE: [usize; 3] = [2, 6, 7];

/// Stops of a scale from dark blue by red to gold. Its lightness only grows, so the order can be
/// seen without colours too. (After "plasma" of matplotlib, N. Smith and S. van der Walt 2015,
/// without the end that is too faint on the page.)
const SCALE: [Colour; 5] = [
    [[0x14, 0x14, 0x78], [0x7d, 0x6b, 0xf0]],
    [[0x78, 0x14, 0xa8], [0xc0, 0x6b, 0xe8]],
    [[0xc0, 0x20, 0x78], [0xf5, 0x75, 0xa8]],
    [[0xd8, 0x50, 0x20], [0xfb, 0xa0, 0x50]],
    [[0xa8, 0x86, 0x00], [0xf2, 0xdc, 0x4a]],
];

/// The colour of a variant, and its place among those that share the colour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The colour.
    pub colour: Colour,
    /// The number of variants before it that have the colour too.
    pub round: usize,
}

/// Chooses a look for each variant: distinct colours, or, if the names of three or more are one
/// word and a number (`lr-3e-4`, `lr-1e-3`), colours of the scale in the order of the numbers.
pub fn looks(names: &[&str]) -> Vec<Look> {
    let order = order(names);
    let steps = order.iter().flatten().count();
    let mut others = 0..;
    let choose = |rank: &Option<usize>| match rank {
        Some(rank) => Look { colour: on_scale(*rank as f64 / (steps - 1) as f64), round: 0 },
        None => {
            let number = others.next().unwrap_or(0);
            let of = if steps > 0 { &BESIDE_SCALE[..] } else { &[0, 1, 2, 3, 4, 5, 6, 7] };
            Look { colour: DISTINCT[of[number % of.len()]], round: number / of.len() }
        }
    };
    order.iter().map(choose).collect()
}

/// Returns the rank of each name's number among the names that are the same word and another
/// number; `None` for all other names. Less than three are no order, nor are those beside which
/// there are more names than colours unlike the scale.
pub fn order(names: &[&str]) -> Vec<Option<usize>> {
    let none = || vec![None; names.len()];
    let parts: Vec<_> = names.iter().map(|name| word_and_number(name)).collect();
    let words = parts.iter().flatten().map(|part| part.0);
    let numbers_of = |word: &str| {
        let mut numbers: Vec<f64> =
            parts.iter().flatten().filter(|part| part.0 == word).map(|part| part.1).collect();
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        numbers
    };
    let Some((word, numbers)) = words
        .map(|word| (word, numbers_of(word)))
        .filter(|(_, numbers)| numbers.len() >= 3)
        .max_by_key(|(_, numbers)| numbers.len())
    else {
        return none();
    };
    let rank = |part: &Option<(&str, f64)>| {
        let (of, number) = (*part)?;
        numbers.iter().position(|&other| other == number).filter(|_| of == word)
    };
    let ranks: Vec<Option<usize>> = parts.iter().map(rank).collect();
    let others = ranks.iter().filter(|rank| rank.is_none()).count();
    if others > BESIDE_SCALE.len() { none() } else { ranks }
}

/// Splits a name into what comes before its number and the number: `lr-` and 0.0003 for `lr-3e-4`.
fn word_and_number(name: &str) -> Option<(&str, f64)> {
    let begins = name
        .char_indices()
        .filter(|&(at, _)| at == 0 || name[..at].ends_with(['-', '_', '=', ' ', ':', '/', '.']));
    begins.map(|(at, _)| name.split_at(at)).find_map(|(word, number)| {
        let is_number = number.starts_with(|first: char| first.is_ascii_digit());
        number.parse().ok().filter(|_| is_number).map(|number| (word, number))
    })
}

/// Returns the colour at a place from 0 to 1 of the scale.
fn on_scale(place: f64) -> Colour {
    let place = place * (SCALE.len() - 1) as f64;
    let below = (place as usize).min(SCALE.len() - 2);
    let share = place - below as f64;
    let mix =
        |from: u8, to: u8| (f64::from(from) + share * (f64::from(to) - f64::from(from))) as u8;
    std::array::from_fn(|page| {
        std::array::from_fn(|part| mix(SCALE[below][page][part], SCALE[below + 1][page][part]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_an_order_whatever_their_spelling() {
        let names = ["lr-3e-3", "lr-1e-2", "lr-3e-4", "lr-1", "lr-0.1"];
        assert_eq!(order(&names), [Some(1), Some(2), Some(0), Some(4), Some(3)]);
        assert_eq!(order(&["8", "2", "32"]), [Some(1), Some(0), Some(2)]);
        let names = ["batch-2", "batch-32", "batch-8", "batch-32-lr-3e-3"];
        assert_eq!(order(&names), [Some(0), Some(2), Some(1), None]);
        assert_eq!(order(&["a-1", "b-2", "c-3"]), [None; 3], "three different things");
        assert_eq!(order(&["pre", "lr-1e-2", "lr-1e-3"]), [None; 3], "two are no scale");
        assert_eq!(order(&["n-1", "n-2", "n-3", "a", "b", "c", "d"]), [None; 7], "too many others");
        assert_eq!(order(&["inf", "nan", "1x", "", "-", "π-1"]), [None; 6]);
    }

    /// Returns the relative luminance of a colour (WCAG 2.1).
    fn luminance(colour: [u8; 3]) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = colour.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    #[test]
    fn the_scale_gets_lighter_all_the_way() {
        for page in [0, 1] {
            let steps: Vec<f64> =
                (0..=20).map(|step| luminance(on_scale(f64::from(step) / 20.0)[page])).collect();
            assert!(steps.is_sorted_by(|a, b| a < b), "{steps:?}");
        }
    }

    #[test]
    fn every_colour_can_be_seen_on_its_page() {
        let pages = [[0xff; 3], [0x0d, 0x11, 0x17]];
        for colour in DISTINCT.iter().chain(&SCALE) {
            for (colour, page) in colour.iter().zip(pages) {
                let (one, other) = (luminance(*colour) + 0.05, luminance(page) + 0.05);
                let contrast = one.max(other) / one.min(other);
                assert!(contrast >= 3.0, "{colour:x?}: {contrast:.2}");
            }
        }
    }

    #[test]
    fn names_beside_a_scale_have_none_of_its_colours() {
        let looks = looks(&["batch-2", "batch-4", "other", "batch-8"]);
        assert_eq!(looks[0].colour, SCALE[0]);
        assert_eq!(looks[3].colour, SCALE[4]);
        assert_eq!(looks[2].colour, DISTINCT[2]);
    }

    #[test]
    fn more_variants_than_colours_are_told_apart_by_their_round() {
        let names: Vec<String> = (0..20).map(|n| format!("v{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let looks = looks(&names);
        let rounds: Vec<usize> = [0, 7, 8, 15, 16].map(|n: usize| looks[n].round).to_vec();
        assert_eq!(rounds, [0, 0, 1, 1, 2]);
    }
}
