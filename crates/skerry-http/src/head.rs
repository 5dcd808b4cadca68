//! Request and response heads as the walk sees them, whatever protocol brought them.

use crate::fields::Fields;

/// Methods the path knows by name; any other token keeps its spelling in the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each variant is the method it spells
pub enum Method {
    Get,
    Head,
    Options,
    Post,
    Put,
    Patch,
    Delete,
    Connect,
    Trace,
    Other,
}

impl Method {
    /// Methods are case-sensitive (RFC 9110 9.1).
    pub fn parse(text: &[u8]) -> Method {
        match text {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"OPTIONS" => Method::Options,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"PATCH" => Method::Patch,
            b"DELETE" => Method::Delete,
            b"CONNECT" => Method::Connect,
            b"TRACE" => Method::Trace,
            _ => Method::Other,
        }
    }

    /// RFC 9110 9.2.1.
    pub fn is_safe(self) -> bool {
        matches!(self, Method::Get | Method::Head | Method::Options | Method::Trace)
    }

    /// RFC 9110 9.2.2.
    pub fn is_idempotent(self) -> bool {
        self.is_safe() || matches!(self, Method::Put | Method::Delete)
    }
}

/// Protocol of the message as it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // each variant is the version it spells
pub enum Version {
    Http10,
    Http11,
    Http2,
}

/// How the end of a message body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body follows the head.
    None,
    /// Exactly so many bytes.
    Length(u64),
    /// `Transfer-Encoding: chunked`, or an h2 stream of unknown length.
    Chunked,
    /// Until the connection closes (responses only).
    Close,
}

/// A request as it came. `target` holds the raw bytes; nothing is decoded, nothing normalised.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The method, classified.
    pub method: Method,
    /// The method as spelled.
    pub method_text: Vec<u8>,
    /// Path and query, beginning with `/`; absolute-form has been taken apart before.
    pub target: Vec<u8>,
    /// Host as given, port included, not lowered. Empty when HTTP/1.0 sent none.
    pub authority: Vec<u8>,
    /// Protocol of arrival.
    pub version: Version,
    /// The fields in wire order.
    pub fields: Fields,
    /// How the body ends.
    pub framing: Framing,
}

impl Default for RequestHead {
    fn default() -> Self {
        RequestHead {
            method: Method::Get,
            method_text: Vec::new(),
            target: Vec::new(),
            authority: Vec::new(),
            version: Version::Http11,
            fields: Fields::new(),
            framing: Framing::None,
        }
    }
}

impl RequestHead {
    /// The path: the target up to `?`.
    pub fn path(&self) -> &[u8] {
        split_target(&self.target).0
    }

    /// The query without `?`; `None` when there is no `?`.
    pub fn query(&self) -> Option<&[u8]> {
        split_target(&self.target).1
    }
}

/// Path and query of a raw target.
pub fn split_target(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'?', target) {
        Some(at) => (&target[..at], Some(&target[at + 1..])),
        None => (target, None),
    }
}

/// A response head, from an origin, a function or ourselves.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// 100 to 599.
    pub status: u16,
    /// Protocol it came by.
    pub version: Version,
    /// The fields in wire order.
    pub fields: Fields,
    /// How the body ends.
    pub framing: Framing,
}

impl ResponseHead {
    /// A head of that status without a field or a body.
    pub fn new(status: u16) -> Self {
        ResponseHead { status, version: Version::Http11, fields: Fields::new(), framing: Framing::None }
    }
}
