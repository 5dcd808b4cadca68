//! A returned response: made by the function, or changed by it.

use crate::diff;
use crate::event::{EventInput, ResponseView};
use crate::finding::{Action, Bench, Code, Violation, breach};
use crate::json::{Json, shown};
use crate::limits::Limits;
use crate::outcome::{Generated, ResponseChange};
use crate::text;
use crate::trigger::Trigger;
use skerry_http::fields::Fields;

/// RFC 9110 15.3.5, 15.3.6, 15.4.5: a response of that status ends with its head.
fn is_bodiless(status: u16) -> bool {
    matches!(status, 204 | 205 | 304)
}

/// The response that a request trigger made.
pub(crate) fn generated(
    bench: &mut Bench,
    input: &EventInput,
    limits: &Limits,
    response: &Json,
) -> Result<Generated, Violation> {
    let status = read_status(response)?;
    let description = read_description(response)?;
    let fields = match response.given("headers") {
        Some(headers) => {
            diff::diff(bench, input.trigger, headers, &Fields::new(), "response.headers")?.unwrap_or_default()
        }
        None => Fields::new(),
    };
    let mut body = read_body(response)?.unwrap_or_default();
    if is_bodiless(status) && !body.is_empty() {
        no_body(bench, input.trigger, status)?;
        body.clear();
    }
    check_size(bench, input.trigger, limits, &fields, &body)?;
    Ok(Generated { status, description, fields, body })
}

/// The guide names 204 at viewer-request as an error; elsewhere HTTP itself forbids the body.
fn no_body(bench: &mut Bench, trigger: Trigger, status: u16) -> Result<(), Violation> {
    let what =
        breach(Code::ResponseBody, "response.body", format!("a response with status {status} has a body"));
    if trigger == Trigger::ViewerRequest && status == 204 {
        return Err(what);
    }
    bench.remark(what, Action::Dropped);
    Ok(())
}

/// The change that a response trigger makes.
pub(crate) fn change(
    bench: &mut Bench,
    input: &EventInput,
    sent: &ResponseView,
    limits: &Limits,
    response: &Json,
) -> Result<ResponseChange, Violation> {
    let mut change = ResponseChange {
        status: changed_status(bench, input.trigger, sent, response)?,
        ..Default::default()
    };
    let description = read_description(response)?;
    change.description = description.filter(|text| !text::is_text_of(text, sent.description));
    if let Some(headers) = response.given("headers") {
        change.fields = diff::diff(bench, input.trigger, headers, sent.fields, "response.headers")?;
    }
    let status = change.status.unwrap_or(sent.status);
    if let Some(body) = read_body(response)? {
        change.body = take_body(bench, input.trigger, status, body)?;
    }
    if change.status.is_some() && is_bodiless(status) && input.trigger == Trigger::OriginResponse {
        change.body = Some(Vec::new()); // the origin's body cannot follow such a head
    }
    if let Some(body) = &change.body {
        check_size(bench, input.trigger, limits, change.fields.as_ref().unwrap_or(sent.fields), body)?;
    }
    Ok(change)
}

/// `None`: as it was. viewer-response cannot change it, and `relaxed` lets it only where the body's end stays the same.
fn changed_status(
    bench: &mut Bench,
    trigger: Trigger,
    sent: &ResponseView,
    response: &Json,
) -> Result<Option<u16>, Violation> {
    let unchanged = match response.get("status") {
        Some(Json::Text(text)) => text.parse() == Ok(sent.status) && text.len() == 3,
        Some(Json::Int(number)) => *number == i64::from(sent.status),
        _ => false,
    };
    if unchanged {
        return Ok(None); // an origin may send what a function may not
    }
    let status = read_status(response)?;
    if trigger == Trigger::ViewerResponse {
        let detail = format!("the status was changed from {} to {status} at viewer-response", sent.status);
        let framing = is_bodiless(status) || is_bodiless(sent.status);
        let what = breach(Code::StatusReadOnly, "response.status", detail);
        if !bench.rule(what, Action::Restored, framing)? {
            return Ok(None);
        }
    }
    Ok(Some(status))
}

fn take_body(
    bench: &mut Bench,
    trigger: Trigger,
    status: u16,
    body: Vec<u8>,
) -> Result<Option<Vec<u8>>, Violation> {
    if trigger == Trigger::ViewerResponse {
        let what = breach(Code::ResponseBody, "response.body", "viewer-response cannot change the body");
        bench.rule(what, Action::Dropped, true)?;
        return Ok(None);
    }
    if is_bodiless(status) && !body.is_empty() {
        no_body(bench, trigger, status)?;
        return Ok(None);
    }
    Ok(Some(body))
}

/// A string of three digits; whole numbers pass as well, as they do in the vendor's own samples.
fn read_status(response: &Json) -> Result<u16, Violation> {
    let status = match response.get("status") {
        Some(Json::Text(text)) if text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit()) => {
            text.parse().ok()
        }
        Some(Json::Int(number)) => u16::try_from(*number).ok(),
        _ => None,
    };
    status.filter(|s| (200..=599).contains(s)).ok_or_else(|| {
        let detail = match response.get("status") {
            None => "response.status is missing".to_owned(),
            Some(Json::Text(text)) => format!("response.status is `{}`, not 200 to 599", shown(text)),
            Some(Json::Int(number)) => format!("response.status is {number}, not 200 to 599"),
            Some(other) => format!("response.status is {}", other.kind()),
        };
        breach(Code::Status, "response.status", detail)
    })
}

fn read_description(response: &Json) -> Result<Option<String>, Violation> {
    let refuse = |detail: String| breach(Code::StatusText, "response.statusDescription", detail);
    match response.given("statusDescription") {
        None => Ok(None),
        Some(Json::Text(text)) if text::is_field_value(text.as_bytes()) => Ok(Some(text.to_string())),
        Some(Json::Text(_)) => Err(refuse("response.statusDescription holds a control character".to_owned())),
        Some(other) => Err(refuse(format!("response.statusDescription is {}, not a string", other.kind()))),
    }
}

/// `body` with `bodyEncoding` beside it, or an object `{encoding, data}`, which the vendor's validator names as well.
fn read_body(response: &Json) -> Result<Option<Vec<u8>>, Violation> {
    let Some(body) = response.given("body") else { return Ok(None) };
    let (data, encoding) = match body {
        Json::Text(_) => (Some(body), response.given("bodyEncoding")),
        Json::Map(_) => (body.get("data"), body.given("encoding").or_else(|| response.given("bodyEncoding"))),
        _ => (None, None),
    };
    let Some(data) = data.and_then(Json::text) else {
        let detail = format!("response.body is {}, not a string", body.kind());
        return Err(breach(Code::BodyData, "response.body", detail));
    };
    match encoding {
        None => Ok(Some(data.as_bytes().to_vec())),
        Some(Json::Text(encoding)) if encoding == "text" => Ok(Some(data.as_bytes().to_vec())),
        Some(Json::Text(encoding)) if encoding == "base64" => match text::read_base64(data) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(breach(Code::BodyData, "response.body", "response.body is not base64")),
        },
        Some(_) => {
            let detail = "response.bodyEncoding is neither `text` nor `base64`";
            Err(breach(Code::BodyEncoding, "response.bodyEncoding", detail))
        }
    }
}

/// Names, values, separators and the decoded body; how the vendor counts headers is not documented.
fn check_size(
    bench: &mut Bench,
    trigger: Trigger,
    limits: &Limits,
    fields: &Fields,
    body: &[u8],
) -> Result<(), Violation> {
    let size = fields.bytes() + 4 * fields.len() + body.len();
    let max = limits.response_bytes_max(trigger);
    if size <= max {
        return Ok(());
    }
    let detail = format!("the response has {size} bytes of headers and body, the limit is {max}");
    bench.size(breach(Code::ResponseSize, "response", detail))
}
