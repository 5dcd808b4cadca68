//! One request on a stream of its own, from its head to its record.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use skerry_http::head::{Framing, Method, RequestHead};

use super::answer::{self, Head};
use super::connection::{Open, Viewer};
use super::request::Asked;
use crate::body::{BodyError, BodyStream, RequestBody};
use crate::exchange::{Body, CacheFacts, Exchange, Failure, Stone};
use crate::h1::quick::{self, Found};
use crate::h1::request::Refusal;
use crate::ledger::Ledger;
use crate::record::{Outcome, RequestId};
use crate::snapshot::Live;
use crate::stats::count;
use crate::steps::finish::marks;
use crate::walk::{Step, turn_away, walk};
use crate::watch::{Phase, Watch};

/// Why nobody waits for an answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The viewer reset the stream, or its connection is over.
    Left,
    /// It took nothing for too long.
    Slow,
}

impl Gone {
    /// For the record.
    pub fn code(self) -> &'static str {
        match self {
            Gone::Left => "viewer-left",
            Gone::Slow => "viewer-slow",
        }
    }
}

/// Our side of a stream.
pub struct Stream {
    /// Whose it is.
    pub viewer: Rc<Viewer>,
    /// The way back.
    pub respond: RefCell<SendResponse<Bytes>>,
    watch: Rc<Watch>,
    body_bytes: Cell<u64>,
    open: Open,
}

impl Stream {
    /// Opened when its head has come.
    pub fn new(viewer: &Rc<Viewer>, respond: SendResponse<Bytes>) -> Rc<Stream> {
        let watch = viewer.core.watches.add(viewer.core.clock.unix_ms());
        let stream = Stream {
            open: Open::new(viewer),
            viewer: viewer.clone(),
            respond: RefCell::new(respond),
            watch,
            body_bytes: Cell::new(0),
        };
        stream.enter(Phase::Busy);
        Rc::new(stream)
    }

    /// Enter a phase of the deadline table.
    pub fn enter(&self, phase: Phase) {
        self.watch.enter(phase, self.viewer.core.clock.unix_ms());
    }

    /// Is its time over? Notes whom to wake.
    pub fn is_late(&self, cx: &Context<'_>) -> bool {
        self.watch.is_expired(cx)
    }

    /// Wait for `work`, unless the viewer leaves.
    async fn unless_left<T>(&self, work: impl Future<Output = T>) -> Result<T, Gone> {
        let mut work = std::pin::pin!(work);
        poll_fn(|cx| {
            if self.respond.borrow_mut().poll_reset(cx).is_ready() {
                return Poll::Ready(Err(Gone::Left));
            }
            work.as_mut().poll(cx).map(Ok)
        })
        .await
    }
}

/// The body of a request. Its window opens again as it is read, so that a viewer cannot send more than somebody takes.
struct Arriving {
    stream: Rc<Stream>,
    body: RecvStream,
    owes_continue: bool,
}

impl BodyStream for Arriving {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            if self.stream.is_late(cx) {
                return Poll::Ready(Some(Err(BodyError("body-cut"))));
            }
            match self.body.poll_data(cx) {
                Poll::Ready(Some(Ok(piece))) => {
                    // fails only where the stream is over, which the next poll tells
                    let _ = self.body.flow_control().release_capacity(piece.len());
                    if piece.is_empty() {
                        continue;
                    }
                    self.stream.viewer.meter.renew();
                    self.stream.body_bytes.set(self.stream.body_bytes.get() + piece.len() as u64);
                    self.stream.enter(Phase::Busy);
                    return Poll::Ready(Some(Ok(piece)));
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err(BodyError("body-cut")))),
                Poll::Ready(None) => {
                    self.stream.enter(Phase::Busy);
                    return Poll::Ready(None); // trailers end here: none of a request's is on the list of those passed on
                }
                Poll::Pending => {
                    if std::mem::take(&mut self.owes_continue) {
                        let mut interim = http::Response::new(());
                        *interim.status_mut() = http::StatusCode::CONTINUE;
                        // a viewer that is gone needs none
                        let _ = self.stream.respond.borrow_mut().send_informational(interim);
                    }
                    if self.stream.watch.phase() == Phase::Busy {
                        self.stream.enter(Phase::Moving);
                    }
                    return Poll::Pending;
                }
            }
        }
    }
}

/// Take a request through the walk.
pub async fn serve(stream: Rc<Stream>, asked: Asked, body: RecvStream, begun: Instant) {
    let (core, peer) = (stream.viewer.core.clone(), stream.viewer.peer.clone());
    let Asked { head, expects_continue, head_bytes } = asked;
    let live = core.live();
    let id = core.new_id();
    let mut ledger = Ledger::open(&core, &live, &peer, &head, id, begun);
    let is_head = head.method == Method::Head;
    let length = if let Framing::Length(n) = head.framing { Some(n) } else { None };
    let body = match head.framing {
        Framing::None | Framing::Length(0) | Framing::Close => RequestBody::empty(),
        _ => {
            let arriving = Arriving { stream: stream.clone(), body, owes_continue: expects_continue };
            RequestBody::arriving(Box::new(arriving), length, core.shared.body_prefix_bytes_max)
        }
    };
    let mut x = Exchange::begin(&core, live, peer, head, body, id, begun);
    let misdirected = stream.viewer.memo.borrow().misdirected(&x.head.authority);
    let answered = match misdirected {
        Some(failure) => Ok(turn_away(&core, &mut x, &failure)),
        None => stream.unless_left(walk(&core, &mut x)).await,
    };
    match answered {
        Ok(response) => {
            ledger.answer(Some(&mut x), &response);
            stream.enter(Phase::Moving);
            answer::send(&stream, response, is_head, &mut ledger).await;
        }
        Err(_left) => {
            // fills and calls that were begun run on: they belong to the cache and to the pool
            ledger.leave(&mut x);
            stream.open.abandon();
        }
    }
    ledger.bytes_in = head_bytes as u64 + stream.body_bytes.get();
}

/// Answer a head that we do not accept, and record it.
pub async fn refuse(stream: Rc<Stream>, refusal: Refusal, body: RecvStream) {
    let (core, peer) = (stream.viewer.core.clone(), stream.viewer.peer.clone());
    count(&core.stats.refused);
    let live = core.live();
    let status = if refusal.status == 431 { live.profile.head_too_large_status } else { refusal.status };
    let id = core.new_id();
    // what came is not a request: nothing of it is trusted, its fields least of all
    let head = RequestHead {
        method_text: b"-".to_vec(),
        target: b"-".to_vec(),
        version: skerry_http::head::Version::Http2,
        ..RequestHead::default()
    };
    let mut ledger = Ledger::open(&core, &live, &peer, &head, id, Instant::now());
    let failure = Failure::new(status, refusal.code, Step::Parse, "the request's head cannot be accepted");
    let mut x = Exchange::begin(&core, live, peer, head, RequestBody::empty(), id, Instant::now());
    let response = turn_away(&core, &mut x, &failure);
    ledger.answer(None, &response);
    stream.enter(Phase::Moving);
    answer::send(&stream, response, false, &mut ledger).await;
    drop(body); // not read: h2 resets what has not ended, with NO_ERROR (RFC 9113 8.1)
}

/// A plain hit on its way: all that its record will say.
pub struct Hit {
    /// The snapshot it was found under.
    pub live: Arc<Live>,
    /// The object.
    pub stone: Stone,
    /// What was found.
    pub found: Found,
    /// The request.
    pub asked: Asked,
    /// Its id.
    pub id: RequestId,
    /// When it began.
    pub begun: Instant,
}

impl Hit {
    /// The head of its answer.
    pub fn head(&self) -> Head {
        let site = &self.live.sites[self.found.site];
        let rendered = quick::rendered_of(&site.behaviors[self.found.behavior], &self.stone)
            .unwrap_or(self.stone.head());
        let mut head = Head::new(self.found.status);
        head.put_lines(rendered);
        let facts = CacheFacts {
            hit: true,
            age_s: Some(self.found.age_s),
            ttl_s: Some(self.found.ttl_s),
            ..CacheFacts::default()
        };
        marks(&self.live, Some(site), &self.id, Outcome::Hit, &facts, None, None, |name, value| {
            head.put_mark(name, value)
        });
        if !skerry_http::status::forbids_body(self.found.status) {
            head.put_length(self.stone.body_bytes());
        }
        head
    }

    /// Write it down.
    pub fn record(&self, viewer: &Viewer, bytes_out: u64) {
        let bytes = (self.asked.head_bytes as u64, bytes_out);
        quick::record(
            &viewer.core,
            &self.live,
            &viewer.peer,
            &self.asked.head,
            &self.found,
            &self.id,
            &self.stone,
            self.begun,
            bytes,
        );
    }
}

/// Send the body of a hit that did not go out at once, as the viewer takes it.
pub async fn send_hit(stream: Rc<Stream>, hit: Hit, mut send: SendStream<Bytes>, head_bytes: u64) {
    let mut bytes_out = head_bytes;
    let length = hit.stone.body_bytes();
    let mut body = Body::Stored(hit.stone.read(0..length));
    if let Err(cut) = answer::send_body(&stream, &mut send, &mut body, Some(length), &mut bytes_out).await {
        send.send_reset(cut.reason());
    }
    hit.record(&stream.viewer, bytes_out);
}
