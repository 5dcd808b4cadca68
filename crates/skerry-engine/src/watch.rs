//! Deadlines of connections without a timer each: a table that is looked through once a second.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::{Context, Waker};

/// From a head's first byte, or from a new connection, to the head's end.
const HEAD_MS: u64 = 10_000;
/// Between requests.
const IDLE_MS: u64 = 60_000;
/// An engine that drains waits so long for the first byte of a connection that it has accepted,
const FIRST_MS: u64 = 1_000;
/// and so long for the next request of one that is in use, which is told that it is the last.
const NEXT_MS: u64 = 250;

/// What a connection is doing, and how long it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Accepted, and nothing has come yet.
    New,
    /// Between requests.
    Idle,
    /// A head has begun. Not renewed by bytes: it must be whole in time.
    Head,
    /// A body arrives, or an answer leaves: renewed by each step forward.
    Moving,
    /// We are at work: no deadline.
    Busy,
}

impl Phase {
    fn limit_ms(self) -> Option<u64> {
        match self {
            Phase::Idle => Some(IDLE_MS),
            // one that sends nothing at all has the time of a head, not of a kept connection
            Phase::New | Phase::Head => Some(HEAD_MS),
            Phase::Moving => Some(30_000),
            Phase::Busy => None,
        }
    }
}

/// One connection's entry.
pub struct Watch {
    phase: Cell<Phase>,
    deadline_ms: Cell<u64>,
    expired: Cell<bool>,
    nudged: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Watch {
    /// Enter a phase.
    pub fn enter(&self, phase: Phase, now_ms: u64) {
        if phase == Phase::Head && self.phase.get() == Phase::Head {
            return;
        }
        self.phase.set(phase);
        self.deadline_ms.set(phase.limit_ms().map_or(u64::MAX, |limit| now_ms + limit));
    }

    /// Has its time passed? Notes whom to wake when it does.
    pub fn is_expired(&self, cx: &Context<'_>) -> bool {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        self.expired.get()
    }

    /// In which phase it is.
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    fn expire(&self) {
        self.expired.set(true);
        self.wake();
    }

    /// Let a connection that is at work see once that the engine drains: an h2 viewer must be told (GOAWAY).
    fn nudge(&self) {
        if !self.nudged.replace(true) {
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// The table of one core.
#[derive(Default)]
pub struct Watches {
    all: RefCell<Vec<Weak<Watch>>>,
}

impl Watches {
    /// A new entry.
    pub fn add(&self, now_ms: u64) -> Rc<Watch> {
        let watch = Rc::new(Watch {
            phase: Cell::new(Phase::New),
            deadline_ms: Cell::new(0),
            expired: Cell::new(false),
            nudged: Cell::new(false),
            waker: RefCell::new(None),
        });
        watch.enter(Phase::New, now_ms);
        self.all.borrow_mut().push(Rc::downgrade(&watch));
        watch
    }

    /// Expire what is over; `drain`: also what has been quiet for a while. A viewer that finds a kept connection closed
    /// asks again where it may (RFC 9112 9.3.1), and not where the request was a first one or changes something.
    pub fn sweep(&self, now_ms: u64, drain: bool) {
        self.all.borrow_mut().retain(|weak| {
            let Some(watch) = weak.upgrade() else { return false };
            let left_ms = watch.deadline_ms.get().saturating_sub(now_ms);
            let may_go = match watch.phase.get() {
                Phase::Idle => left_ms <= IDLE_MS - NEXT_MS,
                Phase::New => left_ms <= HEAD_MS - FIRST_MS,
                Phase::Head | Phase::Moving | Phase::Busy => false,
            };
            if left_ms == 0 || (drain && may_go) {
                watch.expire();
                return false;
            }
            if drain {
                watch.nudge();
            }
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expired(watch: &Watch) -> bool {
        watch.is_expired(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_connection_that_sends_nothing_has_the_time_of_a_head() {
        let table = Watches::default();
        let (new, idle) = (table.add(0), table.add(0));
        idle.enter(Phase::Idle, 0);
        table.sweep(10_000, false);
        assert!(expired(&new) && !expired(&idle));
        table.sweep(60_000, false);
        assert!(expired(&idle));
    }

    #[test]
    fn a_head_is_not_prolonged_by_its_bytes() {
        let table = Watches::default();
        let watch = table.add(0);
        watch.enter(Phase::Head, 1_000);
        watch.enter(Phase::Head, 9_000);
        table.sweep(10_999, false);
        assert!(!expired(&watch));
        table.sweep(11_000, false);
        assert!(expired(&watch));
    }

    #[test]
    fn draining_ends_idle_connections_alone() {
        let table = Watches::default();
        let (idle, busy, new) = (table.add(0), table.add(0), table.add(0));
        idle.enter(Phase::Idle, 0);
        busy.enter(Phase::Busy, 0);
        table.sweep(NEXT_MS - 1, true);
        assert!(!expired(&idle));
        table.sweep(FIRST_MS - 1, true);
        assert!(expired(&idle) && !expired(&busy) && !expired(&new));
        table.sweep(FIRST_MS, true);
        assert!(expired(&new) && !expired(&busy));
    }
}
