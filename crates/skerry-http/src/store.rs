//! May this answer be kept, for how long, and under which conditions?

use crate::age::{self, Times};
use crate::cache_control::{CacheControl, named_fields};
use crate::date;
use crate::fields::{Fields, Known};
use crate::head::{Method, ResponseHead};
use crate::invalidate;
use crate::list::members;
use crate::profile::{Profile, TTL_S_MAX, TtlBounds};
use crate::reason::Reason;
use crate::status;

/// What the behavior says about time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Limits {
    /// Bounds of the lifetime.
    pub ttl: TtlBounds,
    /// Shortest time an error of this very status is kept, seconds (CloudFront's default is 10); used where the
    /// profile has an error TTL.
    pub error_min_s: u32,
}

/// What the decision needs to know of the request as it went to the origin; only the directives are the viewer's,
/// whether or not they were forwarded.
#[derive(Clone, Copy, Debug)]
pub struct RequestFacts<'a> {
    /// Its method: `Get` also where a viewer's HEAD was fetched as GET.
    pub method: Method,
    /// OPTIONS is among the behavior's cached methods (cdn row 5).
    pub options_cached: bool,
    /// It carried `Authorization`.
    pub authorization: bool,
    /// It carried `Cookie`.
    pub cookie: bool,
    /// Its own directives.
    pub directives: CacheControl,
    /// Path and query, for a POST that names its own URI.
    pub target: &'a [u8],
    /// Host as given.
    pub authority: &'a [u8],
}

impl<'a> RequestFacts<'a> {
    /// Read them from a head.
    pub fn of(head: &'a crate::head::RequestHead, options_cached: bool) -> RequestFacts<'a> {
        RequestFacts {
            method: head.method,
            options_cached,
            authorization: head.fields.has(Known::Authorization),
            cookie: head.fields.has(Known::Cookie),
            directives: CacheControl::of_request(&head.fields),
            target: &head.target,
            authority: &head.authority,
        }
    }
}

/// What is kept beside a stored answer; all that [`crate::reuse`] needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stored {
    /// When its head arrived, seconds since 1970.
    pub response_time_s: u64,
    /// How old it was then.
    pub initial_age_s: u32,
    /// Its lifetime, counted from age 0.
    pub fresh_for_s: u32,
    /// So long after that it may serve while it is renewed.
    pub stale_while_revalidate_s: u32,
    /// So long after that it may serve when the origin fails; `None` = not said, `Some(0)` = forbidden.
    pub stale_if_error_s: Option<u32>,
    /// Never to be served stale.
    pub must_revalidate: bool,
    /// Never to be served without asking, even fresh (`no-cache`).
    pub no_cache: bool,
    /// The lifetime was guessed from `Last-Modified`.
    pub heuristic: bool,
    /// Kept by an error TTL.
    pub error: bool,
    /// Kept for the minimum TTL although the origin forbade it (cdn row 34).
    pub forced: bool,
}

/// The decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Keep it, without the fields named in `strip` (lower-case; beside the hop-by-hop ones).
    Store {
        /// What to keep beside it.
        stored: Stored,
        /// Fields that `no-cache="…"` or `private="…"` name.
        strip: Vec<Vec<u8>>,
    },
    /// Pass it on only.
    Refuse(Reason),
}

/// Decide on an answer to be kept (RFC 9111 3; cdn rows 33–46). Pure: `times` are arguments.
pub fn storage(
    profile: &Profile,
    limits: &Limits,
    request: &RequestFacts<'_>,
    head: &ResponseHead,
    times: Times,
) -> Storage {
    match decide(profile, limits, request, head, times) {
        Err(reason) => Storage::Refuse(reason),
        Ok(stored) => Storage::Store { stored, strip: named_fields(&head.fields) },
    }
}

/// What the answer says of itself.
struct Said {
    control: CacheControl,
    /// From directives or `Expires`; `None` = nothing said.
    explicit_s: Option<u32>,
    initial_age_s: u32,
    validator: bool,
}

impl Said {
    fn of(profile: &Profile, fields: &Fields, times: Times) -> Said {
        let targeted = if profile.targeted_fields { CacheControl::targeted(fields) } else { None };
        let control = targeted.unwrap_or_else(|| CacheControl::of_response(fields));
        let explicit_s = match control.lifetime_s() {
            // a valid targeted field also silences Expires (RFC 9213 2.2)
            None if targeted.is_none() => expires_s(fields, times),
            said => said,
        };
        Said {
            control,
            explicit_s,
            initial_age_s: age::initial_s(fields, times),
            validator: fields.has(Known::Etag) || fields.has(Known::LastModified),
        }
    }

    /// The origin forbids keeping it, or reusing it unasked.
    fn forbids(&self) -> bool {
        self.control.no_store || self.control.private || self.control.no_cache
    }

    fn stored(&self, profile: &Profile, fresh_for_s: u32, times: Times) -> Stored {
        Stored {
            response_time_s: times.response_s,
            initial_age_s: self.initial_age_s,
            fresh_for_s,
            stale_while_revalidate_s: self.control.stale_while_revalidate_s.unwrap_or(0),
            stale_if_error_s: self.control.stale_if_error_s,
            must_revalidate: profile.must_revalidate_binds && self.control.forbids_stale(),
            no_cache: self.control.no_cache,
            ..Stored::default()
        }
    }
}

/// `Expires − Date`; an invalid or repeated and differing `Expires` lies in the past (RFC 9111 5.3).
fn expires_s(fields: &Fields, times: Times) -> Option<u32> {
    let first = fields.known(Known::Expires)?;
    let agree = fields.get_all(b"expires").all(|other| other == first);
    let at = if agree { date::parse(first, times.response_s) } else { None };
    Some(at.map_or(0, |at| (at - age::date_s(fields, times)).clamp(0, 1 << 31) as u32))
}

fn decide(
    profile: &Profile,
    limits: &Limits,
    request: &RequestFacts<'_>,
    head: &ResponseHead,
    times: Times,
) -> Result<Stored, Reason> {
    refuse_by_status(head.status)?;
    if limits.ttl.max_s == 0 {
        return Err(Reason::CachingDisabled);
    }
    let said = Said::of(profile, &head.fields, times);
    refuse_by_method(profile, request, &said, &head.fields)?;
    if profile.request_directives && request.directives.no_store {
        return Err(Reason::RequestNoStore);
    }
    if profile.error_ttl && head.status >= 400 {
        return error(profile, limits, head.status, &said, times);
    }
    if profile.ttl_floor {
        bounded(profile, limits, head, &said, times)
    } else {
        standard(profile, limits, request, head, &said, times)
    }
}

fn refuse_by_status(status: u16) -> Result<(), Reason> {
    match status {
        100..200 => Err(Reason::Interim),
        206 => Err(Reason::Partial),
        304 => Err(Reason::NotModifiedAlone), // one that renews a stored answer goes through `update`
        416 => Err(Reason::RangeUnsatisfiable),
        _ => Ok(()),
    }
}

fn refuse_by_method(
    profile: &Profile,
    request: &RequestFacts<'_>,
    said: &Said,
    fields: &Fields,
) -> Result<(), Reason> {
    let kept = match request.method {
        Method::Get => true,
        Method::Options => request.options_cached,
        Method::Post => {
            let own = |location| invalidate::resolve(location, request.target, request.authority);
            profile.post_storable
                && said.explicit_s.is_some()
                && fields.get(b"content-location").and_then(own).is_some_and(|uri| uri == request.target)
        }
        _ => false,
    };
    if kept { Ok(()) } else { Err(Reason::Method) }
}

/// The standard's rules (RFC 9111 3, 3.5, 4.2).
fn standard(
    profile: &Profile,
    limits: &Limits,
    request: &RequestFacts<'_>,
    head: &ResponseHead,
    said: &Said,
    times: Times,
) -> Result<Stored, Reason> {
    let control = &said.control;
    let understands = profile.must_understand && control.must_understand;
    if understands && !status::is_understood(head.status) {
        return Err(Reason::MustUnderstand);
    }
    if control.no_store && !understands {
        return Err(Reason::NoStore);
    }
    if control.private {
        return Err(Reason::Private);
    }
    if vary_star(&head.fields) {
        return Err(Reason::VaryStar);
    }
    let shared = control.public || control.must_revalidate || control.s_maxage_s.is_some();
    if profile.authorization_guard && request.authorization && !shared {
        return Err(Reason::Authorization);
    }
    if profile.set_cookie_guard && head.fields.has(Known::SetCookie) && said.explicit_s.is_none() {
        return Err(Reason::SetCookie);
    }
    let (lifetime_s, heuristic) = match said.explicit_s {
        Some(explicit_s) => (explicit_s, false),
        None => guessed(profile, request, head, said, times)?,
    };
    let mut stored = said.stored(profile, lifetime_s.min(limits.ttl.max_s), times);
    stored.heuristic = heuristic;
    // kept by its validator alone: nobody promised that it may outlive the next question
    stored.must_revalidate |= said.explicit_s.is_none() && !heuristic;
    worth_keeping(&stored, said)?;
    Ok(stored)
}

/// A lifetime where none is given (RFC 9111 4.2.2); 0 where a validator alone is worth keeping.
fn guessed(
    profile: &Profile,
    request: &RequestFacts<'_>,
    head: &ResponseHead,
    said: &Said,
    times: Times,
) -> Result<(u32, bool), Reason> {
    if !status::is_heuristic(head.status) && !said.control.public {
        return Err(Reason::NoFreshness);
    }
    let modified = head.fields.known(Known::LastModified).and_then(|t| date::parse(t, times.response_s));
    let since_s = modified.map_or(0, |at| (age::date_s(&head.fields, times) - at).max(0) as u64);
    let guess_s =
        (since_s * u64::from(profile.heuristic_percent) / 100).min(u64::from(profile.heuristic_s_max)) as u32;
    match (guess_s, said.validator) {
        (0, true) => Ok((0, false)),
        (0, false) if said.control.no_cache => Err(Reason::NoValidator),
        (0, false) => Err(Reason::NoFreshness),
        _ if request.cookie && !said.control.public => Err(Reason::CookieHeuristic),
        _ => Ok((guess_s, true)),
    }
}

/// CloudFront's rules for what is no error (cdn rows 33–35, 40).
fn bounded(
    profile: &Profile,
    limits: &Limits,
    head: &ResponseHead,
    said: &Said,
    times: Times,
) -> Result<Stored, Reason> {
    let ttl = &limits.ttl;
    if ttl.min_s > 0 && said.forbids() {
        let mut stored = said.stored(profile, 0, times);
        stored.keep_at_least(ttl.min_s);
        (stored.no_cache, stored.forced) = (false, true);
        return Ok(stored);
    }
    if said.control.no_store {
        return Err(Reason::NoStore);
    }
    if said.control.private {
        return Err(Reason::Private);
    }
    if ttl.min_s == 0 && vary_star(&head.fields) {
        return Err(Reason::VaryStar);
    }
    let mut stored = said.stored(profile, said.explicit_s.unwrap_or(ttl.default_s).min(ttl.max_s), times);
    stored.keep_at_least(ttl.min_s);
    stored.stale_while_revalidate_s = stored.stale_while_revalidate_s.min(ttl.max_s);
    stored.stale_if_error_s = stored.stale_if_error_s.map(|s| s.min(ttl.max_s));
    worth_keeping(&stored, said)?;
    Ok(stored)
}

/// CloudFront's rules for errors (cdn rows 41, 42).
fn error(profile: &Profile, limits: &Limits, code: u16, said: &Said, times: Times) -> Result<Stored, Reason> {
    let explicit_s = match code {
        404 | 410 | 414 | 501 if said.control.no_store => return Err(Reason::NoStore),
        404 | 410 | 414 | 501 if said.control.private => return Err(Reason::Private),
        404 | 410 | 414 | 501 if said.control.no_cache => return Err(Reason::NoCache),
        404 | 410 | 414 | 500..=504 => said.explicit_s.unwrap_or(0),
        400 | 403 | 405 | 412 | 415 if said.forbids() => return Err(Reason::ErrorUnasked),
        400 | 403 | 405 | 412 | 415 => said.control.lifetime_s().ok_or(Reason::ErrorUnasked)?,
        _ => return Err(Reason::ErrorUncached),
    };
    let mut stored = said.stored(profile, explicit_s.min(limits.ttl.max_s), times);
    stored.keep_at_least(limits.error_min_s);
    if stored.ttl_s(times.response_s) <= 0 {
        return Err(Reason::Expired);
    }
    (stored.error, stored.must_revalidate, stored.no_cache) = (true, true, false);
    Ok(stored)
}

impl Stored {
    /// A minimum counts from arrival, however old the answer already was.
    fn keep_at_least(&mut self, least_s: u32) {
        if least_s > 0 {
            let floor_s = self.initial_age_s.saturating_add(least_s).min(TTL_S_MAX);
            self.fresh_for_s = self.fresh_for_s.max(floor_s);
        }
    }
}

/// What can neither be served as it is nor asked about is not worth its place.
fn worth_keeping(stored: &Stored, said: &Said) -> Result<(), Reason> {
    if said.validator {
        return Ok(());
    }
    if stored.no_cache {
        return Err(Reason::NoValidator);
    }
    let serves_stale = stored.stale_while_revalidate_s > 0 || stored.stale_if_error_s.unwrap_or(0) > 0;
    if stored.initial_age_s >= stored.fresh_for_s && !serves_stale { Err(Reason::Expired) } else { Ok(()) }
}

fn vary_star(fields: &Fields) -> bool {
    fields.has(Known::Vary) && fields.get_all(b"vary").flat_map(members).any(|name| name == b"*")
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
