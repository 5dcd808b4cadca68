//! What a handler prints, given to the call that printed it.
//!
//! The worker's shim writes `\x1eSKERRY <word> B|E <call id>\n` into both pipes around each call. Between the two
//! markers text belongs to that call; outside of them it is `late` and belongs to nobody (facts: a thread that
//! prints after its call). A handler can forge markers only of its own function's log: the word is its worker's.

/// Kept of one call and stream; more is counted, not kept.
pub const CALL_BYTES_MAX: usize = 64 * 1024;
const LINE_BYTES_MAX: usize = 8 * 1024;

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
    line: Vec<u8>,
    line_dropped: u64,
    now: Piece,
    done: Vec<Piece>,
    ended: Option<u64>,
}

impl Splitter {
    /// For a worker that announced `word`.
    pub fn new(word: &str) -> Self {
        Splitter {
            marker: format!("\x1eSKERRY {word} ").into_bytes(),
            line: Vec::new(),
            line_dropped: 0,
            now: Piece { call_id: None, text: Vec::new(), dropped_bytes: 0 },
            done: Vec::new(),
            ended: None,
        }
    }

    /// The last call whose end marker has been seen.
    pub fn ended(&self) -> Option<u64> {
        self.ended
    }

    /// Take in bytes of the pipe.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
            let (part, rest) = bytes.split_at(end);
            bytes = rest;
            let room = LINE_BYTES_MAX.saturating_sub(self.line.len()).min(part.len());
            self.line.extend_from_slice(&part[..room]);
            self.line_dropped += (part.len() - room) as u64;
            if part.ends_with(b"\n") {
                self.take_line();
            }
        }
    }

    fn take_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        let dropped = std::mem::take(&mut self.line_dropped);
        // a handler that printed without a line end has its text in front of the marker
        if let Some(at) = memchr::memmem::find(&line, &self.marker)
            && let Some((is_begin, call_id)) = read_marker(&line[at + self.marker.len()..])
        {
            line.truncate(at);
            self.keep(&line, dropped);
            self.close();
            self.now.call_id = is_begin.then_some(call_id);
            if !is_begin {
                self.ended = Some(call_id);
            }
        } else {
            self.keep(&line, dropped);
        }
        line.clear();
        self.line = line;
    }

    fn keep(&mut self, text: &[u8], dropped: u64) {
        let room = CALL_BYTES_MAX.saturating_sub(self.now.text.len()).min(text.len());
        self.now.text.extend_from_slice(&text[..room]);
        self.now.dropped_bytes += dropped + (text.len() - room) as u64;
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
            let line = std::mem::take(&mut self.line);
            let dropped = std::mem::take(&mut self.line_dropped);
            self.keep(&line, dropped);
        }
        if all || self.now.call_id.is_none() {
            self.close();
        }
        std::mem::take(&mut self.done)
    }
}

fn read_marker(rest: &[u8]) -> Option<(bool, u64)> {
    let text = std::str::from_utf8(rest).ok()?.strip_suffix('\n')?;
    let (kind, id) = text.split_once(' ')?;
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
        let all = b"early\n\x1eSKERRY w B 1\none\ntwo\x1eSKERRY w E 1\nlate\n\x1eSKERRY w B 2\n\x1eSKERRY x E 2\n\x1eSKERRY w E 2\n";
        for cut in 0..all.len() {
            let mut s = Splitter::new("w");
            s.feed(&all[..cut]);
            s.feed(&all[cut..]);
            let want = vec![
                piece(None, "early\n"),
                piece(Some(1), "one\ntwo"),
                piece(None, "late\n"),
                piece(Some(2), "\x1eSKERRY x E 2\n"),
            ];
            assert_eq!(s.take(false), want, "{cut}");
            assert_eq!(s.ended(), Some(2));
        }
    }

    #[test]
    fn a_flood_is_counted_not_kept() {
        let mut s = Splitter::new("w");
        s.feed(b"\x1eSKERRY w B 1\n");
        for _ in 0..100 {
            s.feed(&[b'x'; 10_000]);
        }
        s.feed(b"\n");
        for _ in 0..2_000 {
            s.feed(b"0123456789012345678901234567890123456789012345678\n");
        }
        s.feed(b"\x1eSKERRY w E 1\n");
        let got = s.take(false);
        assert_eq!(got[0].text.len(), CALL_BYTES_MAX);
        assert_eq!(got[0].text.len() as u64 + got[0].dropped_bytes, 1_000_001 + 100_000);
    }
}
