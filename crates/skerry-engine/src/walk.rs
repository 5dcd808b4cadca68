//! The walk: what happens to a request, in order. The list is here; each step has its own file.
//!
//! ```text
//! accept → parse → route → admit → viewer_request → worker → key → lookup →
//!    fresh:  serve
//!    else:   coalesce → origin_request → fetch → origin_response → store | refresh | serve_stale | pass → error_page
//! → viewer_response → finish → record
//! ```

use std::rc::Rc;

use crate::core::Core;
use crate::exchange::{Exchange, Failure, Response};
use crate::steps::{admit, error_page, finish, lookup, route, viewer};

macro_rules! steps {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A step, with the same name in code, logs, metrics, `Server-Timing`, the picture and the docs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs)] // ARCHITECTURE.md describes each
        pub enum Step { $($variant),+ }

        impl Step {
            /// All of them, in order.
            pub const ALL: &'static [Step] = &[$(Step::$variant),+];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Step::$variant => $name),+ }
            }
        }
    };
}

steps! {
    Accept = "accept", Parse = "parse", Route = "route", Admit = "admit", ViewerRequest = "viewer_request",
    Worker = "worker", Key = "key", Lookup = "lookup", Serve = "serve", Coalesce = "coalesce",
    OriginRequest = "origin_request", Fetch = "fetch", OriginResponse = "origin_response", Store = "store",
    Refresh = "refresh", ServeStale = "serve_stale", Pass = "pass", ErrorPage = "error_page",
    ViewerResponse = "viewer_response", Finish = "finish", Record = "record",
}

/// What a step says.
pub enum Next {
    /// Go on with the next one.
    Continue,
    /// This is the answer.
    Respond(Box<Response>),
    /// This went wrong.
    Fail(Box<Failure>),
}

/// Which of the later steps an answer still meets, by the step that gave it. `record` and `finish` always run.
pub struct Meets {
    /// A custom error page may replace it.
    pub error_page: bool,
    /// The viewer-response function may run.
    pub viewer_response: bool,
}

/// The table of skips (functions.md 1.2; Developer Guide, "CloudFront events that can trigger a Lambda@Edge function").
pub const fn meets(answered_by: Step) -> Meets {
    match answered_by {
        // nothing of the walk has been agreed on yet
        Step::Accept | Step::Parse | Step::Route => Meets { error_page: false, viewer_response: false },
        // a refusal may have a page of its own; a redirect to https has neither (finish looks at its status)
        Step::Admit => Meets { error_page: true, viewer_response: false },
        // a viewer-request function's own response goes out as it is
        Step::ViewerRequest | Step::Worker => Meets { error_page: false, viewer_response: false },
        // a custom error page replaces what viewer-response would have seen
        Step::ErrorPage => Meets { error_page: false, viewer_response: false },
        _ => Meets { error_page: true, viewer_response: true },
    }
}

/// Take a request from `route` to its answer; `finish` included, `record` left to whoever sends it.
pub async fn walk(core: &Rc<Core>, x: &mut Exchange) -> Response {
    let mut response = match answer(core, x).await {
        Ok(response) => *response,
        Err(failure) => error_page::of_failure(x, &failure),
    };
    if meets(response.step).error_page {
        response = error_page::replace(core, x, response).await;
    }
    if meets(response.step).viewer_response {
        response = viewer::response(core, x, response).await;
    }
    if x.depth > 0 { response } else { finish::finish(core, x, response) }
}

/// The answer to what never became a request of a distribution: a head that was refused, a host that is not served
/// on this connection. No step of the walk has seen it, so no rule of a distribution touches it.
pub fn turn_away(core: &Rc<Core>, x: &mut Exchange, failure: &Failure) -> Response {
    x.site = x.live.sites.len();
    let response = error_page::of_failure(x, failure);
    finish::finish(core, x, response)
}

/// `route` to `pass`: the steps that can give an answer.
async fn answer(core: &Rc<Core>, x: &mut Exchange) -> Result<Box<Response>, Box<Failure>> {
    if x.depth == 0 {
        match route::route(x) {
            Next::Continue => {}
            Next::Respond(response) => return Ok(response),
            Next::Fail(failure) => return Err(failure),
        }
        match admit::admit(core, x) {
            Next::Continue => {}
            Next::Respond(response) => return Ok(response),
            Next::Fail(failure) => return Err(failure),
        }
        match viewer::request(core, x).await {
            Next::Continue => {}
            Next::Respond(response) => return Ok(response),
            Next::Fail(failure) => return Err(failure),
        }
    }
    lookup::answer(core, x).await.map(Box::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_in_order() {
        let names: std::collections::BTreeSet<_> = Step::ALL.iter().map(|s| s.name()).collect();
        assert_eq!(names.len(), Step::ALL.len());
        assert!(Step::ALL.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn who_skips_what() {
        assert!(!meets(Step::ViewerRequest).viewer_response);
        assert!(!meets(Step::Route).error_page);
        assert!(meets(Step::Lookup).viewer_response && meets(Step::Store).error_page);
    }
}
