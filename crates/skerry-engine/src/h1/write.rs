//! An answer as bytes.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use skerry_http::fields::Fields;
use skerry_http::head::Version;

use super::chunked;
use super::wire::{ViewerIo, Wire};
use crate::exchange::{Body, CutBody, Response, write_status_line};
use crate::ledger::Ledger;
use crate::watch::Phase;

/// How the end of an answer's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// There is none.
    NoBody,
    /// Content-Length.
    Length(u64),
    /// Chunked.
    Chunks,
    /// By closing (HTTP/1.0).
    Close,
}

/// Decide it.
pub fn ending(response: &Response, viewer: Version, is_head: bool) -> Ending {
    if is_head || skerry_http::status::forbids_body(response.status) {
        return Ending::NoBody;
    }
    match (response.length, viewer) {
        (Some(n), _) => Ending::Length(n),
        (None, Version::Http10) => Ending::Close,
        (None, _) => Ending::Chunks,
    }
}

/// The head: status line, fields, framing, what becomes of the connection.
pub fn head(response: &Response, ending: Ending, viewer: Version, close: bool, out: &mut Vec<u8>) {
    write_status_line(response.status, response.description.as_deref(), out);
    put_fields(&response.fields, out);
    match ending {
        Ending::Length(n) => put_length(n, out),
        Ending::Chunks => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Ending::NoBody if !skerry_http::status::forbids_body(response.status) => {
            if let Some(n) = response.length {
                put_length(n, out); // what GET would have had (RFC 9110 9.3.2)
            }
        }
        Ending::NoBody | Ending::Close => {}
    }
    put_connection(viewer, close, out);
    out.extend_from_slice(b"\r\n");
}

/// `Content-Length: n`.
pub fn put_length(n: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Length: ");
    skerry_http::decimal::put(n, out);
    out.extend_from_slice(b"\r\n");
}

/// `Connection`, where it says something new.
pub fn put_connection(viewer: Version, close: bool, out: &mut Vec<u8>) {
    match (viewer, close) {
        (_, true) => out.extend_from_slice(b"Connection: close\r\n"),
        (Version::Http10, false) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
        _ => {}
    }
}

/// Fields, but for those that frame, and lines that no function's text may end.
fn put_fields(fields: &Fields, out: &mut Vec<u8>) {
    for (name, value) in fields.iter() {
        let frames = matches!(name.len(), 10 | 14 | 17)
            && [&b"connection"[..], b"content-length", b"transfer-encoding"]
                .iter()
                .any(|f| name.eq_ignore_ascii_case(f));
        if frames || name.is_empty() || value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            continue;
        }
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
}

/// Send head and body; true when both went out whole.
pub async fn send<S: ViewerIo>(
    wire: &Rc<Wire<S>>,
    mut response: Response,
    ending: Ending,
    head: Vec<u8>,
    ledger: &mut Ledger,
) -> bool {
    let whole = send_all(wire, &mut response, ending, head, ledger).await;
    ledger.hear(&mut response.body);
    whole
}

async fn send_all<S: ViewerIo>(
    wire: &Rc<Wire<S>>,
    response: &mut Response,
    ending: Ending,
    head: Vec<u8>,
    ledger: &mut Ledger,
) -> bool {
    let mut waiting = head; // head, or the framing before the next piece
    ledger.bytes_out += waiting.len() as u64;
    if ending == Ending::NoBody {
        return last(wire, &waiting, ledger).await;
    }
    let mut sent_bytes = 0u64;
    let mut head_waits = true;
    loop {
        let next = if std::mem::take(&mut head_waits) {
            first_piece(wire, &mut response.body, &mut waiting).await
        } else {
            next_piece(wire, &mut response.body).await
        };
        let piece = match next {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(cut) => {
                ledger.cut_by(&cut);
                return false;
            }
        };
        sent_bytes += piece.len() as u64;
        if let Ending::Length(n) = ending
            && sent_bytes > n
        {
            ledger.cut("length-exceeded");
            return false;
        }
        if ending == Ending::Chunks {
            let before = waiting.len();
            chunked::open(piece.len(), &mut waiting);
            ledger.bytes_out += (waiting.len() - before) as u64 + 2;
        }
        ledger.bytes_out += piece.len() as u64;
        if wire.write_all(&waiting, &piece).await.is_err() {
            ledger.cut("viewer-left");
            return false;
        }
        waiting.clear();
        if ending == Ending::Chunks {
            waiting.extend_from_slice(b"\r\n");
        }
    }
    if matches!(ending, Ending::Length(n) if n != sent_bytes) {
        // the head is out, or waits for a first piece that never came: the viewer must see a cut
        ledger.cut("length-missed");
        return false;
    }
    if ending == Ending::Chunks {
        let before = waiting.len();
        waiting.extend_from_slice(b"0\r\n");
        waiting.extend_from_slice(&response.body.trailers().unwrap_or_default());
        waiting.extend_from_slice(b"\r\n");
        ledger.bytes_out += (waiting.len() - before) as u64;
    }
    last(wire, &waiting, ledger).await
}

/// The first piece. One that is there goes out with the head; one that is to come must not hold it up, and where it
/// never comes, the head is what the viewer was promised.
async fn first_piece<S: ViewerIo>(
    wire: &Rc<Wire<S>>,
    body: &mut Body,
    head: &mut Vec<u8>,
) -> Result<Option<Bytes>, CutBody> {
    let mut coming = pin!(next_piece(wire, body));
    let there = poll_fn(|cx| Poll::Ready(coming.as_mut().poll(cx))).await;
    if let Poll::Ready(Ok(next)) = there {
        return Ok(next);
    }
    if wire.write_all(head, b"").await.is_err() || wire.flush().await.is_err() {
        return Err(CutBody::plain("viewer-left"));
    }
    head.clear();
    match there {
        Poll::Ready(next) => next,
        Poll::Pending => coming.await,
    }
}

/// The next piece, unless the viewer goes before it comes.
async fn next_piece<S: ViewerIo>(wire: &Rc<Wire<S>>, body: &mut Body) -> Result<Option<Bytes>, CutBody> {
    wire.enter(Phase::Busy); // an origin's pause is not the viewer's
    tokio::select! {
        biased;
        next = body.next() => next,
        () = wire.broken() => Err(CutBody::plain("viewer-left")),
    }
}

/// Write what is there, and hand it over; notes who was not there to take it.
async fn last<S: ViewerIo>(wire: &Rc<Wire<S>>, bytes: &[u8], ledger: &mut Ledger) -> bool {
    let is_sent = wire.write_all(bytes, b"").await.is_ok() && wire.flush().await.is_ok();
    if !is_sent {
        ledger.cut("viewer-left");
    }
    is_sent
}
