//! Generation allocates its memory before the second token; later tokens allocate nothing.

use model::{BatchGenerator, Event, GenerateOptions, ModelConfig, Sampling, Transformer};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tensor::{Context, Precision};

/// The system's allocator with a counter of requests.
struct Counting;

static REQUESTS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        REQUESTS.fetch_add(1, Relaxed);
        // SAFETY: the caller upholds the contract, which is that of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        REQUESTS.fetch_add(1, Relaxed);
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

/// Returns the requests for memory of each of the first `steps` steps.
fn requests(
    model: &Transformer,
    ctx: Context,
    texts: u64,
    options: &GenerateOptions,
) -> Vec<usize> {
    let mut batch = BatchGenerator::new(model, ctx);
    for seed in 0..texts {
        batch.add(&[1, 2, 3], &GenerateOptions { seed, ..options.clone() }).unwrap();
    }
    let mut events: Vec<Event> = Vec::with_capacity(1000);
    let mut step = || {
        let before = REQUESTS.load(Relaxed);
        events.clear();
        batch.step(&mut events);
        assert!(events.len() >= texts as usize, "{events:?}");
        REQUESTS.load(Relaxed) - before
    };
    (0..40).map(|_| step()).collect()
}

/// One test, as other threads' requests would be counted too.
#[test]
fn a_token_after_the_first_allocates_nothing() {
    let config = ModelConfig {
        vocab_size: 5000,
        context_length: 1024,
        d_model: 64,
        num_heads: 4,
        num_layers: 2,
        d_ff: 192,
        ..ModelConfig::default()
    };
    let penalized = Sampling { repetition_penalty: 1.1, ..Sampling::default() };
    let top_k = Sampling { top_k: Some(40), min_p: Some(0.01), ..Sampling::default() };
    for precision in ["f32", "bf16", "int8"] {
        let model = Transformer::new(config.clone(), 1).unwrap();
        let (model, ctx) = match precision {
            "int8" => (model.quantize_int8().unwrap(), Context::detect()),
            "bf16" => (model, Context::detect().with_precision(Precision::Bf16)),
            _ => (model, Context::detect()),
        };
        for (texts, sampling) in
            [(1, Sampling::greedy()), (1, Sampling::default()), (5, penalized), (5, top_k)]
        {
            let options = GenerateOptions { sampling, ..GenerateOptions::default() };
            let counts = requests(&model, ctx, texts, &options);
            assert!(counts[0] > 10, "the first step was to be counted: {counts:?}");
            // The second step is the first one that reads no prompt.
            assert_eq!(counts[2..], [0; 38], "{precision}, {texts} texts, {sampling:?}");
        }
    }
}
