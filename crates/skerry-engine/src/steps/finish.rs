//! `finish`: conditions, ranges, the headers policy, and the fields that say who answered and why.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use skerry_http::cache_status::CacheStatus;
use skerry_http::fields::Known;
use skerry_http::head::Method;
use skerry_http::range::{self, Resolved};
use skerry_http::validators::{Evaluator, Verdict, evaluate};

use super::fill;
use crate::core::Core;
use crate::exchange::{Body, CacheFacts, Exchange, Part, Response, Stone};
use crate::headers::CorsRequest;
use crate::record::{Outcome, RequestId};
use crate::snapshot::{Live, Site};

/// The step.
pub fn finish(core: &Rc<Core>, x: &mut Exchange, mut response: Response) -> Response {
    let is_ours = response.stone.is_some() || matches!(response.body, Body::Fill(_));
    if is_ours && response.status == 200 && matches!(x.head.method, Method::Get | Method::Head) {
        response = conditions(core, x, response);
    }
    if x.head.method == Method::Head || skerry_http::status::forbids_body(response.status) {
        fill::let_run(core, &mut response);
        if skerry_http::status::forbids_body(response.status) {
            response.length = None;
        }
    }
    if let Some(site) = x.live.sites.get(x.site) {
        let policy = site.behaviors[x.behavior].response_headers.clone();
        if let Some(policy) = policy.filter(|_| response.outcome != Outcome::Redirect) {
            let request = CorsRequest {
                origin: x.head.fields.get(b"origin"),
                preflight: x.head.method == Method::Options
                    && x.head.fields.get(b"access-control-request-method").is_some(),
            };
            policy.apply(&mut response.fields, request);
        }
    }
    let live = x.live.clone();
    let failure = response.failure.as_deref();
    let forward_status = failure.and_then(|f| f.origin_status).or(response.origin_status);
    let fields = &mut response.fields;
    if response.cache.age_s.is_some() {
        fields.remove(b"age");
    }
    if !fields.has(Known::Date) {
        let mut date = Vec::new();
        core.put_date(x.now_s(core), &mut date);
        fields.push(b"Date", &date);
    }
    marks(
        &live,
        live.sites.get(x.site),
        &x.id,
        response.outcome,
        &response.cache,
        forward_status.filter(|s| *s != response.status),
        failure.map(|f| f.code.as_str()),
        |name, value| fields.push(name.as_bytes(), value),
    );
    response
}

/// The fields by which we say who answered and why (row 64, RFC 9211). One place for both paths. `failure` is the code
/// of what went wrong, where this answer says so.
#[inline]
#[allow(clippy::too_many_arguments)] // on the hot path: a struct would be built to be taken apart
pub fn marks(
    live: &Live,
    site: Option<&Site>,
    id: &RequestId,
    outcome: Outcome,
    cache: &CacheFacts,
    forward_status: Option<u16>,
    failure: Option<&str>,
    mut put: impl FnMut(&'static str, &[u8]),
) {
    if let Some(site) = site {
        put("Via", site.via_value.as_bytes());
    }
    put("X-Cache", outcome.header_word().as_bytes());
    put("X-Amz-Cf-Pop", live.pop_code.as_bytes());
    put("X-Amz-Cf-Id", id);
    if let Some(age) = cache.age_s {
        let mut text = Number::default();
        put("Age", text.write(u64::from(age)));
    }
    if cache.hit && !cache.stale && failure.is_none() {
        // the plain hit, built without a detour
        let mut text = [0u8; 40];
        let ttl = cache.ttl_s.unwrap_or(0).max(0) as u64;
        let mut number = Number::default();
        let digits = number.write(ttl);
        let head = b"skerry; hit; ttl=";
        text[..head.len()].copy_from_slice(head);
        text[head.len()..head.len() + digits.len()].copy_from_slice(digits);
        put("Cache-Status", &text[..head.len() + digits.len()]);
        return;
    }
    // RFC 9211 2 would rather have no member on what was not stored; but a failure that reaches a viewer without its
    // name is one that nobody can tell from the origin's own
    if cache.hit || cache.forward.is_some() || failure.is_some() {
        let status = CacheStatus {
            hit: cache.hit,
            forward: cache.forward,
            forward_status: match cache.refreshed {
                true => Some(304),
                false => forward_status.filter(|_| cache.forward.is_some()),
            },
            ttl_s: cache.ttl_s,
            // RFC 9211 2.5 has `stored` for what is: where that cannot be known, it is left out
            stored: cache.stored && !cache.may_outgrow,
            collapsed: cache.collapsed,
            key: None,
            detail: failure.or_else(|| (!cache.reason.is_empty()).then_some(cache.reason)),
        };
        let mut text = Vec::with_capacity(64);
        status.write("skerry", &mut text);
        put("Cache-Status", &text);
    }
}

#[derive(Default)]
struct Number(Vec<u8>);

impl Number {
    fn write(&mut self, n: u64) -> &[u8] {
        skerry_http::decimal::put(n, &mut self.0);
        &self.0
    }
}

/// 304, 412, 206, 416.
fn conditions(core: &Core, x: &mut Exchange, response: Response) -> Response {
    let arrived_s = response
        .stone
        .as_ref()
        .and_then(|s| s.meta().stored)
        .map_or_else(|| x.now_s(core), |stored| stored.response_time_s);
    let request = &x.head.fields;
    let has_condition =
        [Known::IfNoneMatch, Known::IfModifiedSince, Known::IfMatch, Known::IfUnmodifiedSince]
            .iter()
            .any(|name| request.has(*name));
    let verdict = match has_condition {
        true => evaluate(Evaluator::Cache, x.head.method, request, &response.fields, true, arrived_s),
        false => Verdict::Proceed,
    };
    match verdict {
        Verdict::NotModified => not_modified(core, response),
        Verdict::PreconditionFailed => {
            let mut response = response;
            fill::let_run(core, &mut response);
            emptied(response, 412)
        }
        Verdict::Proceed => ranges(core, x, response, arrived_s),
    }
}

fn not_modified(core: &Core, mut response: Response) -> Response {
    response.status = 304;
    response.description = None;
    fill::let_run(core, &mut response);
    response.length = None;
    for name in [&b"content-type"[..], b"content-encoding", b"content-language", b"content-range"] {
        response.fields.remove(name);
    }
    response
}

/// An error of that status in the answer's place.
fn emptied(mut response: Response, status: u16) -> Response {
    response.status = status;
    response.description = None;
    response.length = Some(0);
    response.body = Body::Empty;
    response.outcome = Outcome::Error;
    response
}

fn ranges(core: &Core, x: &Exchange, mut response: Response, arrived_s: u64) -> Response {
    let Some(stone) = response.stone.clone() else { return response };
    if x.head.method != Method::Get {
        return response;
    }
    let Some(wanted) = x.head.fields.known(Known::Range) else { return response };
    if x.head.fields.get_all(b"range").count() > 1
        || !range::if_range_holds(&x.head.fields, &response.fields, arrived_s)
    {
        return response;
    }
    let length = stone.body_bytes();
    match range::resolve(x.live.profile, wanted, length) {
        Resolved::Whole => return response,
        Resolved::Unsatisfiable => {
            response.fields.set(b"Content-Range", range::content_range_unsatisfied(length).as_bytes());
            return emptied(response, 416);
        }
        Resolved::Single(part) => {
            response.fields.set(b"Content-Range", range::content_range(&part, length).as_bytes());
            response.length = Some(part.end - part.start);
            response.body = Body::Stored(stone.read(part));
        }
        Resolved::Multi(parts) => several(core, &mut response, &stone, &parts, length),
    }
    response.status = 206;
    response.description = None;
    response
}

/// `multipart/byteranges` (RFC 9110 14.6).
fn several(core: &Core, response: &mut Response, stone: &Stone, parts: &[Range<u64>], length: u64) {
    let boundary = format!("{:016x}{:08x}", core.random(), parts.len());
    let kind = response.fields.known(Known::ContentType).map(<[u8]>::to_vec);
    let mut pieces = VecDeque::new();
    for part in parts {
        pieces.push_back(Part::Text(Bytes::from(range::part_head(&boundary, kind.as_deref(), part, length))));
        pieces.push_back(Part::Content(stone.read(part.clone())));
    }
    pieces.push_back(Part::Text(Bytes::from(range::parts_tail(&boundary))));
    response.length = Some(range::parts_bytes(&boundary, kind.as_deref(), parts, length));
    response.fields.set(b"Content-Type", format!("multipart/byteranges; boundary={boundary}").as_bytes());
    response.body = Body::Parts(pieces);
}
