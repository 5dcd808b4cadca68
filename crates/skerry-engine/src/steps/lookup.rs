//! `key`, `lookup`, `coalesce`, `serve`, `serve_stale`: from a request to a stored answer, or into a fill.

use std::rc::Rc;
use std::sync::Arc;

use skerry_cache::Verdict;
use skerry_cache::{
    Arrival, Ask, FillReader, FillWriter, Judged, LabelParts, Lookup, MissWhy, Release, Role, hash_key,
};
use skerry_http::cache_control::CacheControl;
use skerry_http::cache_status::Forward;
use skerry_http::fields::Known;
use skerry_http::head::{Framing, Method, RequestHead};
use skerry_http::reason::Reason;
use skerry_http::reuse::{self, Failure as Cause, OnError, Reuse, on_error};

use super::fetch::Errand;
use super::fill::{self, Notes};
use super::reader::Reader;
use super::{error_page, pass, store};
use crate::core::Core;
use crate::exchange::{Body, CacheFacts, Exchange, Failure, Meta, Response, Stone, description_of, thaw};
use crate::record::Outcome;
use crate::snapshot::Behavior;
use crate::walk::Step;

/// Rounds of looking up before a request fetches for itself: each round means another's fetch did not serve it.
const ROUNDS_MAX: usize = 4;

/// Why a request does not use the store at all. Pure: `explain` asks it too.
pub fn bypass(behavior: &Behavior, head: &RequestHead) -> Option<(Forward, &'static str)> {
    let method = head.method;
    if !matches!(method, Method::Get | Method::Head | Method::Options) || !behavior.cached.has(method) {
        return Some((Forward::Method, Reason::Method.name()));
    }
    if head.framing != Framing::None && head.framing != Framing::Length(0) {
        return Some((Forward::Bypass, Reason::RequestBody.name()));
    }
    if behavior.ttl.max_s == 0 {
        return Some((Forward::Bypass, Reason::CachingDisabled.name()));
    }
    None
}

/// `/` becomes the default root object, for exactly `/` (row 8).
fn apply_default_root(x: &mut Exchange) {
    let root = &x.site().default_root_object;
    if !root.is_empty() && x.head.path() == b"/" {
        let mut target = format!("/{root}").into_bytes();
        if let Some(query) = x.head.query() {
            target.push(b'?');
            target.extend_from_slice(query);
        }
        x.head.target = target;
    }
}

/// From `key` to the answer.
pub async fn answer(core: &Rc<Core>, x: &mut Exchange) -> Result<Response, Box<Failure>> {
    apply_default_root(x);
    if let Some((forward, reason)) = bypass(x.behavior(), &x.head) {
        x.note(Step::Key, format!("not looked up: {reason}"));
        return pass::pass(core, x, forward, reason).await;
    }
    let mut key = Vec::new();
    x.behavior().key.write(&x.head, &mut key);
    let hash = hash_key(&key);
    x.key_hash = hash;
    x.note(Step::Key, format!("{hash:016x}"));
    for _ in 0..ROUNDS_MAX {
        if let Some(response) = round(core, x, hash, &key).await? {
            return Ok(response);
        }
    }
    pass::pass(core, x, Forward::Miss, Reason::Superseded.name()).await
}

/// Look, or take part in fetching; `None`: what is stored was purged under a name that only this request has.
fn look(core: &Core, x: &Exchange, hash: u64, key: &[u8]) -> Option<(Lookup<Meta>, Reuse)> {
    let live = &x.live;
    let now_s = x.now_s(core);
    let asked = CacheControl::of_request(&x.head.fields);
    let mut verdict = Reuse::Fresh;

    let behavior = &live.sites[x.site].behaviors[x.behavior];
    let request = &x.head;
    let variant_of = |names: &[u8], out: &mut Vec<u8>| store::variant_of(behavior, request, names, out);
    let host = skerry_http::target::split_port(&x.head.authority).0.to_ascii_lowercase();
    let paths = store::names(behavior, &x.viewer_target, &x.head.target);
    let labels =
        LabelParts { space: live.sites[x.site].id.as_bytes(), host: &host, paths: &paths, tags: &[] };
    let ask = Ask { hash, key, labels, now_ms: core.clock.unix_ms(), variant_of: &variant_of };
    let cache = &core.shared.cache;
    let found = cache.lookup_or_join(&ask, &mut Vec::new(), &mut |stone, is_soft| {
        let Some(stored) = &stone.meta().stored else { return Judged::Useless };
        verdict = reuse::reuse(live.profile, stored, &asked, now_s);
        match verdict {
            Reuse::Fresh if is_soft => {
                verdict = Reuse::Revalidate(Reason::Stale);
                Judged::Stale
            }
            Reuse::Fresh => Judged::Fresh,
            _ => Judged::Stale,
        }
    });
    // a purge names what viewers ask for; what is stored knows only who asked first
    if let Lookup::Hit(stone) | Lookup::Stale(stone, _) = &found {
        match stone.verdict_for(cache.purges(), labels) {
            Verdict::Hard => {
                cache.remove(stone);
                return None;
            }
            Verdict::Soft if !stone.is_soft_purged() => {
                stone.soften();
                return None;
            }
            Verdict::Soft | Verdict::Untouched => {}
        }
    }
    Some((found, verdict))
}

/// One look: an answer, or `None` when another fetch did not serve us and it is worth looking again.
async fn round(
    core: &Rc<Core>,
    x: &mut Exchange,
    hash: u64,
    key: &[u8],
) -> Result<Option<Response>, Box<Failure>> {
    let live = x.live.clone();
    let asked = CacheControl::of_request(&x.head.fields);
    let Some((found, verdict)) = look(core, x, hash, key) else {
        x.note(Step::Lookup, "what is stored was purged under the name this viewer asks for");
        return Ok(None);
    };
    match found {
        Lookup::Hit(stone) => {
            x.note(Step::Lookup, "a fresh stored answer");
            let facts = CacheFacts { hit: true, ..CacheFacts::default() };
            Ok(Some(served(core, x, &stone, facts, Outcome::Hit, Step::Serve)))
        }
        Lookup::Stale(stone, role) => stale(core, x, stone, role, verdict).await,
        Lookup::Miss(why, role) => {
            let forward = match why {
                MissWhy::OtherVariant => Forward::VaryMiss,
                MissWhy::Useless => Forward::Miss,
                MissWhy::Absent | MissWhy::Purged => Forward::UriMiss,
            };
            let reason = if why == MissWhy::Purged { Reason::Purged.name() } else { "" };
            x.note(
                Step::Lookup,
                if reason.is_empty() {
                    format!("nothing stored: {}", forward.token())
                } else {
                    "it was purged".to_owned()
                },
            );
            if let Err(reason) = reuse::may_fetch(live.profile, &asked) {
                return Err(unsatisfiable(reason));
            }
            if x.head.fields.has(Known::Range) && x.head.method == Method::Get {
                drop(role); // a range is not worth the whole; whoever waits looks again
                return pass::pass(core, x, forward, Reason::RangeMiss.name()).await.map(Some);
            }
            take_part(core, x, role, None, forward, reason).await
        }
    }
}

fn unsatisfiable(reason: Reason) -> Box<Failure> {
    Box::new(Failure::new(504, reason.name(), Step::Lookup, reason.sentence()))
}

async fn stale(
    core: &Rc<Core>,
    x: &mut Exchange,
    stone: Stone,
    role: Role<Meta>,
    verdict: Reuse,
) -> Result<Option<Response>, Box<Failure>> {
    let facts = |reason: Reason| CacheFacts {
        hit: true,
        stale: true,
        reason: reason.name(),
        ..CacheFacts::default()
    };
    match verdict {
        Reuse::Unsatisfiable(reason) => Err(unsatisfiable(reason)),
        Reuse::StaleServable { while_revalidate } => {
            let reason = if while_revalidate { Reason::WhileRevalidate } else { Reason::MaxStale };
            x.note(Step::ServeStale, reason.sentence());
            if while_revalidate && let Role::Lead(writer, reader) | Role::Alone(writer, reader) = role {
                x.fate = Some(reader.fate().clone());
                let errand = Errand::of(x, true);
                fill::spawn(core, errand, writer, Some(stone.clone()), false);
            }
            Ok(Some(served(core, x, &stone, facts(reason), Outcome::Hit, Step::ServeStale)))
        }
        Reuse::Fresh | Reuse::Revalidate(_) => {
            let reason = if let Reuse::Revalidate(reason) = verdict { reason } else { Reason::Stale };
            x.note(Step::Lookup, reason.sentence());
            let forward = match reason {
                Reason::RequestNoCache | Reason::RequestMaxAge | Reason::RequestMinFresh => Forward::Request,
                _ => Forward::Stale,
            };
            // an error whose time is over is nothing to renew, and nothing to stand in for the next one (row 41)
            let is_error = stone.meta().stored.is_some_and(|stored| stored.error);
            take_part(core, x, role, (!is_error).then_some(stone), forward, reason.name()).await
        }
    }
}

/// May equal requests wait for one answer (row 52)?
fn collapses(x: &Exchange) -> bool {
    let behavior = x.behavior();
    behavior.forward.collapses(behavior.key.policy(), &behavior.ttl)
}

/// Lead the fetch, join another's, or go alone; then wait for what arrives.
async fn take_part(
    core: &Rc<Core>,
    x: &mut Exchange,
    role: Role<Meta>,
    stone: Option<Stone>,
    forward: Forward,
    reason: &'static str,
) -> Result<Option<Response>, Box<Failure>> {
    let cancels = x.live.profile.abandon_unread;
    let lead = |core: &Rc<Core>, x: &mut Exchange, writer: FillWriter<Meta>| -> Notes {
        let errand = Errand::of(x, true);
        fill::spawn(core, errand, writer, stone.clone(), cancels)
    };
    let (mut reader, notes, collapsed) = match role {
        Role::Lead(writer, reader) | Role::Alone(writer, reader) => {
            let notes = lead(core, x, writer);
            (reader, Some(notes), false)
        }
        Role::Join(_) if !collapses(x) => {
            x.note(Step::Coalesce, "cookies are forwarded: each request has its own fetch");
            return match pass::pass(core, x, forward, Reason::NotCollapsed.name()).await {
                Err(failure) => {
                    stone.map_or(Err(failure.clone()), |stone| or_stale(core, x, &stone, *failure)).map(Some)
                }
                done => done.map(Some),
            };
        }
        Role::Join(reader) => {
            x.note(Step::Coalesce, format!("waits for fetch {}", reader.fill_id()));
            (reader, None, true)
        }
    };
    let facts = CacheFacts { forward: Some(forward), collapsed, reason, ..CacheFacts::default() };
    x.cache = facts.clone();
    let arrived = reader.head().await;
    if let Some(notes) = notes {
        x.trace.append(&mut notes.borrow_mut());
    }
    match arrived {
        Ok(arrival) => Ok(of_arrival(core, x, arrival, reader, facts)),
        Err(Release::Uncacheable | Release::TooLarge) => {
            pass::pass(core, x, forward, Reason::NotShared.name()).await.map(Some)
        }
        Err(Release::Superseded | Release::LeaderGone) => Ok(None),
        Err(Release::Failed(abort)) => {
            let failure = fill::failure_of(&abort);
            let Some(stone) = stone else { return Err(Box::new(failure)) };
            or_stale(core, x, &stone, failure).map(Some)
        }
    }
}

/// What came, where it is for this request.
fn of_arrival(
    core: &Rc<Core>,
    x: &mut Exchange,
    arrival: Arrival<Meta>,
    reader: FillReader<Meta>,
    facts: CacheFacts,
) -> Option<Response> {
    let live = x.live.clone();
    let behavior = &live.sites[x.site].behaviors[x.behavior];
    let is_for = {
        let variant_of = |names: &[u8], out: &mut Vec<u8>| store::variant_of(behavior, &x.head, names, out);
        arrival.is_for(&variant_of, &mut Vec::new())
    };
    if !is_for {
        x.note(Step::Coalesce, "what came varies, and is not for this request");
        return None;
    }
    Some(match arrival {
        Arrival::Object(kept) if kept.meta().lapsed.is_some() => {
            x.note(Step::ServeStale, Reason::StandsIn.sentence());
            let facts = CacheFacts { hit: true, ..CacheFacts::default() };
            served(core, x, &kept, facts, Outcome::Hit, Step::ServeStale)
        }
        Arrival::Object(fresh) => {
            x.note(Step::Refresh, "the origin confirmed what is stored");
            let facts = CacheFacts { refreshed: true, ..facts };
            served(core, x, &fresh, facts, Outcome::RefreshHit, Step::Refresh)
        }
        Arrival::Head(head) => of_fill(core, x, &head.head, &head.meta, head.body_bytes, reader, facts),
    })
}

/// The fetch failed: the stale answer, where the rules let it stand in.
fn or_stale(
    core: &Rc<Core>,
    x: &mut Exchange,
    stone: &Stone,
    failure: Failure,
) -> Result<Response, Box<Failure>> {
    let Some(stored) = stone.meta().given().filter(|_| failure.function.is_none()) else {
        return Err(Box::new(failure));
    };
    let cause = if failure.code == "origin-error-status" {
        Cause::Status(failure.status)
    } else {
        Cause::Unreachable
    };
    match on_error(x.live.profile, stored, cause, x.now_s(core)) {
        OnError::PassFailure(reason) => {
            x.note(Step::ServeStale, reason.sentence());
            Err(Box::new(failure))
        }
        OnError::ServeStale(reason) => {
            x.note(Step::ServeStale, reason.sentence());
            let facts = CacheFacts { hit: true, stale: true, reason: reason.name(), ..CacheFacts::default() };
            Ok(served(core, x, stone, facts, Outcome::Hit, Step::ServeStale))
        }
    }
}

/// An answer out of the store.
pub fn served(
    core: &Core,
    x: &mut Exchange,
    stone: &Stone,
    mut facts: CacheFacts,
    outcome: Outcome,
    step: Step,
) -> Response {
    let meta = stone.meta();
    let now_s = x.now_s(core);
    if let Some(given) = meta.given() {
        facts.age_s = Some(given.age_s(now_s));
        facts.ttl_s = Some(given.ttl_s(now_s));
    }
    if meta.lapsed.is_some() && facts.hit {
        facts.stale = true;
        facts.reason = Reason::StandsIn.name();
    }
    x.origin = if facts.refreshed { meta.origin.clone() } else { None };
    x.origin_us = if facts.refreshed { meta.origin_us } else { 0 };
    if let Some(failure) = &meta.failure {
        let mut response = error_page::of_failure(x, failure);
        response.cache = facts;
        return response;
    }
    let mut response = Response::new(meta.status, step, outcome);
    response.fields = thaw(stone.head());
    response.description = description_of(stone.head(), meta.status);
    response.length = Some(stone.body_bytes());
    response.body = Body::Stored(stone.read(0..stone.body_bytes()));
    response.stone = Some(stone.clone());
    response.cache = facts;
    response.origin_status = (meta.origin_status != 0).then_some(meta.origin_status);
    response.generated = meta.generated;
    if meta.status >= 400 {
        response.outcome = Outcome::Error;
    }
    response
}

/// An answer that still arrives.
fn of_fill(
    core: &Rc<Core>,
    x: &mut Exchange,
    head: &[u8],
    meta: &Meta,
    length: Option<u64>,
    reader: FillReader<Meta>,
    mut facts: CacheFacts,
) -> Response {
    facts.stored = meta.stored.is_some();
    facts.may_outgrow = meta.may_outgrow;
    if !facts.stored {
        facts.reason = meta.reason;
    } else if facts.may_outgrow && facts.reason.is_empty() {
        facts.reason = Reason::LengthUnknown.name();
    }
    if facts.stored && meta.failure.is_none() {
        x.fate = Some(reader.fate().clone());
    }
    // a cache behind us has kept it for a while already
    facts.age_s = meta.aged_s;
    let step = if facts.stored { Step::Store } else { Step::Pass };
    x.origin = meta.origin.clone();
    x.origin_us = meta.origin_us;
    if let (Some(stored), Some(_)) = (&meta.stored, &meta.failure) {
        let ttl_s = stored.ttl_s(x.begun_unix_ms / 1000);
        let whom = if meta.is_apart {
            "requests that look the same to the origin"
        } else {
            "all who ask for this key"
        };
        x.note(step, format!("the failure is kept for {ttl_s} s, for {whom}"));
    } else if facts.stored {
        x.note(step, "it goes into the store while it arrives");
    } else {
        x.note(step, format!("not stored: {}", meta.reason));
    }
    if let Some(failure) = &meta.failure {
        let failure: Arc<Failure> = failure.clone();
        let mut response = error_page::of_failure(x, &failure);
        response.cache = facts;
        return response;
    }
    let outcome = match (meta.status, meta.generated) {
        (_, Some(_)) => Outcome::LambdaGenerated,
        (400.., _) => Outcome::Error,
        _ => Outcome::Miss,
    };
    let mut response = Response::new(meta.status, step, outcome);
    response.fields = thaw(head);
    let is_leader = reader.is_leader();
    response.body = Body::Fill(Box::new(Reader::new(core, x, reader, (&response.fields, meta, length))));
    if let Some(once) = meta.once.as_ref().filter(|_| is_leader) {
        once.iter().for_each(|(name, value)| response.fields.push(name, value));
    }
    response.description = description_of(head, meta.status);
    response.length = length;
    response.cache = facts;
    response.origin_status = (meta.origin_status != 0).then_some(meta.origin_status);
    response.generated = meta.generated;
    response
}
