//! The terminal that standard error or standard output is, if it is one.

use console::Term;

/// Returns the number of columns of the terminal that standard error is; `None` if it is no
/// terminal, or one that does not know its size. The terminal is asked at each call, since windows
/// change their size.
pub fn width() -> Option<usize> {
    columns_of(&Term::stderr())
}

/// Returns the number of columns of the terminal that standard output is, as [`width`] does.
pub fn stdout_width() -> Option<usize> {
    columns_of(&Term::stdout())
}

/// Returns `true` if standard error is a terminal on which a line can be drawn over.
pub fn can_redraw() -> bool {
    width().is_some() && !is_dumb()
}

/// Returns `true` if standard output is a terminal on which a line can be drawn over.
pub fn stdout_can_redraw() -> bool {
    stdout_width().is_some() && !is_dumb()
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|name| name == "dumb")
}

fn columns_of(terminal: &Term) -> Option<usize> {
    terminal.size_checked().map(|(_, columns)| usize::from(columns))
}

#[cfg(test)]
mod tests {
    use std::io::IsTerminal;

    use super::*;

    #[test]
    fn only_a_terminal_has_a_width() {
        if !std::io::stderr().is_terminal() {
            assert_eq!(width(), None);
            assert!(!can_redraw());
        }
    }
}
