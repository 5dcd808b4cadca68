//! One viewer's connection: heads in, answers out, until one of both has had enough.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Instant;

use skerry_http::head::{Framing, RequestHead, Version};

use super::quick::{self, Large, Memo, Quick};
use super::request::{HeadFacts, Parsed, Refusal, parse};
use super::wire::{ViewerBody, ViewerIo, Wire};
use super::write;
use crate::body::RequestBody;
use crate::core::Core;
use crate::exchange::{Exchange, Failure, Peer};
use crate::ledger::Ledger;
use crate::stats::{Up, count};
use crate::tls::presented::Presented;
use crate::walk::{Step, turn_away, walk};
use crate::watch::Phase;

/// A body nobody wanted is read up to here so that the connection can be used on.
const UNWANTED_BODY_BYTES_MAX: u64 = 64 * 1024;
/// Answers gathered before they are sent.
const OUT_BYTES_MAX: usize = 256 * 1024;

/// What a turn of quick answers ended with.
enum Turn {
    /// The peer sends no more, or we are done with it.
    Over,
    /// A request for the walk.
    Walk(Box<Asked>),
    /// A large hit whose head waits in `out`.
    Large(Box<Asked>, Box<Large>),
    /// A head that was refused.
    Refused(Refusal),
}

/// A request, taken out of the inbox.
struct Asked {
    head: RequestHead,
    facts: HeadFacts,
    begun: Instant,
    head_bytes: usize,
}

/// Serve a connection to its end.
pub async fn serve<S: ViewerIo>(core: Rc<Core>, io: S, peer: Peer) {
    serve_secure(core, io, peer, None).await;
}

/// Serve a connection that began with a handshake, for the hosts that were agreed on in it.
pub async fn serve_secure<S: ViewerIo>(core: Rc<Core>, io: S, peer: Peer, presented: Option<Presented>) {
    count(&core.stats.connections);
    let _open = Up::new(&core.stats, |s| &s.open_connections);
    let watch = core.watches.add(core.clock.unix_ms());
    let arena = core.shared.cache.arena().cloned();
    let wire = Wire::new(io, watch, core.clock.clone(), arena);
    let mut connection = Connection {
        core,
        wire,
        peer: Rc::new(peer),
        memo: Memo::of(presented),
        head: RequestHead::default(),
        seen: 0,
        out: Vec::new(),
        sent: 0,
        close: false,
    };
    if connection.run().await {
        connection.linger().await;
    }
}

struct Connection<S> {
    core: Rc<Core>,
    wire: Rc<Wire<S>>,
    peer: Rc<Peer>,
    memo: Memo,
    head: RequestHead,
    /// Bytes of the inbox known to hold no end of a head.
    seen: usize,
    /// Written and not sent.
    out: Vec<u8>,
    sent: usize,
    /// After what is in `out`, close.
    close: bool,
}

impl<S: ViewerIo> Connection<S> {
    /// True when the peer may still be reading: say goodbye properly.
    async fn run(&mut self) -> bool {
        loop {
            let turn = match poll_fn(|cx| self.poll_turn(cx)).await {
                Ok(turn) => turn,
                Err(_) => return false,
            };
            let go_on = match turn {
                Turn::Over => return true,
                Turn::Large(asked, large) => self.send_large(*asked, large).await,
                Turn::Walk(asked) => self.walk(*asked).await,
                Turn::Refused(refusal) => {
                    self.refuse(refusal).await;
                    return true;
                }
            };
            if !go_on {
                return self.close;
            }
            if self.close || self.core.shared.draining.load(Ordering::Acquire) {
                return true;
            }
            self.wire.enter(if self.wire.inbox.borrow().is_empty() { Phase::Idle } else { Phase::Head });
        }
    }

    /// Answer what can be answered at once; send; read; again.
    fn poll_turn(&mut self, cx: &mut std::task::Context<'_>) -> Poll<io::Result<Turn>> {
        loop {
            while self.sent < self.out.len() {
                match self.wire.poll_write(cx, &self.out[self.sent..]) {
                    Poll::Ready(n) => self.sent += n?,
                    Poll::Pending => return Poll::Pending,
                }
            }
            self.out.clear();
            self.sent = 0;
            if self.close {
                return Poll::Ready(Ok(Turn::Over));
            }
            // what is left of the last read first
            if !self.wire.inbox.borrow().is_empty() {
                let mut inbox = std::mem::take(&mut *self.wire.inbox.borrow_mut());
                let mut out = std::mem::take(&mut self.out);
                let (used, turn, more) = self.process(&inbox, &mut out);
                self.out = out;
                inbox.drain(..used);
                *self.wire.inbox.borrow_mut() = inbox;
                if let Some(turn) = turn {
                    return Poll::Ready(Ok(turn));
                }
                if more || !self.out.is_empty() || self.close {
                    continue;
                }
                match self.wire.poll_more(cx) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Ok(Turn::Over)),
                    Poll::Ready(n) => {
                        n?;
                        continue;
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            match self.poll_fresh(cx) {
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Ok(Some(turn))) => return Poll::Ready(Ok(turn)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Read into the core's buffer and answer into the core's buffer: an idle connection holds neither.
    fn poll_fresh(&mut self, cx: &mut std::task::Context<'_>) -> Poll<io::Result<Option<Turn>>> {
        let core = self.core.clone();
        let mut inbox = core.inbox.borrow_mut();
        let n = match self.wire.poll_read(cx, &mut inbox) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Ok(Some(Turn::Over))),
            Poll::Ready(Ok(n)) => n,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        };
        let mut out = core.outbox.borrow_mut();
        out.clear(); // a panic may have left something in it
        let (used, turn, _) = self.process(&inbox[..n], &mut out);
        self.wire.inbox.borrow_mut().extend_from_slice(&inbox[used..n]);
        let mut sent = 0;
        // the head of a large body leaves together with its first piece: one call, one packet
        let waits = matches!(turn, Some(Turn::Large(..)));
        while sent < out.len() && !waits {
            match self.wire.poll_write(cx, &out[sent..]) {
                Poll::Ready(Ok(n)) => sent += n,
                // a request that was read is recorded, although nobody is there: its own write will fail again
                Poll::Ready(Err(_)) if turn.is_some() => break,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        self.out.extend_from_slice(&out[sent..]);
        if self.wire.inbox.borrow().is_empty() {
            self.wire.enter(Phase::Idle);
        }
        Poll::Ready(Ok(turn))
    }

    /// Eat as many whole heads as there are: (bytes used, what ended it, more is left to do).
    fn process(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> (usize, Option<Turn>, bool) {
        let mut used = 0;
        let live = self.core.live();
        while used < bytes.len() {
            if out.len() > OUT_BYTES_MAX {
                return (used, None, true);
            }
            let begun = Instant::now();
            let mut facts = HeadFacts::default();
            match parse(&bytes[used..], self.seen, &mut self.head, &mut facts) {
                Parsed::Partial => {
                    self.seen = bytes.len() - used;
                    self.wire.enter(Phase::Head);
                    return (used, None, false);
                }
                Parsed::Refused(refusal) => {
                    self.seen = 0;
                    return (used, Some(Turn::Refused(refusal)), false);
                }
                Parsed::Complete(head_bytes) => {
                    self.seen = 0;
                    if self.wire.watch.phase() == Phase::Head {
                        self.wire.enter(Phase::Idle); // its time ends with it: the next head has its own
                    }
                    used += head_bytes;
                    // bytes behind an Upgrade we do not grant may be of another protocol (CVE-2026-2833)
                    if facts.upgrade && used < bytes.len() {
                        return (
                            used,
                            Some(Turn::Refused(Refusal { status: 400, code: "bytes-behind-upgrade" })),
                            false,
                        );
                    }
                    facts.close |= facts.upgrade || self.core.shared.draining.load(Ordering::Acquire);
                    let quick = quick::answer(
                        &self.core,
                        &live,
                        &mut self.memo,
                        &self.peer,
                        &self.head,
                        facts,
                        begun,
                        head_bytes,
                        out,
                    );
                    match quick {
                        Quick::Done if facts.close => {
                            self.close = true;
                            return (used, None, false);
                        }
                        Quick::Done => {}
                        Quick::Walk => {
                            return (used, Some(Turn::Walk(self.take(facts, begun, head_bytes))), false);
                        }
                        Quick::Large(large) => {
                            return (
                                used,
                                Some(Turn::Large(self.take(facts, begun, head_bytes), large)),
                                false,
                            );
                        }
                    }
                }
            }
        }
        (used, None, false)
    }

    fn take(&mut self, facts: HeadFacts, begun: Instant, head_bytes: usize) -> Box<Asked> {
        Box::new(Asked { head: std::mem::take(&mut self.head), facts, begun, head_bytes })
    }

    /// What the quick way left in `out` goes first.
    async fn send_waiting(&mut self) -> bool {
        let out = std::mem::take(&mut self.out);
        let sent = std::mem::take(&mut self.sent);
        self.wire.write_all(&out[sent..], b"").await.is_ok()
    }

    async fn send_large(&mut self, asked: Asked, large: Box<Large>) -> bool {
        self.wire.enter(Phase::Moving);
        let mut reader = large.stone.read(0..large.stone.body_bytes());
        let (head, sent) = (std::mem::take(&mut self.out), std::mem::take(&mut self.sent));
        let mut waiting = &head[sent..];
        let mut body_bytes = 0;
        let mut whole = true;
        while let Ok(Some(piece)) = reader.read().await {
            if self.wire.write_all(waiting, &piece).await.is_err() {
                whole = false;
                break;
            }
            waiting = b"";
            body_bytes += piece.len() as u64;
        }
        whole = whole && body_bytes == large.stone.body_bytes() && self.wire.flush().await.is_ok();
        quick::record_large(
            &self.core,
            &self.peer,
            &asked.head,
            &large,
            asked.begun,
            asked.head_bytes,
            body_bytes,
        );
        self.head = asked.head;
        self.close = whole && asked.facts.close;
        whole
    }

    async fn walk(&mut self, asked: Asked) -> bool {
        let Asked { head, facts, begun, head_bytes } = asked;
        let live = self.core.live();
        let id = self.core.new_id();
        let mut ledger = Ledger::open(&self.core, &live, &self.peer, &head, id, begun);
        if !self.send_waiting().await {
            ledger.cut("viewer-left");
            return false;
        }
        self.wire.enter(Phase::Busy);
        self.wire.begin_body(head.framing, facts.expects_continue);
        let (version, method) = (head.version, head.method);
        let length = if let Framing::Length(n) = head.framing { Some(n) } else { None };
        let body = match head.framing {
            Framing::None | Framing::Length(0) | Framing::Close => RequestBody::empty(),
            _ => RequestBody::arriving(
                Box::new(ViewerBody(self.wire.clone())),
                length,
                self.core.shared.body_prefix_bytes_max,
            ),
        };
        let mut x = Exchange::begin(&self.core, live, self.peer.clone(), head, body, id, begun);
        let core = self.core.clone();
        let answered = match self.memo.misdirected(&x.head.authority) {
            Some(failure) => Some(turn_away(&core, &mut x, &failure)),
            None => tokio::select! {
                biased;
                response = walk(&core, &mut x) => Some(response),
                () = self.wire.left() => None,
            },
        };
        ledger.bytes_in = head_bytes as u64 + self.wire.body_bytes.get();
        let Some(response) = answered else {
            ledger.leave(&mut x);
            return false;
        };
        ledger.answer(Some(&mut x), &response);
        // RFC 9112 9.3: a body that was not read to its end makes the next request start in the dark
        let body_pending = !self.wire.body_is_over();
        let mut close = facts.close || self.core.shared.draining.load(Ordering::Acquire);
        close |= body_pending && (self.wire.body_is_lost() || !fits(length));
        let ending = write::ending(&response, version, method == skerry_http::head::Method::Head);
        close |= ending == write::Ending::Close;
        let mut bytes = Vec::with_capacity(512 + response.fields.bytes());
        write::head(&response, ending, version, close, &mut bytes);
        self.wire.enter(Phase::Moving);
        let whole = write::send(&self.wire, response, ending, bytes, &mut ledger).await;
        drop(x);
        if !whole {
            return false;
        }
        if !close && body_pending {
            close = !self.wire.drain_body(UNWANTED_BODY_BYTES_MAX).await;
        }
        ledger.bytes_in = head_bytes as u64 + self.wire.body_bytes.get();
        self.close = close;
        true
    }

    /// Answer a head we do not accept, and record it.
    async fn refuse(&mut self, refusal: Refusal) {
        count(&self.core.stats.refused);
        let live = self.core.live();
        let status = if refusal.status == 431 { live.profile.head_too_large_status } else { refusal.status };
        let id = self.core.new_id();
        // what came is not a request: nothing of it is trusted, its fields least of all
        let head =
            RequestHead { method_text: b"-".to_vec(), target: b"-".to_vec(), ..RequestHead::default() };
        let mut ledger = Ledger::open(&self.core, &live, &self.peer, &head, id, Instant::now());
        if !self.send_waiting().await {
            return ledger.cut("viewer-left");
        }
        let failure =
            Failure::new(status, refusal.code, Step::Parse, "the request's head cannot be accepted");
        let mut x = Exchange::begin(
            &self.core,
            live,
            self.peer.clone(),
            head,
            RequestBody::empty(),
            id,
            Instant::now(),
        );
        let response = turn_away(&self.core, &mut x, &failure);
        ledger.answer(None, &response);
        let ending = write::ending(&response, Version::Http11, false);
        let mut bytes = Vec::with_capacity(512);
        write::head(&response, ending, Version::Http11, true, &mut bytes);
        self.wire.enter(Phase::Moving);
        write::send(&self.wire, response, ending, bytes, &mut ledger).await;
    }

    /// Closing with unread input would reset the connection under the answer: stop sending, read a little, close.
    async fn linger(&mut self) {
        self.wire.enter(Phase::Moving);
        let _ = self.wire.flush().await;
        self.wire.shutdown().await;
        let goodbye = async {
            for _ in 0..16 {
                self.wire.inbox.borrow_mut().clear();
                match poll_fn(|cx| self.wire.poll_more(cx)).await {
                    Ok(n) if n > 0 => {}
                    _ => break,
                }
            }
        };
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), goodbye).await;
    }
}

/// Worth reading to its end?
fn fits(length: Option<u64>) -> bool {
    length.is_none_or(|n| n <= UNWANTED_BODY_BYTES_MAX)
}
