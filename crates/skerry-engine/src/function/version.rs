//! One version of a function on one core: workers that are free, calls that wait for one, and how loading went.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::fault::CallError;
use super::worker::Worker;
use crate::snapshot::FunctionRef;

/// Calls that may wait for a worker.
const WAITING_MAX: usize = 1_000;
/// The worker used last stays so long, so that who comes now and then finds one.
const IDLE_MAX: Duration = Duration::from_secs(300);
/// Workers beyond it are what a burst has left.
const SURPLUS_IDLE_MAX: Duration = Duration::from_secs(30);
/// Failures to load in a row, after which the next is not tried at once.
const FAILURES_MAX: u32 = 3;
const REST_MIN: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(30);

/// Who waits, and since when.
pub struct Waiter {
    /// When it came.
    pub since: Instant,
    tell: oneshot::Sender<Result<Worker, CallError>>,
}

/// Ready workers, and calls that wait for one.
pub struct Version {
    /// Whose.
    pub function: Arc<FunctionRef>,
    /// Free, the one used last at the end.
    pub idle: Vec<Worker>,
    /// In the order they came.
    pub waiting: VecDeque<Waiter>,
    /// Leases under way.
    pub leases: usize,
    /// Workers that live, idle, busy or loading.
    pub workers: Rc<Cell<usize>>,
    /// Whether loading is tried.
    pub rest: Rest,
}

impl Version {
    /// Nothing yet.
    pub fn new(function: &Arc<FunctionRef>) -> Version {
        Version {
            function: function.clone(),
            idle: Vec::new(),
            waiting: VecDeque::new(),
            leases: 0,
            workers: Rc::default(),
            rest: Rest::default(),
        }
    }

    /// Queue for a worker; refused where too many do, or where loading rests.
    pub fn wait(&mut self) -> Result<oneshot::Receiver<Result<Worker, CallError>>, CallError> {
        if let Some(error) = self.rest.refusal() {
            return Err(error);
        }
        self.forget_the_gone();
        if self.waiting.len() >= WAITING_MAX {
            return Err(CallError::Throttled(format!("{WAITING_MAX} calls wait for a worker already")));
        }
        let (tell, told) = oneshot::channel();
        self.waiting.push_back(Waiter { since: Instant::now(), tell });
        Ok(told)
    }

    /// Drop waiters whose callers have left.
    pub fn forget_the_gone(&mut self) {
        self.waiting.retain(|waiter| !waiter.tell.is_closed());
    }

    /// A worker for whoever has waited longest, or for the next who comes.
    pub fn give(&mut self, mut worker: Worker) {
        while let Some(waiter) = self.waiting.pop_front() {
            match waiter.tell.send(Ok(worker)) {
                Ok(()) => return,
                Err(Ok(back)) => worker = back,
                Err(Err(_)) => return, // cannot be: a worker was sent
            }
        }
        worker.idle_since = Instant::now();
        self.idle.push(worker);
    }

    /// Tell those who wait since `before` or longer, at most so many, that there is no worker for them.
    pub fn turn_away(&mut self, error: &CallError, before: Instant, most: usize) {
        for _ in 0..most {
            match self.waiting.front() {
                Some(waiter) if waiter.since <= before => {}
                _ => return,
            }
            if let Some(waiter) = self.waiting.pop_front() {
                let _ = waiter.tell.send(Err(error.clone())); // the pool is closing
            }
        }
    }

    /// Let go of idle workers that are dead, too long idle, or of a version nobody wants; `see` is shown each.
    pub fn sweep(&mut self, wanted: bool, mut see: impl FnMut(&mut Worker, bool)) {
        let last = self.idle.len().saturating_sub(1);
        let mut at = 0;
        self.idle.retain_mut(|worker| {
            let most = if at == last { IDLE_MAX } else { SURPLUS_IDLE_MAX };
            at += 1;
            let stays = wanted && worker.idle_since.elapsed() < most && worker.is_alive();
            see(worker, stays);
            stays
        });
    }
}

/// A version that fails to load again and again is not started anew for each call: each costs milliseconds of a
/// core, and who calls would wait for nothing.
#[derive(Default)]
pub struct Rest {
    failures: u32,
    last: Option<(Instant, CallError)>,
}

impl Rest {
    /// It failed to load, in an attempt begun at `asked`. Attempts that ran side by side count once.
    pub fn begin(&mut self, error: &CallError, asked: Instant) {
        if self.last.as_ref().is_none_or(|(at, _)| *at <= asked) {
            self.failures += 1;
            self.last = Some((Instant::now(), error.clone()));
        }
    }

    /// It loads.
    pub fn end(&mut self) {
        *self = Rest::default();
    }

    fn span(&self) -> Duration {
        match self.failures.checked_sub(FAILURES_MAX) {
            None => Duration::ZERO,
            Some(more) => REST_MAX.min(REST_MIN * 2u32.saturating_pow(more)),
        }
    }

    /// What a call is told that comes while it rests.
    fn refusal(&self) -> Option<CallError> {
        let (at, error) = self.last.as_ref()?;
        let left = self.span().checked_sub(at.elapsed()).filter(|left| !left.is_zero())?;
        let rest = format!(
            "[it failed to load {} times in a row, and is tried again in {:.0} s]",
            self.failures,
            left.as_secs_f64().ceil()
        );
        let words = error.detail();
        let (first, more) = words.split_once('\n').unwrap_or((&words, ""));
        let end = if more.is_empty() { String::new() } else { format!("\n{more}") };
        Some(CallError::InitFailed(format!("{first} {rest}{end}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_that_ran_side_by_side_are_one_failure() {
        let (mut rest, error) = (Rest::default(), CallError::InitFailed("no".into()));
        for round in 1..=2 {
            let asked = Instant::now();
            for _ in 0..4 {
                tokio::time::advance(Duration::from_millis(1)).await;
                rest.begin(&error, asked);
            }
            assert_eq!((rest.failures, rest.refusal()), (round, None));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        rest.begin(&error, Instant::now());
        let words = "no [it failed to load 3 times in a row, and is tried again in 1 s]";
        assert_eq!(rest.refusal(), Some(CallError::InitFailed(words.into())));
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_doubles_up_to_its_end_and_a_traceback_stays_whole() {
        let (mut rest, error) = (Rest::default(), CallError::InitFailed("no\n  File x\n".into()));
        let mut spans = Vec::new();
        for _ in 0..40 {
            rest.begin(&error, Instant::now());
            spans.push(rest.span().as_secs());
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(spans[..9], [0, 0, 1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(spans[39], 30);
        let CallError::InitFailed(words) = rest.refusal().unwrap() else { panic!() };
        assert!(words.starts_with("no [it failed") && words.ends_with("]\n  File x\n"), "{words}");
        rest.end();
        assert_eq!(rest.refusal(), None);
    }
}
