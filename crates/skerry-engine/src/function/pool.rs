//! Calls to functions: workers of one core, who waits for them, and what becomes of them.
//!
//! A call, once begun, belongs to the pool and runs to its end or its deadline, whoever has left. A worker is
//! used again only after a whole RESULT with its own call's id; any other ending drops it, which closes its
//! lifeline, at which init kills it. So no caller ever gets another's answer.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::Instant;

pub use super::fault::CallError;
use super::fault::Trouble;
use super::lease::{Launcher, NoLease};
use super::output::Piece;
use super::version::Version;
use super::wire::{self, Kind};
use super::worker::{Ended, Seat, Unloaded, Worker};
use crate::clock::SharedClock;
use crate::snapshot::FunctionRef;
use crate::stats::{CoreStats, Up, count};

/// Lambda's own limit on loading (functions.md 5). Time spent so is not the call's: its deadline begins when a
/// worker takes it, as on AWS.
const INIT_PATIENCE: Duration = Duration::from_secs(10);
/// A call waits so long for a worker when no more can be had.
const BUSY_PATIENCE: Duration = Duration::from_millis(250);
/// Until a launcher that had no room is asked again.
const BUSY_PAUSE: Duration = Duration::from_millis(50);
/// Leases of one version asked for at once.
const LEASES_AT_ONCE: usize = 4;
/// Of a call that no handler has seen. More than two: where workers die in numbers, the next may be dying too.
const TRIES: u32 = 3;
const CALLS_MAX: u64 = 10_000;
const AGE_MAX: Duration = Duration::from_secs(3600);
/// Somebody is debugging.
const FOR_EVER: Duration = Duration::from_secs(86_400);

/// Where lines for a function's log go.
pub trait FunctionLog {
    /// One line: what of which function, for which request (empty: late), on which stream.
    fn line(&self, function: &FunctionRef, request_id: &str, stream: &str, text: &[u8], dropped_bytes: u64);
}

/// What a handler's context object is made of.
#[derive(Serialize)]
struct Context<'a> {
    request_id: &'a str,
    deadline_ms: u64,
    function: &'a str,
    version: &'a str,
    memory_mb: u32,
    arn: String,
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
        let (mut tell, told) = oneshot::channel();
        let (pool, function, request_id) = (self.clone(), function.clone(), request_id.to_owned());
        tokio::task::spawn_local(async move {
            let _active = Up::new(&pool.stats, |s| &s.functions_active);
            let begun = Instant::now();
            let Some(done) = pool.run(&function, &request_id, &event, &mut tell).await else {
                return; // nobody waits for it, and no handler has seen it
            };
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
            let _ = tell.send(done); // whoever asked may have left
        });
        told.await.unwrap_or_else(|_| Err(CallError::Crashed("the call's task ended".to_owned())))
    }

    /// A call from worker to answer; `None`: its caller left before a worker was free. One that no handler has seen is made again, with another worker: its own may
    /// have been killed, or have left, while nobody called it.
    async fn run(
        self: &Rc<Self>,
        function: &Arc<FunctionRef>,
        request_id: &str,
        event: &[u8],
        caller: &mut oneshot::Sender<Result<Bytes, CallError>>,
    ) -> Option<Result<Bytes, CallError>> {
        let mut tries = 0;
        loop {
            tries += 1;
            // what waits for a worker still belongs to its caller, and goes with it
            let acquired = tokio::select! {
                biased;
                acquired = self.acquire(function) => acquired,
                () = caller.closed() => return None,
            };
            let mut worker = match acquired {
                Ok(worker) => worker,
                Err(error) => return Some(Err(error)),
            };
            let limit = if self.no_deadline { FOR_EVER } else { Duration::from_millis(function.timeout_ms) };
            let deadline = Instant::now() + limit;
            let (call_id, frame) = self.frame(function, request_id, event, limit);
            let ended = tokio::time::timeout_at(deadline, worker.call(&frame, call_id)).await;
            if tries < TRIES && matches!(ended, Ok(Ended::Unheard(_))) {
                self.dismiss(function, worker, None);
                continue;
            }
            let (done, reusable) = self.judge(function, request_id, ended);
            let call = Some((call_id, request_id));
            worker.calls += 1;
            if reusable && worker.calls < CALLS_MAX && worker.born.elapsed() < AGE_MAX {
                worker.pipes.drain();
                self.tell(function, call, &mut worker, false);
                self.version(function, |version| version.give(worker));
            } else {
                self.dismiss(function, worker, call);
            }
            return Some(done);
        }
    }

    fn frame(
        &self,
        function: &FunctionRef,
        request_id: &str,
        event: &[u8],
        limit: Duration,
    ) -> (u64, Vec<u8>) {
        let call_id = self.next_call.replace(self.next_call.get() + 1);
        let context = Context {
            request_id,
            deadline_ms: self.clock.unix_ms() + limit.as_millis() as u64,
            function: &function.name,
            version: &function.version,
            memory_mb: function.memory_mb,
            arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{}:1", function.name),
        };
        let mut frame = Vec::new();
        // strings and numbers always become JSON
        let context = serde_json::to_vec(&context).unwrap_or_default();
        wire::invoke(call_id, &context, event, &mut frame);
        (call_id, frame)
    }

    /// The call's outcome, and whether its worker may serve another.
    fn judge(
        &self,
        function: &FunctionRef,
        request_id: &str,
        ended: Result<Ended, tokio::time::error::Elapsed>,
    ) -> (Result<Bytes, CallError>, bool) {
        match ended {
            Err(_) => (Err(CallError::TimedOut), false),
            Ok(Ended::Unheard(error) | Ended::Died(error)) => {
                let words = format!("its process ended during the call ({error})");
                (Err(CallError::Crashed(words)), false)
            }
            Ok(Ended::Answered(Kind::Result, payload)) => (Ok(payload), true),
            Ok(Ended::Answered(_, payload)) => {
                let trouble = Trouble::read(&payload);
                self.log.line(function, request_id, "error", trouble.whole().as_bytes(), 0);
                (Err(CallError::Raised(trouble.words())), true)
            }
        }
    }

    /// Give what was printed to the log.
    fn tell(&self, function: &FunctionRef, call: Option<(u64, &str)>, worker: &mut Worker, all: bool) {
        let pipes = &mut worker.pipes;
        for (stream, pipe) in [("stdout", &mut pipes.out), ("stderr", &mut pipes.err)] {
            for Piece { call_id, text, dropped_bytes } in pipe.text.take(all) {
                let request_id = match call {
                    Some((id, request_id)) if call_id == Some(id) => request_id,
                    _ => "",
                };
                self.log.line(function, request_id, stream, &text, dropped_bytes);
            }
        }
    }

    /// Let a worker go, after its last words; somebody who waits may need another.
    fn dismiss(self: &Rc<Self>, function: &Arc<FunctionRef>, mut worker: Worker, call: Option<(u64, &str)>) {
        worker.pipes.drain();
        self.tell(function, call, &mut worker, true);
        drop(worker);
        self.grow(function);
    }

    fn version<T>(&self, function: &Arc<FunctionRef>, act: impl FnOnce(&mut Version) -> T) -> T {
        let mut versions = self.versions.borrow_mut();
        match versions.get_mut(&function.version) {
            Some(version) => act(version),
            None => act(versions.entry(function.version.clone()).or_insert_with(|| Version::new(function))),
        }
    }

    async fn acquire(self: &Rc<Self>, function: &Arc<FunctionRef>) -> Result<Worker, CallError> {
        let found = self.version(function, |version| {
            while let Some(worker) = version.idle.pop() {
                if worker.is_alive() {
                    return Ok(worker);
                }
            }
            Err(version.wait())
        });
        match found {
            Ok(worker) => Ok(worker),
            Err(Err(refusal)) => Err(refusal),
            Err(Ok(told)) => {
                self.grow(function);
                told.await.unwrap_or_else(|_| Err(CallError::Crashed("the pool is closing".to_owned())))
            }
        }
    }

    /// Ask for another worker when more wait than are on their way.
    fn grow(self: &Rc<Self>, function: &Arc<FunctionRef>) {
        let wanted = self.version(function, |version| {
            version.forget_the_gone();
            let wanted = version.leases < LEASES_AT_ONCE && version.leases < version.waiting.len();
            version.leases += usize::from(wanted);
            wanted
        });
        if wanted {
            let (pool, function) = (self.clone(), function.clone());
            tokio::task::spawn_local(async move {
                pool.lease(&function).await;
                pool.grow(&function);
            });
        }
    }

    async fn lease(self: &Rc<Self>, function: &Arc<FunctionRef>) {
        let asked = Instant::now();
        let hired = self.hire(function, asked).await;
        let pause = self.version(function, |version| {
            match hired {
                Ok(worker) => {
                    version.rest.end();
                    version.give(worker);
                }
                Err(error @ CallError::Throttled(_)) => {
                    version.turn_away(&error, Instant::now() - BUSY_PATIENCE, usize::MAX);
                    // a worker may come free here or elsewhere; this lease counts until it is asked for again
                    return version.waiting.front().map(|first| first.since + BUSY_PATIENCE);
                }
                // the code would not start: not for those who waited when that began, unless others show better
                Err(error) => {
                    let alone = version.workers.get() == 0;
                    let most = if alone && version.leases == 1 { usize::MAX } else { 1 };
                    version.turn_away(&error, asked, most);
                }
            }
            None
        });
        if let Some(end) = pause {
            tokio::time::sleep_until(end.min(Instant::now() + BUSY_PAUSE)).await;
        }
        self.version(function, |version| version.leases -= 1);
    }

    /// A loaded worker. One that dies while it loads, without a word of why, is made once more.
    async fn hire(&self, function: &Arc<FunctionRef>, asked: Instant) -> Result<Worker, CallError> {
        let mut is_second = false;
        loop {
            match self.try_hire(function).await {
                Ok(worker) => return Ok(worker),
                Err(Unloaded::Failed(error)) => return Err(error),
                Err(Unloaded::Raised(error)) => {
                    // what is not the code's own doing (a machine that is busy, a kill) is no reason to rest
                    self.version(function, |version| {
                        if version.workers.get() == 0 && !self.no_deadline {
                            version.rest.begin(&error, asked);
                        }
                    });
                    return Err(error);
                }
                Err(Unloaded::Died(error)) if is_second => {
                    let words = format!("its process ended while loading ({error})");
                    return Err(CallError::InitFailed(words));
                }
                Err(Unloaded::Died(_)) => is_second = true,
            }
        }
    }

    async fn try_hire(&self, function: &Arc<FunctionRef>) -> Result<Worker, Unloaded> {
        count(&self.stats.leases);
        let lease = match self.launcher.lease(&function.name, &function.version, INIT_PATIENCE).await {
            Ok(lease) => lease,
            Err(NoLease::Busy(words) | NoLease::Away(words)) => {
                return Err(Unloaded::Failed(CallError::Throttled(words)));
            }
            Err(NoLease::Refused(words)) => return Err(Unloaded::Failed(CallError::InitFailed(words))),
        };
        let seat = self.version(function, |version| Seat::take(&version.workers));
        let mut worker = Worker::new(lease, seat).map_err(Unloaded::Died)?;
        let patience = if self.no_deadline { FOR_EVER } else { INIT_PATIENCE };
        let loaded = tokio::time::timeout(patience, worker.load()).await.unwrap_or_else(|_| {
            let words = format!("it did not load within {} s", INIT_PATIENCE.as_secs());
            Err(Unloaded::Failed(CallError::InitFailed(words)))
        });
        worker.pipes.drain();
        self.tell(function, None, &mut worker, loaded.is_err());
        loaded.map(|()| worker)
    }

    /// Once a second: let go what is idle too long, and versions that no snapshot names any more. Those who wait
    /// for such a version are still served.
    pub fn sweep(&self, wanted: impl Fn(&str) -> bool) {
        self.versions.borrow_mut().retain(|name, version| {
            let keep = wanted(name);
            let function = version.function.clone();
            version.sweep(keep, |worker, stays| {
                worker.pipes.drain(); // a thread that prints between calls must not fill its pipe
                self.tell(&function, None, worker, !stays);
            });
            keep || version.workers.get() > 0 || version.leases > 0 || !version.waiting.is_empty()
        });
    }

    /// Let go of every idle worker (the engine drains).
    pub fn close(&self) {
        self.versions.borrow_mut().values_mut().for_each(|version| version.idle.clear());
    }

    /// Workers that live.
    pub fn workers(&self) -> usize {
        self.versions.borrow().values().map(|version| version.workers.get()).sum()
    }

    /// Calls that wait for a worker.
    pub fn waiting(&self) -> usize {
        self.versions.borrow().values().map(|version| version.waiting.len()).sum()
    }
}
