//! Training allocates its memory in the first steps; later ones allocate nothing large.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use model::{Batch, ModelConfig, Transformer};
use optim::{AdamW, AdamWConfig};
use tensor::{Context, Precision};

/// The size above which an allocation counts as large, in bytes.
const LARGE: usize = 64 << 10;

/// The system's allocator with a counter of large requests.
struct Counting;

static LARGE_REQUESTS: AtomicUsize = AtomicUsize::new(0);

fn count(bytes: usize) {
    if bytes > LARGE {
        LARGE_REQUESTS.fetch_add(1, Relaxed);
    }
}

// SAFETY: every call is passed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller upholds the contract, which is that of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn nothing_large_is_allocated_after_the_second_step() {
    let config = ModelConfig {
        vocab_size: 20_000,
        context_length: 64,
        d_model: 64,
        num_heads: 4,
        num_layers: 2,
        d_ff: 192,
        ..ModelConfig::default()
    };
    let (rows, time) = (10, 64);
    let ids: Vec<u32> = (0..rows * time).map(|i| (i * 31 % 20_000) as u32).collect();
    let batch = Batch::new([rows, time], ids.clone(), ids);
    for precision in [Precision::F32, Precision::Bf16] {
        let context = Context::detect().with_precision(precision);
        let mut model = Transformer::new(config.clone(), 1).unwrap();
        let mut optimizer = AdamW::new(AdamWConfig::default(), model.parameters());
        let mut step = || {
            let before = LARGE_REQUESTS.load(Relaxed);
            let (_, gradients) = model.loss_and_gradients(context, &batch);
            let norm = optim::global_norm(context, &gradients);
            let scale = optim::clip_scale(norm, 1.0);
            let parameters = model.parameters_mut();
            optimizer.step(context, 1e-3, parameters, &gradients, scale);
            LARGE_REQUESTS.load(Relaxed) - before
        };
        let counts = [(); 5].map(|()| step());
        if precision == Precision::F32 {
            assert!(counts[0] > 10, "the first step was to be counted: {counts:?}");
        }
        assert_eq!(counts[2..], [0, 0, 0], "{precision}: {counts:?}");
    }
}
