//! A thread that sends a file to the disk while it is being written.

use std::fs::File;
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// Bytes written between two syncs.
const BYTES_PER_SYNC: usize = 8 << 20;

/// The syncing thread of one file.
pub(crate) struct EarlySync {
    wake: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
    bytes_since_sync: usize,
}

impl EarlySync {
    /// Starts the thread with `file`, a second handle of the file that is written.
    pub(crate) fn start(file: File) -> EarlySync {
        let (wake, woken) = sync_channel(1);
        let thread = thread::spawn(move || woken.iter().try_for_each(|()| file.sync_data()));
        EarlySync { wake, thread, bytes_since_sync: 0 }
    }

    /// Notes that `bytes` more were written, and wakes the thread when they are enough.
    pub(crate) fn written(&mut self, bytes: usize) {
        self.bytes_since_sync += bytes;
        if self.bytes_since_sync >= BYTES_PER_SYNC {
            self.bytes_since_sync = 0;
            // The channel is full when the disk is behind, and closed after an error. A sync is
            // due already in the first case, and `finish` reports the error in the second.
            let _ = self.wake.try_send(());
        }
    }

    /// Waits for the thread. What was written last is not synced yet.
    ///
    /// # Errors
    /// When a sync failed. Operating systems report such a failure once, to the handle that asks
    /// first, so a later sync of the whole file may not see it.
    pub(crate) fn finish(self) -> io::Result<()> {
        drop(self.wake);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the syncing thread panicked")))
    }
}
