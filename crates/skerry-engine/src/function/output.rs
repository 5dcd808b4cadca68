//! What a handler prints, given to the call that printed it.
//!
//! The worker's shim writes `\x1eSKERRY <word> B|E <call id>\n` into both pipes around each call. Between the two
//! markers text belongs to that call; outside of them it is `late` and belongs to nobody (a thread that prints
//! after its call). A handler can forge markers only of its own function's log: the word is its worker's.
//! Markers are sought in the stream, not at the start of lines: what a handler printed last may lack a line end.

/// Kept of one call and stream; more is counted, not kept.
pub const CALL_BYTES_MAX: usize = 64 * 1024;
/// `B `, a call id of 20 digits, a line end.
const MARK_BYTES_MAX: usize = 23;

/// Text of one stream that belongs together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The call, or `None` for late text.
    pub call_id: Option<u64>,
    /// What was printed.
    pub text: Vec<u8>,
    /// Bytes beyond what was kept.
    pub dropped_bytes: u64,
}

/// Takes one pipe apart.
pub struct Splitter {
    marker: Vec<u8>,
    /// What may be the beginning of a marker.
    tail: Vec<u8>,
    now: Piece,
    done: Vec<Piece>,
}

/// What stands at a place where a marker may begin.
enum Found {
    Nothing,
    Beginning,
    Mark { bytes: usize, is_begin: bool, call_id: u64 },
}

impl Splitter {
    /// For a worker that announced `word`.
    pub fn new(word: &str) -> Self {
        Splitter {
            marker: format!("\x1eSKERRY {word} ").into_bytes(),
            tail: Vec::new(),
            now: Piece { call_id: None, text: Vec::new(), dropped_bytes: 0 },
            done: Vec::new(),
        }
    }

    /// Take in bytes of the pipe.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.tail.is_empty() {
            self.scan(bytes);
        } else {
            let mut joined = std::mem::take(&mut self.tail);
            joined.extend_from_slice(bytes);
            self.scan(&joined);
        }
    }

    fn scan(&mut self, mut rest: &[u8]) {
        while let Some(at) = memchr::memchr(self.marker[0], rest) {
            self.keep(&rest[..at]);
            rest = &rest[at..];
            match self.look(rest) {
                Found::Nothing => {
                    self.keep(&rest[..1]);
                    rest = &rest[1..];
                }
                Found::Beginning => {
                    self.tail = rest.to_vec();
                    return;
                }
                Found::Mark { bytes, is_begin, call_id } => {
                    self.close();
                    self.now.call_id = is_begin.then_some(call_id);
                    rest = &rest[bytes..];
                }
            }
        }
        self.keep(rest);
    }

    fn look(&self, rest: &[u8]) -> Found {
        let Some(after) = rest.strip_prefix(&self.marker[..]) else {
            return if self.marker.starts_with(rest) { Found::Beginning } else { Found::Nothing };
        };
        let near = &after[..after.len().min(MARK_BYTES_MAX)];
        match memchr::memchr(b'\n', near) {
            Some(end) => match read_mark(&near[..end]) {
                Some((is_begin, call_id)) => {
                    Found::Mark { bytes: self.marker.len() + end + 1, is_begin, call_id }
                }
                None => Found::Nothing,
            },
            None if near.len() < MARK_BYTES_MAX => Found::Beginning,
            None => Found::Nothing,
        }
    }

    fn keep(&mut self, text: &[u8]) {
        let room = CALL_BYTES_MAX.saturating_sub(self.now.text.len()).min(text.len());
        self.now.text.extend_from_slice(&text[..room]);
        self.now.dropped_bytes += (text.len() - room) as u64;
    }

    fn close(&mut self) {
        if !self.now.text.is_empty() || self.now.dropped_bytes > 0 {
            let call_id = self.now.call_id;
            self.done.push(std::mem::replace(
                &mut self.now,
                Piece { call_id, text: Vec::new(), dropped_bytes: 0 },
            ));
        }
    }

    /// What is complete. `all`: also what is still open (the worker is gone).
    pub fn take(&mut self, all: bool) -> Vec<Piece> {
        if all {
            let tail = std::mem::take(&mut self.tail);
            self.keep(&tail);
        }
        if all || self.now.call_id.is_none() {
            self.close();
        }
        std::mem::take(&mut self.done)
    }
}

fn read_mark(text: &[u8]) -> Option<(bool, u64)> {
    let (kind, id) = std::str::from_utf8(text).ok()?.split_once(' ')?;
    let id = id.parse().ok()?;
    match kind {
        "B" => Some((true, id)),
        "E" => Some((false, id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(call_id: Option<u64>, text: &str) -> Piece {
        Piece { call_id, text: text.into(), dropped_bytes: 0 }
    }

    #[test]
    fn text_goes_to_its_call_at_every_split() {
        let all = b"early\n\x1eSKERRY w B 1\none\ntwo\x1eSKERRY w E 1\nlate\n\x1e\x1eSKERRY w B 2\n\
            \x1eSKERRY x E 2\n\x1eSKERRY w E two\n\x1eSKERRY w E 2\n\x1eSKERRY w E 123456789012345678901234\n";
        for cut in 0..all.len() {
            let mut s = Splitter::new("w");
            s.feed(&all[..cut]);
            s.feed(&all[cut..]);
            let want = vec![
                piece(None, "early\n"),
                piece(Some(1), "one\ntwo"),
                piece(None, "late\n\x1e"),
                piece(Some(2), "\x1eSKERRY x E 2\n\x1eSKERRY w E two\n"),
                piece(None, "\x1eSKERRY w E 123456789012345678901234\n"),
            ];
            assert_eq!(s.take(false), want, "{cut}");
        }
    }

    #[test]
    fn a_flood_is_counted_not_kept_and_ends_with_its_call() {
        // with and without line ends: a marker after a megabyte of one line is a marker
        for line in [&b"0123456789"[..], b"012345678\n"] {
            let mut s = Splitter::new("w");
            s.feed(b"\x1eSKERRY w B 1\n");
            for _ in 0..100 {
                s.feed(&line.repeat(1_000));
            }
            s.feed(b"\x1eSKERRY w E 1\nlate");
            let got = s.take(false);
            assert_eq!(got[0].call_id, Some(1));
            assert_eq!(got[0].text.len(), CALL_BYTES_MAX);
            assert_eq!(got[0].text.len() as u64 + got[0].dropped_bytes, 1_000_000);
            assert_eq!(got[1], piece(None, "late"));
        }
    }

    #[test]
    fn a_worker_that_is_gone_leaves_half_a_marker_as_text() {
        let mut s = Splitter::new("w");
        s.feed(b"\x1eSKERRY w B 3\nlast words\x1eSKER");
        assert_eq!(s.take(false), vec![]);
        assert_eq!(s.take(true), vec![piece(Some(3), "last words\x1eSKER")]);
    }
}
