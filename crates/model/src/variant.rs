//! The choices that make one architecture differ from another.

use std::fmt;
use std::str::FromStr;

/// Where a block normalises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Norm {
    /// Before each half of a block, x + f(norm(x)), and once at the end.
    #[default]
    Pre,
    /// After each half of a block, norm(x + f(x)), and once at the end.
    Post,
    /// Nowhere.
    None,
}

/// The feed-forward network of a block, with x its input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FeedForward {
    /// W_down·(silu(W_gate·x) ∘ W_up·x)
    #[default]
    SwiGlu,
    /// W_down·(gelu(W_gate·x) ∘ W_up·x)
    GeGlu,
    /// W_down·silu(W_up·x)
    Silu,
    /// W_down·gelu(W_up·x)
    Gelu,
}

impl Norm {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Pre, Self::Post, Self::None];

    /// The name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pre => "pre",
            Self::Post => "post",
            Self::None => "none",
        }
    }
}

impl FeedForward {
    /// Every choice.
    pub const ALL: [Self; 4] = [Self::SwiGlu, Self::GeGlu, Self::Silu, Self::Gelu];

    /// The name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::SwiGlu => "swiglu",
            Self::GeGlu => "geglu",
            Self::Silu => "silu",
            Self::Gelu => "gelu",
        }
    }

    /// Whether a third matrix gates the inner layer.
    pub fn is_gated(self) -> bool {
        matches!(self, Self::SwiGlu | Self::GeGlu)
    }

    /// The default width of the inner layer. Two matrices get 3/2 of the width of three, so that
    /// the number of parameters stays.
    pub fn default_d_ff(self) -> usize {
        const GATED: usize = 1344;
        if self.is_gated() { GATED } else { GATED * 3 / 2 }
    }
}

/// A name that is none of the choices.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{found}` is not one of {choices}")]
pub struct UnknownChoice {
    found: String,
    choices: String,
}

/// The choice among `all` that is called `name`.
fn choose<T: Copy + fmt::Display>(all: &[T], name: &str) -> Result<T, UnknownChoice> {
    all.iter().copied().find(|choice| choice.to_string() == name).ok_or_else(|| UnknownChoice {
        found: name.to_string(),
        choices: all.iter().map(T::to_string).collect::<Vec<_>>().join(", "),
    })
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Norm {
    type Err = UnknownChoice;
    fn from_str(name: &str) -> Result<Self, UnknownChoice> {
        choose(&Self::ALL, name)
    }
}

impl fmt::Display for FeedForward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FeedForward {
    type Err = UnknownChoice;
    fn from_str(name: &str) -> Result<Self, UnknownChoice> {
        choose(&Self::ALL, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        assert!(Norm::ALL.iter().all(|norm| norm.to_string().parse() == Ok(*norm)));
        assert!(FeedForward::ALL.iter().all(|ffn| ffn.to_string().parse() == Ok(*ffn)));
        let error = "relu".parse::<FeedForward>().unwrap_err().to_string();
        assert_eq!(error, "`relu` is not one of swiglu, geglu, silu, gelu");
    }
}
