//! `store`: what of an answer is kept, under which head and variant, and in which coding. Decisions only; the
//! fill ([`super::fill`]) acts on them.

use std::sync::Arc;

use skerry_cache::hash_key;
use skerry_http::encoding::{Accepted, Coding, is_compressible};
use skerry_http::fields::{Fields, Known};
use skerry_http::forward::{forward_fields, forward_query};
use skerry_http::head::{Method, RequestHead, ResponseHead, split_target};
use skerry_http::key::Mode;
use skerry_http::store::{Limits, RequestFacts, Storage, storage};
use skerry_http::{age, validators, vary};

use super::fetch::{Errand, Fetched};
use crate::exchange::Meta;
use crate::snapshot::{Behavior, Live, Site};

/// CloudFront's error caching minimum where nothing is configured (row 41).
const ERROR_MIN_S: u32 = 10;

/// What becomes of an answer.
pub struct Plan {
    /// Fields to keep and serve.
    pub fields: Fields,
    /// Knowledge to keep; `stored` is `None` when the answer only passes.
    pub meta: Meta,
    /// Names of `Vary`, joined by commas; what the cache calls opaque.
    pub vary: Vec<u8>,
    /// Variant of the request that was answered.
    pub variant: Vec<u8>,
    /// To be compressed on its way in.
    pub coding: Option<Coding>,
    /// Purge tags.
    pub tags: Vec<Vec<u8>>,
}

fn limits(site: &Site, behavior: &Behavior, status: u16) -> Limits {
    Limits { ttl: behavior.ttl, error_min_s: error_min_s(site, status) }
}

/// How long an error of that status is remembered at least, seconds (row 41).
pub fn error_min_s(site: &Site, status: u16) -> u32 {
    site.error_response(status).map_or(ERROR_MIN_S, |e| e.min_ttl_s)
}

/// What this request accepts of the codings its behavior stores; `None` when encoding is no business of the key.
pub fn accepted(behavior: &Behavior, request: &Fields) -> Option<Accepted> {
    let policy = behavior.key.policy();
    policy.normalises_encoding().then(|| match request.has(Known::AcceptEncoding) {
        true => Accepted::of(request).allowed(policy.br, policy.gzip),
        false => Accepted::PLAIN,
    })
}

/// Beside the names of `Vary`, and never one of them: everything that the origin sees of a request.
const AS_SEEN: &[u8] = b"\0as-seen";

/// The variant bytes of a request under names joined by commas.
pub fn variant_of(behavior: &Behavior, request: &RequestHead, names: &[u8], out: &mut Vec<u8>) {
    let mut names: Vec<Vec<u8>> = names.split(|&b| b == b',').map(<[u8]>::to_vec).collect();
    let is_apart = names.last().is_some_and(|name| name == AS_SEEN);
    if is_apart {
        names.pop();
    }
    let sent = accepted(behavior, &request.fields).map(Accepted::normal);
    vary::write_variant(&names, &request.fields, sent.map(str::as_bytes), out);
    if is_apart {
        as_seen(behavior, request, out);
    }
}

/// What the origin sees of a request that is to be stored, beyond what is ours alone to say: its fields and query, as 128
/// bits.
fn as_seen(behavior: &Behavior, request: &RequestHead, out: &mut Vec<u8>) {
    let key = behavior.key.policy();
    let mut fields = forward_fields(&behavior.forward, key, request, b"", b"");
    validators::drop_conditions(&mut fields);
    fields.remove(b"range");
    let mut seen = vec![0];
    fields.write_to(&mut seen);
    seen.push(b'?');
    seen.extend(forward_query(&behavior.forward, key, request.query()).unwrap_or_default());
    for turn in [0, 1] {
        seen[0] = turn;
        out.extend_from_slice(&hash_key(&seen).to_le_bytes());
    }
}

/// Keep an error for requests that look the same to the origin.
pub fn keep_apart(errand: &Errand, plan: &mut Plan) {
    plan.meta.is_apart = true;
    if !plan.vary.is_empty() {
        plan.vary.push(b',');
    }
    plan.vary.extend_from_slice(AS_SEEN);
    plan.variant.clear();
    variant_of(errand.behavior(), &errand.viewer, &plan.vary, &mut plan.variant);
}

/// The names under which purges find a request's object: the target as the viewer asked for it and as it was
/// rewritten, and both without their query where the key does not hold all of it (two queries share an object then).
pub fn names<'a>(behavior: &Behavior, viewer_target: &'a [u8], target: &'a [u8]) -> Vec<&'a [u8]> {
    let mut names = vec![target];
    if viewer_target != target {
        names.push(viewer_target);
    }
    if behavior.key.policy().query.mode != Mode::All {
        for bare in [split_target(target).0, split_target(viewer_target).0] {
            if !names.contains(&bare) {
                names.push(bare);
            }
        }
    }
    names
}

/// Decide on a fetched answer.
pub fn plan(errand: &Errand, fetched: &mut Fetched) -> Plan {
    let live = errand.live.clone();
    let (site, behavior) = (&live.sites[errand.site], &live.sites[errand.site].behaviors[errand.behavior]);
    let head = &mut fetched.head;
    if !head.fields.has(Known::Date) {
        head.fields.push(b"Date", &skerry_http::date::format(fetched.times.response_s));
    }
    let facts = facts(errand, behavior);
    let decision = storage(live.profile, &limits(site, behavior, head.status), &facts, head, fetched.times);
    let mut plan = Plan {
        fields: Fields::new(),
        meta: Meta {
            status: head.status,
            origin_status: fetched.origin_status,
            generated: fetched.generated,
            origin: Some(fetched.origin.clone()),
            origin_us: fetched.origin_us,
            ..Meta::default()
        },
        vary: Vec::new(),
        variant: Vec::new(),
        coding: None,
        tags: tags(&head.fields),
    };
    // told anew with each answer, in the one form it may have; of what is only passed on as well
    plan.meta.aged_s = age::told_s(&head.fields, fetched.times);
    head.fields.remove(b"age");
    clean(&live, behavior, head); // before fields are set aside: what nobody may have, the first asker may not either
    match decision {
        Storage::Refuse(reason) => plan.meta.reason = reason.name(),
        Storage::Store { stored, strip } => {
            plan.meta.once = take(&mut head.fields, &strip);
            plan.meta.stored = Some(stored);
            plan.coding = coding(&live, behavior, errand, head, fetched.length, stored.fresh_for_s);
        }
    }
    // what is encoded here has other bytes than the origin's; a part alone is not stored
    plan.meta.place = fetched.place.filter(|_| plan.coding.is_none() && head.status == 200);
    if let Some(coding) = plan.coding {
        encode_head(&mut head.fields, coding, &mut plan.meta);
    }
    // of what is stored whole, parts can be had
    if plan.meta.stored.is_some() && head.status == 200 && head.fields.get(b"accept-ranges").is_none() {
        head.fields.push(b"Accept-Ranges", b"bytes");
    }
    if live.profile.vary_selects
        && plan.meta.stored.is_some()
        && let vary::Vary::Names(names) = vary::parse(&head.fields)
    {
        plan.vary = names.join(&b","[..]);
        variant_of(behavior, &errand.viewer, &plan.vary, &mut plan.variant);
    }
    let is_error = plan.meta.stored.is_some_and(|stored| stored.error);
    if is_error && !live.profile.errors_for_all.contains(&head.status) {
        keep_apart(errand, &mut plan);
    }
    plan.fields = std::mem::take(&mut head.fields);
    plan
}

/// The request as rules about storing see it: what went to the origin, not what the viewer kept to itself.
pub fn facts<'a>(errand: &'a Errand, behavior: &Behavior) -> RequestFacts<'a> {
    let mut facts = RequestFacts::of(&errand.viewer, behavior.cached.has(Method::Options));
    if facts.method == Method::Head && errand.storing {
        facts.method = Method::Get;
    }
    facts
}

fn coding(
    live: &Live,
    behavior: &Behavior,
    errand: &Errand,
    head: &ResponseHead,
    length: Option<u64>,
    fresh_for_s: u32,
) -> Option<Coding> {
    if !behavior.compress || !errand.storing || !is_compressible(live.profile, head, length, fresh_for_s) {
        return None;
    }
    accepted(behavior, &errand.viewer.fields)?.choose(errand.viewer.version)
}

/// Take fields out that the store must not keep; the request that caused the fetch still gets them.
fn take(fields: &mut Fields, names: &[Vec<u8>]) -> Option<Arc<Fields>> {
    let is_named = |name: &[u8]| names.iter().any(|n| name.eq_ignore_ascii_case(n));
    let taken: Fields = fields.iter().filter(|(name, _)| is_named(name)).collect();
    if taken.is_empty() {
        return None;
    }
    fields.retain(|name, _| !is_named(name));
    Some(Arc::new(taken))
}

/// What never leaves this PoP, whatever the origin sent (row 64).
pub fn clean(live: &Live, behavior: &Behavior, head: &mut ResponseHead) {
    for name in [&b"trailer"[..], b"upgrade", b"x-cache", b"x-amz-cf-id", b"x-amz-cf-pop"] {
        head.fields.remove(name);
    }
    let policy = behavior.key.policy();
    // row 27; the standard's profile guards what it keeps by other rules (set_cookie_guard)
    if !live.profile.set_cookie_guard && !behavior.forward.forwards_cookies(policy) {
        head.fields.remove(b"set-cookie");
    }
    if !live.profile.vary_selects {
        vary::retain(&mut head.fields, |name| {
            name == b"accept-encoding"
                || (name == b"cookie" && behavior.forward.forwards_cookies(policy))
                || policy.names_header(name)
                || behavior.forward.headers.takes(name)
                || name == b"*"
        });
    }
}

fn encode_head(fields: &mut Fields, coding: Coding, meta: &mut Meta) {
    fields.set(b"Content-Encoding", coding.token().as_bytes());
    if let Some(etag) = fields.known(Known::Etag).map(<[u8]>::to_vec) {
        meta.origin_etag = Some(Arc::from(etag.as_slice()));
        match validators::weakened(&etag) {
            Some(weak) => fields.set(b"ETag", &weak),
            None => {
                fields.remove(b"etag");
            }
        }
    }
    fields.remove(b"accept-ranges");
    if !fields.get_all(b"vary").any(|v| v.to_ascii_lowercase().windows(15).any(|w| w == b"accept-encoding")) {
        fields.push(b"Vary", b"Accept-Encoding");
    }
}

/// `Cache-Tag` (commas) and `Surrogate-Key` (spaces).
pub fn tags(fields: &Fields) -> Vec<Vec<u8>> {
    let commas = fields.get_all(b"cache-tag").flat_map(|v| v.split(|&b| b == b','));
    let spaces = fields.get_all(b"surrogate-key").flat_map(|v| v.split(|&b| b == b' '));
    commas
        .chain(spaces)
        .map(|t| t.trim_ascii().to_ascii_lowercase())
        .filter(|t| !t.is_empty())
        .take(1_000)
        .collect()
}
