//! Frames by hand, for what no client library would send (RFC 9113 4.1, RFC 7541 6.2.2).

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields as literals without indexing, none of them Huffman-coded.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for text in [name, value] {
            put_length(text.len(), &mut out);
            out.extend_from_slice(text.as_bytes());
        }
    }
    out
}

fn put_length(length: usize, out: &mut Vec<u8>) {
    if length < 127 {
        return out.push(length as u8);
    }
    out.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        out.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    out.push(rest as u8);
}

/// The pseudo-header fields of a plain GET, then others.
pub fn request<'a>(path: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![(":method", "GET"), (":scheme", "https"), (":authority", "a.test"), (":path", path)];
    all.extend_from_slice(more);
    all
}

/// A connection that has said hello.
pub struct Raw {
    io: DuplexStream,
    inbox: Vec<u8>,
}

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Came {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Came {
    /// The error code of a RST_STREAM or GOAWAY.
    pub fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

impl Raw {
    /// Preface and settings; `settings` as identifier and value.
    pub async fn new(mut io: DuplexStream, settings: &[(u16, u32)]) -> Raw {
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        io.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        io.write_all(&frame(SETTINGS, 0, 0, &payload)).await.unwrap();
        Raw { io, inbox: Vec::new() }
    }

    /// Send; false once the peer has closed. What comes meanwhile is read, or both would wait for each other.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        let (mut read, mut write) = tokio::io::split(&mut self.io);
        let inbox = &mut self.inbox;
        tokio::select! {
            sent = write.write_all(bytes) => sent.is_ok(),
            () = async { while read.read_buf(inbox).await.is_ok_and(|n| n > 0) {} } => false,
        }
    }

    /// The next frame; `None` once the peer has closed.
    pub async fn next(&mut self) -> Option<Came> {
        loop {
            if self.inbox.len() >= 9 {
                let length = usize::from(self.inbox[0]) << 16
                    | usize::from(self.inbox[1]) << 8
                    | usize::from(self.inbox[2]);
                if self.inbox.len() >= 9 + length {
                    let bytes: Vec<u8> = self.inbox.drain(..9 + length).collect();
                    let stream = u32::from_be_bytes(bytes[5..9].try_into().unwrap()) & 0x7fff_ffff;
                    return Some(Came {
                        kind: bytes[3],
                        flags: bytes[4],
                        stream,
                        payload: bytes[9..].to_vec(),
                    });
                }
            }
            if !self.io.read_buf(&mut self.inbox).await.is_ok_and(|n| n > 0) {
                return None;
            }
        }
    }

    /// The next frame of a kind; `None` once the peer has closed.
    pub async fn next_of(&mut self, kind: u8) -> Option<Came> {
        loop {
            match self.next().await {
                Some(came) if came.kind == kind => return Some(came),
                Some(_) => {}
                None => return None,
            }
        }
    }
}
