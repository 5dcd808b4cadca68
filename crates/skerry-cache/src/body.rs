//! Bodies in pieces, read while they grow.
//!
//! [`Chunks`] is one body: pieces in order of their offset, where a gap is what is not there (so a disk or a
//! partial object can stand behind the same reads later), and a tail that is still being written. Readers hold a
//! place and are woken by a plain [`Waker`]; no executor is known here.
//!
//! A body is either kept whole, or a *window*: the writer is paced by the fastest reader, the last bytes behind that one
//! stay, and a reader that is further behind is told [`ReadError::FellOut`].

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};

use crate::arena::Arena;
use crate::budget::{Budget, Charge, charged};
use crate::object::INLINE_BODY_BYTES_MAX;

mod reader;
pub use reader::BodyReader;

/// Size of a full piece of a kept body.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// One part in so many of a window is for what even the fastest reader has not read.
const AHEAD_SHARE: u64 = 4;

/// What a reader of a growing piece gets at a time while the account is full.
pub const TIGHT_COPY_BYTES: usize = 4 * 1024;

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
    /// It is in the arena, or stays where it is.
    is_settled: bool,
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
    tail: Option<Tail>,
    end: u64, // bytes written so far, the tail's too
    window_bytes: Option<u64>,
    ending: Ending,
    trailers: Option<Bytes>,
    places: Vec<Option<Place>>,
    reader_count: usize,
    writer: Option<Waker>,
    arena: Option<Arc<Arena>>,
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
    /// An empty body that grows. What is asked for again, once it is whole, moves into `arena` where there is one.
    pub fn new(budget: &Arc<Budget>, arena: Option<&Arc<Arena>>) -> Arc<Self> {
        Arc::new(Chunks {
            state: Mutex::new(State {
                pieces: VecDeque::new(),
                tail: None,
                end: 0,
                window_bytes: None,
                ending: Ending::Growing,
                trailers: None,
                places: Vec::new(),
                reader_count: 0,
                writer: None,
                arena: arena.cloned(),
            }),
            budget: Arc::clone(budget),
        })
    }

    /// Bytes written so far; the length, once complete.
    pub fn end(&self) -> u64 {
        self.state.lock().end
    }

    /// Its length, once complete.
    pub fn length(&self) -> Option<u64> {
        let state = self.state.lock();
        matches!(state.ending, Ending::Complete).then_some(state.end)
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
        state.pieces.push_back(Piece { at, bytes, is_settled: false });
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
        // the rest of the window is for readers behind the fastest: an origin is faster than most viewers, and would
        // fill all of it with what nobody has read, so that whoever is a piece behind falls out
        if ahead == 0 || (ahead < window_bytes / AHEAD_SHARE && !tight) {
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
        self.pieces.push_back(Piece { at, bytes: charged(bytes, charge), is_settled: false });
    }

    /// The piece at `at` of a whole body is asked for again: let it lie in the arena from now on. Not when it comes,
    /// for most of what is stored is asked for once, and a move costs 20 µs. A small piece is copied into a socket
    /// sooner than it is sent from there.
    fn settle(&mut self, at: u64, budget: &Arc<Budget>) {
        let Some(arena) = self.arena.as_ref().filter(|_| matches!(self.ending, Ending::Complete)) else {
            return;
        };
        let next = self.pieces.partition_point(|piece| piece.end() <= at);
        let Some(piece) = self.pieces.get_mut(next).filter(|piece| !piece.is_settled) else { return };
        piece.is_settled = true;
        if piece.bytes.len() as u64 > INLINE_BODY_BYTES_MAX
            && let Some(slot) = arena.store(&piece.bytes)
        {
            // Whoever reads the old bytes now keeps them, and their charge: then both are on the account.
            piece.bytes = charged(slot, budget.charge(piece.bytes.len() as u64));
        }
    }

    /// How far the writer is ahead of the fastest reader.
    fn ahead(&self) -> u64 {
        let fastest = self.places.iter().flatten().map(|place| place.at).max();
        self.end - fastest.unwrap_or(self.end)
    }

    /// In a window: drop what all have read, and what lies too far behind the fastest. How much lies before it does not
    /// count: the writer waits for that one, and when a body outgrows the store that may be much, of which none has read.
    fn trim(&mut self) {
        let Some(window_bytes) = self.window_bytes else { return };
        let behind_bytes = window_bytes - window_bytes / AHEAD_SHARE;
        let slowest = self.places.iter().flatten().map(|place| place.at).min().unwrap_or(self.end);
        let fastest = self.places.iter().flatten().map(|place| place.at).max().unwrap_or(self.end);
        while let Some(first) = self.pieces.front() {
            if first.end() > slowest && first.end() + behind_bytes > fastest {
                return;
            }
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
        let mut unread = tail.bytes.get(from as usize..).filter(|unread| !unread.is_empty())?;
        // The tail still moves, so its reader gets a copy; what is read later is shared. A copy cannot be refused, so
        // where the account is full many readers must not hold much each.
        if budget.short_of(unread.len() as u64) > 0 {
            unread = &unread[..unread.len().min(TIGHT_COPY_BYTES)];
        }
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
