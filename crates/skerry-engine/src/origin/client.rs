//! One request over one connection, and its answer. No retry here: that is the walk's business.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use skerry_http::head::{Framing, Method, ResponseHead};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::connect::Stream;
use super::pool::Pool;
use super::target::Address;
use super::{OriginError, Retry};
use crate::body::RequestBody;
use crate::h1::chunked::{self, Decoder, Step};
use crate::h1::response;

/// Interim responses an origin may send before the real one (a flood of them is an attack).
const INTERIM_MAX: usize = 8;
/// Read from an origin at a time.
pub const READ_BYTES: usize = 64 * 1024;
/// Room for a read, at least.
const READ_BYTES_MIN: usize = 4 * 1024;

/// How long an origin may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// First byte, and between packets (row 16).
    pub read: Duration,
    /// Whole response (row 17).
    pub completion: Option<Duration>,
    /// Idle afterwards (row 18).
    pub keepalive: Duration,
}

/// A connection in use; goes back to the pool when its response has been read to the end.
pub struct Connection {
    /// The stream.
    pub stream: Stream,
    /// Where it leads.
    pub address: Address,
    /// It has served a request before: it may have died while idle.
    pub reused: bool,
    /// Where it goes back to.
    pub pool: Rc<Pool>,
}

/// An answer's head, and its body as it comes.
pub struct Answer {
    /// The head as the origin sent it.
    pub head: ResponseHead,
    /// What follows.
    pub body: OriginBody,
}

/// Send `head` (serialised, with its blank line) and `body`; read the answer's head.
pub async fn exchange(
    mut connection: Connection,
    method: Method,
    head: &[u8],
    body: &mut RequestBody,
    patience: Patience,
) -> Result<Answer, OriginError> {
    let deadline = patience.completion.map(|limit| tokio::time::Instant::now() + limit);
    let mut buffer = BytesMut::new();
    let sent_all = send(&mut connection, head, body, &mut buffer, patience.read).await?;
    let mut interim = 0;
    loop {
        match response::parse(&buffer, method)
            .map_err(|bad| OriginError::new(bad.0, Retry::Never, "the origin's head cannot be used"))?
        {
            Some(parsed) if parsed.head.status < 200 => {
                interim += 1;
                if parsed.head.status == 101 || interim > INTERIM_MAX {
                    return Err(OriginError::new(
                        "origin-bad-interim",
                        Retry::Never,
                        format!("status {}", parsed.head.status),
                    ));
                }
                let _ = buffer.split_to(parsed.len);
            }
            Some(parsed) => {
                let _ = buffer.split_to(parsed.len);
                let left = match parsed.head.framing {
                    Framing::None => Left::Nothing,
                    Framing::Length(n) => Left::Length(n),
                    Framing::Chunked => Left::Chunks(Box::default()),
                    Framing::Close => Left::Close,
                };
                let keep = parsed.keep && sent_all;
                let mut body = OriginBody {
                    connection: Some(connection),
                    buffer,
                    left,
                    trailers: None,
                    keep,
                    patience,
                    deadline,
                };
                body.settle();
                return Ok(Answer { head: parsed.head, body });
            }
            None => read_more(&mut connection, &mut buffer, patience.read, deadline).await?,
        }
    }
}

/// Write head and body; stops early (false) when the origin answers before the body is through (RFC 9112 9.5).
async fn send(
    connection: &mut Connection,
    head: &[u8],
    body: &mut RequestBody,
    buffer: &mut BytesMut,
    patience: Duration,
) -> Result<bool, OriginError> {
    let stream = &mut connection.stream;
    if !write(stream, head, buffer, patience).await? {
        return Ok(false);
    }
    if body.is_empty() {
        return Ok(true);
    }
    let chunked = body.length().is_none();
    let mut line = Vec::new();
    loop {
        let piece = {
            let next = body.next();
            tokio::pin!(next);
            tokio::select! {
                biased;
                early = stream.read_buf(buffer) => {
                    return match early {
                        Ok(0) => Err(OriginError::new("origin-closed", Retry::IfSafe, "before the request was sent whole")),
                        Ok(_) => Ok(false),
                        Err(error) => Err(OriginError::new("origin-closed", Retry::IfSafe, format!("while sending: {error}"))),
                    };
                }
                piece = &mut next => piece,
            }
        };
        line.clear();
        let parts: [&[u8]; 3] = match &piece {
            Some(Ok(piece)) if chunked => {
                chunked::open(piece.len(), &mut line);
                [&line, piece, b"\r\n"]
            }
            Some(Ok(piece)) => [piece, b"", b""],
            Some(Err(error)) => {
                return Err(OriginError::new(error.0, Retry::Never, "the viewer's body ended early"));
            }
            None if chunked => [b"0\r\n\r\n", b"", b""],
            None => return Ok(true),
        };
        for part in parts {
            if !write(stream, part, buffer, patience).await? {
                return Ok(false);
            }
        }
        if piece.is_none() {
            return Ok(true);
        }
    }
}

/// Write, and listen meanwhile: false when the origin speaks before it has taken all, or closes. A close may have an
/// answer before it, so that is for whoever reads to find out.
async fn write(
    stream: &mut Stream,
    bytes: &[u8],
    heard: &mut BytesMut,
    patience: Duration,
) -> Result<bool, OriginError> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let turn = poll_fn(|cx| {
            if let Poll::Ready(done) = Pin::new(&mut *stream).poll_write(cx, rest) {
                return Poll::Ready(done.ok().filter(|n| *n > 0));
            }
            let mut piece = [0; 4096];
            let mut read = ReadBuf::new(&mut piece);
            match Pin::new(&mut *stream).poll_read(cx, &mut read) {
                Poll::Ready(_) => {
                    heard.extend_from_slice(read.filled());
                    Poll::Ready(None)
                }
                Poll::Pending => Poll::Pending,
            }
        });
        match timeout(patience, turn).await.map_err(|_| read_timeout(patience))? {
            Some(n) => rest = &rest[n..],
            None => return Ok(false),
        }
    }
    let flushed = timeout(patience, stream.flush()).await.map_err(|_| read_timeout(patience))?;
    Ok(flushed.is_ok())
}

fn read_timeout(patience: Duration) -> OriginError {
    OriginError::new(
        "origin-read-timeout",
        Retry::IfSafe,
        format!("nothing came for {} s", patience.as_secs_f32()),
    )
}

async fn read_more(
    connection: &mut Connection,
    buffer: &mut BytesMut,
    patience: Duration,
    deadline: Option<tokio::time::Instant>,
) -> Result<(), OriginError> {
    let first = buffer.is_empty();
    match read(&mut connection.stream, buffer, patience, deadline).await? {
        Ok(0) if first => Err(OriginError::new("origin-closed", Retry::IfSafe, "before it answered")),
        Ok(0) => Err(OriginError::new("origin-closed", Retry::Never, "within its head")),
        Ok(_) => Ok(()),
        Err(error) => Err(OriginError::new("origin-closed", Retry::IfSafe, error.to_string())),
    }
}

async fn read(
    stream: &mut Stream,
    buffer: &mut BytesMut,
    patience: Duration,
    deadline: Option<tokio::time::Instant>,
) -> Result<std::io::Result<usize>, OriginError> {
    // what is handed on keeps its buffer alive: one that is nearly unused is used on, or small pieces would pin large ones
    if buffer.capacity() - buffer.len() < READ_BYTES_MIN {
        buffer.reserve(READ_BYTES);
    }
    let reading = timeout(patience, stream.read_buf(buffer));
    match deadline {
        None => reading.await.map_err(|_| read_timeout(patience)),
        Some(at) => match tokio::time::timeout_at(at, reading).await {
            Ok(done) => done.map_err(|_| read_timeout(patience)),
            Err(_) => Err(OriginError::new(
                "origin-completion-timeout",
                Retry::Never,
                "the whole response took too long",
            )),
        },
    }
}

/// The trailers of a body as lines, but for those that could pose as fields of the head (RFC 9110 6.5.1).
fn trailers_of(decoder: &Decoder) -> Option<Bytes> {
    let mut fields = decoder.trailers().clone();
    skerry_http::hop::keep_allowed_trailers(&mut fields);
    let mut lines = Vec::new();
    fields.write_to(&mut lines);
    (!lines.is_empty()).then(|| lines.into())
}

enum Left {
    Nothing,
    Length(u64),
    Chunks(Box<Decoder>),
    Close,
}

/// An answer's body. Dropped before its end, its connection is closed with it.
pub struct OriginBody {
    connection: Option<Connection>,
    buffer: BytesMut,
    left: Left,
    trailers: Option<Bytes>,
    keep: bool,
    patience: Patience,
    deadline: Option<tokio::time::Instant>,
}

impl OriginBody {
    /// The next bytes, `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, OriginError> {
        loop {
            if let Some(piece) = self.decode()? {
                self.settle();
                return Ok(Some(piece));
            }
            if matches!(self.left, Left::Nothing) {
                self.settle();
                return Ok(None);
            }
            let Some(connection) = self.connection.as_mut() else { return Ok(None) };
            match read(&mut connection.stream, &mut self.buffer, self.patience.read, self.deadline).await? {
                Ok(0) => return self.end_of_stream(),
                Ok(_) => {}
                Err(error)
                    if matches!(self.left, Left::Close)
                        && error.kind() == std::io::ErrorKind::UnexpectedEof =>
                {
                    return self.end_of_stream(); // TLS closed without a notify: nothing says the body is cut
                }
                Err(error) => {
                    return Err(OriginError::new("origin-cut-body", Retry::Never, error.to_string()));
                }
            }
        }
    }

    /// A piece out of what has been read already.
    fn decode(&mut self) -> Result<Option<Bytes>, OriginError> {
        match &mut self.left {
            Left::Nothing => Ok(None),
            Left::Close if self.buffer.is_empty() => Ok(None),
            Left::Close => Ok(Some(self.buffer.split().freeze())),
            Left::Length(0) => {
                self.left = Left::Nothing;
                Ok(None)
            }
            Left::Length(left) => {
                let take = (*left).min(self.buffer.len() as u64) as usize;
                if take == 0 {
                    return Ok(None);
                }
                *left -= take as u64;
                if *left == 0 {
                    self.left = Left::Nothing;
                }
                Ok(Some(self.buffer.split_to(take).freeze()))
            }
            Left::Chunks(decoder) => {
                let bad = |_| {
                    OriginError::new("origin-bad-chunk", Retry::Never, "a chunk of its body is malformed")
                };
                match decoder.step(&self.buffer).map_err(bad)? {
                    Step::Skip { consumed } => {
                        let _ = self.buffer.split_to(consumed);
                        Ok(None)
                    }
                    Step::Data { from, to } => {
                        let _ = self.buffer.split_to(from);
                        Ok(Some(self.buffer.split_to(to - from).freeze()))
                    }
                    Step::End { consumed } => {
                        let _ = self.buffer.split_to(consumed);
                        self.trailers = trailers_of(decoder);
                        self.left = Left::Nothing;
                        Ok(None)
                    }
                }
            }
        }
    }

    fn end_of_stream(&mut self) -> Result<Option<Bytes>, OriginError> {
        self.connection = None;
        match self.left {
            Left::Close | Left::Nothing => {
                self.left = Left::Nothing;
                Ok(None)
            }
            Left::Length(left) => Err(OriginError::new(
                "origin-cut-body",
                Retry::Never,
                format!("{left} bytes before its declared length"),
            )),
            Left::Chunks(_) => {
                Err(OriginError::new("origin-cut-body", Retry::Never, "before its last chunk"))
            }
        }
    }

    /// Once everything has been read, the connection goes back, unless the origin said more than it should.
    fn settle(&mut self) {
        if let Left::Length(0) = self.left {
            self.left = Left::Nothing;
        }
        if matches!(self.left, Left::Nothing)
            && let Some(connection) = self.connection.take()
            && self.keep
            && self.buffer.is_empty()
        {
            connection.pool.put(&connection.address, connection.stream, self.patience.keepalive);
        }
    }

    /// Trailer lines that may be passed on, once the body is over.
    pub fn trailers(&self) -> Option<Bytes> {
        self.trailers.clone()
    }

    /// A body that is already over (a response without one).
    pub fn none(patience: Patience) -> Self {
        OriginBody {
            connection: None,
            buffer: BytesMut::new(),
            left: Left::Nothing,
            trailers: None,
            keep: false,
            patience,
            deadline: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { read: Duration::from_secs(1), completion: None, keepalive: Duration::from_secs(5) };

    fn address() -> Address {
        Address { host: "o".into(), port: 80, tls_name: None }
    }

    /// Ask once, with an origin that answers `reply` (then closes when `close`).
    async fn ask(reply: &'static [u8], close: bool) -> (Result<Vec<u8>, OriginError>, usize) {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let pool = Rc::new(Pool::default());
        let origin = async move {
            let mut head = vec![0; 5];
            theirs.read_exact(&mut head).await.unwrap();
            theirs.write_all(reply).await.unwrap();
            if close { None } else { Some(theirs) }
        };
        let client = async {
            let connection =
                Connection { stream: Box::new(ours), address: address(), reused: false, pool: pool.clone() };
            let mut answer =
                exchange(connection, Method::Get, b"HEAD!", &mut RequestBody::empty(), PATIENCE).await?;
            let mut out = Vec::new();
            while let Some(piece) = answer.body.next().await? {
                out.extend_from_slice(&piece);
            }
            Ok(out)
        };
        let (out, _theirs) = tokio::join!(client, origin);
        (out, pool.len())
    }

    fn run(reply: &'static [u8], close: bool) -> (Result<Vec<u8>, &'static str>, usize) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (out, idle) = runtime.block_on(ask(reply, close));
        (out.map_err(|e| e.code), idle)
    }

    #[test]
    fn bodies_end_where_they_say_and_the_connection_is_kept() {
        assert_eq!(run(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false), (Ok(b"abc".to_vec()), 1));
        assert_eq!(
            run(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", false),
            (Ok(b"abc".to_vec()), 1)
        );
        assert_eq!(run(b"HTTP/1.1 204 No\r\n\r\n", false), (Ok(vec![]), 1));
        assert_eq!(
            run(b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", false),
            (Ok(b"a".to_vec()), 1)
        );
    }

    #[test]
    fn a_connection_with_bytes_left_over_is_not_used_again() {
        assert_eq!(run(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc", false), (Ok(b"a".to_vec()), 0));
        assert_eq!(run(b"HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\n", false), (Ok(vec![]), 0));
    }

    #[test]
    fn cut_bodies_are_told() {
        assert_eq!(run(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", true).0, Err("origin-cut-body"));
        assert_eq!(
            run(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true).0,
            Err("origin-cut-body")
        );
        assert_eq!(run(b"HTTP/1.1 200 OK\r\n\r\nabc", true).0, Ok(b"abc".to_vec()));
        assert_eq!(run(b"HTTP/1.1 200", true).0, Err("origin-closed"));
        assert_eq!(
            run(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc", false).0,
            Err("origin-bad-chunk")
        );
        assert_eq!(
            run(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", false).0,
            Err("origin-read-timeout")
        );
    }
}
