//! The same elements under another shape; the gradient takes the way back.

use crate::Var;

impl<'t> Var<'t> {
    /// Any shape of the same size; shares the buffer.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Var<'t> {
        let from = self.shape().to_vec();
        let y = self.value().reshape(shape);
        Var::record(&[self], y, move |dy, grads| grads.give(0, dy.reshape(&from)))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[test]
    fn gradients() {
        testing::gradcheck(&[testing::random(&[3, 4], 1)], |_, v| v[0].reshape(&[2, 6]));
    }
}
