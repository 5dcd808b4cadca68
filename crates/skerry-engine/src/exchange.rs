//! One request on its way: what came, what is known of it, and the answer that is being made.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use skerry_cache::{BodyReader, Fate, Object};
use skerry_contract::Trigger;
use skerry_http::cache_status::Forward;
use skerry_http::fields::Fields;
use skerry_http::head::{RequestHead, ResponseHead};
use skerry_http::store::Stored;

use crate::body::RequestBody;
use crate::core::Core;
use crate::origin::OriginError;
use crate::origin::client::OriginBody;
use crate::origin::folder::FolderBody;
use crate::reason;
use crate::record::{Note, Outcome, RequestId};
use crate::snapshot::{Behavior, Live, Site};
use crate::steps::reader::{Place, Reader};
use crate::walk::Step;

/// The viewer's side of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
    /// It speaks TLS to us.
    pub is_https: bool,
    /// `TLSv1.3`, or empty.
    pub tls_protocol: &'static str,
    /// The vendor's spelling of the suite, or empty.
    pub tls_cipher: String,
}

/// Where a value stands in a serialised head: what is asked for at each hit is not looked for at each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Of the first line with this name, whose colon is part of it; nowhere when there is none.
    pub fn find(head: &[u8], name: &[u8]) -> Span {
        let mut at = 0;
        for line in head.split_inclusive(|&b| b == b'\n') {
            if line.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
                let value = line[name.len()..].trim_ascii_end();
                let space = value.len() - value.trim_ascii_start().len();
                let start = at + name.len() + space;
                return Span { start: start as u32, end: (at + name.len() + value.len()) as u32 };
            }
            at += line.len();
        }
        Span::default()
    }

    /// The value; empty where there is none.
    pub fn of(self, head: &[u8]) -> &[u8] {
        head.get(self.start as usize..self.end as usize).unwrap_or(b"")
    }
}

/// What the engine knows of a stored answer, beside its head and body.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// Freshness; `None`: not to be stored.
    pub stored: Option<Stored>,
    /// Status as served.
    pub status: u16,
    /// Status as the origin gave it; 0 when a function or we made the answer.
    pub origin_status: u16,
    /// Why it is not stored: a reason's name.
    pub reason: &'static str,
    /// It is to be stored, and may turn out larger than an object may be.
    pub may_outgrow: bool,
    /// The function that made it.
    pub generated: Option<Trigger>,
    /// It is an error that may be about what this request carried: kept for those that look the same to the origin.
    pub is_apart: bool,
    /// What we made instead of an answer that did not come.
    pub failure: Option<Arc<Failure>>,
    /// Who answered.
    pub origin: Option<Arc<str>>,
    /// How long that took.
    pub origin_us: u64,
    /// The origin's own entity tag where another is served (compression).
    pub origin_etag: Option<Arc<[u8]>>,
    /// The freshness it truly has, while it stands in for an origin that fails (row 43).
    pub lapsed: Option<Stored>,
    /// Where its body lies, being the origin's own under a strong tag; `None` where a function or the store made
    /// another of it. By this a reader that falls behind knows the rest again.
    pub place: Option<Place>,
    /// The age it arrived with, where its origin said one: a cache stands behind us.
    pub aged_s: Option<u32>,
    /// Fields that the store must not keep (RFC 9111 5.2.2.4): for the request that caused the fetch alone.
    pub once: Option<Arc<Fields>>,
    /// Where `Content-Type` stands in its head, for the records of hits.
    pub content_type: Span,
    /// Head under a response headers policy, ready: the policy's digest and the bytes.
    pub rendered: Option<Arc<(u64, Bytes)>>,
}

impl Meta {
    /// The freshness that the origin gave it, whatever it stands in for now.
    pub fn given(&self) -> Option<&Stored> {
        self.lapsed.as_ref().or(self.stored.as_ref())
    }
}

/// A stored object of ours.
pub type Stone = Arc<Object<Meta>>;

/// What went wrong, in a form that can be told to everybody who waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// To answer with.
    pub status: u16,
    /// A name of failures.toml or reasons.toml, or a function's code.
    pub code: String,
    /// What happened.
    pub detail: String,
    /// What to do.
    pub hint: String,
    /// The step that failed.
    pub step: String,
    /// `X-Cache`, where a function failed.
    pub function: Option<FunctionFault>,
    /// What the origin had answered before it went wrong.
    #[serde(default)]
    pub origin_status: Option<u16>,
}

/// Whose fault a function's failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // the words of the contract: failure.rs of skerry-contract says what each covers
pub enum FunctionFault {
    Execution,
    Validation,
    Limit,
}

impl Failure {
    /// A failure of ours or of an origin; its way out is the table's.
    pub fn new(status: u16, code: &str, step: Step, detail: impl Into<String>) -> Self {
        Failure {
            status,
            code: code.to_owned(),
            detail: detail.into(),
            hint: reason::hint(code).to_owned(),
            step: step.name().to_owned(),
            function: None,
            origin_status: None,
        }
    }

    /// With a way out of its own.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// An origin's failure.
    pub fn of_origin(error: &OriginError, origin: &str) -> Self {
        Failure::new(error.status(), error.code, Step::Fetch, format!("origin {origin}: {}", error.detail))
    }

    /// Its word for log and `X-Cache`.
    pub fn outcome(&self) -> Outcome {
        match self.function {
            None => Outcome::Error,
            Some(FunctionFault::Execution) => Outcome::LambdaExecutionError,
            Some(FunctionFault::Validation) => Outcome::LambdaValidationError,
            Some(FunctionFault::Limit) => Outcome::LambdaLimitExceeded,
        }
    }
}

/// A body on its way to a viewer.
pub enum Body {
    /// None.
    Empty,
    /// Whole.
    Bytes(Bytes),
    /// Of a stored object, or a part of it.
    Stored(BodyReader),
    /// As it arrives.
    Fill(Box<Reader>),
    /// Straight from an origin, not stored.
    Origin(Box<OriginBody>),
    /// Straight from a folder, not stored.
    Folder(Box<FolderBody>),
    /// Several parts of a stored object: pieces in order.
    Parts(std::collections::VecDeque<Part>),
}

/// A piece of a multipart body.
pub enum Part {
    /// Framing.
    Text(Bytes),
    /// Content.
    Content(BodyReader),
}

/// A body ended before its end: the connection must not be used on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutBody {
    /// A name of failures.toml.
    pub code: String,
    /// How, in words.
    pub detail: String,
}

impl CutBody {
    /// With nothing to say beyond the code.
    pub fn plain(code: &str) -> Self {
        CutBody { code: code.to_owned(), detail: String::new() }
    }

    /// By an origin.
    pub fn of_origin(error: OriginError) -> Self {
        CutBody { code: error.code.to_owned(), detail: error.detail }
    }

    /// In the store, or in a fill.
    pub fn of_read(error: &skerry_cache::ReadError) -> Self {
        let (code, detail) = match error {
            // whoever ends a fill writes the failure into the abort
            skerry_cache::ReadError::Aborted(abort) => {
                (abort.code, crate::steps::fill::failure_of(abort).detail)
            }
            skerry_cache::ReadError::FellOut => ("reader-too-slow", String::new()),
            skerry_cache::ReadError::Absent => ("part-missing", String::new()),
        };
        CutBody { code: code.to_owned(), detail }
    }
}

impl Body {
    /// Trailer lines, once the body is over.
    pub fn trailers(&self) -> Option<Bytes> {
        match self {
            Body::Fill(reader) => reader.trailers(),
            Body::Stored(reader) => reader.trailers(),
            Body::Origin(body) => body.trailers(),
            _ => None,
        }
    }

    /// The next bytes, `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, CutBody> {
        match self {
            Body::Empty => Ok(None),
            Body::Bytes(bytes) if bytes.is_empty() => Ok(None),
            Body::Bytes(bytes) => Ok(Some(std::mem::take(bytes))),
            Body::Stored(reader) => reader.read().await.map_err(|e| CutBody::of_read(&e)),
            Body::Fill(reader) => reader.next().await,
            Body::Origin(body) => body.next().await.map_err(CutBody::of_origin),
            Body::Folder(body) => body.next().await.map_err(CutBody::of_origin),
            Body::Parts(parts) => loop {
                match parts.front_mut() {
                    None => return Ok(None),
                    Some(Part::Text(text)) => {
                        let text = std::mem::take(text);
                        parts.pop_front();
                        return Ok(Some(text));
                    }
                    Some(Part::Content(reader)) => {
                        match reader.read().await.map_err(|e| CutBody::of_read(&e))? {
                            Some(bytes) => return Ok(Some(bytes)),
                            None => {
                                parts.pop_front();
                            }
                        }
                    }
                }
            },
        }
    }
}

/// What the cache did, for `Cache-Status` and records.
#[derive(Clone, Debug, Default)]
pub struct CacheFacts {
    /// Answered from the store.
    pub hit: bool,
    /// Went forward, and why.
    pub forward: Option<Forward>,
    /// A 304 of the origin renewed it.
    pub refreshed: bool,
    /// Will be stored, if it comes whole and is not too large.
    pub stored: bool,
    /// Whether it is too large is known at its end.
    pub may_outgrow: bool,
    /// Joined another request's fetch.
    pub collapsed: bool,
    /// A reason's name.
    pub reason: &'static str,
    /// Age, where it came from the store.
    pub age_s: Option<u32>,
    /// Lifetime left.
    pub ttl_s: Option<i64>,
    /// Served although not fresh.
    pub stale: bool,
}

/// The answer as it is being made.
pub struct Response {
    /// Status for the viewer.
    pub status: u16,
    /// Reason phrase, where a function gave one.
    pub description: Option<String>,
    /// Fields, hop-by-hop ones and Content-Length left out.
    pub fields: Fields,
    /// Length of the body where known.
    pub length: Option<u64>,
    /// The body.
    pub body: Body,
    /// The object behind it, where its parts can be served.
    pub stone: Option<Stone>,
    /// Word for log and header.
    pub outcome: Outcome,
    /// What the cache did.
    pub cache: CacheFacts,
    /// Status the origin gave; `None`: no origin was asked for it.
    pub origin_status: Option<u16>,
    /// The function that made it.
    pub generated: Option<Trigger>,
    /// What went wrong, where this answer says so.
    pub failure: Option<Arc<Failure>>,
    /// Step that made it.
    pub step: Step,
}

impl Response {
    /// An answer with that status and nothing else.
    pub fn new(status: u16, step: Step, outcome: Outcome) -> Self {
        Response {
            status,
            description: None,
            fields: Fields::new(),
            length: Some(0),
            body: Body::Empty,
            stone: None,
            outcome,
            cache: CacheFacts::default(),
            origin_status: None,
            generated: None,
            failure: None,
            step,
        }
    }

    /// With that body, whole.
    pub fn with_bytes(mut self, bytes: Bytes) -> Self {
        self.length = Some(bytes.len() as u64);
        self.body = if bytes.is_empty() { Body::Empty } else { Body::Bytes(bytes) };
        self
    }
}

/// A request on its way through the walk.
pub struct Exchange {
    /// The snapshot it began with.
    pub live: Arc<Live>,
    /// Index of its distribution.
    pub site: usize,
    /// Index of its behavior.
    pub behavior: usize,
    /// The viewer.
    pub peer: Rc<Peer>,
    /// As it stands now; a function may have changed it.
    pub head: RequestHead,
    /// The target as it came.
    pub viewer_target: Vec<u8>,
    /// The body.
    pub body: RequestBody,
    /// Its id.
    pub id: RequestId,
    /// When it began.
    pub begun: std::time::Instant,
    /// When it began, wall clock.
    pub begun_unix_ms: u64,
    /// Sub-walks above this one.
    pub depth: u8,
    /// An error page is being fetched: viewer functions do not run.
    pub for_error_page: bool,
    /// Steps taken.
    pub trace: Vec<Note>,
    /// Hash of its key, once built.
    pub key_hash: u64,
    /// What the cache did so far: an answer that says what went wrong says this too.
    pub cache: CacheFacts,
    /// What becomes of the fetch whose answer it gets, where that is to be stored.
    pub fate: Option<Arc<Fate>>,
    /// Who answered behind us.
    pub origin: Option<Arc<str>>,
    /// How long that took.
    pub origin_us: u64,
}

impl Exchange {
    /// A request of a viewer, as its codec hands it over.
    pub fn begin(
        core: &Core,
        live: Arc<Live>,
        peer: Rc<Peer>,
        head: RequestHead,
        body: RequestBody,
        id: RequestId,
        begun: std::time::Instant,
    ) -> Self {
        Exchange {
            live,
            site: 0,
            behavior: 0,
            peer,
            viewer_target: head.target.clone(),
            head,
            body,
            id,
            begun,
            begun_unix_ms: core.clock.unix_ms(),
            depth: 0,
            for_error_page: false,
            trace: Vec::with_capacity(8),
            key_hash: 0,
            cache: CacheFacts::default(),
            fate: None,
            origin: None,
            origin_us: 0,
        }
    }

    /// Its distribution.
    pub fn site(&self) -> &Site {
        &self.live.sites[self.site]
    }

    /// Its behavior.
    pub fn behavior(&self) -> &Behavior {
        &self.site().behaviors[self.behavior]
    }

    /// Note a step.
    pub fn note(&mut self, step: Step, what: impl Into<String>) {
        let at_us = self.begun.elapsed().as_micros() as u64;
        self.trace.push(Note { step: step.name(), at_us, what: what.into() });
    }

    /// Its id as text.
    pub fn id_text(&self) -> &str {
        std::str::from_utf8(&self.id).unwrap_or("")
    }

    /// Seconds since 1970.
    pub fn now_s(&self, core: &Core) -> u64 {
        core.clock.unix_ms() / 1000
    }
}

/// Fields of a serialised head (`status line`, fields, no blank line).
pub fn thaw(head: &[u8]) -> Fields {
    let mut fields = Fields::new();
    let start = memchr::memchr(b'\n', head).map_or(head.len(), |at| at + 1);
    for line in head[start..].split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(colon) = memchr::memchr(b':', line) {
            fields.push(&line[..colon], line[colon + 1..].trim_ascii_start());
        }
    }
    fields
}

/// A head as it is kept and sent: status line and fields, no blank line.
pub fn freeze(status: u16, description: Option<&str>, fields: &Fields) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + fields.bytes() + 4 * fields.len());
    write_status_line(status, description, &mut out);
    fields.write_to(&mut out);
    out
}

/// `HTTP/1.1 200 OK\r\n`.
pub fn write_status_line(status: u16, description: Option<&str>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    skerry_http::decimal::put(u64::from(status), out);
    out.push(b' ');
    let phrase = description.unwrap_or_else(|| skerry_http::status::phrase(status));
    out.extend(phrase.bytes().filter(|b| (0x20..0x7f).contains(b)));
    out.extend_from_slice(b"\r\n");
}

/// The reason phrase in a serialised head, where it is not the usual one.
pub fn description_of(head: &[u8], status: u16) -> Option<String> {
    let line = head.split(|&b| b == b'\r').next()?;
    let phrase = std::str::from_utf8(line.get(13..)?).ok()?;
    (phrase != skerry_http::status::phrase(status)).then(|| phrase.to_owned())
}

/// A head with its body's end told, for events and decisions.
pub fn response_head(status: u16, fields: Fields) -> ResponseHead {
    ResponseHead { fields, ..ResponseHead::new(status) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_again() {
        let head = b"HTTP/1.1 200 OK\r\nX: content-type: no\r\nCONTENT-TYPE:  text/html \r\nA: b\r\n";
        assert_eq!(Span::find(head, b"content-type:").of(head), b"text/html");
        let without = b"HTTP/1.1 200 OK\r\nContent-Typo: a\r\n";
        assert_eq!(Span::find(without, b"content-type:").of(without), b"");
    }

    #[test]
    fn heads_freeze_and_thaw() {
        let fields: Fields = [(&b"ETag"[..], &b"\"a:b\""[..]), (b"X", b"")].into_iter().collect();
        let head = freeze(200, None, &fields);
        assert_eq!(head, b"HTTP/1.1 200 OK\r\nETag: \"a:b\"\r\nX: \r\n");
        let back = thaw(&head);
        assert_eq!(back.get(b"etag"), Some(&b"\"a:b\""[..]));
        assert_eq!(back.get(b"x"), Some(&b""[..]));
        assert_eq!(description_of(&head, 200), None);
        assert_eq!(description_of(&freeze(200, Some("Fine"), &fields), 200).as_deref(), Some("Fine"));
    }
}
