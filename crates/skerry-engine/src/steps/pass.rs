//! `pass`: from the origin to the viewer, past the store.

use std::rc::Rc;

use skerry_cache::{Force, Purge, Target};
use skerry_http::cache_status::Forward;
use skerry_http::head::Method;
use skerry_http::invalidate::invalidates;

use super::fetch::{Errand, Source, fetch};
use super::store;
use crate::core::Core;
use crate::exchange::{Body, CacheFacts, Exchange, Failure, Response};
use crate::record::Outcome;
use crate::stats::count;
use crate::walk::Step;

/// Fetch for this request alone.
pub async fn pass(
    core: &Rc<Core>,
    x: &mut Exchange,
    forward: Forward,
    reason: &'static str,
) -> Result<Response, Box<Failure>> {
    count(&core.stats.passes);
    x.cache = CacheFacts { forward: Some(forward), reason, ..CacheFacts::default() };
    let mut errand = Errand::of(x, false);
    let fetched = fetch(core, &mut errand).await;
    x.trace.append(&mut errand.notes);
    let mut fetched = match fetched {
        Ok(fetched) => fetched,
        Err(failure) => {
            if let Some((origin, origin_us)) = errand.asked.take() {
                x.origin = Some(origin);
                x.origin_us = origin_us;
            }
            return Err(failure);
        }
    };
    after_unsafe(core, x, &errand, &fetched.head.fields, fetched.head.status);
    let plan = store::plan(&errand, &mut fetched);
    x.origin = Some(fetched.origin.clone());
    x.origin_us = fetched.origin_us;
    let outcome = match (fetched.head.status, fetched.generated) {
        (_, Some(_)) => Outcome::LambdaGenerated,
        (400.., _) => Outcome::Error,
        _ => Outcome::Miss,
    };
    x.note(Step::Pass, if reason.is_empty() { "not stored" } else { reason });
    let mut response = Response::new(fetched.head.status, Step::Pass, outcome);
    response.description = fetched.description;
    response.fields = plan.fields;
    response.length = fetched.length;
    response.body = match fetched.source {
        Source::Bytes(bytes) if bytes.is_empty() => Body::Empty,
        Source::Bytes(bytes) => Body::Bytes(bytes),
        Source::Origin(body) => Body::Origin(body),
        Source::Folder(body) => Body::Folder(body),
    };
    if x.head.method == Method::Head {
        // a HEAD answer may tell a length that no body of its own has
        response.body = Body::Empty;
    }
    response.cache = CacheFacts { age_s: plan.meta.aged_s, ..x.cache.clone() };
    response.origin_status = (fetched.origin_status != 0).then_some(fetched.origin_status);
    response.generated = fetched.generated;
    Ok(response)
}

/// An unsafe request that succeeded makes stored answers of its targets untrue (RFC 9111 4.4). It is a purge of
/// this PoP alone, not written to the journal: what is stored is lost at a restart anyway.
fn after_unsafe(
    core: &Core,
    x: &Exchange,
    errand: &Errand,
    fields: &skerry_http::fields::Fields,
    status: u16,
) {
    for target in invalidates(x.head.method, status, &errand.viewer.target, &errand.viewer.authority, fields)
    {
        let purge = Purge {
            target: Target::Path(target.into()),
            force: Force::Hard,
            space: Some(x.site().id.as_bytes().into()),
        };
        // a target too long to be a purge is too long to have been stored
        let _ = core.shared.cache.purge(&purge);
    }
}
