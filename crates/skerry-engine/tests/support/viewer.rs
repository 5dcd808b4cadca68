//! A viewer that reads answers strictly and says what came.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::origin::header;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub head: String,
    pub body: Vec<u8>,
    /// The body came to its end.
    pub whole: bool,
}

impl Answer {
    pub fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// First word of X-Cache.
    pub fn x_cache(&self) -> &str {
        self.header("x-cache").unwrap_or("").split(' ').next().unwrap()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// How an answer's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(u64),
    Chunked,
    Close,
}

pub struct Viewer<S> {
    pub stream: S,
    pub buffer: Vec<u8>,
    /// Rest so long before each piece, which is then no larger than [`PIECE_BYTES`].
    pub pace: Option<Duration>,
}

/// What a slow viewer takes at a time.
const PIECE_BYTES: usize = 2_000;

impl<S: AsyncRead + AsyncWrite + Unpin> Viewer<S> {
    pub fn new(stream: S) -> Self {
        Viewer { stream, buffer: Vec::new(), pace: None }
    }

    pub async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// GET with further header lines (each with its CRLF).
    pub async fn get(&mut self, target: &str, lines: &str) -> Answer {
        self.ask("GET", target, lines).await
    }

    pub async fn ask(&mut self, method: &str, target: &str, lines: &str) -> Answer {
        self.send(&format!("{method} {target} HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n")).await;
        self.answer(method).await.expect("an answer")
    }

    /// The next answer; `None` when the connection ended before a byte of it.
    pub async fn answer(&mut self, method: &str) -> Option<Answer> {
        let (head, framing) = self.head(method).await?;
        let mut body = Vec::new();
        let whole = self.body(framing, &mut body).await;
        Some(Answer { head, body, whole })
    }

    /// The next head, interim ones left out.
    pub async fn head(&mut self, method: &str) -> Option<(String, Framing)> {
        loop {
            let end = loop {
                if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                    break at + 4;
                }
                if !self.more().await {
                    assert!(
                        self.buffer.is_empty(),
                        "half a head: {:?}",
                        String::from_utf8_lossy(&self.buffer)
                    );
                    return None;
                }
            };
            let head = String::from_utf8(self.buffer.drain(..end).collect()).unwrap();
            assert!(head.starts_with("HTTP/1.1 "), "no answer: {head:?}");
            let status: u16 = head[9..12].parse().unwrap();
            if status < 200 {
                continue;
            }
            let framing = match (header(&head, "content-length"), header(&head, "transfer-encoding")) {
                _ if method == "HEAD" || status == 204 || status == 304 => Framing::None,
                (Some(n), None) => Framing::Length(n.parse().unwrap()),
                (None, Some("chunked")) => Framing::Chunked,
                (None, None) => Framing::Close,
                odd => panic!("framing {odd:?} in {head:?}"),
            };
            return Some((head, framing));
        }
    }

    pub async fn body(&mut self, framing: Framing, out: &mut Vec<u8>) -> bool {
        match framing {
            Framing::None => true,
            Framing::Length(n) => self.take(n as usize, out).await,
            Framing::Chunked => loop {
                let Some(line) = self.line().await else { return false };
                let size = usize::from_str_radix(&String::from_utf8(line).unwrap(), 16).unwrap();
                if size == 0 {
                    return self.line().await.is_some_and(|line| line.is_empty());
                }
                if !self.take(size, out).await {
                    return false;
                }
                let Some(line) = self.line().await else { return false };
                assert!(line.is_empty(), "a chunk ends with CRLF");
            },
            Framing::Close => {
                while self.more().await {}
                out.append(&mut self.buffer);
                true
            }
        }
    }

    pub async fn take(&mut self, n: usize, out: &mut Vec<u8>) -> bool {
        let mut left = n;
        while left > 0 {
            if self.buffer.is_empty() && !self.more().await {
                return false;
            }
            let now = left.min(self.buffer.len());
            out.extend(self.buffer.drain(..now));
            left -= now;
        }
        true
    }

    async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|w| w == b"\r\n") {
                let line = self.buffer[..at].to_vec();
                self.buffer.drain(..at + 2);
                return Some(line);
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Read something; false at the end.
    pub async fn more(&mut self) -> bool {
        if let Some(rest) = self.pace {
            tokio::time::sleep(rest).await;
            let mut piece = (&mut self.stream).take(PIECE_BYTES as u64);
            return matches!(piece.read_buf(&mut self.buffer).await, Ok(n) if n > 0);
        }
        matches!(self.stream.read_buf(&mut self.buffer).await, Ok(n) if n > 0)
    }

    /// Everything until the connection ends.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.buffer)
    }
}
