//! Deadlines of connections without a timer each: a table that is looked through once a second.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::{Context, Waker};

/// What a connection is doing, and how long it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
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
            Phase::Idle => Some(60_000),
            Phase::Head => Some(10_000),
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
    /// A new entry, idle from now.
    pub fn add(&self, now_ms: u64) -> Rc<Watch> {
        let watch = Rc::new(Watch {
            phase: Cell::new(Phase::Idle),
            deadline_ms: Cell::new(0),
            expired: Cell::new(false),
            nudged: Cell::new(false),
            waker: RefCell::new(None),
        });
        watch.enter(Phase::Idle, now_ms);
        // a connection that sends nothing at all has the time of a head, not of a kept connection
        watch.deadline_ms.set(now_ms + 10_000);
        self.all.borrow_mut().push(Rc::downgrade(&watch));
        watch
    }

    /// Expire what is over; `drain`: also what is only idle.
    pub fn sweep(&self, now_ms: u64, drain: bool) {
        self.all.borrow_mut().retain(|weak| {
            let Some(watch) = weak.upgrade() else { return false };
            if watch.deadline_ms.get() <= now_ms || (drain && watch.phase.get() == Phase::Idle) {
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
        let (idle, busy) = (table.add(0), table.add(0));
        busy.enter(Phase::Busy, 0);
        table.sweep(1, true);
        assert!(expired(&idle) && !expired(&busy));
    }
}
