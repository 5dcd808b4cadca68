//! Request bodies on their way to a function and to an origin, with a prefix that can be sent again.

use std::task::{Context, Poll};

use bytes::Bytes;

/// Why a viewer's body ended early: a name of rules/reasons.toml.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyError(pub &'static str);

/// Bytes that arrive while the request is handled. Implemented by each protocol's server side.
pub trait BodyStream {
    /// The next bytes, `None` at the end. Never empty bytes.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>>;
}

/// A request's body. What was read first stays available up to a limit, so that a function can see it and a
/// second attempt can send it again.
pub struct RequestBody {
    source: Option<Box<dyn BodyStream>>,
    length: Option<u64>,
    prefix: Vec<Bytes>,
    prefix_bytes: usize,
    prefix_bytes_max: usize,
    /// Next prefix piece to hand out.
    at: usize,
    /// Bytes have been handed out that the prefix does not hold: the body cannot be sent twice.
    gone: bool,
    failed: Option<BodyError>,
}

impl Default for RequestBody {
    fn default() -> Self {
        RequestBody::empty()
    }
}

impl RequestBody {
    /// No body.
    pub fn empty() -> Self {
        RequestBody {
            source: None,
            length: Some(0),
            prefix: Vec::new(),
            prefix_bytes: 0,
            prefix_bytes_max: 0,
            at: 0,
            gone: false,
            failed: None,
        }
    }

    /// A body known whole, as a function gives it.
    pub fn whole(bytes: Bytes) -> Self {
        let mut body = RequestBody::empty();
        body.length = Some(bytes.len() as u64);
        body.prefix_bytes = bytes.len();
        if !bytes.is_empty() {
            body.prefix.push(bytes);
        }
        body
    }

    /// A body that still arrives. `length`: as declared, `None` when chunked.
    pub fn arriving(source: Box<dyn BodyStream>, length: Option<u64>, prefix_bytes_max: usize) -> Self {
        RequestBody { source: Some(source), length, prefix_bytes_max, ..RequestBody::empty() }
    }

    /// Is there no body at all?
    pub fn is_empty(&self) -> bool {
        self.length == Some(0)
    }

    /// Its length where that is known.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Could the whole body be sent again from its first byte?
    pub fn can_replay(&self) -> bool {
        !self.gone && self.failed.is_none()
    }

    /// Start over. Only after `can_replay`.
    pub fn rewind(&mut self) {
        self.at = 0;
    }

    /// Fill the prefix with up to `bytes_max` bytes without handing them out; true when more follow.
    pub async fn peek(&mut self, bytes_max: usize) -> Result<bool, BodyError> {
        self.prefix_bytes_max = self.prefix_bytes_max.max(bytes_max);
        while self.prefix_bytes <= bytes_max {
            match self.pull().await {
                Some(Ok(piece)) => {
                    self.prefix_bytes += piece.len();
                    self.prefix.push(piece);
                }
                Some(Err(error)) => return Err(error),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The prefix read so far, at most `bytes_max` of it.
    pub fn prefix(&self, bytes_max: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.prefix_bytes.min(bytes_max));
        for piece in &self.prefix {
            let room = bytes_max - out.len();
            out.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        out
    }

    async fn pull(&mut self) -> Option<Result<Bytes, BodyError>> {
        if let Some(error) = self.failed {
            return Some(Err(error));
        }
        let source = self.source.as_mut()?;
        let next = std::future::poll_fn(|cx| source.poll_next(cx)).await;
        match &next {
            None => self.source = None,
            Some(Err(error)) => {
                self.failed = Some(*error);
                self.source = None;
            }
            Some(Ok(_)) => {}
        }
        next
    }

    /// The next piece to send.
    pub async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        if let Some(piece) = self.prefix.get(self.at) {
            self.at += 1;
            return Some(Ok(piece.clone()));
        }
        let next = self.pull().await;
        if let Some(Ok(piece)) = &next {
            if !self.gone && self.prefix_bytes + piece.len() <= self.prefix_bytes_max {
                self.prefix_bytes += piece.len();
                self.prefix.push(piece.clone());
                self.at += 1;
            } else {
                // from here on the front is of no use any more: give its memory back
                self.gone = true;
                self.prefix.clear();
                self.prefix_bytes = 0;
                self.at = 0;
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pieces(Vec<&'static [u8]>);

    impl BodyStream for Pieces {
        fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
            Poll::Ready(if self.0.is_empty() { None } else { Some(Ok(Bytes::from_static(self.0.remove(0)))) })
        }
    }

    fn block<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    async fn all(body: &mut RequestBody) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some(Ok(piece)) = body.next().await {
            out.extend_from_slice(&piece);
        }
        out
    }

    #[test]
    fn a_short_body_can_be_sent_twice() {
        block(async {
            let mut body = RequestBody::arriving(Box::new(Pieces(vec![b"ab", b"cd"])), None, 10);
            assert_eq!(all(&mut body).await, b"abcd");
            assert!(body.can_replay());
            body.rewind();
            assert_eq!(all(&mut body).await, b"abcd");
        });
    }

    #[test]
    fn a_long_body_cannot() {
        block(async {
            let mut body = RequestBody::arriving(Box::new(Pieces(vec![b"ab", b"cd", b"ef"])), None, 3);
            assert_eq!(all(&mut body).await, b"abcdef");
            assert!(!body.can_replay());
        });
    }

    #[test]
    fn peeking_takes_nothing_away() {
        block(async {
            let mut body = RequestBody::arriving(Box::new(Pieces(vec![b"ab", b"cd", b"ef"])), None, 0);
            assert!(body.peek(3).await.unwrap());
            assert_eq!(body.prefix(3), b"abc");
            assert_eq!(all(&mut body).await, b"abcdef");
        });
    }
}
