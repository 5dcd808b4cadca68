//! `admit`: may this request come in at all?

use std::rc::Rc;

use skerry_http::head::{Framing, Method, Version};
use skerry_http::target::split_port;

use crate::core::Core;
use crate::exchange::{Exchange, Failure, Response};
use crate::record::Outcome;
use crate::snapshot::{Behavior, Live, Site, ViewerProtocol};
use crate::walk::{Next, Step};

/// What admission says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// In.
    Yes,
    /// To https, with this status.
    Redirect(u16),
    /// Out: status and reason name.
    No(u16, &'static str),
}

/// Decide (rows 4, 6, 7). Pure.
pub fn decide(
    live: &Live,
    site: &Site,
    behavior: &Behavior,
    is_https: bool,
    (method, version, framing): (Method, Version, Framing),
) -> Admission {
    if !site.enabled {
        return Admission::No(403, "distribution-disabled");
    }
    if !is_https && behavior.viewer_protocol != ViewerProtocol::AllowAll {
        let moved = match (behavior.viewer_protocol, method, version) {
            (ViewerProtocol::HttpsOnly, ..) => return Admission::No(403, "https-only"),
            (_, Method::Get | Method::Head, _) => 301,
            (_, _, Version::Http10) => return Admission::No(403, "https-only"),
            _ => 307,
        };
        return Admission::Redirect(moved);
    }
    let passes = behavior.allowed.has(method)
        || (live.profile.unknown_methods && method == Method::Other && behavior.allowed.is_all());
    if !passes {
        return Admission::No(403, "method-not-allowed");
    }
    if live.profile.get_body_refused
        && matches!(method, Method::Get | Method::Head)
        && framing != Framing::None
    {
        return Admission::No(403, "get-with-body");
    }
    Admission::Yes
}

/// The step.
pub fn admit(_core: &Rc<Core>, x: &mut Exchange) -> Next {
    let facts = (x.head.method, x.head.version, x.head.framing);
    match decide(&x.live, x.site(), x.behavior(), x.peer.is_https, facts) {
        Admission::Yes => Next::Continue,
        Admission::Redirect(status) => {
            x.note(Step::Admit, "redirect to https");
            Next::Respond(Box::new(redirect(x, status)))
        }
        Admission::No(status, code) => {
            let words = match code {
                "method-not-allowed" => {
                    format!(
                        "the behavior {} does not allow {}",
                        x.behavior().pattern_text,
                        String::from_utf8_lossy(&x.head.method_text)
                    )
                }
                "https-only" => {
                    format!("the behavior {} is served over https only", x.behavior().pattern_text)
                }
                "get-with-body" => "a GET or HEAD request must not carry a body here".to_owned(),
                _ => "the distribution is disabled".to_owned(),
            };
            x.note(Step::Admit, code);
            Next::Fail(Box::new(Failure::new(status, code, Step::Admit, words)))
        }
    }
}

/// To the same place over https, on the port where this PoP listens for it.
fn redirect(x: &Exchange, status: u16) -> Response {
    let host = split_port(&x.head.authority).0;
    let mut location = b"https://".to_vec();
    location.extend_from_slice(if host.is_empty() { b"localhost" } else { host });
    if x.live.https_port != 443 && x.live.https_port != 0 {
        location.extend_from_slice(format!(":{}", x.live.https_port).as_bytes());
    }
    location.extend_from_slice(&x.head.target);
    let mut response = Response::new(status, Step::Admit, Outcome::Redirect);
    response.fields.push(b"Location", &location);
    response.fields.push(b"Content-Type", b"text/plain; charset=utf-8");
    response.with_bytes(bytes::Bytes::from_static(b"This address is served over https.\n"))
}
