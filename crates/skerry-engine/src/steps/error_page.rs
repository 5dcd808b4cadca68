//! `error_page`: what a viewer sees when something went wrong, ours or the distribution's own page.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use skerry_http::fields::Known;
use skerry_http::head::{Framing, Method};

use super::{fill, lookup, route};
use crate::body::RequestBody;
use crate::core::Core;
use crate::exchange::{CacheFacts, Exchange, Failure, Response};
use crate::reason;
use crate::record::{Outcome, RequestId};
use crate::walk::Step;

/// Our page for a failure, HTML or JSON by `Accept`.
pub fn of_failure(x: &mut Exchange, failure: &Failure) -> Response {
    x.note(Step::ErrorPage, failure.code.clone());
    let accept = x.head.fields.known(Known::Accept).unwrap_or(b"");
    let mut response = page(failure, &x.id, &x.live.pop, accept);
    response.failure = Some(Arc::new(failure.clone()));
    response.cache = x.cache.clone();
    response
}

/// The page itself.
pub fn page(failure: &Failure, id: &RequestId, pop: &str, accept: &[u8]) -> Response {
    let step = Step::ALL.iter().copied().find(|s| s.name() == failure.step).unwrap_or(Step::ErrorPage);
    let mut response = Response::new(failure.status, step, failure.outcome());
    let id = std::str::from_utf8(id).unwrap_or("");
    let (kind, text): (&[u8], String) = if wants_html(accept) {
        (b"text/html; charset=utf-8", html(failure, id, pop))
    } else {
        (b"application/json", json(failure, id, pop))
    };
    response.fields.push(b"Content-Type", kind);
    response.fields.push(b"Cache-Control", b"no-store");
    response.with_bytes(Bytes::from(text))
}

/// A browser names text/html; whatever does not is given what a program can read.
fn wants_html(accept: &[u8]) -> bool {
    let lower = accept.to_ascii_lowercase();
    lower.windows(9).any(|w| w == b"text/html")
}

fn json(failure: &Failure, id: &str, pop: &str) -> String {
    let value = serde_json::json!({"error": {
        "status": failure.status, "code": failure.code, "meaning": reason::meaning(&failure.code),
        "message": failure.detail, "hint": failure.hint,
        "step": failure.step, "request_id": id, "pop": pop,
    }});
    format!("{value}\n")
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A sentence of ours as HTML: what stands in backticks is code.
fn prose(text: &str) -> String {
    let text = escape(text);
    if text.matches('`').count() % 2 == 1 {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 32);
    for (n, part) in text.split('`').enumerate() {
        match n % 2 {
            0 => out.push_str(part),
            _ => {
                out.push_str("<code>");
                out.push_str(part);
                out.push_str("</code>");
            }
        }
    }
    out
}

/// The way out: lines to paste as they are, a sentence as a paragraph.
fn way_out(hint: &str) -> String {
    match hint {
        "" => String::new(),
        lines if lines.contains('\n') => format!("<h2>What to do</h2><pre>{}</pre>", escape(lines)),
        sentence => format!("<h2>What to do</h2><p>{}</p>", prose(sentence)),
    }
}

fn html(failure: &Failure, id: &str, pop: &str) -> String {
    let phrase = skerry_http::status::phrase(failure.status);
    let meaning = match reason::meaning(&failure.code) {
        "" => String::new(),
        sentence => format!("<p>{}</p>", prose(sentence)),
    };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
<title>{status} {phrase}</title><style>\
:root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:12vh auto;padding:0 1.5rem}}\
h1{{font-size:1.6rem;margin:0}}h2{{font-size:1rem;margin:1.6rem 0 .3rem}}h2+p{{margin:0}}p,pre{{overflow-wrap:anywhere}}\
.code{{color:light-dark(#b3261e,#f2b8b5);font-family:ui-monospace,monospace}}code{{font-size:.9em}}\
code,pre{{background:color-mix(in srgb,currentColor 8%,transparent);border-radius:.3rem}}code{{padding:.1em .25em}}\
pre{{padding:.8rem 1rem;white-space:pre-wrap}}\
dl{{display:grid;grid-template-columns:auto 1fr;gap:.2rem 1rem;font-size:.8rem;opacity:.8;margin-top:2rem}}dd{{margin:0;font-family:ui-monospace,monospace;overflow-wrap:anywhere}}\
</style></head><body><h1>{status} {phrase}</h1><p class=\"code\">{code}</p>{meaning}<p>{detail}</p>{way_out}\
<dl><dt>step</dt><dd>{step}</dd><dt>point of presence</dt><dd>{pop}</dd><dt>request id</dt><dd>{id}</dd>\
<dt>more</dt><dd>skerry explain {id}</dd></dl></body></html>\n",
        status = failure.status,
        code = escape(&failure.code),
        detail = prose(&failure.detail),
        way_out = way_out(&failure.hint),
        step = escape(&failure.step),
        pop = escape(pop),
    )
}

/// A custom error response, where the distribution has one for this status (row 44).
pub async fn replace(core: &Rc<Core>, x: &mut Exchange, mut response: Response) -> Response {
    if response.status < 400 || x.depth > 0 || x.live.sites.is_empty() || response.step == Step::Route {
        return response;
    }
    // CloudFront shows no page for a limit of functions (GeneratingCustomErrorResponses)
    if response.outcome == Outcome::LambdaLimitExceeded {
        return response;
    }
    let live = x.live.clone();
    let Some(config) = live.sites[x.site].error_response(response.status) else { return response };
    let Some(path) = &config.page else { return response };
    let mut sub = subrequest(x, path);
    let fetched = lookup::answer(core, &mut sub).await;
    let mut page = match fetched {
        Ok(page) => page,
        Err(failure) => {
            x.note(Step::ErrorPage, format!("the page {path} cannot be had: {}", failure.detail));
            return response;
        }
    };
    x.note(Step::ErrorPage, format!("{} is shown as {path}", response.status));
    fill::let_run(core, &mut response);
    // a page that is not there answers with its own status (row 44)
    if page.status < 400 {
        page.status = config.code.unwrap_or(response.status);
        page.description = None;
    }
    page.step = Step::ErrorPage;
    page.outcome = Outcome::Error;
    page.failure = response.failure;
    page.origin_status = response.origin_status;
    page.cache = response.cache;
    page
}

/// A GET for the page, by the same viewer; viewer functions do not run for it.
fn subrequest(x: &Exchange, path: &str) -> Exchange {
    let mut head = x.head.clone();
    head.method = Method::Get;
    head.method_text = b"GET".to_vec();
    head.target = path.as_bytes().to_vec();
    head.framing = Framing::None;
    for name in [
        &b"range"[..],
        b"if-range",
        b"if-none-match",
        b"if-modified-since",
        b"if-match",
        b"if-unmodified-since",
        b"content-length",
    ] {
        head.fields.remove(name);
    }
    let behavior = route::behavior_of(x.site(), path.as_bytes());
    Exchange {
        live: x.live.clone(),
        site: x.site,
        behavior,
        peer: x.peer.clone(),
        viewer_target: head.target.clone(),
        head,
        body: RequestBody::empty(),
        id: x.id,
        begun: x.begun,
        begun_unix_ms: x.begun_unix_ms,
        depth: x.depth + 1,
        for_error_page: true,
        trace: Vec::new(),
        key_hash: 0,
        cache: CacheFacts::default(),
        fate: None,
        origin: None,
        origin_us: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_of_the_table_has_its_way_out_on_the_page() {
        let failure = Failure::new(502, "origin-closed", Step::Fetch, "before it answered");
        assert!(html(&failure, "", "").contains(&prose(reason::hint("origin-closed"))));
        assert_eq!(prose("`a <b>` c"), "<code>a &lt;b&gt;</code> c");
        assert_eq!(prose("it`s"), "it`s");
        assert!(way_out("[x]\ny = 1").contains("<pre>[x]\ny = 1</pre>"));
        assert_eq!(way_out(""), "");
    }

    #[test]
    fn pages_say_what_where_and_how_on_and_escape_it() {
        let failure =
            Failure::new(502, "origin-unmapped", Step::Fetch, "origin <x>").with_hint("[local.origin]");
        let page_for = |accept: &[u8]| {
            let response = page(&failure, &[b'a'; 56], "us-east", accept);
            let crate::exchange::Body::Bytes(bytes) = response.body else { panic!("no body") };
            String::from_utf8(bytes.to_vec()).unwrap()
        };
        let html = page_for(b"text/html,*/*");
        assert!(
            html.contains("origin &lt;x&gt;") && html.contains("[local.origin]") && html.contains("fetch")
        );
        let json: serde_json::Value = serde_json::from_str(&page_for(b"*/*")).unwrap();
        assert_eq!(json["error"]["code"], "origin-unmapped");
        assert!(json["error"]["meaning"].as_str().is_some_and(|m| html.contains(m)));
        for field in ["status", "message", "hint", "step", "request_id", "pop"] {
            assert!(!json["error"][field].is_null(), "{field}");
        }
    }
}
