//! The access log: a buffer a core, written in large pieces. A log that cannot be written never stops a request.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::record::{Format, STANDARD_HEADER, View, Writer};

/// Written at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Where records go.
pub struct AccessLog {
    file: Option<Arc<File>>,
    format: Format,
    writer: Writer,
    buffer: Vec<u8>,
}

impl AccessLog {
    /// No log.
    pub fn none() -> Self {
        AccessLog { file: None, format: Format::Standard, writer: Writer::default(), buffer: Vec::new() }
    }

    /// To a file, shared by all cores (each writes whole lines).
    pub fn to(file: Arc<File>, format: Format) -> Self {
        AccessLog {
            file: Some(file),
            format,
            writer: Writer::default(),
            buffer: Vec::with_capacity(PIECE_BYTES + 4096),
        }
    }

    /// Open for appending; a new standard log gets its two header lines.
    pub fn open(path: &Path, format: Format) -> std::io::Result<Arc<File>> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        if format == Format::Standard && file.metadata()?.len() == 0 {
            file.write_all(STANDARD_HEADER.as_bytes())?;
        }
        Ok(Arc::new(file))
    }

    /// One record.
    pub fn write(&mut self, view: &View<'_>) {
        if self.file.is_none() {
            return;
        }
        self.writer.write(self.format, view, &mut self.buffer);
        if self.buffer.len() >= PIECE_BYTES {
            self.flush();
        }
    }

    /// Hand over what is buffered.
    pub fn flush(&mut self) {
        if let Some(file) = &self.file
            && !self.buffer.is_empty()
        {
            // a full disk costs records, not answers; the count of records tells the loss
            let _ = (&**file).write_all(&self.buffer);
            self.buffer.clear();
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.flush();
    }
}
