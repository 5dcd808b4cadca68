//! The functions' log: one JSON object a line, written at once, so that whoever follows it sees it now.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use crate::clock::SharedClock;
use crate::function::pool::FunctionLog;
use crate::log_file::LogFile;
use crate::snapshot::FunctionRef;

/// A file of lines.
pub struct FileLog {
    file: Arc<LogFile>,
    pop: String,
    clock: SharedClock,
}

impl FileLog {
    /// Open for appending. It is shared by the engines of a run.
    pub fn open(path: &Path, bytes_max: u64, pop: &str) -> std::io::Result<Arc<LogFile>> {
        LogFile::open(path, "", bytes_max, pop)
    }

    /// Over an open file.
    pub fn new(file: Arc<LogFile>, pop: &str, clock: SharedClock) -> Rc<Self> {
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
        let line = format!("{line}\n");
        if self.file.append(line.as_bytes()) < line.len() {
            self.file.lose(1);
        }
    }
}

/// Nowhere.
pub struct NoLog;

impl FunctionLog for NoLog {
    fn line(&self, _: &FunctionRef, _: &str, _: &str, _: &[u8], _: u64) {}
}
