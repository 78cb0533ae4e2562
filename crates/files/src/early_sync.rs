//! A thread that sends a file to the disk while it is being written.

use std::fs::File;
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// Bytes that are written before the disk is told again.
const EVERY: usize = 8 << 20;

/// Syncs a file now and then.
pub(super) struct EarlySync {
    wake: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
    since_last: usize,
}

impl EarlySync {
    /// Begins with `file`, another handle of the one that is written.
    pub fn start(file: File) -> EarlySync {
        let (wake, woken) = sync_channel(1);
        let thread = thread::spawn(move || woken.iter().try_for_each(|()| file.sync_data()));
        EarlySync { wake, thread, since_last: 0 }
    }

    /// So many bytes more are written.
    pub fn written(&mut self, bytes: usize) {
        self.since_last += bytes;
        if self.since_last >= EVERY {
            self.since_last = 0;
            // Full when the disk is behind, closed after an error: nothing to add to that.
            let _ = self.wake.try_send(());
        }
    }

    /// Waits for the thread. The file as a whole is not synced by that.
    ///
    /// # Errors
    /// What the disk said: it says it once only, to whoever asks first.
    pub fn finish(self) -> io::Result<()> {
        drop(self.wake);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the syncing thread panicked")))
    }
}
