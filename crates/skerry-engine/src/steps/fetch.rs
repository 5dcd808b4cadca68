//! `origin_request`, `fetch`, `origin_response`: the way to an origin and back, with retries and failover.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use skerry_contract::{Origin as EventOrigin, ResponseView, Runs, Situation, Trigger, runs};
use skerry_http::age::Times;
use skerry_http::fields::Known;
use skerry_http::forward::{forward_fields, forward_query};
use skerry_http::head::{Framing, Method, RequestHead, ResponseHead, Version, split_target};
use skerry_http::{age, hop, resume, validators};

use super::attempt::ask;
use super::functions::{Called, Caller, Sight, apply, call, shown_body};
use super::reader::{Place, Resume};
use crate::body::RequestBody;
use crate::core::Core;
use crate::exchange::{Exchange, Failure, Peer};
use crate::function::event;
use crate::origin::OriginError;
use crate::origin::client::OriginBody;
use crate::origin::folder::FolderBody;
use crate::record::{Note, RequestId};
use crate::snapshot::{Behavior, Live, Origin, Site};
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
    /// What to go on with: the rest of a body, for one reader.
    pub resume: Option<Resume>,
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
            resume: None,
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

    /// Note a step.
    pub fn note(&mut self, step: Step, what: impl Into<String>) {
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
    /// Where the body lies, where it is the origin's own under a strong tag.
    pub place: Option<Place>,
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
    if sent.fields.known(Known::Host).is_some_and(<[u8]>::is_empty) {
        sent.fields.set(b"Host", origin.domain.as_bytes()); // an HTTP/1.0 viewer may name none
    }
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
    if let Some(resume) = &errand.resume {
        resume::ask(&mut sent.fields, resume.at, &resume.etag);
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
    if let Some(said) = head.fields.known(Known::Age).filter(|_| age::parse(&head.fields).is_none()) {
        let said = String::from_utf8_lossy(&said[..said.len().min(40)]).into_owned();
        errand.note(Step::Fetch, format!("its Age '{said}' is none (RFC 9111 5.1) and is left out"));
    }
    let mut fetched = received(head, source, &origin, origin_us, times, sent);
    let given = strong_tag(&fetched);
    if let Err(failure) = respond(core, errand, behavior, &shown, &mut fetched).await {
        return Err(Box::new(Failure { origin_status: Some(fetched.origin_status), ..*failure }));
    }
    let is_own = matches!(fetched.source, Source::Origin(_) | Source::Folder(_));
    if is_own && given.is_some() && given == strong_tag(&fetched) {
        fetched.place = Some(Place::of(&origin, &fetched.sent));
    }
    Ok(fetched)
}

/// Status and strong tag of an answer whose body they vouch for, the rest of it too.
fn strong_tag(fetched: &Fetched) -> Option<(u16, Vec<u8>)> {
    let tag = fetched.head.fields.known(Known::Etag).filter(|tag| resume::is_strong(tag))?;
    matches!(fetched.head.status, 200 | 206).then(|| (fetched.head.status, tag.to_vec()))
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
        place: None,
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
        place: None,
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
