//! Decides how a product is computed. No other file does.
//!
//! For C (M, N) ← A (M, K) · B (K, N), [`plan`] takes the first row that applies:
//!
//! | [`Method`] | file | for |
//! |---|---|---|
//! | `Empty` | | M, K or N of 0: C becomes zeros or stays as it is |
//! | `Unpacked` | `unpacked` | small products in `f32` by one thread |
//! | `Streamed` | `driver` | at most mc rows of A, and a B with contiguous columns |
//! | `Packed` | `driver` | everything else |
//!
//! - Inside the heads of attention, packing A would cost as much as multiplying by it: `Unpacked`
//!   reads A where it is. That needs a micro-kernel for it in the table, operands in `f32`, M ≥ mr,
//!   a caller that wants one thread (the heads are parallel on the outside), and a B that is packed
//!   already or consists of whole panels of contiguous rows, 64 columns at most.
//! - With few rows, as in a piece of a prompt, each panel of B belongs to a single tile of C:
//!   `Streamed` packs it and multiplies by it at once, while it is in the first levels of cache, so
//!   that B is read once and nothing but C is written to memory.
//! - Otherwise A and B are copied into panels, which the micro-kernel reads front to back.
//!
//! [`plan_together`] decides about several products that share an operand or are summed: they
//! become one product if each of them would be packed or streamed alone, and are computed one by
//! one if not. Results in bf16 are rounded while they are in cache if K ≤ 4·kc; otherwise sums in
//! `f32` are rounded in a second pass.
//!
//! All threads work on a product of at least 2¹⁸ multiplications, unless the caller wants one.
//! No choice changes any bit.
//!
//! At debug level the log names the method and threads for each shape, once.

use crate::Context;
use crate::isa::GemmKernel;
use crate::matrix::element::DType;
use crate::matrix::view::View;
use crate::matrix::{Mat, MatMut};
use crate::memory::cache::LINE_BYTES;
use half::bf16;
use rayon::prelude::*;
use std::collections::HashSet;
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

/// The most columns of a B that is read where it is.
const UNPACKED_COLS: usize = 64;
/// The most blocks of K, of kc each, of a C that is rounded while it is in cache: all of them are
/// multiplied before a part of C leaves it.
pub(super) const ROUNDED_K_BLOCKS: usize = 4;
/// Products with fewer multiplications (some 20 µs of work) are not worth waking other threads.
const SMALLEST_PARALLEL: usize = 1 << 18;

/// The β of C ← A·B + β·C: what happens to the numbers that C holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beta {
    /// They are overwritten: C ← A·B.
    Zero,
    /// The product is added to them: C ← C + A·B.
    One,
}

impl Beta {
    /// Returns `One` if the product is to be added to C.
    pub fn accumulating(accumulate: bool) -> Self {
        if accumulate { Self::One } else { Self::Zero }
    }

    /// Computes C ← β·C.
    pub(super) fn scale(self, c: &mut MatMut<'_>) {
        if self == Self::Zero {
            c.rows_mut().for_each(|row| row.fill(0.0));
        }
    }
}

/// The threads that compute a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// The calling thread alone, for products that are parallel on the outside.
    One,
    /// All threads of the current pool.
    All,
}

impl Threads {
    /// Returns the number of threads.
    pub(super) fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::All => rayon::current_num_threads(),
        }
    }

    /// Runs `f` on each task, in any order.
    pub(super) fn for_each<T: Send>(self, tasks: Vec<T>, f: impl Fn(T) + Send + Sync) {
        match self {
            Self::One => tasks.into_iter().for_each(f),
            Self::All => tasks.into_par_iter().with_max_len(1).for_each(f),
        }
    }

    /// Returns `All` if they are wanted and the work is worth waking them.
    fn worth_waking(self, multiplications: usize) -> Self {
        match self {
            Self::All if multiplications >= SMALLEST_PARALLEL && self.count() > 1 => Self::All,
            _ => Self::One,
        }
    }
}

/// The order of B's elements in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Those of a row side by side.
    Rows,
    /// Those of a column side by side: B is the transpose of a row-major matrix.
    Columns,
    /// Neither.
    Strided,
    /// Packed before.
    Panels,
}

/// The operands of a product as far as plans depend on them: their sizes, their types, and how B
/// lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operands {
    pub(super) m: usize,
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) a: DType,
    pub(super) b: DType,
    pub(super) b_order: Order,
}

impl Operands {
    pub(super) fn of(a: Mat<'_>, b: Mat<'_>) -> Self {
        let b_order = match b.strides() {
            [_, 1] => Order::Rows,
            [1, _] => Order::Columns,
            _ => Order::Strided,
        };
        Self { m: a.rows(), k: a.cols(), n: b.cols(), a: a.dtype(), b: b.dtype(), b_order }
    }

    fn multiplications(self) -> usize {
        self.m.saturating_mul(self.n).saturating_mul(self.k)
    }
}

impl fmt::Display for Operands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { m, k, n, a, b, b_order } = self;
        write!(f, "{m}×{k}×{n} ({a:?} by {b:?} in {b_order:?})")
    }
}

/// A way to compute a product; see the table above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Method {
    Empty,
    Unpacked,
    Streamed,
    Packed,
}

impl Method {
    /// Returns `true` if operands are packed, whenever that happens.
    fn packs(self) -> bool {
        matches!(self, Self::Streamed | Self::Packed)
    }
}

/// The way in which a product is computed, and the threads that do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strategy {
    pub(super) method: Method,
    pub(super) threads: Threads,
}

/// Decides how one product is computed. `threads` are those that the caller allows.
pub(super) fn plan(context: Context, operands: Operands, threads: Threads) -> Strategy {
    let method = method(context, operands, threads);
    let threads = threads.worth_waking(operands.multiplications());
    log_once(context, || format!("{operands}: {method:?}, threads: {threads:?}"));
    Strategy { method, threads }
}

/// Applies the table at the top of this file.
fn method(context: Context, operands: Operands, threads: Threads) -> Method {
    let Operands { m, k, n, a, b, b_order } = operands;
    if m == 0 || k == 0 || n == 0 {
        return Method::Empty;
    }
    let gemm = &context.kernels.gemm;
    let reads_a =
        gemm.unpacked.is_some() && !context.rounds_operands() && a == DType::F32 && m >= gemm.mr;
    let whole_panels = n <= UNPACKED_COLS && n.is_multiple_of(gemm.nr);
    let reads_b = match b_order {
        Order::Rows => whole_panels && b == DType::F32,
        Order::Columns | Order::Strided => false,
        Order::Panels => true,
    };
    if threads == Threads::One && reads_a && reads_b {
        Method::Unpacked
    } else if m <= table(context).mc && b_order == Order::Columns {
        Method::Streamed
    } else {
        Method::Packed
    }
}

/// Decides how several products are computed that share an operand or are summed, with results of
/// type `c`: as one packed or streamed product, or, if that is `None`, one after the other, each by
/// its own plan; results in bf16 are then rounded in a second pass.
pub(super) fn plan_together<'a>(
    context: Context,
    products: impl Iterator<Item = (Mat<'a>, Mat<'a>)>,
    c: DType,
) -> Option<Strategy> {
    let products: Vec<_> = products.map(|(a, b)| Operands::of(a, b)).collect();
    let joint_method = |&operands: &Operands| {
        let k_blocks = operands.k.div_ceil(table(context).kc);
        let method = method(context, operands, Threads::All);
        let fits = c == DType::F32 || k_blocks <= ROUNDED_K_BLOCKS;
        (method.packs() && fits).then_some(method)
    };
    // If one of them is to be packed, all are.
    let methods: Option<Vec<_>> = products.iter().map(joint_method).collect();
    let method = methods.and_then(|methods| methods.into_iter().max());
    let strategy = method.map(|method| {
        let sizes = products.iter().map(|product| product.multiplications());
        let threads = Threads::All.worth_waking(sizes.fold(0, usize::saturating_add));
        Strategy { method, threads }
    });
    log_once(context, || {
        let each = products.iter().map(Operands::to_string).collect::<Vec<_>>().join(" with ");
        let how = match strategy {
            Some(Strategy { method, threads }) => {
                format!("{method:?} together, threads: {threads:?}")
            }
            None => "one by one".to_owned(),
        };
        format!("{each}, into {c:?}: {how}")
    });
    strategy
}

/// Returns `true` if the micro-kernel for rows in bf16, where there is one, reads this block of A
/// where it is: it has whole panels of rows and whole steps of K, and each row begins a cache line.
pub(super) fn reads_bf16_rows(table: &GemmKernel, a: View<'_, bf16>) -> bool {
    let begins_line = |bytes: usize| bytes.is_multiple_of(LINE_BYTES);
    a.rows.is_multiple_of(table.mr)
        && a.cols.is_multiple_of(table.k_per_step)
        && a.col_stride == 1
        && begins_line(a.data.as_ptr().addr())
        && begins_line(a.row_stride * size_of::<bf16>())
}

/// Returns the micro-kernel and its packing.
pub(super) fn table(context: Context) -> &'static GemmKernel {
    match &context.kernels.gemm_bf16 {
        Some(bf16) if context.rounds_operands() => bf16,
        _ => &context.kernels.gemm,
    }
}

/// Logs a decision at debug level, unless it was logged before.
fn log_once(Context { kernels, precision }: Context, decision: impl FnOnce() -> String) {
    static LOGGED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
    if log::log_enabled!(log::Level::Debug) {
        let decision = decision().to_lowercase();
        let line = format!("gemm in {precision} on {}: {decision}", kernels.isa());
        let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.insert(line.clone()) {
            log::debug!("{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Precision;
    use crate::isa::{available, portable};

    /// Operands of these sizes, M, K and N, in `f32` and contiguous.
    fn of_sizes([m, k, n]: [usize; 3]) -> Operands {
        Operands { m, k, n, a: DType::F32, b: DType::F32, b_order: Order::Rows }
    }

    fn f32_context(kernels: &'static crate::Kernels) -> Context {
        Context { kernels, precision: Precision::F32 }
    }

    /// The method for M, K and N with B in this order, on one thread.
    fn method_of(context: Context, sizes: [usize; 3], b_order: Order) -> Method {
        plan(context, Operands { b_order, ..of_sizes(sizes) }, Threads::One).method
    }

    #[test]
    fn a_size_of_zero_leaves_nothing_to_multiply() {
        let context = Context::detect();
        for sizes in [[0, 5, 5], [5, 0, 5], [5, 5, 0]] {
            for order in [Order::Rows, Order::Columns, Order::Strided, Order::Panels] {
                assert_eq!(method_of(context, sizes, order), Method::Empty, "{sizes:?} {order:?}");
            }
        }
    }

    #[test]
    fn a_panel_of_columns_that_meets_one_block_of_rows_is_multiplied_as_soon_as_it_is_packed() {
        let context = Context::detect();
        let most = context.kernels.gemm.mc;
        for rows in [1, most] {
            assert_eq!(method_of(context, [rows, 700, 900], Order::Columns), Method::Streamed);
        }
        assert_eq!(method_of(context, [most + 1, 700, 900], Order::Columns), Method::Packed);
        for order in [Order::Rows, Order::Strided, Order::Panels] {
            assert_eq!(method_of(context, [1, 700, 900], order), Method::Packed);
        }
    }

    #[test]
    fn small_products_of_one_thread_are_read_where_they_are() {
        for context in available().into_iter().map(f32_context) {
            let (gemm, nr) = (&context.kernels.gemm, context.kernels.gemm.nr);
            let wanted = if gemm.unpacked.is_some() { Method::Unpacked } else { Method::Packed };
            let rows = 2 * gemm.mr;
            assert_eq!(method_of(context, [rows, 256, nr], Order::Rows), wanted);
            assert_eq!(method_of(context, [rows, 256, 1000], Order::Panels), wanted);
            // No whole panels, too many columns, columns side by side, no whole tile of rows.
            for (sizes, order, expected) in [
                ([rows, 256, nr + 1], Order::Rows, Method::Packed),
                ([rows, 256, 64 + nr], Order::Rows, Method::Packed),
                ([rows, 256, nr], Order::Columns, Method::Streamed),
                ([gemm.mr - 1, 256, nr], Order::Panels, Method::Packed),
            ] {
                assert_eq!(method_of(context, sizes, order), expected, "{sizes:?} {order:?}");
            }
            let fits = of_sizes([rows, 256, nr]);
            let parallel = plan(context, fits, Threads::All);
            assert_eq!(parallel.method, Method::Packed);
            for operands in
                [Operands { a: DType::Bf16, ..fits }, Operands { b: DType::Bf16, ..fits }]
            {
                let found = plan(context, operands, Threads::One);
                assert_eq!(found.method, Method::Packed, "{operands}");
            }
            let rounding = context.with_precision(Precision::Bf16);
            assert_eq!(method_of(rounding, [rows, 256, nr], Order::Rows), Method::Packed);
        }
    }

    #[test]
    fn threads_are_woken_for_enough_work() {
        let context = Context::detect();
        let threads = |pool: usize, m: usize, wanted: Threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(pool).build().unwrap();
            pool.install(|| plan(context, of_sizes([m, 64, 64]), wanted).threads)
        };
        assert_eq!(threads(2, 64, Threads::All), Threads::All);
        assert_eq!(threads(2, 63, Threads::All), Threads::One);
        assert_eq!(threads(2, 6400, Threads::One), Threads::One);
        assert_eq!(threads(1, 6400, Threads::All), Threads::One);
    }

    #[test]
    fn products_are_packed_together_if_each_would_be_packed() {
        let context = f32_context(&portable::KERNELS);
        let kc = table(context).kc;
        let mc = table(context).mc;
        let data = vec![0.0; (mc + 1) * (ROUNDED_K_BLOCKS * kc + 1)];
        let product = |m: usize, k: usize| (Mat::new(&data, m, k), Mat::new(&data, 7, k).t());
        let plan = |products: &[_], c| plan_together(context, products.iter().copied(), c);
        let [empty, small, long, too_long, many_rows] = [
            product(0, 5),
            product(5, 5),
            product(5, ROUNDED_K_BLOCKS * kc),
            product(5, ROUNDED_K_BLOCKS * kc + 1),
            product(mc + 1, 5),
        ];
        let by_one_thread = |method| Some(Strategy { method, threads: Threads::One });
        for c in [DType::F32, DType::Bf16] {
            assert_eq!(plan(&[small, long], c), by_one_thread(Method::Streamed));
            assert_eq!(plan(&[small, many_rows], c), by_one_thread(Method::Packed));
            assert_eq!(plan(&[small, empty], c), None);
            assert_eq!(plan(&[], c), None);
        }
        assert_eq!(plan(&[small, too_long], DType::F32), by_one_thread(Method::Streamed));
        assert_eq!(plan(&[small, too_long], DType::Bf16), None);
    }

    #[test]
    fn the_table_for_bf16_is_that_of_the_unit_if_there_is_one() {
        for kernels in available() {
            let bf16 = table(Context { kernels, precision: Precision::Bf16 });
            let expected = kernels.gemm_bf16.as_ref().unwrap_or(&kernels.gemm);
            assert!(std::ptr::eq(bf16, expected), "{:?}", kernels.isa());
            assert!(std::ptr::eq(table(f32_context(kernels)), &kernels.gemm));
        }
    }
}
