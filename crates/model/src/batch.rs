//! The ids that a model reads, and those that it has to predict.

use ndarray::Array2;

/// Sequences of token ids and, one position later, the targets: the token that follows each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// (B, T)
    pub ids: Array2<u32>,
    /// (B, T)
    pub targets: Array2<u32>,
}

impl Batch {
    /// Makes a batch of ids and targets in row-major order, both of shape (B, T).
    ///
    /// # Panics
    /// If one of them differs from the shape in size.
    #[track_caller]
    pub fn new(shape: [usize; 2], ids: Vec<u32>, targets: Vec<u32>) -> Self {
        let [ids, targets] = [("ids", ids), ("targets", targets)].map(|(name, list)| {
            let len = list.len();
            Array2::from_shape_vec(shape, list)
                .unwrap_or_else(|_| panic!("Batch::new: {len} {name} do not make {shape:?}"))
        });
        Self { ids, targets }
    }

    /// Makes a batch of windows of T + 1 consecutive tokens each: the first T are the ids, the last
    /// T the targets.
    ///
    /// ```
    /// use model::Batch;
    /// let tokens = [3, 1, 4, 1, 5, 9, 2, 6];
    /// let batch = Batch::from_windows([&tokens[0..4], &tokens[3..7]]);
    /// assert_eq!(batch.ids, ndarray::array![[3, 1, 4], [1, 5, 9]]);
    /// assert_eq!(batch.targets, ndarray::array![[1, 4, 1], [5, 9, 2]]);
    /// ```
    ///
    /// # Panics
    /// If there is no window, one is shorter than two tokens, or they differ in length.
    #[track_caller]
    pub fn from_windows<'a>(windows: impl IntoIterator<Item = &'a [u32]>) -> Self {
        let windows: Vec<&[u32]> = windows.into_iter().collect();
        let len = windows.first().map_or(0, |window| window.len());
        let fits = len >= 2 && windows.iter().all(|window| window.len() == len);
        let found: Vec<usize> = windows.iter().map(|window| window.len()).collect();
        assert!(fits, "Batch::from_windows: windows of {found:?} tokens, expected one length");
        let part = |from: usize| windows.iter().flat_map(move |w| &w[from..][..len - 1]).copied();
        Self::new([windows.len(), len - 1], part(0).collect(), part(1).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "Batch::new: 3 targets do not make [2, 2]")]
    fn lists_that_do_not_fill_the_shape_are_refused() {
        Batch::new([2, 2], vec![0; 4], vec![0; 3]);
    }

    #[test]
    #[should_panic(expected = "windows of [3, 2] tokens")]
    fn windows_of_two_lengths_are_refused() {
        Batch::from_windows([&[1, 2, 3][..], &[1, 2]]);
    }

    #[test]
    #[should_panic(expected = "windows of [] tokens")]
    fn no_window_at_all_is_refused() {
        Batch::from_windows([]);
    }
}
