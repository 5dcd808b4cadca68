//! The quick way: a plain hit, from head to bytes, without a wait and without an allocation.
//!
//! It calls the very functions of the steps; whatever it cannot answer goes through [`crate::walk`].

use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::Instant;

use skerry_cache::{LabelParts, PurgeLog, Verdict, hash_key};
use skerry_contract::Trigger;
use skerry_http::cache_control::CacheControl;
use skerry_http::fields::Known;
use skerry_http::head::{Framing, Method, RequestHead, Version};
use skerry_http::reuse::{Reuse, reuse};
use skerry_http::target::split_port;

use super::request::HeadFacts;
use super::write::{put_connection, put_length};
use crate::core::Core;
use crate::exchange::{CacheFacts, Failure, Peer, Stone};
use crate::record::{Outcome, RequestId, View};
use crate::snapshot::{Behavior, Live, Site};
use crate::stats::{add, count};
use crate::steps::admit::{Admission, decide};
use crate::steps::finish::marks;
use crate::steps::{route, store};
use crate::tls::presented::Presented;

/// Fields that ask for more than a plain answer.
const SLOW: [Known; 8] = [
    Known::Range,
    Known::IfNoneMatch,
    Known::IfModifiedSince,
    Known::IfMatch,
    Known::IfUnmodifiedSince,
    Known::IfRange,
    Known::Expect,
    Known::Upgrade,
];

/// What a connection remembers between requests.
#[derive(Default)]
pub struct Memo {
    authority: Vec<u8>,
    /// Weak, not an address: the place of a snapshot that is gone may be another's by now, and this keeps it taken.
    live: Weak<Live>,
    site: usize,
    presented: Option<Presented>,
}

impl Memo {
    /// Of a connection that began with this in its handshake.
    pub fn of(presented: Option<Presented>) -> Self {
        Memo { presented, ..Memo::default() }
    }

    /// Why this authority is not served here, if it is not (421).
    pub fn misdirected(&self, authority: &[u8]) -> Option<Failure> {
        self.presented.as_ref().filter(|p| !p.covers(authority)).map(|p| p.refusal(authority))
    }

    fn site(&mut self, live: &Arc<Live>, authority: &[u8]) -> Option<usize> {
        if std::ptr::eq(self.live.as_ptr(), Arc::as_ptr(live)) && self.authority == authority {
            return Some(self.site);
        }
        if self.presented.as_ref().is_some_and(|p| !p.covers(authority)) {
            return None;
        }
        let site = route::site_of(live, authority)?;
        self.live = Arc::downgrade(live);
        self.site = site;
        self.authority.clear();
        self.authority.extend_from_slice(authority);
        Some(site)
    }
}

/// A hit whose head is written; its body is too large to copy and follows by reference.
pub struct Large {
    /// The snapshot that `found` points into: another may be in force when the body has gone out.
    pub live: Arc<Live>,
    /// The object.
    pub stone: Stone,
    /// What the record will say.
    pub found: Found,
    /// The request's id.
    pub id: RequestId,
    /// Bytes of the head.
    pub head_bytes: u64,
}

/// What was found, for the record.
#[derive(Clone, Copy)]
#[allow(missing_docs)] // named like the fields of the record they end in
pub struct Found {
    pub site: usize,
    pub behavior: usize,
    pub key_hash: u64,
    pub age_s: u32,
    pub ttl_s: i64,
    pub status: u16,
    pub now_ms: u64,
}

/// What became of a request.
pub enum Quick {
    /// Answered, recorded; nothing more to do.
    Done,
    /// Head written; the body follows.
    Large(Box<Large>),
    /// Not this way.
    Walk,
}

/// Try. `head_bytes_in` is what the request took; answers go to `out`.
#[allow(clippy::too_many_arguments)] // one call site, on the hot path: a struct would be built to be taken apart
pub fn answer(
    core: &Rc<Core>,
    live: &Arc<Live>,
    memo: &mut Memo,
    peer: &Peer,
    head: &RequestHead,
    facts: HeadFacts,
    begun: Instant,
    head_bytes_in: usize,
    out: &mut Vec<u8>,
) -> Quick {
    let Some((stone, found)) = find(core, live, memo, peer, head) else { return Quick::Walk };
    let site = &live.sites[found.site];
    let Some(rendered) = rendered_of(&site.behaviors[found.behavior], &stone) else { return Quick::Walk };
    let id = core.new_id();
    let before = out.len();
    write_head(live, site, &stone, rendered, &found, &id, head.version, facts.close, out);
    let head_bytes = (out.len() - before) as u64;
    let is_head = head.method == Method::Head;
    match stone.inline_body() {
        Some(body) if !is_head => out.extend_from_slice(body),
        Some(_) => {}
        None if is_head => {}
        None => return Quick::Large(Box::new(Large { live: live.clone(), stone, found, id, head_bytes })),
    }
    record(
        core,
        live,
        peer,
        head,
        &found,
        &id,
        &stone,
        begun,
        (head_bytes_in as u64, (out.len() - before) as u64),
    );
    Quick::Done
}

/// The decision, whatever protocol asks: a stored answer that may go out as it is.
pub fn find(
    core: &Core,
    live: &Arc<Live>,
    memo: &mut Memo,
    peer: &Peer,
    head: &RequestHead,
) -> Option<(Stone, Found)> {
    if head.framing != Framing::None
        || !matches!(head.method, Method::Get | Method::Head)
        || SLOW.iter().any(|name| head.fields.has(*name))
    {
        return None;
    }
    let site_at = memo.site(live, &head.authority)?;
    let site = &live.sites[site_at];
    let behavior_at = route::behavior_of(site, head.path());
    if route::is_ambiguous(site, head.path(), behavior_at) {
        return None;
    }
    let behavior = &site.behaviors[behavior_at];
    if !is_plain(live, site, behavior, peer, head) {
        return None;
    }
    let mut key = core.key.borrow_mut();
    behavior.key.write(head, &mut key);
    let hash = hash_key(&key);
    let variant_of = |names: &[u8], out: &mut Vec<u8>| store::variant_of(behavior, head, names, out);
    let stone = core.shared.cache.lookup(hash, &key, &variant_of, &mut core.scratch.borrow_mut())?;
    let purges = core.shared.cache.purges();
    // a purge of this name would not have found it: the log is asked about all names at once, or about this one
    if stone.may_be_purged(purges)
        && !stone.is_named(split_port(&head.authority).0, &head.target)
        && !stone.is_clear(purges)
        && is_purged_by_name(site, behavior, head, &stone, purges)
    {
        return None;
    }
    let meta = stone.meta();
    let now_ms = core.clock.unix_ms();
    let stored = meta.stored.as_ref()?;
    if meta.status >= 400 || stone.is_soft_purged() || meta.lapsed.is_some() {
        return None; // an error may have a page of its own
    }
    let asked = if live.profile.request_directives {
        CacheControl::of_request(&head.fields)
    } else {
        CacheControl::default()
    };
    if reuse(live.profile, stored, &asked, now_ms / 1000) != Reuse::Fresh {
        return None;
    }
    rendered_of(behavior, &stone)?;
    let found = Found {
        site: site_at,
        behavior: behavior_at,
        key_hash: hash,
        age_s: stored.age_s(now_ms / 1000),
        ttl_s: stored.ttl_s(now_ms / 1000),
        status: meta.status,
        now_ms,
    };
    Some((stone, found))
}

/// Is a purge about the name that this request has for the object? Then the walk sees to it.
fn is_purged_by_name(
    site: &Site,
    behavior: &Behavior,
    head: &RequestHead,
    stone: &Stone,
    purges: &PurgeLog,
) -> bool {
    let host = split_port(&head.authority).0.to_ascii_lowercase();
    let paths = store::names(behavior, &head.target, &head.target);
    let asked = LabelParts { space: site.id.as_bytes(), host: &host, paths: &paths, tags: &[] };
    stone.verdict_for(purges, asked) != Verdict::Untouched
}

/// The head as it goes out under the behavior's response headers policy (status line and fields).
pub fn rendered_of<'a>(behavior: &Behavior, stone: &'a Stone) -> Option<&'a [u8]> {
    match (&behavior.response_headers, &stone.meta().rendered) {
        (None, _) => Some(stone.head()),
        (Some(_), Some(r)) if r.0 == behavior.headers_digest => Some(&r.1),
        _ => None,
    }
}

/// No function, no redirect, nothing to refuse.
fn is_plain(live: &Live, site: &Site, behavior: &Behavior, peer: &Peer, head: &RequestHead) -> bool {
    let facts = (head.method, head.version, head.framing);
    decide(live, site, behavior, peer.is_https, facts) == Admission::Yes
        && behavior.cached.has(head.method)
        && behavior.function(Trigger::ViewerRequest).is_none()
        && behavior.function(Trigger::ViewerResponse).is_none()
        && (site.default_root_object.is_empty() || head.path() != b"/")
}

#[allow(clippy::too_many_arguments)] // see answer()
fn write_head(
    live: &Live,
    site: &Site,
    stone: &Stone,
    rendered: &[u8],
    found: &Found,
    id: &RequestId,
    version: Version,
    close: bool,
    out: &mut Vec<u8>,
) {
    out.reserve(rendered.len() + 512 + stone.inline_body().map_or(0, <[u8]>::len));
    out.extend_from_slice(rendered);
    let facts =
        CacheFacts { hit: true, age_s: Some(found.age_s), ttl_s: Some(found.ttl_s), ..CacheFacts::default() };
    marks(live, Some(site), id, Outcome::Hit, &facts, None, None, |name, value| {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    });
    if !skerry_http::status::forbids_body(found.status) {
        put_length(stone.body_bytes(), out);
    }
    put_connection(version, close, out);
    out.extend_from_slice(b"\r\n");
}

/// Count and write down.
#[allow(clippy::too_many_arguments)] // see answer()
pub fn record(
    core: &Rc<Core>,
    live: &Live,
    peer: &Peer,
    head: &RequestHead,
    found: &Found,
    id: &RequestId,
    stone: &Stone,
    begun: Instant,
    (bytes_in, bytes_out): (u64, u64),
) {
    let stats = &core.stats;
    count(&stats.requests);
    count(&stats.hits);
    add(&stats.bytes_out, bytes_out);
    add(&stats.bytes_in, bytes_in);
    let time_us = begun.elapsed().as_micros() as u64;
    stats.edge.note(time_us);
    stats.hit.note(time_us);
    let site = &live.sites[found.site];
    let (path, query) = skerry_http::head::split_target(&head.target);
    let known = |name: Known| head.fields.known(name).unwrap_or(b"");
    core.record(&View {
        unix_ms: found.now_ms,
        id,
        pop: &live.pop_code,
        client_ip: peer.ip,
        client_port: peer.port,
        is_https: peer.is_https,
        tls_protocol: peer.tls_protocol,
        tls_cipher: &peer.tls_cipher,
        version: head.version,
        method: &head.method_text,
        authority: &head.authority,
        distribution: &site.domain,
        path,
        query: query.unwrap_or(b""),
        referer: known(Known::Referer),
        user_agent: known(Known::UserAgent),
        forwarded_for: known(Known::XForwardedFor),
        status: found.status,
        bytes_out,
        bytes_in,
        time_us,
        first_byte_us: time_us,
        outcome: Outcome::Hit,
        response_outcome: Outcome::Hit,
        detailed: Outcome::Hit.log_word(),
        reason: "",
        step: "serve",
        behavior: &site.behaviors[found.behavior].pattern_text,
        content_type: stone.meta().content_type.of(stone.head()),
        content_bytes: Some(stone.body_bytes()),
        range: None,
        age_s: Some(found.age_s),
        ttl_s: Some(found.ttl_s),
        key_hash: found.key_hash,
        snapshot: live.version,
        origin: "",
        origin_us: 0,
        detail: "",
        fate: None,
        trace: &[],
    });
}

/// The record of a large hit, once its body has been sent (or not).
#[allow(clippy::too_many_arguments)] // see answer()
pub fn record_large(
    core: &Rc<Core>,
    peer: &Peer,
    head: &RequestHead,
    large: &Large,
    begun: Instant,
    head_bytes_in: usize,
    body_bytes: u64,
) {
    let bytes = (head_bytes_in as u64, large.head_bytes + body_bytes);
    record(core, &large.live, peer, head, &large.found, &large.id, &large.stone, begun, bytes);
}
