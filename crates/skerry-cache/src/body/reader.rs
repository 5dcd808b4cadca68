//! Reading a body: a place in it, and a waker to leave there.

use std::future::poll_fn;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::{Chunks, Place, ReadError, keep_waker, wake_after};

enum Source {
    Whole(Bytes),
    Chunks { chunks: Arc<Chunks>, place: usize },
}

/// Reads a range of a body, piece by piece.
pub struct BodyReader {
    source: Source,
    at: u64,
    until: u64,
    settles: bool,
}

impl BodyReader {
    /// Read `bytes`, which are all there.
    pub fn whole(bytes: Bytes) -> Self {
        let until = bytes.len() as u64;
        BodyReader { source: Source::Whole(bytes), at: 0, until, settles: false }
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
            settles: false,
        }
    }

    /// This is a hit: what it reads of a whole body moves to where a socket can send it from.
    pub(crate) fn settling(mut self) -> Self {
        self.settles = true;
        self
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
        if self.settles {
            state.settle(self.at, &chunks.budget);
        }
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
    use std::task::{Wake, Waker};

    use super::*;
    use crate::body::{Abort, Room};
    use crate::budget::{Budget, charged};

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
        let chunks = Chunks::new(budget, None);
        chunks.open_tail(budget.charge(8));
        chunks
    }

    fn passing(budget: &Arc<Budget>, window_bytes: u64) -> Arc<Chunks> {
        let chunks = Chunks::new(budget, None);
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
        let chunks = passing(&budget, 20);
        let [mut fast, mut near, mut slow] = [0; 3].map(|_| Reading::of(&chunks, 0..u64::MAX));
        push(&chunks, &budget, b"aaaa");
        assert_eq!(room(&chunks, false), Some(Room::Free));
        assert_eq!(room(&chunks, true), None, "under pressure one piece at a time");
        push(&chunks, &budget, b"bbbb");
        assert_eq!(room(&chunks, false), None, "the fastest is a quarter of the window behind");
        assert_eq!(fast.poll(), Some(Ok(Some(b"aaaa".to_vec()))));
        assert_eq!(room(&chunks, false), Some(Room::Free));
        assert_eq!(near.poll(), Some(Ok(Some(b"aaaa".to_vec()))));
        for piece in [b"cccc", b"dddd", b"eeee"] {
            while room(&chunks, false).is_none() {
                assert!(matches!(fast.poll(), Some(Ok(Some(_)))));
            }
            push(&chunks, &budget, piece);
        }
        assert_eq!(room(&chunks, false), None);
        assert_eq!(
            near.poll(),
            Some(Ok(Some(b"bbbb".to_vec()))),
            "three pieces behind, and the writer two ahead"
        );
        while fast.poll().is_some() {}
        push(&chunks, &budget, b"ffff");
        assert_eq!(slow.poll(), Some(Err(ReadError::FellOut)));
        assert_eq!(budget.used_bytes(), 20, "the window, no more");
        drop(slow);
        while near.poll().is_some() {}
        assert_eq!(fast.poll(), Some(Ok(Some(b"ffff".to_vec()))));
        assert_eq!(budget.used_bytes(), 0, "all have read all");
        drop((fast, near));
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
