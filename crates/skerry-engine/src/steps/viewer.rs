//! `viewer_request` and `viewer_response`: functions between viewer and cache.

use std::rc::Rc;

use bytes::Bytes;
use skerry_contract::{Generated, ResponseView, Runs, Situation, Trigger, runs};

use super::functions::{Called, Caller, Sight, apply, call, shown_body};
use crate::body::RequestBody;
use crate::core::Core;
use crate::exchange::{CacheFacts, Exchange, Failure, Response};
use crate::record::Outcome;
use crate::stats::count;
use crate::steps::{error_page, fill};
use crate::walk::{Next, Step};

/// Run the viewer-request function, if there is one.
pub async fn request(core: &Rc<Core>, x: &mut Exchange) -> Next {
    let live = x.live.clone();
    let site = &live.sites[x.site];
    let Some(association) = site.behaviors[x.behavior].function(Trigger::ViewerRequest) else {
        return Next::Continue;
    };
    let situation = Situation { error_page: x.for_error_page, ..Situation::default() };
    if let Runs::No(skip) = runs(Trigger::ViewerRequest, &situation) {
        x.note(Step::ViewerRequest, skip.sentence());
        return Next::Continue;
    }
    let shown = match shown_body(&mut x.body, association, Trigger::ViewerRequest).await {
        Ok(shown) => shown,
        Err(failure) => return Next::Fail(failure),
    };
    let called = {
        let caller = Caller { live: &live, site, id: &x.id, peer: &x.peer };
        let body = shown.as_ref().map(|(bytes, more)| (&bytes[..], *more));
        let sight =
            Sight { trigger: Trigger::ViewerRequest, request: &x.head, body, origin: None, response: None };
        call(core, &caller, association, &sight).await
    };
    match called {
        Err(failure) => {
            x.note(Step::ViewerRequest, failure.code.clone());
            Next::Fail(failure)
        }
        Ok(Called::Generated(generated)) => {
            x.note(
                Step::ViewerRequest,
                format!("function '{}' answered {}", association.function.name, generated.status),
            );
            Next::Respond(Box::new(of_generated(
                core,
                *generated,
                Step::ViewerRequest,
                Trigger::ViewerRequest,
            )))
        }
        Ok(Called::Request(mut change)) => {
            let words = if change.is_empty() { "left the request as it was" } else { "changed the request" };
            apply(&mut x.head, &mut change);
            if let Some(body) = change.body.take() {
                x.body = RequestBody::whole(body.into());
            }
            let target = String::from_utf8_lossy(&x.head.target).into_owned();
            x.note(
                Step::ViewerRequest,
                format!("function '{}' {words}: {target}", association.function.name),
            );
            Next::Continue
        }
        // judge() never gives a response change at a request trigger
        Ok(Called::Response(_)) => Next::Continue,
    }
}

/// A response that a function made.
pub fn of_generated(core: &Core, generated: Generated, step: Step, trigger: Trigger) -> Response {
    count(&core.stats.generated);
    let mut response = Response::new(generated.status, step, Outcome::LambdaGenerated);
    response.description = generated.description;
    response.fields = generated.fields;
    response.generated = Some(trigger);
    response.with_bytes(Bytes::from(generated.body))
}

/// Run the viewer-response function, if there is one and the table lets it.
pub async fn response(core: &Rc<Core>, x: &mut Exchange, mut response: Response) -> Response {
    let live = x.live.clone();
    let site = &live.sites[x.site];
    let Some(association) = site.behaviors[x.behavior].function(Trigger::ViewerResponse) else {
        return response;
    };
    let situation = Situation {
        error_page: x.for_error_page,
        https_redirect: response.outcome == Outcome::Redirect,
        generated_by: response.generated,
        origin_status: response.origin_status.or((response.status >= 400).then_some(response.status)),
        ..Situation::default()
    };
    if let Runs::No(skip) = runs(Trigger::ViewerResponse, &situation) {
        x.note(Step::ViewerResponse, skip.sentence());
        return response;
    }
    let called = {
        let caller = Caller { live: &live, site, id: &x.id, peer: &x.peer };
        let description = response
            .description
            .clone()
            .unwrap_or_else(|| skerry_http::status::phrase(response.status).to_owned());
        let view = ResponseView {
            status: response.status,
            description: description.as_bytes(),
            fields: &response.fields,
        };
        let sight = Sight {
            trigger: Trigger::ViewerResponse,
            request: &x.head,
            body: None,
            origin: None,
            response: Some(view),
        };
        call(core, &caller, association, &sight).await
    };
    match called {
        Err(failure) => {
            x.note(Step::ViewerResponse, failure.code.clone());
            fill::let_run(core, &mut response);
            // the cache did its part; only its age is none of this page's
            x.cache = CacheFacts { age_s: None, ..response.cache };
            error_page::of_failure(x, &Failure { origin_status: response.origin_status, ..*failure })
        }
        Ok(Called::Response(change)) => {
            let words =
                if change.is_empty() { "left the response as it was" } else { "changed the response" };
            x.note(Step::ViewerResponse, format!("function '{}' {words}", association.function.name));
            if let Some(fields) = change.fields {
                response.fields = fields;
            }
            if change.description.is_some() {
                response.description = change.description;
            }
            response
        }
        // judge() never gives these at a response trigger
        Ok(Called::Request(_) | Called::Generated(_)) => response,
    }
}
