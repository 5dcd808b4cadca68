//! Log files: moved away when large, found again when moved by others, whole lines through it all.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use skerry_engine::function_log::FileLog;
use skerry_engine::log_file::{LogFile, older};

/// A folder of the test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("skerry-logs-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        assert!(fs::create_dir(&path).is_ok(), "{} cannot be made", path.display());
        Folder(path)
    }

    fn log(&self) -> PathBuf {
        self.0.join("p.log")
    }

    /// Of the file that has the name, and of the one that had it before.
    fn read(&self) -> (String, String) {
        let text = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
        (text(self.log()), text(older(&self.log())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_log_that_is_full_is_begun_anew_with_its_head() {
    let folder = Folder::new("full");
    let log = LogFile::open(&folder.log(), "#head\n", 20, "pop").unwrap();
    for line in ["one\n", "two\n", "three\n"] {
        assert_eq!(log.append(line.as_bytes()), line.len());
    }
    assert_eq!(
        folder.read(),
        ("#head\none\ntwo\nthree\n".to_owned(), String::new()),
        "20 bytes are not too many"
    );
    log.append(b"four\n");
    assert_eq!(folder.read(), ("#head\nfour\n".to_owned(), "#head\none\ntwo\nthree\n".to_owned()));
    log.append(b"longer than any log may be\n");
    assert_eq!(folder.read().0, "#head\nlonger than any log may be\n", "whole all the same");
    assert_eq!(folder.read().1, "#head\nfour\n");
}

/// Two engines with two cores each write into one log while it turns once: every line is there once, whole.
#[test]
fn writers_beside_each_other_lose_and_split_nothing() {
    const LINES: usize = 2_000;
    let folder = Folder::new("beside");
    let line = |who: usize, n: usize| format!("{who} {n:05} {}\n", "x".repeat(n % 50));
    let bytes: usize = (0..4).flat_map(|who| (0..LINES).map(move |n| line(who, n).len())).sum();
    let bytes_max = bytes as u64 * 2 / 3;
    let open = || LogFile::open(&folder.log(), "", bytes_max, "pop").unwrap();
    let engines = [open(), open()];
    std::thread::scope(|threads| {
        for who in 0..4 {
            let log: Arc<LogFile> = engines[who / 2].clone();
            threads.spawn(move || (0..LINES).for_each(|n| assert!(log.append(line(who, n).as_bytes()) > 0)));
        }
    });
    let (new, old) = folder.read();
    assert!(!new.is_empty() && !old.is_empty(), "it has turned");
    assert!(old.len() as u64 <= bytes_max && new.len() as u64 <= bytes_max);
    let seen: BTreeSet<&str> = old.lines().chain(new.lines()).collect();
    let wanted: BTreeSet<String> = (0..4)
        .flat_map(|who| (0..LINES).map(move |n| line(who, n).trim_end_matches('\n').to_owned()))
        .collect();
    assert_eq!(old.lines().count() + new.lines().count(), 4 * LINES);
    assert!(seen.iter().copied().eq(wanted.iter().map(String::as_str)));
}

#[test]
fn a_log_that_somebody_has_moved_away_is_made_again() {
    let folder = Folder::new("moved");
    let log = FileLog::open(&folder.log(), 0, "pop").unwrap();
    log.append(b"one\n");
    fs::rename(folder.log(), folder.0.join("kept")).unwrap();
    log.append(b"two\n");
    fs::remove_file(folder.log()).unwrap();
    log.append(b"three\n");
    assert_eq!(folder.read().0, "three\n");
    assert_eq!(fs::read_to_string(folder.0.join("kept")).unwrap(), "one\n");
}

#[test]
fn a_log_that_cannot_be_made_again_goes_on_where_it_is() {
    let folder = Folder::new("gone");
    let log = FileLog::open(&folder.log(), 10, "pop").unwrap();
    fs::rename(&folder.0, folder.0.with_extension("away")).unwrap();
    assert_eq!(log.append(b"one two three\n"), 14);
    fs::rename(folder.0.with_extension("away"), &folder.0).unwrap();
    assert_eq!(folder.read().0, "one two three\n");
}

#[test]
fn what_a_full_disk_does_not_take_is_told() {
    let file = fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
    let log = LogFile::over(file);
    assert_eq!(log.append(b"one\n"), 0);
    log.lose(1);
    assert_eq!(log.lost(), 1);
}
