//! One worker: its socket, what it prints, and one call at a time.

use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::fault::{CallError, Trouble};
use super::lease::Lease;
use super::pipes::Pipes;
use super::wire::{self, HEADER_BYTES, Kind};

/// A call that takes longer has its output read meanwhile (see pipes.rs).
const QUICK: Duration = Duration::from_millis(2);
/// Most answers are smaller.
const READ_BYTES: usize = 4 * 1024;

#[derive(Deserialize)]
struct Hello {
    word: String,
}

/// Counted while it lives, whoever drops it.
pub struct Seat(Rc<Cell<usize>>);

impl Seat {
    /// One more.
    pub fn take(count: &Rc<Cell<usize>>) -> Seat {
        count.set(count.get() + 1);
        Seat(count.clone())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A leased worker. Dropped, its lifeline hangs up and init kills it.
pub struct Worker {
    socket: UnixStream,
    /// What it prints.
    pub pipes: Pipes,
    buffer: BytesMut,
    /// Calls it has answered.
    pub calls: u64,
    /// When it was leased.
    pub born: Instant,
    /// When it answered last.
    pub idle_since: Instant,
    /// Process id, for people.
    pub pid: i32,
    _lifeline: OwnedFd,
    _seat: Seat,
}

/// How a call ended.
#[derive(Debug)]
pub enum Ended {
    /// RESULT or ERROR, with its payload.
    Answered(Kind, Bytes),
    /// The process is gone, and its handler never saw the call.
    Unheard(io::Error),
    /// The process is gone, or no longer speaks our frames.
    Died(io::Error),
}

/// Why a worker does not load.
#[derive(Debug)]
pub enum Unloaded {
    /// The process ended without a word.
    Died(io::Error),
    /// There is none, or it took too long.
    Failed(CallError),
    /// The code itself failed, and has said why.
    Raised(CallError),
}

impl Worker {
    /// Take a lease over. The pidfd is let go: that a worker ends shows on its socket.
    pub fn new(lease: Lease, seat: Seat) -> io::Result<Worker> {
        let socket = std::os::unix::net::UnixStream::from(lease.socket);
        socket.set_nonblocking(true)?;
        Ok(Worker {
            socket: UnixStream::from_std(socket)?,
            pipes: Pipes::new(lease.stdout, lease.stderr)?,
            buffer: BytesMut::with_capacity(8 * 1024),
            calls: 0,
            born: Instant::now(),
            idle_since: Instant::now(),
            pid: lease.pid,
            _lifeline: lease.lifeline,
            _seat: seat,
        })
    }

    /// HELLO with its word, then READY or ERROR.
    pub async fn load(&mut self) -> Result<(), Unloaded> {
        loop {
            let (kind, _, payload) = self.frame().await.map_err(Unloaded::Died)?;
            match kind {
                Kind::Hello => {
                    let hello: Hello = serde_json::from_slice(&payload).map_err(|_| {
                        Unloaded::Failed(CallError::InitFailed(
                            "the worker's greeting is not ours".to_owned(),
                        ))
                    })?;
                    self.pipes.expect(&hello.word);
                }
                Kind::Ready => return Ok(()),
                _ => {
                    let words = Trouble::read(&payload).words_and_trace();
                    return Err(Unloaded::Raised(CallError::InitFailed(words)));
                }
            }
        }
    }

    /// Send a call and wait for its own answer.
    pub async fn call(&mut self, frame: &[u8], call_id: u64) -> Ended {
        // a write that fails has not brought the whole frame over, and a handler begins after that
        if let Err(error) = self.socket.write_all(frame).await {
            return Ended::Unheard(error);
        }
        match self.frame().await {
            Ok((kind @ (Kind::Result | Kind::Error), id, payload)) if id == call_id => {
                Ended::Answered(kind, payload)
            }
            Ok(_) => {
                Ended::Died(io::Error::new(io::ErrorKind::InvalidData, "it answered what nobody has asked"))
            }
            // unix(7): a peer that closes with bytes of ours unread resets the connection. One that had read the
            // call, and may have acted on it, leaves a plain end.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ended::Unheard(error),
            Err(error) => Ended::Died(error),
        }
    }

    async fn frame(&mut self) -> io::Result<(Kind, u64, Bytes)> {
        // a quick call ends here; dropping the future of a read loses nothing (tokio: read_buf is cancel safe)
        match tokio::time::timeout(QUICK, read_frame(&mut self.socket, &mut self.buffer)).await {
            Ok(done) => done,
            Err(_) => {
                tokio::select! {
                    biased;
                    done = read_frame(&mut self.socket, &mut self.buffer) => done,
                    broken = self.pipes.watch() => {
                        broken?;
                        Err(io::ErrorKind::UnexpectedEof.into()) // cannot be: watching has no good end
                    }
                }
            }
        }
    }

    /// Nothing unasked on its socket, and not closed as far as we have heard.
    pub fn is_alive(&self) -> bool {
        self.buffer.is_empty()
            && matches!(self.socket.try_read(&mut [0; 1]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

async fn read_frame(socket: &mut UnixStream, buffer: &mut BytesMut) -> io::Result<(Kind, u64, Bytes)> {
    loop {
        let bad = |_| io::Error::new(io::ErrorKind::InvalidData, "its frames are not ours");
        if let Some(header) = wire::header(buffer).map_err(bad)? {
            let whole = HEADER_BYTES + header.payload_bytes;
            if buffer.len() >= whole {
                let mut frame = buffer.split_to(whole);
                let payload = frame.split_off(HEADER_BYTES).freeze();
                return Ok((header.kind, header.call_id, payload));
            }
            buffer.reserve(whole - buffer.len());
        } else {
            buffer.reserve(READ_BYTES); // for nothing where the last payload is let go of
        }
        if socket.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
