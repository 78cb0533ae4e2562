//! `--precision`: the precision that a program computes in.

use std::fmt;

use anyhow::{Result, anyhow};
use log::Level;
use model::formats::WeightForm;
use serde::{Deserialize, Serialize};
use tensor::{Context, Precision};

/// The value of `--precision`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Choice::Auto => "auto",
            Choice::F32 => "f32",
            Choice::Bf16 => "bf16",
            Choice::Int8 => "int8",
        })
    }
}

impl From<Precision> for Choice {
    fn from(precision: Precision) -> Choice {
        match precision {
            Precision::F32 => Choice::F32,
            Precision::Bf16 => Choice::Bf16,
        }
    }
}

impl Choice {
    /// The precisions that a model can be trained in.
    pub const TRAINING: [Choice; 3] = [Choice::Auto, Choice::F32, Choice::Bf16];
    /// The precisions that a model can generate in.
    pub const INFERENCE: [Choice; 4] = [Choice::Auto, Choice::F32, Choice::Bf16, Choice::Int8];

    /// The reason for a precision that was typed.
    pub const TYPED: &str = "as --precision says";

    /// Returns the context to compute in.
    ///
    /// # Errors
    /// When `LM_ISA` names kernels that this machine cannot run.
    pub fn context(self) -> Result<Context> {
        tensor::isa::from_env().map_err(|message| anyhow!(message))?;
        let context = Context::detect();
        Ok(context.with_precision(self.precision(context)))
    }

    /// Returns the precision of `context` by this choice.
    fn precision(self, context: Context) -> Precision {
        match self {
            Choice::Bf16 => Precision::Bf16,
            Choice::Auto if context.kernels.has_bf16() => Precision::Bf16,
            Choice::Auto | Choice::F32 | Choice::Int8 => Precision::F32,
        }
    }

    /// Returns the form in which weights are held for inference.
    pub fn weight_form(self) -> WeightForm {
        match (self, self.precision(Context::detect())) {
            (Choice::Int8, _) => WeightForm::Int8,
            (_, Precision::Bf16) => WeightForm::Bf16,
            (_, Precision::F32) => WeightForm::AsStored,
        }
    }

    /// Logs the kernels and the precision of `context`, which this choice made, and the reason:
    /// `chosen` for a choice that is not automatic.
    pub fn explain(self, context: Context, chosen: &str, level: Level) {
        log::log!(level, "{}", tensor::isa::selection().reason);
        let precision = context.precision;
        let reason = match (self, precision) {
            (Choice::F32 | Choice::Bf16, _) => chosen,
            (Choice::Int8, _) => "beside int8 weights, as --precision says",
            (Choice::Auto, Precision::Bf16) => "the CPU has instructions for bf16",
            (Choice::Auto, Precision::F32) => "the kernels in use have no instructions for bf16",
        };
        log::log!(level, "precision {precision}: {reason}");
    }
}
