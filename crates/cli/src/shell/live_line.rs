//! A line at the bottom of the terminal that is drawn again and again, and that all other output
//! to the terminal goes around.
//!
//! While the line is there the cursor stands at its beginning. A terminal that has become narrower
//! breaks the line into several, of which the cursor still marks the first, and everything from
//! the cursor on is erased before the next drawing: nothing stale stays behind. For the same reason
//! the `^C` that a terminal shows for Ctrl-C is drawn over.

use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{interrupt, terminal};

/// The time between two drawings.
const TICK: Duration = Duration::from_millis(100);
/// The time between two looks for Ctrl-C. It is short, so that the line is gone before a second
/// Ctrl-C, which ends the process at once, and the shell's prompt does not come upon it.
const POLL: Duration = Duration::from_millis(20);
/// To the beginning of the line, and erase everything from there on.
const ERASE: &str = "\r\x1b[J";

/// `true` while the line is on the terminal. Whoever writes there holds the lock.
static IS_DRAWN: Mutex<bool> = Mutex::new(false);

/// A line that is drawn until this is dropped, or until Ctrl-C.
pub struct LiveLine {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LiveLine {
    /// Begins to draw the text that `render` returns for a number of columns. `None` where there is
    /// no terminal that can do this, or with `--quiet`.
    ///
    /// After Ctrl-C nothing more is drawn, and `farewell` is logged, if there is one.
    pub fn start(
        render: impl Fn(usize) -> String + Send + 'static,
        farewell: Option<&'static str>,
    ) -> Option<LiveLine> {
        if !log::log_enabled!(log::Level::Info) || !terminal::can_redraw() {
            return None;
        }
        let (stop, stopped) = mpsc::channel();
        let draw_until_stopped = move || {
            let mut drawn = Instant::now();
            while stopped.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
                if interrupt::requested() {
                    // Also over a `^C` where no line was drawn.
                    draw("");
                    suspend(|| ());
                    farewell.iter().for_each(|text| log::info!("{text}"));
                    return;
                }
                if drawn.elapsed() < TICK {
                    continue;
                }
                drawn = Instant::now();
                // The last column stays free: some terminals go to the next line after it.
                let text = terminal::width().map(|width| render(width.saturating_sub(1)));
                draw(&text.unwrap_or_default());
            }
            suspend(|| ());
        };
        let thread = std::thread::Builder::new().name("live-line".into()).spawn(draw_until_stopped);
        Some(LiveLine { stop: Some(stop), thread: Some(thread.ok()?) })
    }
}

impl Drop for LiveLine {
    fn drop(&mut self) {
        drop(self.stop.take());
        // The thread erases the line. If it panicked, that was reported.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Runs `write`, which writes to the terminal, while no line is drawn there.
pub fn suspend<R>(write: impl FnOnce() -> R) -> R {
    let mut is_drawn = lock();
    if std::mem::take(&mut *is_drawn) {
        // Nothing can be reported if standard error is closed.
        let _ = io::stderr().write_all(ERASE.as_bytes());
    }
    write()
}

fn draw(text: &str) {
    let mut is_drawn = lock();
    *is_drawn = true;
    // In one piece, so that nothing flickers.
    let _ = io::stderr().write_all(drawing(text).as_bytes());
}

/// Returns the bytes that draw `text` in place of what was drawn before.
fn drawing(text: &str) -> String {
    format!("{ERASE}{text}\r")
}

fn lock() -> MutexGuard<'static, bool> {
    IS_DRAWN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A terminal that breaks its lines anew when its width changes.
    struct Screen {
        width: usize,
        lines: Vec<String>,
        /// The place in the last line.
        cursor: usize,
    }

    impl Screen {
        fn write(&mut self, text: &str) {
            let mut rest = text;
            while let Some(c) = rest.chars().next() {
                let line = self.lines.last_mut().unwrap();
                if let Some(after) = rest.strip_prefix("\x1b[J") {
                    line.truncate(self.cursor);
                    rest = after;
                    continue;
                }
                match c {
                    '\r' => self.cursor -= self.cursor % self.width,
                    '\n' => {
                        self.lines.push(String::new());
                        self.cursor = 0;
                    }
                    _ => {
                        let end = line.len().min(self.cursor + 1);
                        line.replace_range(self.cursor..end, &c.to_string());
                        self.cursor += 1;
                    }
                }
                rest = &rest[c.len_utf8()..];
            }
        }

        fn rows(&self) -> Vec<&str> {
            let rows = self.lines.iter().flat_map(|line| {
                (0..line.len().max(1))
                    .step_by(self.width)
                    .map(|from| &line[from..line.len().min(from + self.width)])
            });
            rows.collect()
        }
    }

    #[test]
    fn nothing_stale_stays_when_the_window_changes() {
        let mut screen = Screen { width: 80, lines: vec![String::new()], cursor: 0 };
        screen.write("step 100: loss 4.0\n");
        for width in [80, 40, 17, 130, 50] {
            screen.width = width;
            let text = "=".repeat(width - 1);
            screen.write(&drawing(&text));
            assert_eq!(screen.rows().last(), Some(&&*text));
            let whole: String = screen.rows().concat();
            assert_eq!(whole, format!("step 100: loss 4.0{text}"), "{width}");
            // The terminal's echo of Ctrl-C.
            screen.write("^C");
            screen.write(&drawing(&text));
            assert_eq!(screen.rows().last(), Some(&&*text));
        }
        screen.width = 20;
        screen.write(ERASE);
        assert_eq!(screen.rows(), ["step 100: loss 4.0", ""]);
    }
}
