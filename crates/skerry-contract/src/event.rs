//! The event that a function receives, written straight into bytes.

use crate::headers::Access;
use crate::limits::Limits;
use crate::lines::Lines;
use crate::origin::Origin;
use crate::text;
use crate::trigger::Trigger;
use skerry_http::fields::Fields;

/// Everything an event is made of. All of it is borrowed; nothing is decoded or normalised beforehand.
#[derive(Clone, Copy, Debug)]
pub struct EventInput<'a> {
    /// Where the function stands.
    pub trigger: Trigger,
    /// `config.distributionId`.
    pub distribution_id: &'a str,
    /// `config.distributionDomainName`.
    pub distribution_domain: &'a str,
    /// `config.requestId`, the same as in `X-Amz-Cf-Id` and in the log.
    pub request_id: &'a str,
    /// The viewer's address, without brackets or port.
    pub client_ip: &'a str,
    /// The request at this point of the walk.
    pub request: RequestView<'a>,
    /// The request's body, where the association includes it; shown by request triggers alone.
    pub body: Option<BodyView<'a>>,
    /// The origin; shown by origin triggers alone.
    pub origin: Option<&'a Origin>,
    /// The response at this point of the walk; shown by response triggers alone.
    pub response: Option<ResponseView<'a>>,
}

/// A request, raw.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    /// Method as spelled.
    pub method: &'a [u8],
    /// Path, beginning with `/`.
    pub uri: &'a [u8],
    /// Query without `?`; empty when there is none.
    pub query: &'a [u8],
    /// All fields; those a function may not see are left out here, not by the caller.
    pub fields: &'a Fields,
}

/// A request's body, or as much of it as was read.
#[derive(Clone, Copy, Debug)]
pub struct BodyView<'a> {
    /// Its first bytes; more than the limit of the trigger is cut here.
    pub bytes: &'a [u8],
    /// More was sent than `bytes` holds.
    pub truncated: bool,
}

/// A response, raw. Its body is never shown.
#[derive(Clone, Copy, Debug)]
pub struct ResponseView<'a> {
    /// Three digits.
    pub status: u16,
    /// Reason phrase; may be empty.
    pub description: &'a [u8],
    /// All fields; those a function may not see are left out here.
    pub fields: &'a Fields,
}

/// Write the event into `out`, which is cleared first and keeps its memory.
pub fn build(input: &EventInput, limits: &Limits, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(b"{\"Records\":[{\"cf\":{\"config\":{\"distributionDomainName\":");
    text::write(out, input.distribution_domain.as_bytes());
    out.extend_from_slice(b",\"distributionId\":");
    text::write(out, input.distribution_id.as_bytes());
    out.extend_from_slice(b",\"eventType\":\"");
    out.extend_from_slice(input.trigger.name().as_bytes());
    out.extend_from_slice(b"\",\"requestId\":");
    text::write(out, input.request_id.as_bytes());
    out.extend_from_slice(b"},\"request\":");
    write_request(out, input, limits);
    if !input.trigger.is_request()
        && let Some(response) = &input.response
    {
        out.extend_from_slice(b",\"response\":");
        write_response(out, response, input.trigger);
    }
    out.extend_from_slice(b"}}]}");
}

/// The `request` object alone: what an unchanged request looks like as a result.
pub fn write_request(out: &mut Vec<u8>, input: &EventInput, limits: &Limits) {
    out.extend_from_slice(b"{\"clientIp\":");
    text::write(out, input.client_ip.as_bytes());
    out.extend_from_slice(b",\"headers\":");
    write_headers(out, input.request.fields, input.trigger);
    out.extend_from_slice(b",\"method\":");
    text::write(out, input.request.method);
    out.extend_from_slice(b",\"uri\":");
    text::write(out, input.request.uri);
    out.extend_from_slice(b",\"querystring\":");
    text::write(out, input.request.query);
    if input.trigger.is_request()
        && let Some(body) = &input.body
    {
        let (bytes, truncated) = shown_body(body, input.trigger, limits);
        out.extend_from_slice(b",\"body\":{\"action\":\"read-only\",\"data\":");
        text::write_base64(out, bytes);
        out.extend_from_slice(b",\"encoding\":\"base64\",\"inputTruncated\":");
        out.extend_from_slice(if truncated { b"true}" } else { b"false}" });
    }
    if !input.trigger.is_viewer()
        && let Some(origin) = input.origin
    {
        out.extend_from_slice(b",\"origin\":");
        origin.write(out);
    }
    out.push(b'}');
}

/// The part of a body that a function sees, and whether it is not the whole.
pub(crate) fn shown_body<'a>(body: &BodyView<'a>, trigger: Trigger, limits: &Limits) -> (&'a [u8], bool) {
    let max = limits.body_bytes_max(trigger);
    if body.bytes.len() > max { (&body.bytes[..max], true) } else { (body.bytes, body.truncated) }
}

/// The `response` object alone: what an unchanged response looks like as a result.
pub fn write_response(out: &mut Vec<u8>, response: &ResponseView, trigger: Trigger) {
    out.extend_from_slice(b"{\"headers\":");
    write_headers(out, response.fields, trigger);
    let status = response.status.min(999);
    let digit = |n: u16| b'0' + (n % 10) as u8;
    out.extend_from_slice(b",\"status\":\"");
    out.extend_from_slice(&[digit(status / 100), digit(status / 10), digit(status)]);
    out.extend_from_slice(b"\",\"statusDescription\":");
    text::write(out, response.description);
    out.push(b'}');
}

fn write_headers(out: &mut Vec<u8>, fields: &Fields, trigger: Trigger) {
    let lines = Lines::of(fields, trigger);
    out.push(b'{');
    let mut first = true;
    for (at, line) in lines.all.iter().enumerate() {
        if line.head != at || line.access == Access::Disallowed {
            continue;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        text::write_lower(out, line.name);
        out.push(b':');
        for (n, one) in lines.chain(at).enumerate() {
            out.extend_from_slice(if n == 0 { b"[{\"key\":" } else { b",{\"key\":" });
            text::write(out, one.name);
            out.extend_from_slice(b",\"value\":");
            text::write(out, one.value);
            out.push(b'}');
        }
        out.push(b']');
    }
    out.push(b'}');
}
