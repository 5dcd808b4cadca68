//! The functions' log: one JSON object a line, written at once, so that whoever follows it sees it now.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use crate::clock::SharedClock;
use crate::function::pool::FunctionLog;
use crate::snapshot::FunctionRef;

/// A file of lines.
pub struct FileLog {
    file: Arc<File>,
    pop: String,
    clock: SharedClock,
}

impl FileLog {
    /// Open for appending.
    pub fn open(path: &Path) -> std::io::Result<Arc<File>> {
        OpenOptions::new().create(true).append(true).open(path).map(Arc::new)
    }

    /// Over an open file.
    pub fn new(file: Arc<File>, pop: &str, clock: SharedClock) -> Rc<Self> {
        Rc::new(FileLog { file, pop: pop.to_owned(), clock })
    }
}

impl FunctionLog for FileLog {
    fn line(&self, function: &FunctionRef, request_id: &str, stream: &str, text: &[u8], dropped_bytes: u64) {
        let line = serde_json::json!({
            "time_ms": self.clock.unix_ms(),
            "pop": self.pop,
            "function": function.name,
            "version": function.version,
            "request_id": request_id,
            "stream": stream,
            "text": String::from_utf8_lossy(text),
            "dropped_bytes": dropped_bytes,
        });
        // one write a line, so that lines of several cores do not mix; a full disk costs lines, not answers
        let _ = (&*self.file).write_all(format!("{line}\n").as_bytes());
    }
}

/// Nowhere.
pub struct NoLog;

impl FunctionLog for NoLog {
    fn line(&self, _: &FunctionRef, _: &str, _: &str, _: &[u8], _: u64) {}
}
