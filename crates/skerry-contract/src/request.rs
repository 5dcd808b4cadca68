//! A returned request against the request sent.

use crate::diff;
use crate::event::{EventInput, shown_body};
use crate::finding::{Action, Bench, Code, Violation, breach};
use crate::json::{Json, shown};
use crate::limits::{BodyOver, Limits};
use crate::origin_change;
use crate::outcome::RequestChange;
use crate::text;

/// The change that a returned request object makes.
pub(crate) fn change(
    bench: &mut Bench,
    input: &EventInput,
    limits: &Limits,
    request: &Json,
) -> Result<RequestChange, Violation> {
    read_only(bench, request, "method", input.request.method)?;
    read_only(bench, request, "clientIp", input.client_ip.as_bytes())?;
    let mut change = RequestChange {
        uri: changed_text(request, "uri", input.request.uri)?,
        query: changed_text(request, "querystring", input.request.query)?,
        ..RequestChange::default()
    };
    if let Some(uri) = &change.uri {
        check_uri(uri)?;
    }
    if let Some(query) = &change.query {
        check_query(query)?;
    }
    check_uri_size(bench, input, limits, &change)?;
    if let Some(headers) = request.get("headers") {
        change.fields = diff::diff(bench, input.trigger, headers, input.request.fields, "request.headers")?;
    }
    if let Some(body) = request.given("body") {
        change.body = read_body(bench, input, limits, body)?;
    }
    if let Some(origin) = request.given("origin") {
        change.origin = origin_change::read(bench, input, limits, origin)?;
    }
    origin_change::settle(bench, input, &mut change)?;
    check_head_size(bench, input, limits, &change)?;
    Ok(change)
}

/// A field that must stay. A method decides how a message ends, and the address is the viewer's: neither is ever taken.
fn read_only(bench: &mut Bench, request: &Json, name: &str, sent: &[u8]) -> Result<(), Violation> {
    let about = format!("request.{name}");
    match request.get(name) {
        None => Ok(()),
        Some(Json::Text(value)) if text::is_text_of(value, sent) => Ok(()),
        Some(_) => {
            let detail = format!("the read-only field {about} was changed");
            bench.rule(breach(Code::FieldReadOnly, about, detail), Action::Restored, true).map(|_| ())
        }
    }
}

/// A text field; `None` when it is absent or says what was sent, so that the raw bytes go on.
fn changed_text(request: &Json, name: &str, sent: &[u8]) -> Result<Option<Vec<u8>>, Violation> {
    match request.get(name) {
        None => Ok(None),
        Some(Json::Text(value)) if text::is_text_of(value, sent) => Ok(None),
        Some(Json::Text(value)) => Ok(Some(value.as_bytes().to_vec())),
        Some(other) => {
            let about = format!("request.{name}");
            let detail = format!("{about} is {}, not a string", other.kind());
            Err(breach(Code::FieldType, about, detail))
        }
    }
}

/// What would end the path, the request line or the line's first word early.
fn check_uri(uri: &[u8]) -> Result<(), Violation> {
    let bad = |b: u8| b <= 0x20 || b == 0x7f || b == b'?' || b == b'#';
    if uri.first() == Some(&b'/') && !uri.iter().any(|&b| bad(b)) {
        return Ok(());
    }
    let detail = format!("`{}` is no path", shown(&String::from_utf8_lossy(uri)));
    Err(breach(Code::Uri, "request.uri", detail))
}

fn check_query(query: &[u8]) -> Result<(), Violation> {
    if !query.iter().any(|&b| b <= 0x20 || b == 0x7f || b == b'#') {
        return Ok(());
    }
    let detail = format!("`{}` is no query string", shown(&String::from_utf8_lossy(query)));
    Err(breach(Code::Query, "request.querystring", detail))
}

fn check_uri_size(
    bench: &mut Bench,
    input: &EventInput,
    limits: &Limits,
    change: &RequestChange,
) -> Result<(), Violation> {
    if change.uri.is_none() && change.query.is_none() {
        return Ok(());
    }
    let characters =
        |bytes: &[u8]| std::str::from_utf8(bytes).map_or(bytes.len(), |text| text.chars().count());
    let uri = characters(change.uri.as_deref().unwrap_or(input.request.uri));
    let query = characters(change.query.as_deref().unwrap_or(input.request.query));
    if uri + query <= limits.uri_chars_max {
        return Ok(());
    }
    let detail =
        format!("path and query have {} characters, the limit is {}", uri + query, limits.uri_chars_max);
    bench.size(breach(Code::UriSize, "request.uri", detail))
}

/// The request as it would go on: request line, and each field with `: ` and line end.
fn check_head_size(
    bench: &mut Bench,
    input: &EventInput,
    limits: &Limits,
    change: &RequestChange,
) -> Result<(), Violation> {
    let Some(fields) = &change.fields else { return Ok(()) };
    let uri = change.uri.as_deref().unwrap_or(input.request.uri).len();
    let query = change.query.as_deref().unwrap_or(input.request.query).len();
    let line = input.request.method.len() + uri + query + " ? HTTP/1.1\r\n".len();
    let size = line + fields.bytes() + 4 * fields.len();
    if size <= limits.request_bytes_max {
        return Ok(());
    }
    let detail =
        format!("the request has {size} bytes of headers, the limit is {}", limits.request_bytes_max);
    bench.size(breach(Code::HeadersSize, "request.headers", detail))
}

/// `request.body`: `None` unless the function replaces it.
fn read_body(
    bench: &mut Bench,
    input: &EventInput,
    limits: &Limits,
    body: &Json,
) -> Result<Option<Vec<u8>>, Violation> {
    if body.map().is_none() {
        let detail = format!("request.body is {}, not an object", body.kind());
        return Err(breach(Code::FieldType, "request.body", detail));
    }
    let replace = match body.given("action") {
        None => false,
        Some(Json::Text(action)) if action == "read-only" => false,
        Some(Json::Text(action)) if action == "replace" => true,
        Some(_) => {
            let detail = "request.body.action is neither `read-only` nor `replace`";
            return Err(breach(Code::BodyAction, "request.body.action", detail));
        }
    };
    let Some(sent) = &input.body else {
        let detail = "request.body was set, but the association does not include the body";
        bench.remark(breach(Code::BodyIgnored, "request.body", detail), Action::Dropped);
        return Ok(None);
    };
    let (bytes, truncated) = shown_body(sent, input.trigger, limits);
    if body.get("inputTruncated").is_some_and(|t| !matches!(t, Json::Bool(b) if *b == truncated)) {
        let detail = "the read-only field request.body.inputTruncated was changed";
        bench.rule(
            breach(Code::FieldReadOnly, "request.body.inputTruncated", detail),
            Action::Restored,
            true,
        )?;
    }
    if !replace {
        let same =
            body.get("data").is_none_or(|data| data.text().is_some_and(|d| text::is_base64_of(d, bytes)));
        if !same {
            let detail = "request.body.data was changed while action is `read-only`";
            bench.remark(breach(Code::BodyIgnored, "request.body", detail), Action::Restored);
        }
        return Ok(None);
    }
    replaced(bench, input, limits, body).map(Some)
}

fn replaced(
    bench: &mut Bench,
    input: &EventInput,
    limits: &Limits,
    body: &Json,
) -> Result<Vec<u8>, Violation> {
    let Some(data) = body.get("data").and_then(Json::text) else {
        return Err(breach(Code::BodyData, "request.body.data", "request.body.data is not a string"));
    };
    let base64 = match body.given("encoding") {
        None => true, // the default for a replaced body
        Some(Json::Text(encoding)) if encoding == "base64" => true,
        Some(Json::Text(encoding)) if encoding == "text" => false,
        Some(_) => {
            let detail = "request.body.encoding is neither `text` nor `base64`";
            return Err(breach(Code::BodyEncoding, "request.body.encoding", detail));
        }
    };
    let max =
        if base64 { limits.body_base64_max(input.trigger) } else { limits.body_bytes_max(input.trigger) };
    let mut bytes = if base64 {
        let detail = "request.body.data is not base64";
        text::read_base64(data).ok_or_else(|| breach(Code::BodyData, "request.body.data", detail))?
    } else {
        data.as_bytes().to_vec()
    };
    if data.len() > max {
        let detail = format!("request.body.data has {} bytes, the limit is {max}", data.len());
        let what = breach(Code::BodySize, "request.body.data", detail);
        match limits.body_over_max {
            BodyOver::Refuse => bench.size(what)?,
            BodyOver::Truncate => {
                bytes.truncate(if base64 { max / 4 * 3 } else { max });
                bench.remark(what, Action::Truncated);
            }
        }
    }
    Ok(bytes)
}
