//! A fill under way: one fetch whose answer goes into the store and to all who wait for it.
//!
//! It runs as a task of its own. With `cancels`, it stops when the last reader has left (CloudFront, row 49).

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use skerry_cache::{Abort, Course, FillWriter, HeadParts, Keep, LabelParts};
use skerry_http::reason::Reason;
use skerry_http::reuse::{Failure as Cause, OnError, on_error};
use skerry_http::store::{Storage, storage};
use skerry_http::update;

use super::fetch::{Errand, Fetched, Renewal, Source, fetch};
use super::store::{self, Plan};
use crate::compress::Compressor;
use crate::core::Core;
use crate::exchange::{Body, Failure, Meta, Response, Span, Stone, freeze, thaw};
use crate::record::Note;
use crate::stats::{add, count};
use crate::walk::Step;

/// So long requests of a key do not wait for each other once its answer turned out not to be shared. An error tells
/// nothing of the next answer: one viewer's bad request must not take the others' shelter away.
const DO_NOT_WAIT_MS: u64 = 60_000;

/// What an origin may have done because of what one request carried: it had read the request by then. That it could not be
/// reached is about the origin.
const REQUEST_MADE: [&str; 7] = [
    "origin-closed",
    "origin-bad-head",
    "origin-bad-framing",
    "origin-head-too-large",
    "origin-bad-interim",
    "origin-read-timeout",
    "origin-completion-timeout",
];

/// Where the steps of a fill are told to the request that caused it.
pub type Notes = Rc<std::cell::RefCell<Vec<Note>>>;

/// Start it.
pub fn spawn(
    core: &Rc<Core>,
    errand: Errand,
    writer: FillWriter<Meta>,
    stale: Option<Stone>,
    cancels: bool,
) -> Notes {
    count(&core.stats.fills);
    let notes = Notes::default();
    let (core, told) = (core.clone(), notes.clone());
    tokio::task::spawn_local(async move { run(&core, errand, writer, stale, cancels, &told).await });
    notes
}

async fn run(
    core: &Rc<Core>,
    mut errand: Errand,
    mut writer: FillWriter<Meta>,
    stale: Option<Stone>,
    cancels: bool,
    told: &Notes,
) {
    if let Some(stone) = &stale {
        let fields = thaw(stone.head());
        let etag = stone.meta().origin_etag.as_deref().or(fields.get(b"etag")).map(<[u8]>::to_vec);
        let modified = fields.get(b"last-modified").map(<[u8]>::to_vec);
        errand.renew = Some(Renewal { etag, modified });
    }
    let fetched = tokio::select! {
        biased;
        () = poll_fn(|cx| writer.poll_abandoned(cx)), if cancels => return, // dropping the writer aborts
        fetched = fetch(core, &mut errand) => fetched,
    };
    told.borrow_mut().append(&mut errand.notes);
    match fetched {
        Err(failure) => match &stale {
            Some(stone)
                if failure.function.is_none() && keeps_stale(core, &errand, stone, Cause::Unreachable) =>
            {
                stand_in(core, &errand, writer, stone, &failure);
            }
            _ => failed(core, &errand, writer, *failure).await,
        },
        Ok(fetched) => match &stale {
            Some(stone) if fetched.head.status == 304 => renew(core, &errand, writer, stone, &fetched),
            Some(stone) if keeps_stale(core, &errand, stone, Cause::Status(fetched.head.status)) => {
                let status = fetched.head.status;
                let words = format!("the origin answered {status}");
                let failure = Failure::new(status, "origin-error-status", Step::Fetch, words);
                stand_in(core, &errand, writer, stone, &failure);
            }
            _ => answered(core, errand, writer, fetched, cancels).await,
        },
    }
}

/// A failure behind which a stale answer is served instead (rows 37, 43; RFC 5861).
fn keeps_stale(core: &Core, errand: &Errand, stone: &Stone, cause: Cause) -> bool {
    let Some(stored) = stone.meta().given() else { return false };
    let is_failure = !matches!(cause, Cause::Status(status) if status < 500);
    let now_s = core.clock.unix_ms() / 1000;
    is_failure && matches!(on_error(errand.live.profile, stored, cause, now_s), OnError::ServeStale(_))
}

/// The stale answer stands in. Where errors have a lifetime, the origin is not asked again before it is over (row 43).
fn stand_in(core: &Core, errand: &Errand, writer: FillWriter<Meta>, stone: &Stone, failure: &Failure) {
    let Some(given) = stone.meta().given().copied().filter(|_| errand.live.profile.error_ttl) else {
        let is_status = failure.code == "origin-error-status";
        return abort(writer, if is_status { "origin-error-status" } else { "fetch-failed" }, failure);
    };
    let mut stored = given;
    let pause_s = store::error_min_s(errand.site(), failure.status);
    stored.fresh_for_s = given.age_s(core.clock.unix_ms() / 1000).saturating_add(pause_s);
    stored.no_cache = false;
    let meta = Meta { stored: Some(stored), lapsed: Some(given), ..stone.meta().clone() };
    let tags = store::tags(&thaw(stone.head()));
    refresh(errand, writer, stone, stone.head(), meta, &tags);
}

/// The stored body under another head or other knowledge.
fn refresh(
    errand: &Errand,
    writer: FillWriter<Meta>,
    stone: &Stone,
    head: &[u8],
    meta: Meta,
    tags: &[Vec<u8>],
) {
    with_labels(errand, tags, |labels| {
        let parts = HeadParts {
            head,
            meta,
            vary: stone.vary(),
            variant: stone.variant(),
            labels,
            body_bytes: Some(stone.body_bytes()),
        };
        let _ = writer.refresh(stone, parts);
    });
}

/// Let a fill run on whose reader was answered without its body: it has not left (row 49 is about who has).
pub fn let_run(core: &Core, response: &mut Response) {
    let Body::Fill(reader) = std::mem::replace(&mut response.body, Body::Empty) else { return };
    if !response.cache.stored {
        return; // nobody wants it: dropping the last reader ends it
    }
    let Some(mut reader) = reader.into_shared() else { return };
    let bytes_max = core.shared.cache.limits().object_bytes_max;
    tokio::task::spawn_local(async move {
        // a body that outgrows the store is not read for nobody
        while reader.at() <= bytes_max && matches!(reader.read().await, Ok(Some(_))) {}
    });
}

/// Tell all who wait.
pub fn abort(writer: FillWriter<Meta>, code: &'static str, failure: &Failure) {
    writer.abort(&Abort::new(code, serde_json::to_string(failure).unwrap_or_default()));
}

/// The failure in an abort.
pub fn failure_of(abort: &Abort) -> Failure {
    serde_json::from_str(&abort.message)
        .unwrap_or_else(|_| Failure::new(502, abort.code, Step::Fetch, &*abort.message))
}

/// No answer: an origin's failure is remembered where the profile has an error TTL (row 41), a function's never.
async fn failed(core: &Rc<Core>, errand: &Errand, mut writer: FillWriter<Meta>, failure: Failure) {
    let is_ours = failure.function.is_some() || failure.code == "origin-unmapped" || errand.renew.is_some();
    let status = failure.status;
    if is_ours || !errand.live.profile.error_ttl {
        return abort(writer, "fetch-failed", &failure);
    }
    let now_s = core.clock.unix_ms() / 1000;
    let (origin, origin_us) = errand.asked.clone().unwrap_or_else(|| ("none".into(), 0));
    let mut fetched = Fetched {
        head: crate::exchange::response_head(status, skerry_http::fields::Fields::new()),
        description: None,
        length: Some(0),
        source: Source::Bytes(Bytes::new()),
        origin,
        origin_us,
        origin_status: 0,
        generated: None,
        times: skerry_http::age::Times { request_s: now_s, response_s: now_s },
        place: None,
        sent: errand.viewer.clone(),
    };
    let mut plan = store::plan(errand, &mut fetched);
    if REQUEST_MADE.contains(&&*failure.code) && plan.meta.stored.is_some() {
        store::keep_apart(errand, &mut plan);
    }
    plan.meta.failure = Some(Arc::new(failure));
    set_head(core, errand, &mut writer, &plan, &fetched);
    finish(core, writer, None);
}

/// 304: the stored answer is good again, under the fields that came with it (RFC 9111 4.3.4).
fn renew(core: &Rc<Core>, errand: &Errand, writer: FillWriter<Meta>, stone: &Stone, fetched: &Fetched) {
    let mut fields = thaw(stone.head());
    let mut fresh = fetched.head.fields.clone();
    if stone.meta().origin_etag.is_some() {
        fresh.remove(b"etag"); // we serve another coding, under a tag of its own
    }
    update::renew(&mut fields, &fresh, fetched.times.response_s);
    let (site, behavior) = (errand.site(), errand.behavior());
    let mut head = crate::exchange::response_head(stone.meta().status, fields);
    let facts = store::facts(errand, behavior);
    let limits =
        skerry_http::store::Limits { ttl: behavior.ttl, error_min_s: store::error_min_s(site, head.status) };
    let stored = match storage(errand.live.profile, &limits, &facts, &head, fetched.times) {
        Storage::Store { stored, strip } => {
            head.fields.retain(|name, _| !strip.iter().any(|s| name.eq_ignore_ascii_case(s)));
            Some(stored)
        }
        // it may be served now, having just been confirmed, and not again
        Storage::Refuse(_) => stone.meta().stored.map(|mut s| {
            s.no_cache = true;
            s
        }),
    };
    head.fields.remove(b"age"); // told anew with each answer
    store::clean(&errand.live, behavior, &mut head);
    let mut meta = Meta {
        stored,
        origin_us: fetched.origin_us,
        origin: Some(fetched.origin.clone()),
        lapsed: None,
        ..stone.meta().clone()
    };
    let frozen = freeze(head.status, None, &head.fields);
    meta.content_type = Span::find(&frozen, b"content-type:");
    meta.rendered = rendered(errand, head.status, None, &head.fields);
    refresh(errand, writer, stone, &frozen, meta, &store::tags(&head.fields));
    count(&core.stats.fills_stored);
}

/// Space, host and paths of a request as purges name them.
pub fn with_labels<T>(errand: &Errand, tags: &[Vec<u8>], then: impl FnOnce(LabelParts<'_>) -> T) -> T {
    let host = skerry_http::target::split_port(&errand.viewer.authority).0.to_ascii_lowercase();
    let tags: Vec<&[u8]> = tags.iter().map(Vec::as_slice).collect();
    let paths = store::names(errand.behavior(), &errand.viewer_target, &errand.viewer.target);
    then(LabelParts { space: errand.site().id.as_bytes(), host: &host, paths: &paths, tags: &tags })
}

fn rendered(
    errand: &Errand,
    status: u16,
    description: Option<&str>,
    fields: &skerry_http::fields::Fields,
) -> Option<Arc<(u64, Bytes)>> {
    let behavior = errand.behavior();
    let policy = behavior.response_headers.as_ref()?;
    if policy.depends_on_request() {
        return None;
    }
    let mut fields = fields.clone();
    policy.apply(&mut fields, crate::headers::CorsRequest::default());
    Some(Arc::new((behavior.headers_digest, Bytes::from(freeze(status, description, &fields)))))
}

fn set_head(
    core: &Core,
    errand: &Errand,
    writer: &mut FillWriter<Meta>,
    plan: &Plan,
    fetched: &Fetched,
) -> Course {
    let mut meta = plan.meta.clone();
    let head = freeze(meta.status, fetched.description.as_deref(), &plan.fields);
    let keep = match meta.stored {
        Some(_) => Keep::Store,
        None => Keep::Pass { do_not_wait_ms: if meta.status < 400 { DO_NOT_WAIT_MS } else { 0 } },
    };
    if meta.stored.is_some() {
        meta.content_type = Span::find(&head, b"content-type:");
        meta.rendered = rendered(errand, meta.status, fetched.description.as_deref(), &plan.fields);
    }
    let body_bytes = if plan.coding.is_some() { None } else { fetched.length };
    with_labels(errand, &plan.tags, |labels| {
        let parts =
            HeadParts { head: &head, meta, vary: &plan.vary, variant: &plan.variant, labels, body_bytes };
        writer.set_head(parts, keep, core.clock.unix_ms())
    })
}

async fn answered(
    core: &Rc<Core>,
    errand: Errand,
    mut writer: FillWriter<Meta>,
    mut fetched: Fetched,
    cancels: bool,
) {
    let mut plan = store::plan(&errand, &mut fetched);
    size_up(core, &mut plan, fetched.length);
    let mut course = set_head(core, &errand, &mut writer, &plan, &fetched);
    let mut compressor = plan.coding.map(Compressor::new);
    loop {
        if course == Course::Passes {
            course = writer.room().await;
        }
        if course == Course::Unwanted {
            return;
        }
        let next = tokio::select! {
            biased;
            () = poll_fn(|cx| writer.poll_abandoned(cx)), if cancels => return,
            next = fetched.source.next() => next,
        };
        let piece = match next {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(error) => {
                count(&core.stats.origin_errors);
                let failure = Failure::of_origin(&error, &fetched.origin);
                return abort(writer, error.code, &failure);
            }
        };
        add(&core.stats.origin_bytes, piece.len() as u64);
        let piece = match compressor.take() {
            None => piece,
            Some(busy) => match busy.feed(piece).await {
                Ok((again, ready)) => {
                    compressor = Some(again);
                    ready
                }
                Err(error) => {
                    return not_compressed(writer, &error);
                }
            },
        };
        if !piece.is_empty() {
            course = writer.append(&piece);
        }
    }
    if let Some(compressor) = compressor {
        match compressor.finish().await {
            Ok(rest) if rest.is_empty() => {}
            Ok(rest) => {
                writer.append(&rest);
            }
            Err(error) => {
                return not_compressed(writer, &error);
            }
        }
    }
    // a checksum of the plain bytes says nothing of the compressed ones
    let trailers = if plan.coding.is_none() { fetched.source.trailers() } else { None };
    finish(core, writer, trailers);
}

/// Whether the store can hold it, as far as its length is told beforehand.
fn size_up(core: &Core, plan: &mut Plan, length: Option<u64>) {
    let bytes_max = core.shared.cache.limits().object_bytes_max;
    // known larger than any object: a paced pass, and it says so (DESIGN, "A fill belongs to the cache")
    if plan.coding.is_none() && length.is_some_and(|n| n > bytes_max) {
        plan.meta.stored = None;
        plan.meta.reason = Reason::TooLarge.name();
    }
    let most = |n: u64| if plan.coding.is_some() { coded_bytes_max(n) } else { n };
    plan.meta.may_outgrow = plan.meta.stored.is_some() && length.is_none_or(|n| most(n) > bytes_max);
}

/// What a body of `n` bytes can become under a coding that finds nothing to shorten: each has a frame, and a few bytes a
/// block (RFC 1951 3.2.4, RFC 7932 9.2).
fn coded_bytes_max(n: u64) -> u64 {
    n.saturating_add(n / 1_024 + 64)
}

fn not_compressed(writer: FillWriter<Meta>, error: &std::io::Error) {
    abort(writer, "compress-failed", &Failure::new(500, "compress-failed", Step::Store, error.to_string()));
}

fn finish(core: &Core, writer: FillWriter<Meta>, trailers: Option<Bytes>) {
    if writer.finish(trailers).is_ok() {
        count(&core.stats.fills_stored);
    }
}
