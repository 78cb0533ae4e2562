//! Memory for packed panels and sums that each thread keeps from product to product.

use crate::memory::pool::Buffer;
use std::cell::RefCell;
use std::thread::LocalKey;

thread_local! {
    pub(super) static A_PANELS: RefCell<Buffer> = RefCell::new(Buffer::scratch(0));
    pub(super) static B_PANELS: RefCell<Buffer> = RefCell::new(Buffer::scratch(0));
    pub(super) static B_PANEL: RefCell<Buffer> = RefCell::new(Buffer::scratch(0));
    pub(super) static SUMS: RefCell<Buffer> = RefCell::new(Buffer::scratch(0));
}

/// Lends this thread's scratch memory. `f` must not ask for the same memory again, so it must not
/// wait for other tasks, which may.
pub(super) fn with_scratch<R>(
    scratch: &'static LocalKey<RefCell<Buffer>>,
    len: usize,
    f: impl FnOnce(&mut [f32]) -> R,
) -> R {
    scratch.with_borrow_mut(|buffer| {
        if buffer.as_slice().len() < len {
            *buffer = Buffer::scratch(len);
        }
        f(&mut buffer.as_mut_slice()[..len])
    })
}
