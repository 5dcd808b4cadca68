//! A log's file: whole lines are appended by several cores, and by several engines at once. It is moved away when it has
//! grown large, found again when somebody else has moved it, and a disk that is full costs lines, not answers.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Tries for the lock that engines share. One of them that was stopped while it held it must not stop the others.
const LOCK_TRIES: usize = 1_000;
/// A disk at its brim fails and recovers by turns: that is one event, not a hundred.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// A file that lines are appended to.
pub struct LogFile {
    who: String,
    path: Option<PathBuf>,
    head: &'static str,
    bytes_max: u64,
    open: Mutex<Open>,
    lost: AtomicU64,
}

struct Open {
    file: File,
    failing: bool,
    said: Option<Instant>,
    lost_told: u64,
}

impl LogFile {
    /// Open for appending.
    ///
    /// head       what each new file begins with
    /// bytes_max  what would grow beyond it is renamed to `NAME.1` and begun anew; 0: never
    /// who        whose it is, for what is said of it
    pub fn open(path: &Path, head: &'static str, bytes_max: u64, who: &str) -> io::Result<Arc<Self>> {
        let mut log = Self::new(append_to(path)?);
        log.path = Some(path.to_owned());
        log.head = head;
        log.bytes_max = bytes_max;
        who.clone_into(&mut log.who);
        log.append(b""); // the head of a new file
        Ok(Arc::new(log))
    }

    /// Over an open file that has no name to be found by.
    pub fn over(file: File) -> Arc<Self> {
        Arc::new(Self::new(file))
    }

    fn new(file: File) -> Self {
        let open = Open { file, failing: false, said: None, lost_told: 0 };
        LogFile {
            who: String::new(),
            path: None,
            head: "",
            bytes_max: 0,
            open: Mutex::new(open),
            lost: AtomicU64::new(0),
        }
    }

    /// Append whole lines; how many of their bytes lie in the file now. Less than all: there is no room, and the file
    /// ends with a whole line.
    pub fn append(&self, lines: &[u8]) -> usize {
        let mut open = self.open.lock();
        let is_locked = self.turn(&mut open, lines.len() as u64);
        let done = self.put(&open.file, lines, is_locked);
        if is_locked {
            let _ = open.file.unlock(); // closing would do it too
        }
        match done {
            Ok(()) => {
                self.recovered(&mut open);
                lines.len()
            }
            Err((kept, error)) => {
                self.failed(&mut open, &error);
                kept
            }
        }
    }

    /// Lines that nobody will read.
    pub fn lose(&self, lines: u64) {
        self.lost.fetch_add(lines, Relaxed);
    }

    /// How many were lost since it was opened.
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// Hold the file that has the name now, with room for so many more bytes. Whether it is locked: a file is renamed
    /// under its lock alone, so what is written under it is in the file that had the name.
    fn turn(&self, open: &mut Open, more: u64) -> bool {
        let mut is_locked = lock(&open.file);
        let Some(path) = &self.path else { return is_locked };
        if !has_name(&open.file, path) {
            is_locked = reopen(open, path, is_locked);
        }
        let bytes = open.file.metadata().map_or(0, |facts| facts.len());
        let is_full = self.bytes_max > 0 && bytes > 0 && bytes + more > self.bytes_max;
        if is_full && is_locked && has_name(&open.file, path) && std::fs::rename(path, older(path)).is_ok() {
            is_locked = reopen(open, path, is_locked);
        }
        is_locked
    }

    fn put(&self, file: &File, lines: &[u8], is_locked: bool) -> Result<(), (usize, io::Error)> {
        let before = file.metadata().map_or(0, |facts| facts.len());
        let head = if before == 0 { self.head.as_bytes() } else { b"" };
        if let (_, Err(error)) = write_some(file, head) {
            let _ = file.set_len(before); // the next one to write begins with it
            return Err((0, error));
        }
        let (written, done) = write_some(file, lines);
        done.map_err(|error| {
            let whole = lines[..written].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            // unlocked, somebody else's line may stand behind ours: then ours is finished when there is room
            let is_cut = is_locked && file.set_len(before + (head.len() + whole) as u64).is_ok();
            (if is_cut { whole } else { written }, error)
        })
    }

    fn failed(&self, open: &mut Open, error: &io::Error) {
        if !open.failing && open.said.is_none_or(|at| at.elapsed() >= SAY_AGAIN) {
            open.said = Some(Instant::now());
            eprintln!(
                "{}: cannot be written: {error}; what is lost is counted, and serving goes on",
                self.name()
            );
        }
        open.failing = true;
    }

    fn recovered(&self, open: &mut Open) {
        let lost = self.lost();
        if open.failing && lost > open.lost_told {
            eprintln!("{}: can be written again; {} lines were lost", self.name(), lost - open.lost_told);
            open.lost_told = lost;
        }
        open.failing = false;
    }

    /// For what is said of it.
    fn name(&self) -> String {
        let file = self.path.as_ref().and_then(|path| path.file_name()).unwrap_or_default();
        format!("{}: {}", self.who, file.display())
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        let lost = self.lost() - self.open.lock().lost_told;
        if lost > 0 {
            eprintln!("{}: {lost} lines were lost", self.name());
        }
    }
}

/// Where a log goes that has grown large.
pub fn older(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// The file that has the name now, made where there is none; the old one where it cannot be had. Whether it is locked.
fn reopen(open: &mut Open, path: &Path, is_locked: bool) -> bool {
    match append_to(path) {
        Ok(file) => {
            open.file = file; // closing the old one lets go of its lock
            lock(&open.file)
        }
        Err(_) => is_locked,
    }
}

fn has_name(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

fn lock(file: &File) -> bool {
    (0..LOCK_TRIES).any(|tried| {
        if tried > 0 {
            std::thread::yield_now();
        }
        file.try_lock().is_ok()
    })
}

/// Write as much as there is room for.
fn write_some(mut file: &File, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}
