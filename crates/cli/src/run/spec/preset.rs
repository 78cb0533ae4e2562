//! Presets of `train-model`: names for several defaults at once.

use std::fmt::Write;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::fields::flag;

/// The name that lists the presets instead of naming one.
const LIST: &str = "list";
/// The width of the list.
const WIDTH: usize = 80;

/// Defaults that replace the flags' own.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// 22.7 million parameters for TinyStories: the defaults with beta2 0.95 and 327,680,000 tokens
    Tinystories,
    /// 1.6 million parameters with a vocabulary of 4096 (3.2 with 10,000): two minutes on two cores
    Demo,
    /// GPT-2 small's width, depth, heads, context and vocabulary, with this architecture's blocks:
    /// 162 million parameters with 50257 tokens (88 with 2048)
    Gpt2SmallShape,
}

impl Preset {
    /// Returns the preset's values, by the names of the fields of [`super::ModelSpec`] and
    /// [`super::TrainingSpec`].
    pub fn values(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let values = match self {
            Self::Tinystories => {
                "context_length=256 d_model=512 num_layers=4 num_heads=16 d_ff=1344 \
                 batch_size=32 total_tokens=327680000 lr=0.001 beta2=0.95"
            }
            Self::Demo => {
                "context_length=512 d_model=128 num_layers=3 num_heads=4 d_ff=344 \
                 batch_size=2 total_tokens=2048000 lr=0.006 beta2=0.95 log_every=50"
            }
            // Three matrices of d_ff = 2048 have as many weights as GPT-2's two of 3072.
            Self::Gpt2SmallShape => {
                "vocab_size=50257 context_length=1024 d_model=768 num_layers=12 num_heads=12 \
                 d_ff=2048 batch_size=4 grad_accum=8 lr=0.0006 beta2=0.95 weight_decay=0.1"
            }
        };
        values.split(' ').filter_map(|value| value.split_once('='))
    }

    /// Returns all presets with their contents, as text.
    pub fn list() -> String {
        let mut list = String::new();
        for preset in Preset::value_variants() {
            let named = preset.to_possible_value();
            let help = named.as_ref().and_then(PossibleValue::get_help);
            let title = named.as_ref().map_or("", |named| named.get_name());
            let help = help.map(ToString::to_string).unwrap_or_default();
            let flags = preset.values().map(|(field, value)| format!("{} {value}", flag(field)));
            let _ = write!(list, "{title}\n{}{}\n", wrapped(help.split(' ')), wrapped(flags));
        }
        list + "All else has its default. Flags beside --preset override its own, and so does\n\
                the tokenizer: where one is known, its size is the model's vocab-size.\n"
    }
}

/// Puts `parts` on indented lines.
fn wrapped<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> String {
    let mut lines = vec![String::from("   ")];
    for part in parts {
        let part = part.as_ref();
        let last = lines.last_mut().filter(|line| line.len() + 1 + part.len() <= WIDTH);
        match last {
            Some(line) => *line += &format!(" {part}"),
            None => lines.push(format!("    {part}")),
        }
    }
    lines.join("\n") + "\n"
}

/// The value of `--preset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresetChoice {
    /// A preset.
    Named(Preset),
    /// The word `list`, which prints all presets with their contents.
    List,
}

impl PresetChoice {
    /// Returns a parser of the flag's value.
    pub fn parser() -> impl TypedValueParser<Value = PresetChoice> {
        PossibleValuesParser::new(names()).map(|name| match Preset::from_str(&name, false) {
            Ok(preset) => PresetChoice::Named(preset),
            Err(_) => PresetChoice::List,
        })
    }
}

/// Returns the words that `--preset` takes.
fn names() -> impl Iterator<Item = PossibleValue> {
    let presets = Preset::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    presets.chain([PossibleValue::new(LIST).help("Print the presets with their contents")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_value_within_80_columns() {
        let list = Preset::list();
        for preset in Preset::value_variants() {
            for (field, value) in preset.values() {
                assert!(list.contains(&format!("{} {value}", flag(field))), "{field}\n{list}");
            }
        }
        assert!(list.lines().all(|line| line.chars().count() <= WIDTH), "{list}");
    }
}
