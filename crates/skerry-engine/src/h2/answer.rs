//! An answer on an h2 stream: its head as h2 wants it, its body as fast as the viewer takes it.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use skerry_http::status::forbids_body;

use super::stream::{Gone, Stream};
use crate::exchange::{Body, CutBody, Response};
use crate::h1::write::{Ending, ending};
use crate::ledger::Ledger;
use crate::watch::Phase;

/// Fields on a typical answer: room for them at once.
const FIELDS: usize = 24;

/// A head under way, and what it would have weighed in HTTP/1.1.
pub struct Head {
    inner: http::Response<()>,
    /// For the record.
    pub bytes: u64,
}

impl Head {
    /// With that status and nothing else.
    pub fn new(status: u16) -> Head {
        let mut inner = http::Response::new(());
        // what a function or an origin made up outside 100 to 599 was refused long before
        *inner.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::BAD_GATEWAY);
        inner.headers_mut().reserve(FIELDS);
        Head { inner, bytes: b"HTTP/2.0 200\r\n\r\n".len() as u64 }
    }

    /// Of an answer of the walk.
    pub fn of(response: &Response, ending: Ending) -> Head {
        let mut head = Head::new(response.status);
        for (name, value) in response.fields.iter() {
            head.put(name, value);
        }
        match (ending, response.length) {
            (Ending::Length(n), _) => head.put_length(n),
            // what GET would have had (RFC 9110 9.3.2)
            (Ending::NoBody, Some(n)) if !forbids_body(response.status) => head.put_length(n),
            _ => {}
        }
        head
    }

    /// One field, unless it frames or speaks of a connection (RFC 9113 8.2.2), or no line may look so.
    pub fn put(&mut self, name: &[u8], value: &[u8]) {
        let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii()))
        else {
            return;
        };
        let ends_here = matches!(
            name.as_str(),
            "connection"
                | "content-length"
                | "transfer-encoding"
                | "upgrade"
                | "keep-alive"
                | "proxy-connection"
                | "te"
        );
        if !ends_here {
            self.put_known(name, value);
        }
    }

    /// One of our own fields.
    pub fn put_mark(&mut self, name: &'static str, value: &[u8]) {
        static MARKS: [(&str, HeaderName); 6] = [
            ("X-Cache", HeaderName::from_static("x-cache")),
            ("X-Amz-Cf-Pop", HeaderName::from_static("x-amz-cf-pop")),
            ("X-Amz-Cf-Id", HeaderName::from_static("x-amz-cf-id")),
            ("Cache-Status", HeaderName::from_static("cache-status")),
            ("Via", HeaderName::from_static("via")),
            ("Age", HeaderName::from_static("age")),
        ];
        match (MARKS.iter().find(|(known, _)| *known == name), HeaderValue::from_bytes(value)) {
            (Some((_, name)), Ok(mut value)) => {
                // unlike in each answer: in the table (RFC 7541 7.1.3) it would push out what is the same in all
                value.set_sensitive(name == "x-amz-cf-id");
                self.put_known(name.clone(), value);
            }
            _ => self.put(name.as_bytes(), value),
        }
    }

    /// The lines of a head as the store keeps it, its status line left out.
    pub fn put_lines(&mut self, stored: &[u8]) {
        let start = memchr::memchr(b'\n', stored).map_or(stored.len(), |at| at + 1);
        for line in stored[start..].split(|&b| b == b'\n') {
            if let Some(colon) = memchr::memchr(b':', line) {
                self.put(&line[..colon], &line[colon + 1..]);
            }
        }
    }

    /// `Content-Length`.
    pub fn put_length(&mut self, n: u64) {
        self.put_known(CONTENT_LENGTH, HeaderValue::from(n));
    }

    fn put_known(&mut self, name: HeaderName, value: HeaderValue) {
        self.bytes += (name.as_str().len() + value.len() + 4) as u64;
        // more fields than h2 can hold: heads from origins and functions are bounded far below
        let _ = self.inner.headers_mut().try_append(name, value);
    }

    /// The fields so far.
    pub fn fields(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// Ready to be sent.
    pub fn into_inner(self) -> http::Response<()> {
        self.inner
    }
}

/// Send head and body. What does not end as it should ends the stream with a reset, never with a clean end.
pub async fn send(stream: &Rc<Stream>, response: Response, is_head: bool, ledger: &mut Ledger) {
    let ending = ending(&response, skerry_http::head::Version::Http2, is_head);
    let head = Head::of(&response, ending);
    ledger.bytes_out += head.bytes;
    let is_over = matches!(ending, Ending::NoBody | Ending::Length(0));
    let mut body = response.body;
    let Ok(mut send) = stream.respond.borrow_mut().send_response(head.into_inner(), is_over) else {
        ledger.cut("viewer-left");
        return;
    };
    if is_over {
        return;
    }
    let length = if let Ending::Length(n) = ending { Some(n) } else { None };
    if let Err(cut) = send_body(stream, &mut send, &mut body, length, &mut ledger.bytes_out).await {
        match &cut {
            Cut::Gone(gone) => ledger.cut(gone.code()),
            Cut::Body(cut) => ledger.cut_by(cut),
        }
        send.send_reset(cut.reason());
    }
    ledger.hear(&mut body);
}

/// Why a body did not go out whole.
#[derive(Debug)]
pub enum Cut {
    /// The viewer's doing.
    Gone(Gone),
    /// Ours, or the origin's: a reason's name.
    Body(CutBody),
}

impl Cut {
    /// For the record.
    pub fn code(&self) -> &str {
        match self {
            Cut::Gone(gone) => gone.code(),
            Cut::Body(cut) => &cut.code,
        }
    }

    /// For the viewer (RFC 9113 7).
    pub fn reason(&self) -> Reason {
        match self {
            Cut::Gone(_) => Reason::CANCEL,
            Cut::Body(_) => Reason::INTERNAL_ERROR,
        }
    }
}

/// Send a body to its end; `bytes_out` grows with what was handed to the connection.
pub async fn send_body(
    stream: &Stream,
    send: &mut SendStream<Bytes>,
    body: &mut Body,
    length: Option<u64>,
    bytes_out: &mut u64,
) -> Result<(), Cut> {
    let mut sent = 0u64;
    loop {
        stream.enter(Phase::Busy); // an origin may take its time: it has deadlines of its own
        let next = poll_with_reset(send, body.next()).await.map_err(Cut::Gone)?;
        let Some(piece) = next.map_err(Cut::Body)? else { break };
        sent += piece.len() as u64;
        if length.is_some_and(|n| sent > n) {
            return Err(Cut::Body(CutBody::plain("length-exceeded")));
        }
        let is_last = length == Some(sent);
        send_piece(stream, send, piece, is_last, bytes_out).await.map_err(Cut::Gone)?;
        if is_last {
            return Ok(());
        }
    }
    if length.is_some() {
        return Err(Cut::Body(CutBody::plain("length-missed")));
    }
    send.send_data(Bytes::new(), true).map_err(|_| Cut::Gone(Gone::Left))
}

/// Wait for `work`, and see a reset meanwhile.
async fn poll_with_reset<T>(send: &mut SendStream<Bytes>, work: impl Future<Output = T>) -> Result<T, Gone> {
    let mut work = std::pin::pin!(work);
    poll_fn(|cx| {
        if send.poll_reset(cx).is_ready() {
            return Poll::Ready(Err(Gone::Left));
        }
        work.as_mut().poll(cx).map(Ok)
    })
    .await
}

/// Hand over no more than the viewer has room for: what waits here is a slice of the store, what h2 holds is memory.
async fn send_piece(
    stream: &Stream,
    send: &mut SendStream<Bytes>,
    mut piece: Bytes,
    is_last: bool,
    bytes_out: &mut u64,
) -> Result<(), Gone> {
    while !piece.is_empty() {
        stream.enter(Phase::Moving);
        send.reserve_capacity(piece.len());
        let room = poll_fn(|cx| {
            if stream.is_late(cx) {
                return Poll::Ready(Err(Gone::Slow));
            }
            loop {
                match send.capacity() {
                    0 => {}
                    room => return Poll::Ready(Ok(room)),
                }
                match ready!(send.poll_capacity(cx)) {
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Poll::Ready(Err(Gone::Left)),
                }
            }
        })
        .await?;
        let part = piece.split_to(room.min(piece.len()));
        *bytes_out += part.len() as u64;
        stream.viewer.meter.renew();
        send.send_data(part, is_last && piece.is_empty()).map_err(|_| Gone::Left)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;
    use crate::walk::Step;

    #[test]
    fn no_field_of_a_connection_and_no_broken_line_goes_out() {
        let mut response = Response::new(200, Step::Pass, Outcome::Miss);
        for (name, value) in [
            ("Connection", "x"),
            ("Keep-Alive", "5"),
            ("Content-Length", "9"),
            ("X-A", "1"),
            ("X-a", "2"),
            ("X-B", "a\r\nb: c"),
            ("a b", "c"),
        ] {
            response.fields.push(name.as_bytes(), value.as_bytes());
        }
        let head = Head::of(&response, Ending::Length(3));
        let fields: Vec<String> =
            head.fields().iter().map(|(n, v)| format!("{n}={}", v.to_str().unwrap())).collect();
        assert_eq!(fields, ["x-a=1", "x-a=2", "content-length=3"]);
    }

    #[test]
    fn a_stored_head_and_our_marks() {
        let mut head = Head::new(203);
        head.put_lines(b"HTTP/1.1 203 x\r\nETag: \"a:b\"\r\nX:  y\r\n");
        head.put_mark("X-Cache", b"Hit from cloudfront");
        head.put_mark("Server-Timing", b"x");
        let fields: Vec<String> =
            head.fields().iter().map(|(n, v)| format!("{n}={}", v.to_str().unwrap())).collect();
        assert_eq!(fields, ["etag=\"a:b\"", "x=y", "x-cache=Hit from cloudfront", "server-timing=x"]);
        assert_eq!(head.into_inner().status(), 203);
    }

    #[test]
    fn lengths_where_there_is_no_body() {
        let mut response = Response::new(200, Step::Serve, Outcome::Hit);
        response.length = Some(7);
        assert_eq!(Head::of(&response, Ending::NoBody).fields()["content-length"], "7");
        response.status = 304;
        assert!(Head::of(&response, Ending::NoBody).fields().is_empty());
    }
}
