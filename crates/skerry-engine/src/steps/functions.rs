//! One call of a function from the walk: event, call, verdict, findings. Each trigger's step decides what then.

use std::rc::Rc;

use skerry_contract::{
    Change, CloudError, EventInput, Failure as Contract, Finding, Generated, Limits, Origin as EventOrigin,
    Policy, Profile, RequestChange, RequestView, ResponseChange, ResponseView, Trigger, Verdict, build,
    cloud_error, judge,
};
use skerry_http::head::RequestHead;

use crate::body::RequestBody;
use crate::core::Core;
use crate::exchange::{Failure, FunctionFault, Peer};
use crate::function::pool::CallError;
use crate::record::RequestId;
use crate::snapshot::{Association, FunctionRef, Live, Site};
use crate::stats::count;
use crate::walk::Step;

/// Where and for whom a function is called.
pub struct Caller<'a> {
    /// The snapshot.
    pub live: &'a Live,
    /// The distribution.
    pub site: &'a Site,
    /// The request's id.
    pub id: &'a RequestId,
    /// The viewer.
    pub peer: &'a Peer,
}

/// What the function sees.
pub struct Sight<'a> {
    /// Which event.
    pub trigger: Trigger,
    /// The request as it stands.
    pub request: &'a RequestHead,
    /// Start of its body, and whether there is more.
    pub body: Option<(&'a [u8], bool)>,
    /// The origin.
    pub origin: Option<&'a EventOrigin>,
    /// The response.
    pub response: Option<ResponseView<'a>>,
}

/// What came of it.
pub enum Called {
    /// A changed request.
    Request(RequestChange),
    /// A changed response.
    Response(ResponseChange),
    /// A response made by the function.
    Generated(Box<Generated>),
}

/// Quotas in force (functions.md 1.5).
pub fn limits() -> &'static Limits {
    Limits::of(Profile::Aws2026)
}

/// Start of a request's body as a function may see it, and whether there is more; `None`: not asked for.
pub async fn shown_body(
    body: &mut RequestBody,
    association: &Association,
    trigger: Trigger,
) -> Result<Option<(Vec<u8>, bool)>, Box<Failure>> {
    if !association.include_body {
        return Ok(None);
    }
    let limit = limits().body_bytes_max(trigger);
    match body.peek(limit).await {
        Ok(more) => Ok(Some((body.prefix(limit), more))),
        Err(error) => {
            Err(Box::new(Failure::new(400, error.0, step_of(trigger), "the request's body is cut")))
        }
    }
}

/// Call, and judge what comes back.
pub async fn call(
    core: &Rc<Core>,
    caller: &Caller<'_>,
    association: &Association,
    sight: &Sight<'_>,
) -> Result<Called, Box<Failure>> {
    let ip = caller.peer.ip.to_string();
    let id = std::str::from_utf8(caller.id).unwrap_or("");
    let input = EventInput {
        trigger: sight.trigger,
        distribution_id: &caller.site.id,
        distribution_domain: &caller.site.domain,
        request_id: id,
        client_ip: &ip,
        request: RequestView {
            method: &sight.request.method_text,
            uri: sight.request.path(),
            query: sight.request.query().unwrap_or(b""),
            fields: &sight.request.fields,
        },
        body: sight.body.map(|(bytes, truncated)| skerry_contract::BodyView { bytes, truncated }),
        origin: sight.origin,
        response: sight.response,
    };
    let mut event = Vec::with_capacity(2048);
    build(&input, limits(), &mut event);
    let function = &association.function;
    let result = match core.functions.call(function, id, event).await {
        Ok(result) => result,
        Err(error) => return Err(Box::new(failure_of(&error, function, sight.trigger))),
    };
    let judgement = judge(&input, &result, Policy { level: caller.live.level, limits: limits() });
    for finding in &judgement.findings {
        log_finding(core, function, id, sight.trigger, finding);
    }
    match judgement.verdict {
        Verdict::Continue(change) => Ok(match *change {
            Change::Request(change) => Called::Request(change),
            Change::Response(change) => Called::Response(change),
        }),
        Verdict::Respond(generated) => Ok(Called::Generated(generated)),
        Verdict::Violation(violation) => {
            count(&core.stats.function_violations);
            let error = cloud_error(Contract::Invalid(&violation));
            core.function_log.line(function, id, "error", error.sentence.as_bytes(), 0);
            Err(Box::new(in_words(error, function, sight.trigger, String::new(), FunctionFault::Validation)))
        }
    }
}

/// Findings go to the function's log as JSON: whoever follows it tells each kind once.
fn log_finding(core: &Core, function: &FunctionRef, id: &str, trigger: Trigger, finding: &Finding) {
    let line = serde_json::json!({
        "code": finding.code.name(),
        "level": finding.weight,
        "about": finding.about,
        "message": finding.detail,
        "hint": finding.code.hint(),
        "action": finding.action,
        "event": trigger.name(),
    });
    core.function_log.line(function, id, "finding", line.to_string().as_bytes(), 0);
}

fn failure_of(error: &CallError, function: &FunctionRef, trigger: Trigger) -> Failure {
    let (kind, fault) = match error {
        CallError::Raised(_) => (Contract::Raised, FunctionFault::Execution),
        CallError::TimedOut => (Contract::TimedOut, FunctionFault::Execution),
        CallError::Crashed(_) => (Contract::Crashed, FunctionFault::Execution),
        CallError::InitFailed(_) => (Contract::InitFailed, FunctionFault::Execution),
        CallError::Throttled(_) => (Contract::Throttled, FunctionFault::Limit),
    };
    // only the first line: tracebacks belong to the function's log
    let detail = error.detail();
    let first = detail.lines().next().unwrap_or("").to_owned();
    in_words(cloud_error(kind), function, trigger, first, fault)
}

fn in_words(
    error: CloudError,
    function: &FunctionRef,
    trigger: Trigger,
    more: String,
    fault: FunctionFault,
) -> Failure {
    let step = step_of(trigger);
    let more = if more.is_empty() { more } else { format!(" ({more})") };
    let mut failure = Failure::new(
        error.status,
        error.code,
        step,
        format!("{} Function '{}', {}{more}.", error.sentence, function.name, trigger.name()),
    )
    .with_hint(error.hint);
    failure.function = Some(fault);
    failure
}

fn step_of(trigger: Trigger) -> Step {
    match trigger {
        Trigger::ViewerRequest => Step::ViewerRequest,
        Trigger::OriginRequest => Step::OriginRequest,
        Trigger::OriginResponse => Step::OriginResponse,
        Trigger::ViewerResponse => Step::ViewerResponse,
    }
}

/// A request's head with a change applied; a changed path or query becomes the target.
pub fn apply(head: &mut RequestHead, change: &mut RequestChange) {
    if change.uri.is_some() || change.query.is_some() {
        let uri = change.uri.take().unwrap_or_else(|| head.path().to_vec());
        let query = change.query.take().unwrap_or_else(|| head.query().unwrap_or(b"").to_vec());
        head.target = uri;
        if !query.is_empty() {
            head.target.push(b'?');
            head.target.extend_from_slice(&query);
        }
    }
    if let Some(fields) = change.fields.take() {
        head.fields = fields;
    }
}
