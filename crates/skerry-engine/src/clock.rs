//! Time as the path sees it. Passed in, so that the simulation can stop it.

use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Wall-clock time in milliseconds since 1970.
pub trait Clock {
    /// Now.
    fn unix_ms(&self) -> u64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
    }
}

/// A clock that follows tokio's timer, which tests can pause and advance.
#[derive(Clone, Copy, Debug)]
pub struct TimerClock {
    start: tokio::time::Instant,
    start_unix_ms: u64,
}

impl TimerClock {
    /// Reads `start_unix_ms` now and moves with the timer from here on.
    pub fn new(start_unix_ms: u64) -> Self {
        TimerClock { start: tokio::time::Instant::now(), start_unix_ms }
    }
}

impl Clock for TimerClock {
    fn unix_ms(&self) -> u64 {
        self.start_unix_ms + self.start.elapsed().as_millis() as u64
    }
}

/// How the path holds its clock.
pub type SharedClock = Rc<dyn Clock>;
