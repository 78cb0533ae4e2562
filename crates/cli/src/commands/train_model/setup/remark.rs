//! Lines for the log that wait until all of a run is checked, so that an error stands alone.

use log::Level;

/// A line for the log, once all is checked.
#[derive(Debug, Clone)]
pub struct Remark {
    level: Level,
    text: String,
}

impl Remark {
    /// Creates a remark.
    pub fn new(level: Level, text: String) -> Remark {
        Remark { level, text }
    }

    /// Logs it.
    pub fn log(&self) {
        log::log!(self.level, "{}", self.text);
    }
}
