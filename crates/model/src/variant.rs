//! The choices that make one architecture differ from another.

use std::fmt;
use std::str::FromStr;

/// The places where a block normalises.
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

impl FeedForward {
    /// Returns `true` if a third matrix gates the inner layer.
    pub fn is_gated(self) -> bool {
        matches!(self, Self::SwiGlu | Self::GeGlu)
    }

    /// Returns the default width of the inner layer. Two matrices get 3/2 of the width of three, so
    /// that the number of parameters stays.
    pub fn default_d_ff(self) -> usize {
        const GATED: usize = 1344;
        if self.is_gated() { GATED } else { GATED * 3 / 2 }
    }
}

/// An error for a name that none of the choices has.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{found}` is not one of {choices}")]
pub struct UnknownChoice {
    found: String,
    choices: String,
}

/// Gives each variant of an enum its name on the command line and in files.
macro_rules! names {
    ($choice:ident: $($variant:ident = $name:literal),*) => {
        impl $choice {
            /// All choices.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// Returns the name on the command line and in files.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }
        }

        impl fmt::Display for $choice {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $choice {
            type Err = UnknownChoice;

            fn from_str(name: &str) -> Result<Self, UnknownChoice> {
                Self::ALL.into_iter().find(|choice| choice.name() == name).ok_or_else(|| {
                    UnknownChoice { found: name.into(), choices: [$($name),*].join(", ") }
                })
            }
        }
    };
}

names!(Norm: Pre = "pre", Post = "post", None = "none");
names!(FeedForward: SwiGlu = "swiglu", GeGlu = "geglu", Silu = "silu", Gelu = "gelu");

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
