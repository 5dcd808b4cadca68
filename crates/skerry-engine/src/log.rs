//! The access log: a buffer a core, written in large pieces. A log that cannot be written never stops a request.

use std::path::Path;
use std::sync::Arc;

use crate::log_file::LogFile;
use crate::record::{Format, STANDARD_HEADER, View, Writer};

/// Written at once, and kept at most while there is no room to write.
const PIECE_BYTES: usize = 64 * 1024;

/// Where records go.
pub struct AccessLog {
    file: Option<Arc<LogFile>>,
    format: Format,
    writer: Writer,
    buffer: Vec<u8>,
    /// The file takes no more; the next tick tries again.
    is_stuck: bool,
}

impl AccessLog {
    /// No log.
    pub fn none() -> Self {
        AccessLog {
            file: None,
            format: Format::Standard,
            writer: Writer::default(),
            buffer: Vec::new(),
            is_stuck: false,
        }
    }

    /// To a file, shared by all cores (each writes whole lines).
    pub fn to(file: Arc<LogFile>, format: Format) -> Self {
        AccessLog {
            file: Some(file),
            format,
            writer: Writer::default(),
            buffer: Vec::with_capacity(PIECE_BYTES + 4096),
            is_stuck: false,
        }
    }

    /// Open for appending; a new standard log gets its two header lines.
    pub fn open(path: &Path, format: Format, bytes_max: u64, pop: &str) -> std::io::Result<Arc<LogFile>> {
        LogFile::open(path, if format == Format::Standard { STANDARD_HEADER } else { "" }, bytes_max, pop)
    }

    /// One record.
    pub fn write(&mut self, view: &View<'_>) {
        let Some(file) = &self.file else { return };
        if self.is_stuck && self.buffer.len() >= PIECE_BYTES {
            file.lose(1);
            return;
        }
        self.writer.write(self.format, view, &mut self.buffer);
        if self.buffer.len() >= PIECE_BYTES && !self.is_stuck {
            self.flush();
        }
    }

    /// Hand over what is buffered.
    pub fn flush(&mut self) {
        if let Some(file) = &self.file
            && !self.buffer.is_empty()
        {
            let kept = file.append(&self.buffer);
            self.buffer.drain(..kept);
            self.is_stuck = !self.buffer.is_empty();
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.flush();
        if let Some(file) = &self.file {
            file.lose(self.buffer.iter().filter(|&&byte| byte == b'\n').count() as u64);
        }
    }
}
