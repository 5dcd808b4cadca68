//! The purge journal: a purge is on disk before it is acknowledged.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use skerry_cache::PurgeLog;

/// Rewritten as a checkpoint once it has grown to this.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The file. While an engine takes another one's place both have it open: who writes has it locked, and has read before
/// what the other wrote.
pub struct Journal {
    path: PathBuf,
    file: File,
    /// How far its records are known.
    bytes: u64,
}

impl Journal {
    /// Open it and teach `log` what it holds. A record cut by a crash was never acknowledged and is dropped.
    pub fn open(folder: &Path, log: &PurgeLog) -> io::Result<Journal> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join("purges.journal");
        let mut journal = Journal { file: reach(&path)?, path, bytes: 0 };
        journal.turn(log)?;
        journal.file.set_len(journal.bytes)?;
        journal.file.unlock()?;
        Ok(journal)
    }

    /// Lock it, and learn what others wrote. Until `append`, or an error, or the end of this value.
    pub fn turn(&mut self, log: &PurgeLog) -> io::Result<()> {
        self.file.lock()?;
        while !self.has_name()? {
            self.file = reach(&self.path)?; // the other one has rewritten it
            self.bytes = 0;
            self.file.lock()?;
        }
        self.learn(log)
    }

    /// Learn what others wrote, without a lock: a record that is not whole yet is not acknowledged yet either.
    pub fn hear(&mut self, log: &PurgeLog) -> io::Result<()> {
        if !self.has_name()? {
            self.file = reach(&self.path)?;
            self.bytes = 0;
        }
        self.learn(log)
    }

    /// Let others write.
    pub fn release(&self) {
        let _ = self.file.unlock(); // what is locked no more cannot be unlocked, and closing would do it too
    }

    /// Make a record durable; in one's turn. One that fails leaves nothing behind: what came after it would be lost with it.
    pub fn append(&mut self, record: &[u8], log: &PurgeLog) -> io::Result<()> {
        if self.bytes > BYTES_MAX {
            self.rewrite(log)?;
        }
        let written = (&self.file).write_all(record).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += record.len() as u64;
        Ok(())
    }

    fn has_name(&self) -> io::Result<bool> {
        let (ours, named) = (self.file.metadata()?, std::fs::metadata(&self.path)?);
        Ok((ours.dev(), ours.ino()) == (named.dev(), named.ino()))
    }

    fn learn(&mut self, log: &PurgeLog) -> io::Result<()> {
        let mut held = vec![0; self.file.metadata()?.len().saturating_sub(self.bytes) as usize];
        self.file.read_exact_at(&mut held, self.bytes)?;
        self.bytes += log.replay(&held).whole_bytes as u64;
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
        self.file = reach(&self.path)?;
        self.file.lock()?;
        self.bytes = checkpoint.len() as u64;
        Ok(())
    }
}

fn reach(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).read(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use skerry_cache::{Force, Purge, Target};

    fn write(journal: &mut Journal, log: &PurgeLog, purge: &Purge) -> u64 {
        journal.turn(log).unwrap();
        let done = log.append(purge).unwrap();
        journal.append(&done.record, log).unwrap();
        journal.release();
        done.seq
    }

    #[test]
    fn two_engines_count_as_one_also_when_one_of_them_rewrites() {
        let folder = std::env::temp_dir().join(format!("skerry-journals-{}", std::process::id()));
        let purge = Purge { target: Target::Path(b"/a"[..].into()), force: Force::Hard, space: None };
        let logs = [PurgeLog::new(100), PurgeLog::new(100)];
        let mut journals = [&logs[0], &logs[1]].map(|log| Journal::open(&folder, log).unwrap());
        let mut last = 0;
        for round in 0..200_usize {
            let at = round * 7 % 3 % 2;
            if round % 50 == 49 {
                journals[at].turn(&logs[at]).unwrap();
                journals[at].rewrite(&logs[at]).unwrap();
                journals[at].release();
            }
            let seq = write(&mut journals[at], &logs[at], &purge);
            assert_eq!(seq, last + 1, "{round}");
            last = seq;
            journals[1 - at].hear(&logs[1 - at]).unwrap();
            assert_eq!(logs[1 - at].seq(), seq, "{round}");
        }
        let log = PurgeLog::new(100);
        Journal::open(&folder, &log).unwrap();
        assert_eq!(log.seq(), last);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_position_survives_and_a_cut_record_does_not_count() {
        let folder = std::env::temp_dir().join(format!("skerry-journal-{}", std::process::id()));
        let purge = Purge { target: Target::Path(b"/a"[..].into()), force: Force::Hard, space: None };
        let seq = {
            let log = PurgeLog::new(100);
            let mut journal = Journal::open(&folder, &log).unwrap();
            for _ in 0..3 {
                write(&mut journal, &log, &purge);
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
