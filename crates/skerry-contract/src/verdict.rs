//! From the bytes of a result to a verdict.

use crate::event::EventInput;
use crate::finding::{Bench, Code, Violation, breach};
use crate::json::{Json, Unreadable};
use crate::outcome::{Change, Judgement, Policy, Verdict};
use crate::{request, response};

/// Judge what a function returned, against the event it was given.
///
/// `result` is the JSON text of the returned value. Any bytes are taken; none panic.
/// A read-only thing is recognised by its difference from `input`, so `input` must be the one the event was built from.
pub fn judge(input: &EventInput, result: &[u8], policy: Policy) -> Judgement {
    let mut bench = Bench { level: policy.level, findings: Vec::new() };
    let verdict = weigh(&mut bench, input, result, policy).unwrap_or_else(Verdict::Violation);
    Judgement { verdict, findings: bench.findings }
}

fn weigh(bench: &mut Bench, input: &EventInput, result: &[u8], policy: Policy) -> Result<Verdict, Violation> {
    let json = Json::read(result).map_err(|error| match error {
        Unreadable::NotJson(detail) => {
            breach(Code::NotJson, "result", format!("the result is not JSON: {detail}"))
        }
        Unreadable::TooMany => breach(Code::TooMany, "result", "the result holds too many values"),
        Unreadable::DuplicateKey(detail) => {
            breach(Code::DuplicateKey, "result", format!("in the result {detail}"))
        }
    })?;
    if json.map().is_none() {
        let detail = format!("the result is {}, not an object", json.kind());
        return Err(breach(Code::NotObject, "result", detail));
    }
    let is_response = json.get("status").is_some();
    let limits = policy.limits;
    match (input.trigger.is_request(), &input.response) {
        (true, _) if is_response => {
            response::generated(bench, input, limits, &json).map(|made| Verdict::Respond(Box::new(made)))
        }
        (true, _) if json.get("uri").is_some() || json.get("method").is_some() => {
            request::change(bench, input, limits, &json)
                .map(|change| Verdict::Continue(Box::new(Change::Request(change))))
        }
        (false, Some(sent)) if is_response => response::change(bench, input, sent, limits, &json)
            .map(|change| Verdict::Continue(Box::new(Change::Response(change)))),
        _ => Err(breach(Code::Shape, "result", shape(input, &json))),
    }
}

fn shape(input: &EventInput, json: &Json) -> String {
    let due = if input.trigger.is_request() { "the request or a response" } else { "the response" };
    let got = if json.get("statusCode").is_some() {
        "the result has `statusCode`, as API Gateway wants it, and no `status`"
    } else if json.get("Records").is_some() {
        "the result is the whole event"
    } else if json.get("uri").is_some() {
        "the result is a request"
    } else {
        "the result has neither `status` nor `uri`"
    };
    format!("{got}; {} wants {due}", input.trigger.name())
}
