//! `--resume` with more steps than planned.
//!
//! The schedule of the learning rate is planned anew for the new number of steps, and counts from
//! this step on: each further step has the rate that it has in a run planned for so many steps from
//! its beginning, with the same warm-up, highest and lowest rate. Steps that were taken stay. There
//! is no second warm-up, since the optimizer's moments are there. The rate of a finished run rises
//! once, from its lowest one to where the longer schedule is at this step. Everything depends on
//! the step and the new number of steps only, so an extended run that is interrupted goes on
//! exactly.

use super::resume_check::typed_steps;
use crate::commands::flags::ExplicitFlags;
use crate::commands::train_model::args::Args;
use crate::run::checkpoint::TrainerState;
use crate::run::manifest::{Extension, RunManifest};
use crate::run::spec::TrainingSpec;

/// Returns the extension that the flags ask for, or that `manifest` records and no checkpoint was
/// written of yet.
pub fn extension(
    args: &Args,
    explicit: &ExplicitFlags,
    state: &TrainerState,
    manifest: Option<&RunManifest>,
    context_length: usize,
) -> Option<Extension> {
    let (at_step, from_steps) = (state.step, state.config.steps());
    let typed = typed_steps(args, explicit, state.config.tokens_per_step(context_length));
    let recorded = || {
        let last = *manifest?.extensions.last()?;
        ((last.at_step, last.from_steps) == (at_step, from_steps)).then_some(last.to_steps)
    };
    let to_steps = typed.or_else(recorded).filter(|&steps| steps > from_steps)?;
    Some(Extension { at_step, from_steps, to_steps })
}

/// Describes the rates of a run that goes further than planned, in one line.
pub fn describe(extension: Extension, before: &TrainingSpec, now: &TrainingSpec) -> String {
    let Extension { at_step, from_steps, to_steps } = extension;
    let last = before.schedule().lr_at(at_step.saturating_sub(1));
    let (next, end) = (now.schedule().lr_at(at_step), now.schedule().lr_at(to_steps - 1));
    format!(
        "planned anew for {to_steps} steps instead of {from_steps}: from step {at_step} on the \
         learning rate is that of a run of {to_steps} steps ({last:.2e} so far, now {next:.2e}, \
         {end:.2e} at the end)"
    )
}
