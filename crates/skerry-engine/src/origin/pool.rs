//! Idle connections to origins, newest first, per core.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use super::connect::Stream;
use super::target::Address;

/// Idle connections kept for one address.
const IDLE_MAX: usize = 64;

struct Idle {
    stream: Stream,
    until: Instant,
}

/// The pool of one core.
#[derive(Default)]
pub struct Pool {
    idle: RefCell<HashMap<Address, Vec<Idle>>>,
}

impl Pool {
    /// An idle connection that is still alive, the one used last.
    pub fn take(&self, address: &Address) -> Option<Stream> {
        let mut all = self.idle.borrow_mut();
        let list = all.get_mut(address)?;
        let now = Instant::now();
        while let Some(mut idle) = list.pop() {
            if idle.until > now && is_quiet(&mut idle.stream) {
                return Some(idle.stream);
            }
        }
        None
    }

    /// Keep a connection for `keepalive`.
    pub fn put(&self, address: &Address, stream: Stream, keepalive: Duration) {
        if keepalive.is_zero() {
            return;
        }
        let mut all = self.idle.borrow_mut();
        let list = all.entry(address.clone()).or_default();
        if list.len() >= IDLE_MAX {
            list.remove(0);
        }
        list.push(Idle { stream, until: Instant::now() + keepalive });
    }

    /// Close what has waited too long. Called once a second.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.idle.borrow_mut().retain(|_, list| {
            list.retain_mut(|idle| idle.until > now && is_quiet(&mut idle.stream));
            !list.is_empty()
        });
    }

    /// Idle connections at this moment.
    pub fn len(&self) -> usize {
        self.idle.borrow().values().map(Vec::len).sum()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Nothing to read and not closed: an origin that closed, or spoke unasked, is not asked again on it.
fn is_quiet(stream: &mut Stream) -> bool {
    let mut byte = [0u8; 1];
    let mut buf = ReadBuf::new(&mut byte);
    let mut cx = Context::from_waker(Waker::noop());
    matches!(Pin::new(stream).poll_read(&mut cx, &mut buf), Poll::Pending)
}
