//! A viewer's h2 connection: streams in, each on its own task, until one of both has had enough.
//!
//! What a connection may cost is bounded here: streams at once, windows, heads, buffers by h2's settings; streams that
//! are begun and left, and frames that bring nothing, by counts of ours (facts of CVE-2023-44487, CVE-2025-8671).

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use skerry_http::head::Method;
use skerry_http::status::forbids_body;

use super::meter::{Meter, Metered};
use super::request;
use super::stream::{self, Hit, Stream};
use crate::core::Core;
use crate::exchange::Peer;
use crate::h1::quick::{self, Memo};
use crate::h1::wire::ViewerIo;
use crate::stats::{Up, count};
use crate::tls::presented::Presented;
use crate::watch::{Phase, Watch};

/// DESIGN.md, "Limits".
const STREAMS_MAX: u32 = 100;
/// Of a stream and of the connection as a whole.
const WINDOW_BYTES: u32 = 64 * 1024 - 1;
/// Answer bytes that h2 may hold for a stream.
const SEND_BYTES_MAX: usize = 64 * 1024;
/// As h2 counts (32 bytes a field on top): leaves room for the 20,480 bytes that we accept, with 100 fields.
const HEAD_LIST_BYTES_MAX: u32 = 28 * 1024;
/// Streams reset before we took them, and streams we had to reset for an error of the viewer's.
const EARLY_RESETS_MAX: usize = 20;
const ERROR_RESETS_MAX: usize = 100;
/// Requests begun and left, beyond those that were answered: a page of a hundred images may be left twice over.
const ABANDONED_MAX: u32 = 200;

/// What the streams of a connection share.
pub struct Viewer {
    /// The core it is on.
    pub core: Rc<Core>,
    /// Who it is.
    pub peer: Rc<Peer>,
    /// Bytes that brought nothing.
    pub meter: Rc<Meter>,
    /// Routing of the last host, and the hosts that may be asked for.
    pub memo: RefCell<Memo>,
    watch: RefCell<Rc<Watch>>,
    streams: Cell<usize>,
    abandoned: Cell<u32>,
    /// GOAWAY has been sent.
    leaving: Cell<bool>,
}

impl Viewer {
    fn enter(&self, phase: Phase) {
        self.watch.borrow().enter(phase, self.core.clock.unix_ms());
    }

    /// The connection's own deadline runs while no stream has one.
    fn rest(&self) {
        self.enter(match (self.streams.get(), self.leaving.get()) {
            (0, false) => Phase::Idle,
            (0, true) => Phase::Moving, // what is left to be sent may still be sent
            _ => Phase::Busy,
        });
    }
}

/// A stream is open while this lives.
pub struct Open {
    viewer: Rc<Viewer>,
    abandoned: Cell<bool>,
}

impl Open {
    /// Count it.
    pub fn new(viewer: &Rc<Viewer>) -> Open {
        viewer.streams.set(viewer.streams.get() + 1);
        viewer.rest();
        Open { viewer: viewer.clone(), abandoned: Cell::new(false) }
    }

    /// Its viewer left before it had an answer.
    pub fn abandon(&self) {
        self.abandoned.set(true);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let count = self.viewer.abandoned.get();
        self.viewer.abandoned.set(if self.abandoned.get() { count + 1 } else { count.saturating_sub(1) });
        self.viewer.streams.set(self.viewer.streams.get() - 1);
        self.viewer.rest();
    }
}

type Inner<S> = Connection<Metered<S>, Bytes>;

/// What comes next on a connection.
enum Event {
    Request(Box<Request<RecvStream>>, SendResponse<Bytes>),
    /// Both sides are done.
    Over,
    /// Nothing happened for too long.
    Late,
    /// The engine drains.
    Drain,
    /// It costs more than it may.
    Flood,
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(STREAMS_MAX)
        .initial_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_send_buffer_size(SEND_BYTES_MAX)
        .max_header_list_size(HEAD_LIST_BYTES_MAX)
        .max_pending_accept_reset_streams(EARLY_RESETS_MAX)
        .max_local_error_reset_streams(Some(ERROR_RESETS_MAX));
    builder
}

/// Serve a connection to its end.
pub async fn serve<S: ViewerIo>(core: Rc<Core>, io: S, peer: Peer, presented: Option<Presented>) {
    count(&core.stats.connections);
    let _open = Up::new(&core.stats, |s| &s.open_connections);
    let watch = core.watches.add(core.clock.unix_ms());
    let viewer = Rc::new(Viewer {
        core,
        peer: Rc::new(peer),
        meter: Rc::default(),
        memo: RefCell::new(Memo::of(presented)),
        watch: RefCell::new(watch),
        streams: Cell::new(0),
        abandoned: Cell::new(0),
        leaving: Cell::new(false),
    });
    let mut shaking = Box::pin(builder().handshake::<_, Bytes>(Metered::new(io, viewer.meter.clone())));
    let shaken = poll_fn(|cx| {
        if viewer.watch.borrow().is_expired(cx) {
            return Poll::Ready(None);
        }
        shaking.as_mut().poll(cx).map(Result::ok)
    });
    let Some(mut connection) = shaken.await else { return };
    drop(shaking);
    viewer.rest();
    run(&viewer, &mut connection).await;
}

async fn run<S: ViewerIo>(viewer: &Rc<Viewer>, connection: &mut Inner<S>) {
    loop {
        match poll_fn(|cx| next(viewer, connection, cx)).await {
            Event::Request(request, respond) => begin(viewer, *request, respond),
            Event::Over => return,
            Event::Late if viewer.leaving.get() => return,
            Event::Late | Event::Drain => {
                leave(viewer);
                connection.graceful_shutdown();
            }
            Event::Flood => {
                count(&viewer.core.stats.floods);
                leave(viewer);
                viewer.enter(Phase::Moving);
                connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                let gone = poll_fn(|cx| {
                    if viewer.watch.borrow().is_expired(cx) {
                        Poll::Ready(())
                    } else {
                        connection.poll_closed(cx).map(drop)
                    }
                });
                return gone.await;
            }
        }
    }
}

/// From now on only what is under way is finished, within a deadline of its own.
fn leave(viewer: &Viewer) {
    viewer.leaving.set(true);
    *viewer.watch.borrow_mut() = viewer.core.watches.add(viewer.core.clock.unix_ms());
    viewer.rest();
}

fn next<S: ViewerIo>(viewer: &Viewer, connection: &mut Inner<S>, cx: &mut Context<'_>) -> Poll<Event> {
    if viewer.watch.borrow().is_expired(cx) {
        return Poll::Ready(Event::Late);
    }
    if viewer.abandoned.get() > ABANDONED_MAX {
        return Poll::Ready(Event::Flood);
    }
    if !viewer.leaving.get() && viewer.core.shared.draining.load(Ordering::Acquire) {
        return Poll::Ready(Event::Drain);
    }
    match connection.poll_accept(cx) {
        Poll::Ready(Some(Ok((request, respond)))) => Poll::Ready(Event::Request(Box::new(request), respond)),
        Poll::Ready(_) => Poll::Ready(Event::Over),
        Poll::Pending if viewer.meter.is_over() => Poll::Ready(Event::Flood),
        Poll::Pending => Poll::Pending,
    }
}

/// A head has come: answer at once what can be, give the rest a task of its own.
fn begin(viewer: &Rc<Viewer>, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
    let begun = Instant::now();
    viewer.meter.renew();
    let (parts, body) = request.into_parts();
    match request::read(&parts, body.is_end_stream()) {
        Err(refusal) => {
            tokio::task::spawn_local(stream::refuse(Stream::new(viewer, respond), refusal, body));
        }
        Ok(asked) => {
            let live = viewer.core.live();
            let found =
                quick::find(&viewer.core, &live, &mut viewer.memo.borrow_mut(), &viewer.peer, &asked.head);
            match found {
                Some((stone, found)) => {
                    let id = viewer.core.new_id();
                    hit(viewer, Hit { live, stone, found, asked, id, begun }, respond);
                }
                None => {
                    tokio::task::spawn_local(stream::serve(Stream::new(viewer, respond), asked, body, begun));
                }
            }
        }
    }
}

/// A plain hit: out at once where the viewer has room for all of it.
fn hit(viewer: &Rc<Viewer>, hit: Hit, mut respond: SendResponse<Bytes>) {
    let head = hit.head();
    let head_bytes = head.bytes;
    let has_body = hit.asked.head.method != Method::Head
        && !forbids_body(hit.found.status)
        && hit.stone.body_bytes() > 0;
    let Ok(mut send) = respond.send_response(head.into_inner(), !has_body) else {
        return hit.record(viewer, 0);
    };
    if !has_body {
        return hit.record(viewer, head_bytes);
    }
    if let Some(body) = hit.stone.inline_body() {
        send.reserve_capacity(body.len());
        // an error here is a viewer that has left, whose record is the same
        if send.capacity() >= body.len() && send.send_data(Bytes::copy_from_slice(body), true).is_ok() {
            viewer.abandoned.set(viewer.abandoned.get().saturating_sub(1));
            return hit.record(viewer, head_bytes + body.len() as u64);
        }
    }
    tokio::task::spawn_local(stream::send_hit(Stream::new(viewer, respond), hit, send, head_bytes));
}
