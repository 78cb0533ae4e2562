//! At debug level, the log names the method of each shape once.

use log::{LevelFilter, Log, Metadata, Record};
use std::sync::Mutex;
use tensor::gemm::{Beta, Mat, MatMut, Threads, gemm, gemm_sharing_a};
use tensor::{Context, isa};

struct Lines(Mutex<Vec<String>>);

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

static LINES: Lines = Lines(Mutex::new(Vec::new()));

#[test]
fn each_shape_is_logged_once_with_its_method() {
    log::set_logger(&LINES).unwrap();
    let context = Context::detect().with_kernels(isa::available()[0]);
    let data = [1.0; 64];
    let product = |m: usize, k: usize, n: usize| {
        let (a, b, mut c) = (Mat::new(&data, m, k), Mat::new(&data, k, n), [0.0; 64]);
        gemm(context, a, b, MatMut::new(&mut c, m, n), Beta::Zero, Threads::All);
    };
    product(8, 7, 6); // not logged at another level
    log::set_max_level(LevelFilter::Debug);
    for _ in 0..3 {
        product(1, 8, 8);
        product(8, 5, 3);
    }
    let (a, b) = (Mat::new(&data, 2, 7), Mat::new(&data, 3, 7).t());
    gemm(context, a, b, MatMut::new(&mut [0.0; 6], 2, 3), Beta::Zero, Threads::All);
    let (a, mut c) = (Mat::new(&data, 5, 4), [0.0; 60]);
    let (low, high) = c.split_at_mut(30);
    let cs = vec![MatMut::new(low, 5, 6), MatMut::new(high, 5, 6)];
    gemm_sharing_a(context, a, &[Mat::new(&data, 4, 6), Mat::new(&data, 6, 4).t()], cs);
    assert_eq!(
        *LINES.0.lock().unwrap(),
        [
            "gemm in f32 on portable: 1×8×8 (f32 by f32 in rows): packed, threads: one",
            "gemm in f32 on portable: 8×5×3 (f32 by f32 in rows): packed, threads: one",
            "gemm in f32 on portable: 2×7×3 (f32 by f32 in columns): streamed, threads: one",
            "gemm in f32 on portable: 5×4×6 (f32 by f32 in rows) with 5×4×6 (f32 by f32 in \
             columns), into f32: packed together, threads: one",
        ]
    );
}
