//! The KV cache: keys and values of the positions read so far, so that a new token costs the work
//! of one position only.

use crate::ModelConfig;
use tensor::Tensor;

/// The capacity of a new cache, in positions.
const FIRST_CAPACITY: usize = 64;

/// The keys and values of all layers for one sequence.
///
/// ```
/// use model::{KvCache, ModelConfig, Transformer, sample};
/// use tensor::Context;
///
/// let shape = ModelConfig { vocab_size: 10, d_model: 16, num_heads: 2, ..Default::default() };
/// let model = Transformer::new(ModelConfig { num_layers: 1, d_ff: 24, ..shape }, 0)?;
/// let (context, mut cache) = (Context::detect(), KvCache::new(model.config()));
/// let mut logits = model.next_logits(context, &[1, 2, 3], &mut cache);
/// for _ in 0..4 {
///     let id = sample::greedy(logits.as_slice());
///     logits = model.next_logits(context, &[id], &mut cache);
/// }
/// assert_eq!(cache.len(), 7);
/// # Ok::<(), model::ConfigError>(())
/// ```
pub struct KvCache {
    pub(crate) layers: Vec<LayerCache>,
    /// The number of positions in the cache.
    len: usize,
    /// The shape of its model.
    shape: [usize; 4],
}

/// Returns layers, heads, channels of a head, and positions: the context length.
fn shape_of(config: &ModelConfig) -> [usize; 4] {
    [config.num_layers, config.num_heads, config.d_head(), config.context_length]
}

/// The keys and values of one layer, (1, H, capacity, D) each.
pub(crate) struct LayerCache {
    pub(crate) keys: Tensor,
    pub(crate) values: Tensor,
}

impl KvCache {
    /// Creates an empty cache.
    pub fn new(config: &ModelConfig) -> Self {
        let shape @ [num_layers, num_heads, d_head, limit] = shape_of(config);
        let zeros = || Tensor::zeros(&[1, num_heads, FIRST_CAPACITY.min(limit), d_head]);
        let layer = |_| LayerCache { keys: zeros(), values: zeros() };
        Self { layers: (0..num_layers).map(layer).collect(), len: 0, shape }
    }

    /// Returns the number of positions in the cache.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Removes all positions.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Keeps the first `len` positions, or all if there are fewer.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Replaces the positions by the first `len` of another cache.
    ///
    /// # Panics
    /// If the other one has fewer, or is that of a model of another shape.
    #[track_caller]
    pub fn copy_from(&mut self, other: &KvCache, len: usize) {
        assert_eq!(self.shape, other.shape, "KvCache::copy_from: made for another model");
        assert!(len <= other.len, "KvCache::copy_from: {len} positions of {}", other.len);
        self.len = 0;
        self.reserve(len);
        for (to, from) in self.layers.iter_mut().zip(&other.layers) {
            copy_heads(&mut to.keys, &from.keys, len);
            copy_heads(&mut to.values, &from.values, len);
        }
        self.len = len;
    }

    /// Checks that this cache was made for a model of this shape.
    #[track_caller]
    pub(crate) fn assert_fits(&self, config: &ModelConfig) {
        let shape = "[layers, heads, channels of a head, positions]";
        assert_eq!(self.shape, shape_of(config), "KvCache: made for another model, {shape}");
    }

    /// Grows the capacity for `count` more positions, at least to twice what it was.
    #[track_caller]
    pub(crate) fn reserve(&mut self, count: usize) {
        let (needed, [.., limit]) = (self.len + count, self.shape);
        assert!(needed <= limit, "KvCache: {needed} positions in a context of {limit}");
        for layer in &mut self.layers {
            let capacity = layer.keys.shape()[2];
            if needed > capacity {
                let capacity = needed.max(2 * capacity).min(limit);
                layer.keys = grown(&layer.keys, self.len, capacity);
                layer.values = grown(&layer.values, self.len, capacity);
            }
        }
    }

    /// Adds to the length `count` positions, which all layers have appended.
    pub(crate) fn advance(&mut self, count: usize) {
        self.len += count;
    }
}

/// Copies the first `len` positions of `from` (1, H, _, D) to `to` (1, H, _, D).
fn copy_heads(to: &mut Tensor, from: &Tensor, len: usize) {
    let ([.., to_rows, d_head], [.., from_rows, _]) = (to.shape(), from.shape()) else {
        panic!("KvCache: keys and values are made with four axes, here {:?}", to.shape());
    };
    let (to_head, from_head, len) = (to_rows * d_head, from_rows * d_head, len * d_head);
    let heads = from.as_slice().chunks_exact(from_head);
    for (to, from) in to.as_mut_slice().chunks_exact_mut(to_head).zip(heads) {
        to[..len].copy_from_slice(&from[..len]);
    }
}

/// Returns `x` (1, H, _, D) with a larger capacity; the first `len` positions are kept.
fn grown(x: &Tensor, len: usize, capacity: usize) -> Tensor {
    let &[_, heads, old_capacity, d_head] = x.shape() else {
        panic!("KvCache: keys and values are made with four axes, here {:?}", x.shape());
    };
    Tensor::build(&[1, heads, capacity, d_head], |out| {
        let old_heads = x.as_slice().chunks_exact(old_capacity * d_head);
        for (new, old) in out.chunks_exact_mut(capacity * d_head).zip(old_heads) {
            new[..len * d_head].copy_from_slice(&old[..len * d_head]);
            new[len * d_head..].fill(0.0);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::Context;
    use tensor::ops::write_heads;

    fn rows(first: f32, time: usize) -> Tensor {
        // Two heads of two channels; a row's number is its position, plus 100 in the second head.
        Tensor::build(&[1, time, 4], |out| {
            for (i, x) in out.iter_mut().enumerate() {
                let (position, head) = (i / 4, i / 2 % 2);
                *x = first + position as f32 + 100.0 * head as f32;
            }
        })
    }

    #[test]
    fn positions_stay_where_they_were_written_while_the_cache_grows() {
        let config = ModelConfig {
            d_model: 4,
            num_heads: 2,
            num_layers: 1,
            context_length: 300,
            ..ModelConfig::default()
        };
        let mut cache = KvCache::new(&config);
        let mut len = 0;
        for time in [1, 2, 60, 1, 1, 100, 135] {
            cache.reserve(time);
            let k = rows(len as f32, time);
            let start = cache.len();
            write_heads(Context::detect(), &k, None, &mut cache.layers[0].keys, start);
            len += time;
            let keys = cache.layers[0].keys.view();
            for position in 0..len {
                assert_eq!(keys[[0, 0, position, 1]], position as f32);
                assert_eq!(keys[[0, 1, position, 0]], 100.0 + position as f32);
            }
            cache.advance(time);
        }
        assert_eq!(cache.layers[0].keys.shape(), &[1, 2, 300, 2]);
        cache.clear();
        assert!(cache.is_empty());
    }

    #[test]
    fn the_cache_of_another_model_is_refused() {
        let config = ModelConfig { d_model: 16, num_heads: 2, ..ModelConfig::default() };
        KvCache::new(&config).assert_fits(&config);
        for other in [
            ModelConfig { num_layers: config.num_layers - 1, ..config.clone() },
            ModelConfig { num_heads: 4, ..config.clone() },
            ModelConfig { d_model: 32, ..config.clone() },
            ModelConfig { context_length: 12, ..config.clone() },
        ] {
            let refused = std::panic::catch_unwind(|| KvCache::new(&other).assert_fits(&config));
            assert!(refused.is_err(), "{other:?}");
        }
    }
}
