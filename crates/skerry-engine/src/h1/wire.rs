//! A viewer's socket as one connection's parts share it: bytes in, bytes out, and the body of a request.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use skerry_cache::Arena;
use skerry_http::head::Framing;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::chunked::{Decoder, Step};
use super::sendfile;
use crate::body::{BodyError, BodyStream};
use crate::clock::SharedClock;
use crate::watch::{Phase, Watch};

/// A viewer's stream.
pub trait ViewerIo: AsyncRead + AsyncWrite + Unpin + 'static {
    /// The socket, where what is written goes out as it is (no TLS between).
    fn as_socket(&self) -> Option<&TcpStream>
    where
        Self: Sized,
    {
        (self as &dyn Any).downcast_ref()
    }
}
impl<T: AsyncRead + AsyncWrite + Unpin + 'static> ViewerIo for T {}

const PIECE_BYTES: usize = 16 * 1024;
/// Taken in of what a viewer sends ahead while its request is at work. More waits in the socket.
const AHEAD_BYTES_MAX: usize = 64 * 1024;
/// A viewer that has closed its half may read on (RFC 9112 9.6) or be gone, and only writing tells. One that waits for
/// its answer this long without a word is taken to be gone, as other proxies take it at once.
const HALF_CLOSED_MAX: Duration = Duration::from_secs(1);

/// The socket, and what has been read of it and not used.
pub struct Wire<S> {
    io: RefCell<S>,
    /// Read and not used yet.
    pub inbox: RefCell<Vec<u8>>,
    /// How the body of the request at hand goes on.
    body: RefCell<Left>,
    /// `100 Continue` is owed before the body is read.
    owes_continue: Cell<bool>,
    /// Body bytes read, for the record.
    pub body_bytes: Cell<u64>,
    /// Its deadline.
    pub watch: Rc<Watch>,
    clock: SharedClock,
    /// Where large pieces of stored bodies lie, and whether the system lets us send from there.
    arena: Option<Arc<Arena>>,
    can_sendfile: Cell<bool>,
}

enum Left {
    Nothing,
    Length(u64),
    Chunks(Box<Decoder>),
    Broken,
}

fn timed_out() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

impl<S: ViewerIo> Wire<S> {
    /// Around a stream.
    pub fn new(io: S, watch: Rc<Watch>, clock: SharedClock, arena: Option<Arc<Arena>>) -> Rc<Self> {
        Rc::new(Wire {
            io: RefCell::new(io),
            inbox: RefCell::default(),
            body: RefCell::new(Left::Nothing),
            owes_continue: Cell::new(false),
            body_bytes: Cell::new(0),
            watch,
            clock,
            can_sendfile: Cell::new(arena.is_some()),
            arena,
        })
    }

    /// Enter a phase of the deadline table.
    pub fn enter(&self, phase: Phase) {
        self.watch.enter(phase, self.clock.unix_ms());
    }

    /// Read into `buf`.
    pub fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.watch.is_expired(cx) {
            return Poll::Ready(Err(timed_out()));
        }
        let mut read = ReadBuf::new(buf);
        ready!(Pin::new(&mut *self.io.borrow_mut()).poll_read(cx, &mut read))?;
        Poll::Ready(Ok(read.filled().len()))
    }

    /// Write from `bytes`.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.watch.is_expired(cx) {
            return Poll::Ready(Err(timed_out()));
        }
        match ready!(Pin::new(&mut *self.io.borrow_mut()).poll_write(cx, bytes))? {
            0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            n => Poll::Ready(Ok(n)),
        }
    }

    /// Write all of two parts, in as few calls as it takes; without copying the second where it is a piece of a
    /// stored body that the socket can take from its file.
    pub async fn write_all(&self, first: &[u8], second: &[u8]) -> io::Result<()> {
        let (mut first, mut second) = (first, second);
        self.enter(Phase::Moving);
        while !first.is_empty() || !second.is_empty() {
            let n = poll_fn(|cx| {
                if self.watch.is_expired(cx) {
                    return Poll::Ready(Err(timed_out()));
                }
                if let Some(sent) = self.poll_sendfile(cx, first, second) {
                    return sent;
                }
                let parts = [IoSlice::new(first), IoSlice::new(second)];
                let used = if first.is_empty() { &parts[1..] } else { &parts[..] };
                Pin::new(&mut *self.io.borrow_mut()).poll_write_vectored(cx, used)
            })
            .await?;
            if n == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.enter(Phase::Moving);
            let of_first = n.min(first.len());
            first = &first[of_first..];
            second = &second[n - of_first..];
        }
        Ok(())
    }

    /// A step of `write_all` that copies no body; `None` where that cannot be, or does not pay.
    fn poll_sendfile(
        &self,
        cx: &mut Context<'_>,
        first: &[u8],
        second: &[u8],
    ) -> Option<Poll<io::Result<usize>>> {
        if second.len() < sendfile::BYTES_MIN || !self.can_sendfile.get() {
            return None;
        }
        let arena = self.arena.as_ref()?;
        let place = arena.place_of(second)?;
        let io = self.io.borrow();
        match sendfile::poll_send(cx, io.as_socket()?, first, arena.as_fd(), place, second.len()) {
            Poll::Ready(Err(error)) if sendfile::is_refused(&error) => {
                self.can_sendfile.set(false);
                None
            }
            sent => Some(sent),
        }
    }

    /// Hand over what a layer below buffers (TLS).
    pub async fn flush(&self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut *self.io.borrow_mut()).poll_flush(cx)).await
    }

    /// No more from us.
    pub async fn shutdown(&self) {
        // a peer that is gone already cannot be told
        let _ = poll_fn(|cx| {
            if self.watch.is_expired(cx) {
                return Poll::Ready(Ok(()));
            }
            Pin::new(&mut *self.io.borrow_mut()).poll_shutdown(cx)
        })
        .await;
    }

    /// Add at least one byte to the inbox; 0 = the peer sends no more.
    pub fn poll_more(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut piece = [0u8; PIECE_BYTES];
        let n = ready!(self.poll_read(cx, &mut piece))?;
        self.inbox.borrow_mut().extend_from_slice(&piece[..n]);
        Poll::Ready(Ok(n))
    }

    /// Wait until the connection is broken, or its peer sends no more (true). What the peer sends ahead is kept for
    /// later, a little of it; where it sends more, or a body is still to be read by whoever wants it, this waits on.
    pub fn poll_left(&self, cx: &mut Context<'_>) -> Poll<bool> {
        loop {
            if !self.body_is_over() || self.inbox.borrow().len() > AHEAD_BYTES_MAX {
                return Poll::Pending;
            }
            match ready!(self.poll_more(cx)) {
                Ok(0) => return Poll::Ready(true),
                Ok(_) => {}
                Err(_) => return Poll::Ready(false),
            }
        }
    }

    /// Wait until the viewer has left, while an answer is being made.
    pub async fn left(&self) {
        if poll_fn(|cx| self.poll_left(cx)).await {
            tokio::time::sleep(HALF_CLOSED_MAX).await;
        }
    }

    /// Wait until the connection is broken, while the rest of an answer is awaited: who reads may have closed its half.
    pub async fn broken(&self) {
        if poll_fn(|cx| self.poll_left(cx)).await {
            std::future::pending().await
        }
    }

    /// A request with a body begins.
    pub fn begin_body(&self, framing: Framing, expects_continue: bool) {
        *self.body.borrow_mut() = match framing {
            Framing::None | Framing::Close | Framing::Length(0) => Left::Nothing,
            Framing::Length(n) => Left::Length(n),
            Framing::Chunked => Left::Chunks(Box::default()),
        };
        self.owes_continue.set(expects_continue);
        self.body_bytes.set(0);
    }

    /// Has the body been read to its end?
    pub fn body_is_over(&self) -> bool {
        matches!(*self.body.borrow(), Left::Nothing)
    }

    /// Was the body refused, or never asked for while the peer waits to be asked?
    pub fn body_is_lost(&self) -> bool {
        matches!(*self.body.borrow(), Left::Broken) || (self.owes_continue.get() && !self.body_is_over())
    }

    fn take(&self) -> Result<Option<Bytes>, BodyError> {
        let mut inbox = self.inbox.borrow_mut();
        let mut body = self.body.borrow_mut();
        let piece = match &mut *body {
            Left::Nothing => return Ok(None),
            Left::Broken => return Err(BodyError("body-cut")),
            Left::Length(left) => {
                let n = (*left).min(inbox.len() as u64) as usize;
                if n == 0 {
                    return Ok(None);
                }
                *left -= n as u64;
                let piece = Bytes::copy_from_slice(&inbox[..n]);
                inbox.drain(..n);
                if *left == 0 {
                    *body = Left::Nothing;
                }
                piece
            }
            Left::Chunks(decoder) => match decoder.step(&inbox) {
                Err(_) => {
                    *body = Left::Broken;
                    return Err(BodyError("bad-chunk"));
                }
                Ok(Step::Skip { consumed }) => {
                    inbox.drain(..consumed);
                    return Ok(None);
                }
                Ok(Step::Data { from, to }) => {
                    let piece = Bytes::copy_from_slice(&inbox[from..to]);
                    inbox.drain(..to);
                    piece
                }
                Ok(Step::End { consumed }) => {
                    inbox.drain(..consumed);
                    *body = Left::Nothing;
                    return Ok(None);
                }
            },
        };
        self.body_bytes.set(self.body_bytes.get() + piece.len() as u64);
        Ok(Some(piece))
    }

    fn poll_body(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            match self.take() {
                Ok(Some(piece)) => {
                    self.enter(Phase::Busy); // whoever takes it may take its time; the viewer's runs while we wait
                    return Poll::Ready(Some(Ok(piece)));
                }
                Ok(None) if self.body_is_over() => {
                    self.enter(Phase::Busy);
                    return Poll::Ready(None);
                }
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            if self.owes_continue.replace(false) {
                const INTERIM: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
                // 25 bytes into an empty send buffer: a socket that cannot take them is not worth waiting for
                match self.poll_write(cx, INTERIM) {
                    Poll::Ready(Ok(n)) if n == INTERIM.len() => {}
                    _ => {
                        *self.body.borrow_mut() = Left::Broken;
                        continue;
                    }
                }
            }
            if self.watch.phase() == Phase::Busy {
                self.enter(Phase::Moving);
            }
            match ready!(self.poll_more(cx)) {
                Ok(n) if n > 0 => {}
                _ => *self.body.borrow_mut() = Left::Broken,
            }
        }
    }

    /// Read what is left of a body nobody wanted, up to `bytes_max`; false when there was more, or it broke.
    pub async fn drain_body(&self, bytes_max: u64) -> bool {
        let before = self.body_bytes.get();
        while !self.body_is_over() {
            if self.body_is_lost() || self.body_bytes.get() - before > bytes_max {
                return false;
            }
            match poll_fn(|cx| self.poll_body(cx)).await {
                Some(Ok(_)) => {}
                Some(Err(_)) => return false,
                None => break,
            }
        }
        true
    }
}

/// The body of the request at hand.
pub struct ViewerBody<S>(pub Rc<Wire<S>>);

impl<S: ViewerIo> BodyStream for ViewerBody<S> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.0.poll_body(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::clock::TimerClock;
    use crate::watch::Watches;

    fn wire<S: ViewerIo>(io: S, arena: Option<&Arc<Arena>>) -> Rc<Wire<S>> {
        Wire::new(io, Watches::default().add(0), Rc::new(TimerClock::new(0)), arena.cloned())
    }

    async fn takes_file<S: ViewerIo>(io: S, arena: Option<&Arc<Arena>>, second: &[u8]) -> bool {
        let wire = wire(io, arena);
        poll_fn(|cx| match wire.poll_sendfile(cx, b"", second) {
            Some(Poll::Pending) => Poll::Pending,
            sent => Poll::Ready(sent.is_some()),
        })
        .await
    }

    #[tokio::test]
    async fn only_a_large_piece_of_the_arena_goes_by_file_and_only_into_a_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = || async { TcpStream::connect(listener.local_addr().unwrap()).await.unwrap() };
        let arena = Arena::new(1 << 20).unwrap();
        let slot = arena.store(&[7; 65_536]).unwrap();
        let (stored, heap) = (slot.as_ref(), vec![7; 65_536]);
        assert!(takes_file(socket().await, Some(&arena), stored).await);
        assert!(takes_file(socket().await, Some(&arena), &stored[..sendfile::BYTES_MIN]).await);
        assert!(!takes_file(socket().await, Some(&arena), &stored[1..sendfile::BYTES_MIN]).await);
        assert!(!takes_file(socket().await, Some(&arena), &heap).await);
        assert!(!takes_file(socket().await, None, stored).await);
        assert!(!takes_file(tokio::io::duplex(1 << 20).0, Some(&arena), stored).await, "as with TLS");
    }

    #[tokio::test]
    async fn all_of_both_parts_arrives() {
        use tokio::io::AsyncReadExt;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let arena = Arena::new(1 << 20).unwrap();
        let data: Vec<u8> = (0..65_536_u32).map(|at| (at % 251) as u8).collect();
        let slot = arena.store(&data).unwrap();
        for can_sendfile in [true, false] {
            let wire = wire(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap(), Some(&arena));
            wire.can_sendfile.set(can_sendfile);
            let mut peer = listener.accept().await.unwrap().0;
            let mut read = Vec::new();
            let writing = async {
                for from in [0, 1, 4_095, 30_000, 65_535] {
                    wire.write_all(b"head", &slot.as_ref()[from..]).await.unwrap();
                }
                wire.shutdown().await;
            };
            tokio::join!(writing, async { peer.read_to_end(&mut read).await.unwrap() });
            let expected: Vec<u8> = [0, 1, 4_095, 30_000, 65_535]
                .iter()
                .flat_map(|from| [b"head", &data[*from..]].concat())
                .collect();
            assert!(read == expected, "can_sendfile: {can_sendfile}");
        }
    }
}
