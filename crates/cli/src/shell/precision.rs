//! Which kernels and which precision a program computes with, and why.

use anyhow::{Result, anyhow};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tensor::{Context, Precision};

/// The value of `--precision`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// bf16 where the CPU has instructions for it, else f32.
    Auto,
    /// Operands of matrix products in f32.
    F32,
    /// Operands of matrix products in bf16.
    Bf16,
    /// Weights in int8; for inference only.
    Int8,
}

impl Choice {
    const ALL: [(&'static str, Choice); 4] = [
        ("auto", Choice::Auto),
        ("f32", Choice::F32),
        ("bf16", Choice::Bf16),
        ("int8", Choice::Int8),
    ];

    /// Parses the flag's value; `int8` only `with_int8`.
    pub fn parser(with_int8: bool) -> impl TypedValueParser<Value = Choice> {
        let possible = &Self::ALL[..if with_int8 { 4 } else { 3 }];
        PossibleValuesParser::new(possible.iter().map(|(name, _)| *name)).try_map(move |name| {
            possible
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, choice)| *choice)
                .ok_or("unknown")
        })
    }

    /// The choice that a checkpoint's `f32` or `bf16` stands for.
    pub fn from_name(name: &str) -> Option<Choice> {
        [Choice::F32, Choice::Bf16].into_iter().find(|choice| choice.fixed() == Some(name))
    }

    /// The precision that is asked for by name, if it is.
    pub fn fixed(self) -> Option<&'static str> {
        let named =
            Self::ALL.into_iter().find(|(_, choice)| *choice == self && self != Choice::Auto);
        named.map(|(name, _)| name)
    }

    /// The context to compute in.
    ///
    /// # Errors
    /// When `LM_ISA` names kernels that this machine cannot run.
    pub fn context(self) -> Result<Context> {
        tensor::isa::from_env().map_err(|message| anyhow!(message))?;
        let context = Context::detect();
        let precision = match self {
            Choice::Bf16 => Precision::Bf16,
            Choice::Auto if context.kernels.has_bf16() => Precision::Bf16,
            Choice::Auto | Choice::F32 | Choice::Int8 => Precision::F32,
        };
        Ok(context.with_precision(precision))
    }

    /// Logs which kernels and which precision `context`, made by this choice, has, and why.
    pub fn explain(self, context: Context) {
        log::info!("{}", tensor::isa::selection().reason);
        let precision = context.precision;
        let reason = match (self, precision) {
            (Choice::F32 | Choice::Bf16, _) => "as --precision says",
            (Choice::Int8, _) => "beside int8 weights, as --precision says",
            (Choice::Auto, Precision::Bf16) => "the CPU has instructions for bf16",
            (Choice::Auto, Precision::F32) => "the kernels in use have no instructions for bf16",
        };
        log::info!("precision {precision}: {reason}");
    }
}
