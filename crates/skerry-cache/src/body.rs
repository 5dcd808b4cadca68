//! Bodies in pieces, read while they grow.
//!
//! [`Chunks`] is one body: pieces in order of their offset, where a gap is what is not there (so a disk or a
//! partial object can stand behind the same reads later), and a tail that is still being written. Readers hold a
//! place and are woken by a plain [`Waker`]; no executor is known here.
//!
//! A body is either kept whole, or a *window*: only the last bytes stay, the writer is paced by the fastest reader,
//! and a reader that is further behind than the window is told [`ReadError::FellOut`].

use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};

use crate::budget::{Budget, Charge, charged};

/// Size of a full piece of a kept body.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// Why a body ended before its end: a stable code and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abort {
    /// Stable code, such as `origin.cut`.
    pub code: &'static str,
    /// What happened, for people.
    pub message: Box<str>,
}

impl Abort {
    /// A reason.
    pub fn new(code: &'static str, message: impl Into<Box<str>>) -> Self {
        Abort { code, message: message.into() }
    }
}

/// Why a reader gets no more bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The reader was slower than the window: what it needs is gone, it must fetch for itself from where it is.
    FellOut,
    /// This part of the body is not here.
    Absent,
    /// The body was cut short.
    Aborted(Arc<Abort>),
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReadError::FellOut => {
                f.write_str("cache.fell_out: the reader was slower than the window; fetch the rest by itself")
            }
            ReadError::Absent => f.write_str("cache.absent: this part of the body is not stored; fetch it"),
            ReadError::Aborted(abort) => write!(f, "{}: {}", abort.code, abort.message),
        }
    }
}

impl std::error::Error for ReadError {}

struct Piece {
    at: u64,
    bytes: Bytes,
}

impl Piece {
    fn end(&self) -> u64 {
        self.at + self.bytes.len() as u64
    }
}

struct Tail {
    bytes: Vec<u8>,
    charge: Charge,
}

enum Ending {
    Growing,
    Complete,
    Aborted(Arc<Abort>),
}

struct Place {
    at: u64,
    waker: Option<Waker>,
}

struct State {
    pieces: VecDeque<Piece>,
    pieces_bytes: u64,
    tail: Option<Tail>,
    end: u64, // bytes written so far, the tail's too
    window_bytes: Option<u64>,
    ending: Ending,
    trailers: Option<Bytes>,
    places: Vec<Option<Place>>,
    reader_count: usize,
    writer: Option<Waker>,
}

/// One body, shared by its writer, its readers and the object that keeps it.
pub struct Chunks {
    state: Mutex<State>,
    budget: Arc<Budget>,
}

/// How a writer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Write.
    Free,
    /// Nobody reads, and nothing is kept.
    Unwanted,
}

impl Chunks {
    /// An empty body that grows.
    pub fn new(budget: &Arc<Budget>) -> Arc<Self> {
        Arc::new(Chunks {
            state: Mutex::new(State {
                pieces: VecDeque::new(),
                pieces_bytes: 0,
                tail: None,
                end: 0,
                window_bytes: None,
                ending: Ending::Growing,
                trailers: None,
                places: Vec::new(),
                reader_count: 0,
                writer: None,
            }),
            budget: Arc::clone(budget),
        })
    }

    /// Bytes written so far; the length, once complete.
    pub fn end(&self) -> u64 {
        self.state.lock().end
    }

    /// How many readers there are.
    pub fn reader_count(&self) -> usize {
        self.state.lock().reader_count
    }

    /// Trailers in the caller's form, once complete.
    pub fn trailers(&self) -> Option<Bytes> {
        self.state.lock().trailers.clone()
    }

    /// The offset runs that are here.
    pub fn present(&self) -> Vec<Range<u64>> {
        let state = self.state.lock();
        let mut runs: Vec<Range<u64>> = Vec::new();
        let tail = state.tail.as_ref().map(|tail| state.end - tail.bytes.len() as u64..state.end);
        for run in state.pieces.iter().map(|piece| piece.at..piece.end()).chain(tail) {
            match runs.last_mut() {
                Some(last) if last.end == run.start => last.end = run.end,
                _ => runs.push(run),
            }
        }
        runs
    }

    /// Room left in the tail; 0 means that [`Chunks::open_tail`] comes next.
    pub(crate) fn tail_room(&self) -> usize {
        self.state.lock().tail.as_ref().map_or(0, |tail| tail.charge.bytes() as usize - tail.bytes.len())
    }

    /// Begin a new tail of as many bytes as `charge` holds.
    pub(crate) fn open_tail(&self, charge: Charge) {
        let mut state = self.state.lock();
        state.seal_tail();
        state.tail = Some(Tail { bytes: Vec::with_capacity(charge.bytes() as usize), charge });
    }

    /// Copy into the tail as much as it has room for; returns how much.
    pub(crate) fn extend_tail(&self, data: &[u8]) -> usize {
        let mut state = self.state.lock();
        let Some(tail) = state.tail.as_mut() else { return 0 };
        let taken = data.len().min(tail.charge.bytes() as usize - tail.bytes.len());
        tail.bytes.extend_from_slice(&data[..taken]);
        state.end += taken as u64;
        let sleepers = state.sleepers();
        wake_after(state, sleepers);
        taken
    }

    /// From now on keep only a window.
    pub(crate) fn start_window(&self, window_bytes: u64) {
        let mut state = self.state.lock();
        state.seal_tail();
        state.window_bytes = Some(window_bytes);
        state.trim();
    }

    /// Add a piece as it came; its `Bytes` carry their own charge.
    pub(crate) fn push(&self, bytes: Bytes) {
        let mut state = self.state.lock();
        state.seal_tail();
        let at = state.end;
        state.end += bytes.len() as u64;
        state.pieces_bytes += bytes.len() as u64;
        state.pieces.push_back(Piece { at, bytes });
        state.trim();
        let sleepers = state.sleepers();
        wake_after(state, sleepers);
    }

    /// Wait until a window has room for another piece; a kept body always has. `tight` allows a piece only when
    /// the fastest reader has read all before it.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>, tight: bool) -> Poll<Room> {
        let mut state = self.state.lock();
        let Some(window_bytes) = state.window_bytes else { return Poll::Ready(Room::Free) };
        if state.reader_count == 0 {
            return Poll::Ready(Room::Unwanted);
        }
        let ahead = state.ahead();
        if ahead == 0 || (ahead < window_bytes && !tight) {
            return Poll::Ready(Room::Free);
        }
        keep_waker(&mut state.writer, cx);
        Poll::Pending
    }

    /// Wait until nobody reads any more.
    pub(crate) fn poll_abandoned(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.reader_count == 0 {
            return Poll::Ready(());
        }
        keep_waker(&mut state.writer, cx);
        Poll::Pending
    }

    /// The body is whole.
    pub(crate) fn complete(&self, trailers: Option<Bytes>) {
        let mut state = self.state.lock();
        state.seal_tail();
        state.trailers = trailers;
        state.ending = Ending::Complete;
        let sleepers = state.sleepers();
        wake_after(state, sleepers);
    }

    /// The body ends here without being whole. Readers still get the bytes that are there, then the reason.
    pub(crate) fn abort(&self, abort: Arc<Abort>) {
        let mut state = self.state.lock();
        if matches!(state.ending, Ending::Growing) {
            state.seal_tail();
            state.ending = Ending::Aborted(abort);
        }
        let sleepers = state.sleepers();
        wake_after(state, sleepers);
    }

    /// Wake every reader, because something other than bytes came (a head).
    pub(crate) fn wake(&self) {
        let mut state = self.state.lock();
        let sleepers = state.sleepers();
        wake_after(state, sleepers);
    }

    /// Copy all that is there behind `out`.
    pub(crate) fn copy_all(&self, out: &mut Vec<u8>) {
        let state = self.state.lock();
        state.pieces.iter().for_each(|piece| out.extend_from_slice(&piece.bytes));
        if let Some(tail) = &state.tail {
            out.extend_from_slice(&tail.bytes);
        }
    }
}

/// Let go of the lock, then wake: a waker may run or drop what wants the same lock.
fn wake_after(state: MutexGuard<'_, State>, sleepers: impl IntoIterator<Item = Waker>) {
    drop(state);
    sleepers.into_iter().for_each(Waker::wake);
}

fn keep_waker(kept: &mut Option<Waker>, cx: &Context<'_>) {
    if !kept.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        *kept = Some(cx.waker().clone());
    }
}

impl State {
    fn seal_tail(&mut self) {
        let Some(Tail { mut bytes, mut charge }) = self.tail.take() else { return };
        if bytes.is_empty() {
            return;
        }
        bytes.shrink_to_fit();
        charge.shrink_to(bytes.len() as u64);
        let at = self.end - bytes.len() as u64;
        self.pieces_bytes += bytes.len() as u64;
        self.pieces.push_back(Piece { at, bytes: charged(bytes, charge) });
    }

    /// How far the writer is ahead of the fastest reader.
    fn ahead(&self) -> u64 {
        let fastest = self.places.iter().flatten().map(|place| place.at).max();
        self.end - fastest.unwrap_or(self.end)
    }

    /// In a window: drop what all have read, and what no longer fits.
    fn trim(&mut self) {
        let Some(window_bytes) = self.window_bytes else { return };
        let slowest = self.places.iter().flatten().map(|place| place.at).min().unwrap_or(self.end);
        while let Some(first) = self.pieces.front() {
            let rest = self.pieces_bytes - first.bytes.len() as u64;
            if first.end() > slowest && rest < window_bytes {
                return;
            }
            self.pieces_bytes = rest;
            self.pieces.pop_front();
        }
    }

    fn sleepers(&mut self) -> Vec<Waker> {
        self.places.iter_mut().flatten().filter_map(|place| place.waker.take()).collect()
    }

    /// The bytes at `at`, as many as lie together.
    fn bytes_at(&self, at: u64, budget: &Arc<Budget>) -> Option<Bytes> {
        let next = self.pieces.partition_point(|piece| piece.end() <= at);
        if let Some(piece) = self.pieces.get(next)
            && piece.at <= at
        {
            return Some(piece.bytes.slice((at - piece.at) as usize..));
        }
        let tail = self.tail.as_ref()?;
        let from = at.checked_sub(self.end - tail.bytes.len() as u64)?;
        let unread = tail.bytes.get(from as usize..).filter(|unread| !unread.is_empty())?;
        // The tail still moves, so its reader gets a copy; what is read later is shared.
        Some(charged(unread.to_vec(), budget.charge(unread.len() as u64)))
    }

    fn step(&self, at: u64, until: u64, budget: &Arc<Budget>) -> Option<Result<Option<Bytes>, ReadError>> {
        if at >= until {
            return Some(Ok(None));
        }
        if let Some(mut bytes) = self.bytes_at(at, budget) {
            bytes.truncate(usize::try_from(until - at).unwrap_or(usize::MAX));
            return Some(Ok(Some(bytes)));
        }
        if at < self.end {
            return Some(Err(if self.window_bytes.is_some() {
                ReadError::FellOut
            } else {
                ReadError::Absent
            }));
        }
        match &self.ending {
            Ending::Growing => None,
            Ending::Complete => Some(Ok(None)),
            Ending::Aborted(abort) => Some(Err(ReadError::Aborted(Arc::clone(abort)))),
        }
    }
}

enum Source {
    Whole(Bytes),
    Chunks { chunks: Arc<Chunks>, place: usize },
}

/// Reads a range of a body, piece by piece.
pub struct BodyReader {
    source: Source,
    at: u64,
    until: u64,
}

impl BodyReader {
    /// Read `bytes`, which are all there.
    pub fn whole(bytes: Bytes) -> Self {
        let until = bytes.len() as u64;
        BodyReader { source: Source::Whole(bytes), at: 0, until }
    }

    /// Read `range` of a body; a body that ends before `range` does ends the read.
    pub fn of(chunks: &Arc<Chunks>, range: Range<u64>) -> Self {
        let mut state = chunks.state.lock();
        let new = Some(Place { at: range.start, waker: None });
        let place = match state.places.iter().position(Option::is_none) {
            Some(place) if state.reader_count < state.places.len() => {
                state.places[place] = new;
                place
            }
            _ => {
                state.places.push(new);
                state.places.len() - 1
            }
        };
        state.reader_count += 1;
        drop(state);
        BodyReader {
            source: Source::Chunks { chunks: Arc::clone(chunks), place },
            at: range.start,
            until: range.end,
        }
    }

    /// The offset of the next byte.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The next bytes (at most a chunk of 64 KiB in a kept body), `None` at the end. The waker of the latest call
    /// is the one woken.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, ReadError>> {
        let (chunks, place) = match &mut self.source {
            Source::Whole(bytes) => {
                self.at = self.until;
                let rest = std::mem::take(bytes);
                return Poll::Ready(Ok(Some(rest).filter(|rest| !rest.is_empty())));
            }
            Source::Chunks { chunks, place } => (chunks, *place),
        };
        let mut state = chunks.state.lock();
        let step = state.step(self.at, self.until, &chunks.budget);
        let Some(own) = state.places[place].as_mut() else { return Poll::Ready(Err(ReadError::Absent)) };
        match step {
            None => {
                keep_waker(&mut own.waker, cx);
                Poll::Pending
            }
            Some(Ok(Some(bytes))) => {
                self.at += bytes.len() as u64;
                own.at = self.at;
                if state.window_bytes.is_some() {
                    state.trim();
                    let writer = state.writer.take();
                    wake_after(state, writer);
                }
                Poll::Ready(Ok(Some(bytes)))
            }
            Some(end_or_error) => Poll::Ready(end_or_error),
        }
    }

    /// [`BodyReader::poll_read`] to await.
    pub async fn read(&mut self) -> Result<Option<Bytes>, ReadError> {
        poll_fn(|cx| self.poll_read(cx)).await
    }

    /// Leave a waker for the next [`Chunks::wake`] without reading.
    pub(crate) fn park(&self, cx: &Context<'_>) {
        if let Source::Chunks { chunks, place } = &self.source
            && let Some(own) = chunks.state.lock().places[*place].as_mut()
        {
            keep_waker(&mut own.waker, cx);
        }
    }

    /// Trailers in the form the writer gave them, once all is read.
    pub fn trailers(&self) -> Option<Bytes> {
        match &self.source {
            Source::Whole(_) => None,
            Source::Chunks { chunks, .. } => chunks.trailers(),
        }
    }
}

impl Drop for BodyReader {
    fn drop(&mut self) {
        if let Source::Chunks { chunks, place } = &self.source {
            let mut state = chunks.state.lock();
            let own = state.places[*place].take(); // dropped below, without the lock
            state.reader_count -= 1;
            state.trim();
            let is_awaited = state.reader_count == 0 || state.window_bytes.is_some();
            let writer = if is_awaited { state.writer.take() } else { None };
            wake_after(state, writer);
            drop(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    struct Reading {
        reader: BodyReader,
        bell: Arc<Bell>,
    }

    impl Reading {
        fn of(chunks: &Arc<Chunks>, range: Range<u64>) -> Self {
            Reading { reader: BodyReader::of(chunks, range), bell: Arc::default() }
        }
        /// `None`: pending.
        fn poll(&mut self) -> Option<Result<Option<Vec<u8>>, ReadError>> {
            let waker = Waker::from(Arc::clone(&self.bell));
            match self.reader.poll_read(&mut Context::from_waker(&waker)) {
                Poll::Ready(step) => Some(step.map(|bytes| bytes.map(|bytes| bytes.to_vec()))),
                Poll::Pending => None,
            }
        }
        fn rings(&self) -> usize {
            self.bell.0.load(Ordering::SeqCst)
        }
    }

    fn growing(budget: &Arc<Budget>) -> Arc<Chunks> {
        let chunks = Chunks::new(budget);
        chunks.open_tail(budget.charge(8));
        chunks
    }

    fn passing(budget: &Arc<Budget>, window_bytes: u64) -> Arc<Chunks> {
        let chunks = Chunks::new(budget);
        chunks.start_window(window_bytes);
        chunks
    }

    fn push(chunks: &Chunks, budget: &Arc<Budget>, bytes: &[u8]) {
        chunks.push(charged(bytes.to_vec(), budget.charge(bytes.len() as u64)));
    }

    fn room(chunks: &Chunks, tight: bool) -> Option<Room> {
        match chunks.poll_room(&mut Context::from_waker(Waker::noop()), tight) {
            Poll::Ready(room) => Some(room),
            Poll::Pending => None,
        }
    }

    #[test]
    fn readers_follow_a_body_while_it_grows() {
        let budget = Budget::new(1000);
        let chunks = growing(&budget);
        let mut reading = Reading::of(&chunks, 0..u64::MAX);
        assert_eq!(reading.poll(), None);
        assert_eq!(chunks.extend_tail(b"abc"), 3);
        assert_eq!(reading.rings(), 1);
        assert_eq!(reading.poll(), Some(Ok(Some(b"abc".to_vec()))));
        assert_eq!(reading.poll(), None);
        assert_eq!((chunks.extend_tail(b"defghi"), chunks.tail_room()), (5, 0));
        chunks.open_tail(budget.charge(8));
        chunks.extend_tail(b"i");
        let mut late = Reading::of(&chunks, 0..u64::MAX);
        assert_eq!(late.poll(), Some(Ok(Some(b"abcdefgh".to_vec()))), "a full chunk comes whole");
        assert_eq!(reading.poll(), Some(Ok(Some(b"defgh".to_vec()))));
        chunks.complete(Some(Bytes::from_static(b"t: 1")));
        for reading in [&mut reading, &mut late] {
            assert_eq!(reading.poll(), Some(Ok(Some(b"i".to_vec()))));
            assert_eq!(reading.poll(), Some(Ok(None)));
            assert_eq!(reading.reader.trailers().as_deref(), Some(&b"t: 1"[..]));
        }
        assert_eq!(chunks.present(), vec![Range { start: 0, end: 9 }]);
        drop((reading, late, chunks));
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn a_range_is_read_to_its_end_and_no_further() {
        let budget = Budget::new(1000);
        let chunks = growing(&budget);
        chunks.extend_tail(b"abcdefgh");
        chunks.open_tail(budget.charge(8));
        chunks.extend_tail(b"ijkl");
        for (range, expected) in
            [(0..12, "abcdefghijkl"), (3..5, "de"), (7..10, "hij"), (8..8, ""), (10..99, "kl"), (99..100, "")]
        {
            let mut reading = Reading::of(&chunks, range.clone());
            let mut read = Vec::new();
            while let Some(Ok(Some(bytes))) = reading.poll() {
                read.extend(bytes);
            }
            assert_eq!(read, expected.as_bytes(), "{range:?}");
        }
        assert_eq!(chunks.reader_count(), 0);
    }

    #[test]
    fn what_came_before_a_cut_is_read_and_then_its_reason() {
        let budget = Budget::new(1000);
        let chunks = growing(&budget);
        let mut reading = Reading::of(&chunks, 0..u64::MAX);
        chunks.extend_tail(b"abc");
        let abort = Arc::new(Abort::new("origin.cut", "the origin closed early"));
        chunks.abort(Arc::clone(&abort));
        assert_eq!(reading.poll(), Some(Ok(Some(b"abc".to_vec()))));
        let error = reading.poll().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "origin.cut: the origin closed early");
        assert_eq!(error, ReadError::Aborted(abort));
    }

    #[test]
    fn a_window_is_paced_by_the_fastest_and_drops_the_slow() {
        let budget = Budget::new(1000);
        let chunks = passing(&budget, 10);
        let mut fast = Reading::of(&chunks, 0..u64::MAX);
        let mut slow = Reading::of(&chunks, 0..u64::MAX);
        for piece in [b"aaaaa", b"bbbbb"] {
            assert_eq!(room(&chunks, false), Some(Room::Free));
            push(&chunks, &budget, piece);
        }
        assert_eq!(room(&chunks, false), None, "the fastest is a window behind");
        assert_eq!(fast.poll(), Some(Ok(Some(b"aaaaa".to_vec()))));
        assert_eq!(room(&chunks, false), Some(Room::Free));
        assert_eq!(room(&chunks, true), None, "under pressure one piece at a time");
        assert_eq!(fast.poll(), Some(Ok(Some(b"bbbbb".to_vec()))));
        push(&chunks, &budget, b"ccccc");
        assert_eq!(slow.poll(), Some(Err(ReadError::FellOut)));
        assert_eq!(budget.used_bytes(), 10, "the window, no more");
        assert_eq!(fast.poll(), Some(Ok(Some(b"ccccc".to_vec()))));
        drop(slow);
        assert_eq!(budget.used_bytes(), 0, "all have read all");
        drop(fast);
        assert_eq!(room(&chunks, false), Some(Room::Unwanted));
    }

    #[test]
    fn what_a_reader_holds_is_on_the_account() {
        let budget = Budget::new(1000);
        let chunks = passing(&budget, 10);
        let mut reader = BodyReader::of(&chunks, 0..u64::MAX);
        push(&chunks, &budget, b"aaaaa");
        let Poll::Ready(Ok(Some(held))) = reader.poll_read(&mut Context::from_waker(Waker::noop())) else {
            panic!("there are bytes")
        };
        drop((reader, chunks));
        assert_eq!(budget.used_bytes(), 5);
        drop(held);
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn the_last_to_leave_tells_the_writer() {
        let budget = Budget::new(1000);
        let chunks = growing(&budget);
        let readers = [BodyReader::of(&chunks, 0..1), BodyReader::of(&chunks, 0..1)];
        let bell: Arc<Bell> = Arc::default();
        let waker = Waker::from(Arc::clone(&bell));
        assert_eq!(chunks.poll_abandoned(&mut Context::from_waker(&waker)), Poll::Pending);
        let [one, two] = readers;
        drop(one);
        assert_eq!(bell.0.load(Ordering::SeqCst), 0);
        drop(two);
        assert_eq!(bell.0.load(Ordering::SeqCst), 1);
        assert_eq!(chunks.poll_abandoned(&mut Context::from_waker(&waker)), Poll::Ready(()));
    }
}
