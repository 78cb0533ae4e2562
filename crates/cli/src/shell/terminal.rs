//! The terminal that standard error is, if it is one.

use console::Term;

/// Returns the number of columns of the terminal that standard error is; `None` if it is no
/// terminal, or one that does not know its size. The terminal is asked at each call, since windows
/// change their size.
pub fn width() -> Option<usize> {
    Term::stderr().size_checked().map(|(_, columns)| usize::from(columns))
}

#[cfg(test)]
mod tests {
    use std::io::IsTerminal;

    use super::*;

    #[test]
    fn only_a_terminal_has_a_width() {
        if !std::io::stderr().is_terminal() {
            assert_eq!(width(), None);
        }
    }
}
