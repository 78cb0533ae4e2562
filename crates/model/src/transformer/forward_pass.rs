//! The state that all blocks share during one run of the model.

use super::tape_weights::TapeWeights;
use crate::ModelConfig;
use crate::parameters::list::ParameterId;
use tensor::ops::RopeTable;
use tensor::{Role, Var};

/// One run of the model over a batch of token ids.
pub(super) struct ForwardPass<'m, 't> {
    pub(super) config: &'m ModelConfig,
    pub(super) weights: TapeWeights<'m, 't>,
    /// `None` if positions are not encoded.
    pub(super) rope: Option<&'m RopeTable>,
    /// The position of the first token.
    pub(super) start: usize,
}

impl<'t> ForwardPass<'_, 't> {
    /// Returns the root mean square norm of x (…, C), for `role`; x itself in an architecture
    /// without norms.
    pub(super) fn norm(&self, x: Var<'t>, weight: Option<ParameterId>, role: Role) -> Var<'t> {
        let eps = self.config.rms_norm_eps as f32;
        match weight {
            Some(weight) => x.rms_norm(self.weights.full(weight), eps, role),
            None => x,
        }
    }
}
