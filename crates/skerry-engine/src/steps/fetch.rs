//! `origin_request`, `fetch`, `origin_response`: the way to an origin and back, with retries and failover.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use skerry_contract::{Origin as EventOrigin, ResponseView, Runs, Situation, Trigger, runs};
use skerry_http::age::Times;
use skerry_http::fields::{Fields, Known};
use skerry_http::forward::{forward_fields, forward_query};
use skerry_http::head::{Framing, Method, RequestHead, ResponseHead, Version, split_target};
use skerry_http::{hop, validators};

use super::functions::{Called, Caller, Sight, apply, call, shown_body};
use crate::body::RequestBody;
use crate::core::Core;
use crate::exchange::{Exchange, Failure, Peer};
use crate::function::event;
use crate::origin::client::{Connection, OriginBody, Patience, exchange};
use crate::origin::folder::{self, FolderBody};
use crate::origin::target::{Address, Target, split_port};
use crate::origin::{OriginError, Retry};
use crate::record::{Note, RequestId};
use crate::snapshot::{Behavior, Live, Origin, OriginKind, OriginProtocol, Site};
use crate::stats::count;
use crate::walk::Step;

/// The validators of a stored answer, as its origin gave them.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// Entity tag.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified`.
    pub modified: Option<Vec<u8>>,
}

/// Everything a fetch needs; owned, so that it outlives the request that caused it.
pub struct Errand {
    /// The snapshot.
    pub live: Arc<Live>,
    /// Distribution.
    pub site: usize,
    /// Behavior.
    pub behavior: usize,
    /// Id of the request that caused it.
    pub id: RequestId,
    /// Its viewer.
    pub peer: Rc<Peer>,
    /// The request after viewer-request.
    pub viewer: RequestHead,
    /// The target as it came, for purges.
    pub viewer_target: Vec<u8>,
    /// Its body.
    pub body: RequestBody,
    /// The answer is to be stored: no conditions, no range, GET for HEAD.
    pub storing: bool,
    /// What to renew.
    pub renew: Option<Renewal>,
    /// When the request began.
    pub begun: std::time::Instant,
    /// Steps taken on the way.
    pub notes: Vec<Note>,
    /// The origin that was asked last, and how long it had to answer: also where it never did.
    pub asked: Option<(Arc<str>, u64)>,
}

impl Errand {
    /// For a request; takes its body.
    pub fn of(x: &mut Exchange, storing: bool) -> Errand {
        Errand {
            live: x.live.clone(),
            site: x.site,
            behavior: x.behavior,
            id: x.id,
            peer: x.peer.clone(),
            viewer: x.head.clone(),
            viewer_target: x.viewer_target.clone(),
            body: if storing { RequestBody::empty() } else { std::mem::take(&mut x.body) },
            storing,
            renew: None,
            begun: x.begun,
            notes: Vec::new(),
            asked: None,
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

    fn note(&mut self, step: Step, what: impl Into<String>) {
        let at_us = self.begun.elapsed().as_micros() as u64;
        self.notes.push(Note { step: step.name(), at_us, what: what.into() });
    }
}

/// Where a body comes from.
pub enum Source {
    /// An origin.
    Origin(Box<OriginBody>),
    /// A folder.
    Folder(Box<FolderBody>),
    /// A function, or nobody.
    Bytes(Bytes),
}

impl Source {
    /// The next bytes, `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, OriginError> {
        match self {
            Source::Origin(body) => body.next().await,
            Source::Folder(body) => body.next().await,
            Source::Bytes(bytes) if bytes.is_empty() => Ok(None),
            Source::Bytes(bytes) => Ok(Some(std::mem::take(bytes))),
        }
    }
}

impl Source {
    /// Trailer lines, once the body is over.
    pub fn trailers(&self) -> Option<Bytes> {
        if let Source::Origin(body) = self { body.trailers() } else { None }
    }
}

/// What came back.
pub struct Fetched {
    /// Status and fields, hop-by-hop ones removed.
    pub head: ResponseHead,
    /// Reason phrase, where a function gave one.
    pub description: Option<String>,
    /// Length of the body where known.
    pub length: Option<u64>,
    /// The body.
    pub source: Source,
    /// Who answered.
    pub origin: Arc<str>,
    /// Until its head was there.
    pub origin_us: u64,
    /// Status before a function changed it.
    pub origin_status: u16,
    /// The function that made it.
    pub generated: Option<Trigger>,
    /// When it was asked and answered, seconds.
    pub times: Times,
    /// What was sent (for `Vary` and rules about requests).
    pub sent: RequestHead,
}

/// Go and get it.
pub async fn fetch(core: &Rc<Core>, errand: &mut Errand) -> Result<Fetched, Box<Failure>> {
    let route = errand.behavior().route.clone();
    let members = [Some(route.primary), route.secondary];
    let may_fail_over = matches!(errand.viewer.method, Method::Get | Method::Head | Method::Options);
    let mut last = None;
    for (turn, member) in members.into_iter().flatten().enumerate() {
        let origin = errand.site().origins[member].clone();
        let is_last = turn > 0 || route.secondary.is_none() || !may_fail_over;
        match from_origin(core, errand, &origin).await {
            // a body whose front is gone cannot be sent to the second one
            Ok(fetched)
                if !is_last
                    && errand.body.can_replay()
                    && route.statuses.contains(&fetched.origin_status) =>
            {
                errand.note(
                    Step::Fetch,
                    format!(
                        "origin {} answered {}: the second one is asked",
                        origin.id, fetched.origin_status
                    ),
                );
            }
            Ok(fetched) => return Ok(fetched),
            // a function's own failure is no reason to ask another origin
            Err(failure) if is_last || failure.function.is_some() || !errand.body.can_replay() => {
                return Err(failure);
            }
            Err(failure) => {
                errand.note(Step::Fetch, format!("{}: the second origin is asked", failure.detail));
                last = Some(failure);
            }
        }
        errand.body.rewind();
    }
    Err(last.unwrap_or_else(|| Box::new(Failure::new(502, "origin-unmapped", Step::Fetch, "no origin"))))
}

/// The request as this origin would get it.
fn outgoing(errand: &Errand, origin: &Origin) -> RequestHead {
    let behavior = errand.behavior();
    let mut sent =
        RequestHead { version: Version::Http11, framing: errand.viewer.framing, ..RequestHead::default() };
    let is_head_fill = errand.storing && errand.viewer.method == Method::Head;
    sent.method = if is_head_fill { Method::Get } else { errand.viewer.method };
    sent.method_text = if is_head_fill { b"GET".to_vec() } else { errand.viewer.method_text.clone() };
    let (path, query) = split_target(&errand.viewer.target);
    sent.target = path.to_vec();
    if let Some(query) = forward_query(&behavior.forward, behavior.key.policy(), query) {
        sent.target.push(b'?');
        sent.target.extend_from_slice(&query);
    }
    sent.fields = forward_fields(
        &behavior.forward,
        behavior.key.policy(),
        &errand.viewer,
        origin.domain.as_bytes(),
        b"Amazon CloudFront",
    );
    hop::append_forwarded_for(&mut sent.fields, errand.peer.ip.to_string().as_bytes());
    hop::append_via(&mut sent.fields, errand.viewer.version, errand.site().via.as_bytes());
    sent.fields.set(b"X-Amz-Cf-Id", &errand.id);
    if errand.storing {
        validators::drop_conditions(&mut sent.fields);
        sent.fields.remove(b"range");
    }
    if let Some(renewal) = &errand.renew {
        validators::ask_to_renew(&mut sent.fields, renewal.etag.as_deref(), renewal.modified.as_deref());
    }
    sent.authority = sent.fields.known(Known::Host).unwrap_or(b"").to_vec();
    sent
}

/// A request as it goes out, and to whom.
struct Asked {
    sent: RequestHead,
    origin: Arc<Origin>,
    shown: EventOrigin,
}

enum Before {
    Ask(Box<Asked>),
    Answered(Box<Fetched>),
}

/// `origin_request`: the function may change the request and the origin, or answer itself.
async fn before(
    core: &Rc<Core>,
    errand: &mut Errand,
    configured: &Arc<Origin>,
) -> Result<Before, Box<Failure>> {
    let mut sent = outgoing(errand, configured);
    let mut origin = configured.clone();
    let mut shown = event::origin(&origin, errand.peer.is_https);
    let live = errand.live.clone();
    let site = &live.sites[errand.site];
    let Some(association) = site.behaviors[errand.behavior].function(Trigger::OriginRequest) else {
        return Ok(Before::Ask(Box::new(Asked { sent, origin, shown })));
    };
    let body = shown_body(&mut errand.body, association, Trigger::OriginRequest).await?;
    let called = {
        let caller = Caller { live: &live, site, id: &errand.id, peer: &errand.peer };
        let sight = Sight {
            trigger: Trigger::OriginRequest,
            request: &sent,
            body: body.as_ref().map(|(bytes, more)| (&bytes[..], *more)),
            origin: Some(&shown),
            response: None,
        };
        call(core, &caller, association, &sight).await?
    };
    let name = &association.function.name;
    match called {
        Called::Generated(generated) => {
            errand.note(Step::OriginRequest, format!("function '{name}' answered {}", generated.status));
            return Ok(Before::Answered(Box::new(of_generated(core, *generated, sent))));
        }
        Called::Request(mut change) => {
            let words = if change.is_empty() { "left the request as it was" } else { "changed the request" };
            errand.note(Step::OriginRequest, format!("function '{name}' {words}"));
            if let Some(changed) = change.origin.take() {
                origin = Arc::new(event::changed(&origin, changed.clone()));
                shown = changed;
            }
            if let Some(body) = change.body.take() {
                errand.body = RequestBody::whole(body.into());
            }
            apply(&mut sent, &mut change);
        }
        Called::Response(_) => {} // judge() never gives one here
    }
    Ok(Before::Ask(Box::new(Asked { sent, origin, shown })))
}

async fn from_origin(
    core: &Rc<Core>,
    errand: &mut Errand,
    configured: &Arc<Origin>,
) -> Result<Fetched, Box<Failure>> {
    let asked = match before(core, errand, configured).await? {
        Before::Ask(asked) => *asked,
        Before::Answered(fetched) => return Ok(*fetched),
    };
    let Asked { sent, origin, shown } = asked;
    let live = errand.live.clone();
    let behavior = &live.sites[errand.site].behaviors[errand.behavior];
    let begun = std::time::Instant::now();
    let asked_s = core.clock.unix_ms() / 1000;
    let answered = ask(core, errand, &origin, configured, &sent).await;
    let origin_us = begun.elapsed().as_micros() as u64;
    core.stats.origin.note(origin_us);
    errand.asked = Some((origin.domain.as_str().into(), origin_us));
    let times = Times { request_s: asked_s, response_s: core.clock.unix_ms() / 1000 };
    let (head, source) = match answered {
        Ok(answer) => answer,
        Err(failure) => {
            count(&core.stats.origin_errors);
            errand.note(Step::Fetch, failure.detail.clone());
            return Err(failure);
        }
    };
    errand.note(
        Step::Fetch,
        format!("origin {} answered {} after {:.1} ms", origin.id, head.status, origin_us as f64 / 1000.0),
    );
    let mut fetched = received(head, source, &origin, origin_us, times, sent);
    respond(core, errand, behavior, &shown, &mut fetched).await?;
    Ok(fetched)
}

fn received(
    mut head: ResponseHead,
    source: Source,
    origin: &Origin,
    origin_us: u64,
    times: Times,
    sent: RequestHead,
) -> Fetched {
    let declared = head.fields.known(Known::ContentLength).and_then(crate::h1::request::parse_length);
    let length = match head.framing {
        // a HEAD answer tells the length of the body it leaves out
        Framing::None if sent.method == Method::Head => declared,
        Framing::None => Some(0),
        Framing::Length(n) => Some(n),
        Framing::Chunked | Framing::Close => None,
    };
    hop::strip(&mut head.fields);
    head.fields.remove(b"content-length");
    Fetched {
        origin_status: head.status,
        head,
        description: None,
        length,
        source,
        origin: origin.domain.as_str().into(),
        origin_us,
        generated: None,
        times,
        sent,
    }
}

fn of_generated(core: &Core, generated: skerry_contract::Generated, sent: RequestHead) -> Fetched {
    count(&core.stats.generated);
    let now_s = core.clock.unix_ms() / 1000;
    let head = crate::exchange::response_head(generated.status, generated.fields);
    Fetched {
        head,
        description: generated.description,
        length: Some(generated.body.len() as u64),
        source: Source::Bytes(generated.body.into()),
        origin: "function".into(),
        origin_us: 0,
        origin_status: 0,
        generated: Some(Trigger::OriginRequest),
        times: Times { request_s: now_s, response_s: now_s },
        sent,
    }
}

/// `origin_response`.
async fn respond(
    core: &Rc<Core>,
    errand: &mut Errand,
    behavior: &Behavior,
    shown: &EventOrigin,
    fetched: &mut Fetched,
) -> Result<(), Box<Failure>> {
    let Some(association) = behavior.function(Trigger::OriginResponse) else { return Ok(()) };
    let situation = Situation { generated_by: fetched.generated, ..Situation::default() };
    if let Runs::No(skip) = runs(Trigger::OriginResponse, &situation) {
        errand.note(Step::OriginResponse, skip.sentence());
        return Ok(());
    }
    // a 304 that renews is answered from the store: the function sees it as CloudFront shows it, status and all
    let live = errand.live.clone();
    let called = {
        let caller =
            Caller { live: &live, site: &live.sites[errand.site], id: &errand.id, peer: &errand.peer };
        let view = ResponseView {
            status: fetched.head.status,
            description: skerry_http::status::phrase(fetched.head.status).as_bytes(),
            fields: &fetched.head.fields,
        };
        let sight = Sight {
            trigger: Trigger::OriginResponse,
            request: &fetched.sent,
            body: None,
            origin: Some(shown),
            response: Some(view),
        };
        call(core, &caller, association, &sight).await?
    };
    if let Called::Response(change) = called {
        let words = if change.is_empty() { "left the response as it was" } else { "changed the response" };
        errand.note(Step::OriginResponse, format!("function '{}' {words}", association.function.name));
        if let Some(status) = change.status {
            fetched.head.status = status;
        }
        if change.description.is_some() {
            fetched.description = change.description;
        }
        if let Some(fields) = change.fields {
            fetched.head.fields = fields;
        }
        if let Some(body) = change.body {
            fetched.length = Some(body.len() as u64);
            fetched.source = Source::Bytes(body.into());
        }
    }
    Ok(())
}

/// Where this origin really is; a function may have set another host.
fn target_of<'a>(live: &'a Live, origin: &Origin, configured: &Origin) -> Result<&'a Target, Box<Failure>> {
    let by_host = live.targets.get(&origin.domain);
    let found = if origin.domain == configured.domain {
        live.targets.get(&configured.id).or(by_host)
    } else {
        by_host
    };
    let unmapped = |hint: &str| {
        let detail = format!(
            "origin {} ({}) is not mapped, and nothing is fetched from the open by accident",
            origin.id, origin.domain
        );
        let line = format!(
            "[local.origin]\n\"{}\" = \"http://127.0.0.1:9000\"   # or a folder, or \"live\"",
            origin.domain
        );
        let hint = if hint.is_empty() { line } else { hint.to_owned() };
        Box::new(Failure::new(502, "origin-unmapped", Step::Fetch, detail).with_hint(hint))
    };
    match found.or_else(|| live.targets.get("*")) {
        Some(Target::Unmapped(hint)) => Err(unmapped(hint)),
        Some(target) => Ok(target),
        None => Err(unmapped("")),
    }
}

async fn ask(
    core: &Rc<Core>,
    errand: &mut Errand,
    origin: &Origin,
    configured: &Origin,
    sent: &RequestHead,
) -> Result<(ResponseHead, Source), Box<Failure>> {
    count(&core.stats.origin_requests);
    let live = errand.live.clone();
    if !live.origin_rtt.is_zero() {
        tokio::time::sleep(live.origin_rtt).await;
    }
    let (address, prefix) = match target_of(&live, origin, configured)? {
        Target::Folder(root) => {
            let path = format!("{}{}", origin.path, String::from_utf8_lossy(sent.path()));
            let (head, body) = folder::serve(root, sent, &path).await;
            return Ok((head, Source::Folder(Box::new(body))));
        }
        Target::Url { address, prefix } => (address.clone(), prefix.as_str()),
        Target::Live | Target::Unmapped(_) => (own_address(origin, errand.peer.is_https), ""),
    };
    let head = serialise(sent, origin, prefix, &errand.body);
    let patience = patience(origin);
    let is_safe = matches!(sent.method, Method::Get | Method::Head);
    let mut attempts_left = origin.connect_attempts.clamp(1, 3);
    loop {
        let connected = connection(core, &live, origin, &address).await;
        let reused = connected.as_ref().is_ok_and(|c| c.reused);
        let error = match connected {
            Err(error) => error,
            Ok(connection) => {
                match exchange(connection, sent.method, &head, &mut errand.body, patience).await {
                    Ok(answer) => return Ok((answer.head, Source::Origin(Box::new(answer.body)))),
                    Err(error) => error,
                }
            }
        };
        // a kept connection may have died unseen: that try costs none of the attempts (keep-alive races)
        if !reused {
            attempts_left -= 1;
        }
        let again = match error.retry {
            Retry::Always => true,
            Retry::IfSafe => is_safe && (reused || live.profile.retry_reads),
            Retry::Never => false,
        };
        if !again || attempts_left == 0 || !errand.body.can_replay() {
            return Err(Box::new(Failure::of_origin(&error, &origin.id)));
        }
        count(&core.stats.origin_retries);
        errand.note(Step::Fetch, format!("again: {}", error.detail));
        errand.body.rewind();
    }
}

fn seconds(s: f64) -> Duration {
    Duration::from_secs_f64(s.clamp(0.001, 86_400.0))
}

fn patience(origin: &Origin) -> Patience {
    Patience {
        read: seconds(origin.read_timeout_s),
        completion: origin.completion_timeout_s.map(seconds),
        keepalive: seconds(origin.keepalive_s),
    }
}

/// One that was kept, or a new one.
async fn connection(
    core: &Core,
    live: &Live,
    origin: &Origin,
    address: &Address,
) -> Result<Connection, OriginError> {
    let (stream, reused) = match core.origins.take(address) {
        Some(stream) => (stream, true),
        None => {
            count(&core.stats.origin_connects);
            if !live.origin_rtt.is_zero() {
                tokio::time::sleep(live.origin_rtt).await;
            }
            (core.connect.connect(address, seconds(origin.connect_timeout_s)).await?, false)
        }
    };
    Ok(Connection { stream, address: address.clone(), reused, pool: core.origins.clone() })
}

/// The origin's own host and port by its protocol policy (row 13).
fn own_address(origin: &Origin, viewer_is_https: bool) -> Address {
    let https = match (origin.kind, origin.protocol) {
        (OriginKind::S3, _) | (_, OriginProtocol::HttpsOnly) => true,
        (_, OriginProtocol::HttpOnly) => false,
        (_, OriginProtocol::MatchViewer) => viewer_is_https,
    };
    let (host, _) = split_port(&origin.domain);
    let port = match (origin.kind, https) {
        (OriginKind::S3, _) => 443,
        (_, true) => origin.https_port,
        (_, false) => origin.http_port,
    };
    Address { tls_name: https.then(|| host.clone()), host, port }
}

fn serialise(sent: &RequestHead, origin: &Origin, prefix: &str, body: &RequestBody) -> Vec<u8> {
    let mut fields: Fields = sent.fields.clone();
    for header in &origin.headers {
        fields.set(header.name.as_bytes(), header.value.as_bytes());
    }
    for framing in [&b"content-length"[..], b"transfer-encoding", b"connection", b"expect"] {
        fields.remove(framing);
    }
    let mut out = Vec::with_capacity(256 + fields.bytes());
    out.extend_from_slice(&sent.method_text);
    out.push(b' ');
    out.extend_from_slice(prefix.as_bytes());
    out.extend_from_slice(origin.path.as_bytes());
    put_target(&sent.target, &mut out);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in fields.iter() {
        if value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            continue; // no function's text may end a line
        }
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    match body.length() {
        Some(0) if matches!(sent.method, Method::Post | Method::Put | Method::Patch) => {
            out.extend_from_slice(b"Content-Length: 0\r\n")
        }
        Some(0) => {}
        Some(n) => out.extend_from_slice(format!("Content-Length: {n}\r\n").as_bytes()),
        None => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
    }
    out.extend_from_slice(b"Connection: keep-alive\r\n\r\n");
    out
}

/// A function's UTF-8 path goes out percent-encoded where a request line cannot hold it; raw bytes stay raw.
fn put_target(target: &[u8], out: &mut Vec<u8>) {
    for &b in target {
        if (0x21..0x7f).contains(&b) {
            out.push(b);
        } else {
            out.extend_from_slice(format!("%{b:02X}").as_bytes());
        }
    }
}
