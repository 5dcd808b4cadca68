//! The purge journal: a purge is on disk before it is acknowledged.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use skerry_cache::PurgeLog;

/// Rewritten as a checkpoint once it has grown to this.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The file.
pub struct Journal {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Journal {
    /// Open it and teach `log` what it holds. A record cut by a crash was never acknowledged and is dropped.
    pub fn open(folder: &Path, log: &PurgeLog) -> io::Result<Journal> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join("purges.journal");
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path)?;
        let mut held = Vec::new();
        file.read_to_end(&mut held)?;
        let whole = log.replay(&held).whole_bytes as u64;
        file.set_len(whole)?;
        let file = OpenOptions::new().append(true).open(&path)?;
        Ok(Journal { path, file, bytes: whole })
    }

    /// Make a record durable.
    pub fn append(&mut self, record: &[u8], log: &PurgeLog) -> io::Result<()> {
        if self.bytes > BYTES_MAX {
            self.rewrite(log)?;
        }
        self.file.write_all(record)?;
        self.file.sync_data()?;
        self.bytes += record.len() as u64;
        Ok(())
    }

    fn rewrite(&mut self, log: &PurgeLog) -> io::Result<()> {
        let fresh = self.path.with_extension("new");
        let checkpoint = log.checkpoint();
        let mut file = File::create(&fresh)?;
        file.write_all(&checkpoint)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.bytes = checkpoint.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skerry_cache::{Force, Purge, Target};

    #[test]
    fn a_position_survives_and_a_cut_record_does_not_count() {
        let folder = std::env::temp_dir().join(format!("skerry-journal-{}", std::process::id()));
        let purge = Purge { target: Target::Path(b"/a"[..].into()), force: Force::Hard, space: None };
        let seq = {
            let log = PurgeLog::new(100);
            let mut journal = Journal::open(&folder, &log).unwrap();
            for _ in 0..3 {
                let done = log.append(&purge).unwrap();
                journal.append(&done.record, &log).unwrap();
            }
            log.seq()
        };
        let path = folder.join("purges.journal");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend_from_within(..5);
        std::fs::write(&path, &bytes).unwrap();
        let log = PurgeLog::new(100);
        Journal::open(&folder, &log).unwrap();
        assert_eq!(log.seq(), seq);
        assert_eq!(std::fs::metadata(&path).unwrap().len() as usize, bytes.len() - 5);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
