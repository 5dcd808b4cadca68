//! Calls to functions: workers of one core, who waits for them, and what becomes of them.
//!
//! A call, once begun, belongs to the pool and runs to its end or its deadline, whoever has left. A worker is
//! used again only after a whole RESULT with its own call's id; any other ending drops it, which closes its
//! lifeline, at which init kills it. So no caller ever gets another's answer.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::lease::{Launcher, Lease, NoLease};
use super::output::{Piece, Splitter};
use super::wire::{self, HEADER_BYTES, Kind};
use crate::clock::SharedClock;
use crate::snapshot::FunctionRef;
use crate::stats::{CoreStats, Up, count};

/// Lambda's own limit on loading (functions.md 5).
const INIT_PATIENCE: Duration = Duration::from_secs(10);
/// A call waits so long for a worker when no more can be had.
const BUSY_PATIENCE: Duration = Duration::from_millis(250);
/// Leases of one version asked for at once.
const LEASES_AT_ONCE: usize = 4;
const IDLE_MAX: Duration = Duration::from_secs(300);
const CALLS_MAX: u64 = 10_000;
const AGE_MAX: Duration = Duration::from_secs(3600);

/// How a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The handler raised: its type and message.
    Raised(String),
    /// The deadline passed.
    TimedOut,
    /// The worker died.
    Crashed(String),
    /// The code could not be loaded.
    InitFailed(String),
    /// No worker in time.
    Throttled(String),
}

impl CallError {
    /// For logs: what happened, in words.
    pub fn detail(&self) -> String {
        match self {
            CallError::TimedOut => "no answer before the deadline".to_owned(),
            CallError::Raised(s)
            | CallError::Crashed(s)
            | CallError::InitFailed(s)
            | CallError::Throttled(s) => s.clone(),
        }
    }
}

/// Where lines for a function's log go.
pub trait FunctionLog {
    /// One line: what of which function, for which request (empty: late), on which stream.
    fn line(&self, function: &FunctionRef, request_id: &str, stream: &str, text: &[u8], dropped_bytes: u64);
}

#[derive(Deserialize)]
struct Hello {
    word: String,
}

#[derive(Deserialize)]
struct Trouble {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    trace: String,
}

impl Trouble {
    fn words(&self) -> String {
        if self.kind.is_empty() { self.message.clone() } else { format!("{}: {}", self.kind, self.message) }
    }
}

struct Worker {
    socket: UnixStream,
    stdout: Receiver,
    stderr: Receiver,
    out: Splitter,
    err: Splitter,
    buffer: BytesMut,
    calls: u64,
    born: Instant,
    idle_since: Instant,
    // held for what their closing does
    _pidfd: std::os::fd::OwnedFd,
    _lifeline: std::os::fd::OwnedFd,
}

/// Ready workers, and calls that wait for one.
#[derive(Default)]
struct Version {
    idle: Vec<Worker>,
    waiting: VecDeque<oneshot::Sender<Result<Worker, CallError>>>,
    leases: usize,
    workers: usize,
}

/// The pool of one core.
pub struct Pool {
    launcher: Launcher,
    versions: RefCell<HashMap<String, Version>>,
    next_call: Cell<u64>,
    stats: Arc<CoreStats>,
    clock: SharedClock,
    log: Rc<dyn FunctionLog>,
    /// No deadlines: somebody is debugging.
    pub no_deadline: bool,
}

impl Pool {
    /// An empty pool. Call ids of different cores never meet: `core` is their upper part.
    pub fn new(
        launcher: Launcher,
        core: usize,
        stats: Arc<CoreStats>,
        clock: SharedClock,
        log: Rc<dyn FunctionLog>,
        no_deadline: bool,
    ) -> Rc<Self> {
        let next_call = Cell::new(((core as u64) << 48) + 1);
        Rc::new(Pool { launcher, versions: RefCell::default(), next_call, stats, clock, log, no_deadline })
    }

    /// Call a function. The call goes on when the returned future is dropped.
    pub async fn call(
        self: &Rc<Self>,
        function: &Arc<FunctionRef>,
        request_id: &str,
        event: Vec<u8>,
    ) -> Result<Bytes, CallError> {
        let (tell, told) = oneshot::channel();
        let (pool, function, request_id) = (self.clone(), function.clone(), request_id.to_owned());
        tokio::task::spawn_local(async move {
            let _active = Up::new(&pool.stats, |s| &s.functions_active);
            let begun = Instant::now();
            let done = pool.run(&function, &request_id, &event).await;
            count(&pool.stats.function_calls);
            pool.stats.function.note(begun.elapsed().as_micros() as u64);
            if let Err(error) = &done {
                match error {
                    CallError::Throttled(_) => count(&pool.stats.function_throttles),
                    _ => count(&pool.stats.function_errors),
                }
                if !matches!(error, CallError::Raised(_)) {
                    pool.log.line(&function, &request_id, "error", error.detail().as_bytes(), 0);
                }
            }
            let _ = tell.send(done);
        });
        told.await.unwrap_or_else(|_| Err(CallError::Crashed("the call's task ended".to_owned())))
    }

    async fn run(
        self: &Rc<Self>,
        function: &Arc<FunctionRef>,
        request_id: &str,
        event: &[u8],
    ) -> Result<Bytes, CallError> {
        let mut worker = self.acquire(function).await?;
        let limit = if self.no_deadline {
            Duration::from_secs(86_400)
        } else {
            Duration::from_millis(function.timeout_ms)
        };
        let deadline = Instant::now() + limit;
        let call_id = self.next_call.replace(self.next_call.get() + 1);
        let context = serde_json::json!({
            "request_id": request_id,
            "deadline_ms": self.clock.unix_ms() + limit.as_millis() as u64,
            "function": function.name,
            "version": function.version,
            "memory_mb": function.memory_mb,
            "arn": format!("arn:aws:lambda:us-east-1:000000000000:function:{}:1", function.name),
        });
        let mut frame = Vec::new();
        wire::invoke(call_id, context.to_string().as_bytes(), event, &mut frame);
        let ended = tokio::time::timeout_at(deadline, worker.answer(&frame, call_id)).await;
        let (done, reusable) = match ended {
            Err(_) => (Err(CallError::TimedOut), false),
            Ok(Err(error)) => {
                (Err(CallError::Crashed(format!("its process ended during the call ({error})"))), false)
            }
            Ok(Ok((Kind::Result, payload))) => (Ok(payload), true),
            Ok(Ok((_, payload))) => {
                let trouble: Trouble = serde_json::from_slice(&payload).unwrap_or(Trouble {
                    kind: String::new(),
                    message: "an unreadable error".into(),
                    trace: String::new(),
                });
                let text = if trouble.trace.is_empty() { trouble.words() } else { trouble.trace.clone() };
                self.log.line(function, request_id, "error", text.as_bytes(), 0);
                (Err(CallError::Raised(trouble.words())), true)
            }
        };
        worker.drain();
        self.tell(function, Some((call_id, request_id)), &mut worker, !reusable);
        worker.calls += 1;
        if reusable && worker.calls < CALLS_MAX && worker.born.elapsed() < AGE_MAX {
            self.release(&function.version, worker);
        } else {
            self.gone(function);
        }
        done
    }

    /// Give what was printed to the log.
    fn tell(&self, function: &FunctionRef, call: Option<(u64, &str)>, worker: &mut Worker, all: bool) {
        for (stream, splitter) in [("stdout", &mut worker.out), ("stderr", &mut worker.err)] {
            for Piece { call_id, text, dropped_bytes } in splitter.take(all) {
                let request_id = match call {
                    Some((id, request_id)) if call_id == Some(id) => request_id,
                    _ => "",
                };
                self.log.line(function, request_id, stream, &text, dropped_bytes);
            }
        }
    }

    async fn acquire(self: &Rc<Self>, function: &Arc<FunctionRef>) -> Result<Worker, CallError> {
        let told = {
            let mut versions = self.versions.borrow_mut();
            let version = versions.entry(function.version.clone()).or_default();
            while let Some(worker) = version.idle.pop() {
                if worker.is_alive() {
                    return Ok(worker);
                }
                version.workers -= 1;
            }
            let (tell, told) = oneshot::channel();
            version.waiting.push_back(tell);
            told
        };
        self.grow(function);
        told.await.unwrap_or_else(|_| Err(CallError::Crashed("the pool is closing".to_owned())))
    }

    /// Ask for another worker when more wait than are on their way.
    fn grow(self: &Rc<Self>, function: &Arc<FunctionRef>) {
        {
            let mut versions = self.versions.borrow_mut();
            let Some(version) = versions.get_mut(&function.version) else { return };
            if version.leases >= LEASES_AT_ONCE || version.leases >= version.waiting.len() {
                return;
            }
            version.leases += 1;
        }
        let (pool, function) = (self.clone(), function.clone());
        tokio::task::spawn_local(async move {
            let got = pool.hire(&function).await;
            {
                let mut versions = pool.versions.borrow_mut();
                let version = versions.entry(function.version.clone()).or_default();
                version.leases -= 1;
                if got.is_ok() {
                    version.workers += 1;
                }
            }
            match got {
                Ok(worker) => pool.release(&function.version, worker),
                Err(error) => pool.turn_away(&function, error).await,
            }
            pool.grow(&function);
        });
    }

    async fn hire(&self, function: &Arc<FunctionRef>) -> Result<Worker, CallError> {
        count(&self.stats.leases);
        let lease = match self.launcher.lease(&function.name, &function.version, INIT_PATIENCE).await {
            Ok(lease) => lease,
            Err(NoLease::Busy(words) | NoLease::Away(words)) => return Err(CallError::Throttled(words)),
            Err(NoLease::Refused(words)) => return Err(CallError::InitFailed(words)),
        };
        let mut worker = Worker::new(lease).map_err(|e| CallError::Crashed(e.to_string()))?;
        let patience = if self.no_deadline { Duration::from_secs(86_400) } else { INIT_PATIENCE };
        let loaded = tokio::time::timeout(patience, worker.load()).await;
        let failed = match loaded {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => {
                Some(CallError::InitFailed(format!("it did not load within {} s", INIT_PATIENCE.as_secs())))
            }
        };
        worker.drain();
        self.tell(function, None, &mut worker, failed.is_some());
        failed.map_or(Ok(worker), Err)
    }

    /// No worker: those who wait learn it, unless others of the version may still come free in time.
    async fn turn_away(self: &Rc<Self>, function: &Arc<FunctionRef>, error: CallError) {
        let busy_elsewhere = self.versions.borrow().get(&function.version).is_some_and(|v| v.workers > 0);
        if matches!(error, CallError::Throttled(_)) && busy_elsewhere {
            tokio::time::sleep(BUSY_PATIENCE).await;
        }
        let waiting: Vec<_> = match self.versions.borrow_mut().get_mut(&function.version) {
            Some(version) => version.waiting.drain(..).collect(),
            None => Vec::new(),
        };
        for tell in waiting {
            let _ = tell.send(Err(error.clone()));
        }
    }

    fn release(&self, version: &str, worker: Worker) {
        let mut versions = self.versions.borrow_mut();
        let version = versions.entry(version.to_owned()).or_default();
        let mut worker = worker;
        worker.idle_since = Instant::now();
        while let Some(tell) = version.waiting.pop_front() {
            match tell.send(Ok(worker)) {
                Ok(()) => return,
                Err(Ok(back)) => worker = back,
                Err(Err(_)) => return, // cannot be: a worker was sent
            }
        }
        version.idle.push(worker);
    }

    /// A worker is no more; somebody who waits for it needs another.
    fn gone(self: &Rc<Self>, function: &Arc<FunctionRef>) {
        if let Some(version) = self.versions.borrow_mut().get_mut(&function.version) {
            version.workers = version.workers.saturating_sub(1);
        }
        self.grow(function);
    }

    /// Once a second: let go what is idle too long, and versions that no snapshot names any more.
    pub fn sweep(&self, wanted: impl Fn(&str) -> bool) {
        self.versions.borrow_mut().retain(|name, version| {
            let keep = wanted(name);
            let before = version.idle.len();
            version.idle.retain_mut(|worker| {
                worker.drain(); // a thread that prints between calls must not fill its pipe
                keep && worker.idle_since.elapsed() < IDLE_MAX && worker.is_alive()
            });
            version.workers = version.workers.saturating_sub(before - version.idle.len());
            keep || version.workers > 0 || version.leases > 0 || !version.waiting.is_empty()
        });
    }

    /// Let go of every idle worker (the engine drains).
    pub fn close(&self) {
        for version in self.versions.borrow_mut().values_mut() {
            version.workers = version.workers.saturating_sub(version.idle.len());
            version.idle.clear();
        }
    }

    /// Workers held, by version.
    pub fn workers(&self) -> usize {
        self.versions.borrow().values().map(|v| v.workers).sum()
    }
}

impl Worker {
    fn new(lease: Lease) -> io::Result<Worker> {
        let socket = std::os::unix::net::UnixStream::from(lease.socket);
        socket.set_nonblocking(true)?;
        Ok(Worker {
            socket: UnixStream::from_std(socket)?,
            stdout: Receiver::from_owned_fd(lease.stdout)?,
            stderr: Receiver::from_owned_fd(lease.stderr)?,
            out: Splitter::new("-"),
            err: Splitter::new("-"),
            buffer: BytesMut::with_capacity(8 * 1024),
            calls: 0,
            born: Instant::now(),
            idle_since: Instant::now(),
            _pidfd: lease.pidfd,
            _lifeline: lease.lifeline,
        })
    }

    /// HELLO with its word, then READY or ERROR.
    async fn load(&mut self) -> Result<(), CallError> {
        loop {
            let (kind, _, payload) = self
                .frame()
                .await
                .map_err(|e| CallError::InitFailed(format!("its process ended while loading ({e})")))?;
            match kind {
                Kind::Hello => {
                    let hello: Hello = serde_json::from_slice(&payload)
                        .map_err(|_| CallError::InitFailed("the worker's greeting is not ours".to_owned()))?;
                    self.out = Splitter::new(&hello.word);
                    self.err = Splitter::new(&hello.word);
                }
                Kind::Ready => return Ok(()),
                _ => {
                    let trouble: Trouble = serde_json::from_slice(&payload).unwrap_or(Trouble {
                        kind: String::new(),
                        message: "it could not be loaded".into(),
                        trace: String::new(),
                    });
                    let trace =
                        if trouble.trace.is_empty() { String::new() } else { format!("\n{}", trouble.trace) };
                    return Err(CallError::InitFailed(format!("{}{trace}", trouble.words())));
                }
            }
        }
    }

    /// Send a call and wait for its own answer.
    async fn answer(&mut self, frame: &[u8], call_id: u64) -> io::Result<(Kind, Bytes)> {
        self.socket.write_all(frame).await?;
        let (kind, id, payload) = self.frame().await?;
        if id != call_id || !matches!(kind, Kind::Result | Kind::Error) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer to another call"));
        }
        Ok((kind, payload))
    }

    /// The next frame; what the worker prints meanwhile is taken in, so that it never blocks on a full pipe.
    async fn frame(&mut self) -> io::Result<(Kind, u64, Bytes)> {
        let bad = || io::Error::new(io::ErrorKind::InvalidData, "not our frames");
        let (mut open_out, mut open_err) = (true, true);
        loop {
            if let Some(header) = wire::header(&self.buffer).map_err(|_| bad())? {
                let whole = HEADER_BYTES + header.payload_bytes;
                if self.buffer.len() >= whole {
                    let mut frame = self.buffer.split_to(whole);
                    let payload = frame.split_off(HEADER_BYTES).freeze();
                    return Ok((header.kind, header.call_id, payload));
                }
                self.buffer.reserve(whole - self.buffer.len());
            }
            tokio::select! {
                biased;
                read = self.socket.read_buf(&mut self.buffer) => if read? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                },
                ready = self.stdout.readable(), if open_out => { ready?; open_out = pull(&self.stdout, &mut self.out); }
                ready = self.stderr.readable(), if open_err => { ready?; open_err = pull(&self.stderr, &mut self.err); }
            }
        }
    }

    fn drain(&mut self) {
        pull(&self.stdout, &mut self.out);
        pull(&self.stderr, &mut self.err);
    }

    /// Nothing unasked on its socket, and not closed.
    fn is_alive(&self) -> bool {
        self.buffer.is_empty()
            && matches!(self.socket.try_read(&mut [0; 1]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Read what is there; false once the other end is closed.
fn pull(pipe: &Receiver, splitter: &mut Splitter) -> bool {
    let mut bytes = [0; 16 * 1024];
    // bounded: a flood must not keep us from the socket
    for _ in 0..64 {
        match pipe.try_read(&mut bytes) {
            Ok(0) => return false,
            Ok(n) => {
                splitter.feed(&bytes[..n]);
                if n < bytes.len() {
                    return true;
                }
            }
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
    true
}
