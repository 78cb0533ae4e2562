//! Numbers on the command line: `10000`, `10k`, `2M`, `1.5G`, `1e-3`.

/// Text that is not the number that a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not a number at all, or not a whole one.
    #[error("expected a whole number, such as 10000, 10k or 2M")]
    NotWhole,
    /// Not a number at all.
    #[error("expected a number, such as 0.001, 1e-3 or 2")]
    NotReal,
    /// A number below zero.
    #[error("expected a whole number that is not below 0")]
    Negative,
    /// A whole number that no such flag can take.
    #[error("the number is too large")]
    TooLarge,
}

/// Letters that stand for a power of ten, with its exponent.
const SUFFIXES: [(char, i64); 4] = [('k', 3), ('K', 3), ('M', 6), ('G', 9)];

/// Reads a whole number: digits, also with a fraction and an exponent that make it whole, or with
/// a letter for thousands, millions or billions.
///
/// # Errors
/// When it is no whole number, or too large for a `T`.
pub fn whole<T: TryFrom<u64>>(text: &str) -> Result<T, NumberError> {
    T::try_from(whole_u64(text)?).map_err(|_| NumberError::TooLarge)
}

fn whole_u64(text: &str) -> Result<u64, NumberError> {
    let parts = Parts::of(text.strip_prefix('+').unwrap_or(text)).ok_or_else(|| {
        let negative = text.strip_prefix('-').and_then(Parts::of);
        if negative.is_some() { NumberError::Negative } else { NumberError::NotWhole }
    })?;
    let digits = format!("{}{}", parts.whole, parts.fraction);
    let significant = digits.trim_end_matches('0');
    let zeros = (digits.len() - significant.len()) as i64;
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    let exponent = parts.exponent + zeros - parts.fraction.len() as i64;
    let zeros = usize::try_from(exponent).map_err(|_| NumberError::NotWhole)?;
    // 2⁶⁴ has twenty digits.
    if significant.len() + zeros > 20 {
        return Err(NumberError::TooLarge);
    }
    format!("{significant}{}", "0".repeat(zeros)).parse().map_err(|_| NumberError::TooLarge)
}

/// Reads a real number, also with a letter for thousands, millions or billions.
///
/// # Errors
/// When it is no number.
pub fn real(text: &str) -> Result<f64, NumberError> {
    let parsed = match split_suffix(text) {
        Some((number, exponent)) if !number.contains(['e', 'E']) => {
            format!("{number}e{exponent}").parse()
        }
        _ => text.parse(),
    };
    parsed.map_err(|_| NumberError::NotReal)
}

/// Splits off the letter for a power of ten, and returns its exponent.
fn split_suffix(text: &str) -> Option<(&str, i64)> {
    let split = |&(letter, exponent)| Some((text.strip_suffix(letter)?, exponent));
    SUFFIXES.iter().find_map(split)
}

/// A decimal number without a sign: whole digits, fraction, exponent.
struct Parts<'a> {
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl Parts<'_> {
    fn of(text: &str) -> Option<Parts<'_>> {
        let (number, exponent) = match (split_suffix(text), text.split_once(['e', 'E'])) {
            (Some(split), _) => split,
            // Far beyond any number that is not too large, and far below an overflow.
            (None, Some((number, exponent))) => {
                (number, exponent.parse::<i32>().ok()?.clamp(-1000, 1000).into())
            }
            (None, None) => (text, 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let has_digits = !whole.is_empty() || !fraction.is_empty();
        (has_digits && are_digits(whole) && are_digits(fraction)).then_some(Parts {
            whole,
            fraction,
            exponent,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_numbers_in_all_spellings() {
        for (text, number) in [
            ("0", 0),
            ("10000", 10_000),
            ("+7", 7),
            ("007", 7),
            ("10k", 10_000),
            ("10K", 10_000),
            ("2M", 2_000_000),
            ("40.96M", 40_960_000),
            ("1.5G", 1_500_000_000),
            (".5k", 500),
            ("1e3", 1000),
            ("2.50e1", 25),
            ("1000e-3", 1),
            ("0e-999999", 0),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(whole::<u64>(text), Ok(number), "{text}");
        }
    }

    #[test]
    fn all_else_is_refused_with_the_reason() {
        use NumberError::{Negative, NotWhole, TooLarge};
        for (text, error) in [
            ("", NotWhole),
            ("k", NotWhole),
            (".", NotWhole),
            ("many", NotWhole),
            ("10 k", NotWhole),
            ("10kk", NotWhole),
            ("1e3k", NotWhole),
            ("1.5", NotWhole),
            ("1.2345k", NotWhole),
            ("1e-3", NotWhole),
            ("1e", NotWhole),
            ("0x10", NotWhole),
            ("-", NotWhole),
            ("--1", NotWhole),
            ("-3", Negative),
            ("-3k", Negative),
            ("18446744073709551616", TooLarge),
            ("1e20", TooLarge),
            ("1e2147483647", TooLarge),
        ] {
            assert_eq!(whole::<u64>(text), Err(error), "{text}");
        }
        assert_eq!(whole::<u16>("70k"), Err(TooLarge));
    }

    #[test]
    fn real_numbers_in_all_spellings() {
        for (text, number) in
            [("1e-3", 1e-3), ("0.1k", 100.0), ("10k", 1e4), ("2M", 2e6), ("-0.5", -0.5), ("3", 3.0)]
        {
            assert_eq!(real(text), Ok(number), "{text}");
        }
        for text in ["", "k", "1e3k", "much", "1 2"] {
            assert_eq!(real(text), Err(NumberError::NotReal), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_number_or_an_error(text in "[-+0-9.eEkKMG]{0,12}|\\PC{0,8}") {
            let number = whole::<u64>(&text);
            if let (Ok(number), Ok(expected)) = (number, text.parse::<u64>()) {
                prop_assert_eq!(number, expected);
            }
            prop_assert!(number.is_ok() || text.parse::<u64>().is_err());
            prop_assert!(real(&text).is_ok() || text.parse::<f64>().is_err());
        }
    }
}
