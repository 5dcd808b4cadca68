//! Every header of the guide's lists × trigger × add, edit, delete × level; the lists are written out again here,
//! so that a slip in the table shows.

// in a test a panic is the report
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sample;

use sample::{Sample, fields};
use serde_json::json;
use skerry_contract::*;

const DISALLOWED: &str = "connection expect keep-alive proxy-authenticate proxy-authorization proxy-connection trailer \
    upgrade x-accel-buffering x-accel-charset x-accel-limit-rate x-accel-redirect x-amz-cf-id x-amz-cf-pop x-amzn-auth \
    x-amzn-cf-billing x-amzn-cf-id x-amzn-cf-xff x-amzn-errortype x-amzn-fle-profile x-amzn-header-count \
    x-amzn-header-order x-amzn-lambda-integration-tag x-amzn-requestid x-cache x-edge-location x-edge-result-type \
    x-forwarded-proto x-real-ip";

const FREE: &str = "accept authorization cache-control cookie content-type date etag location referer set-cookie \
    strict-transport-security user-agent vary x-api-key x-forwarded-for x-amz-date x-amzn-trace-id x-cached x-edgy";

const FRAMING: &str =
    "connection content-length expect keep-alive proxy-connection te trailer transfer-encoding upgrade";

fn read_only(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::ViewerRequest => "cdn-loop content-length host transfer-encoding via",
        Trigger::OriginRequest => {
            "accept-encoding cdn-loop content-length if-modified-since if-none-match if-range if-unmodified-since \
             transfer-encoding via"
        }
        Trigger::OriginResponse => "transfer-encoding via",
        Trigger::ViewerResponse => "warning via content-length content-encoding transfer-encoding",
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Deed {
    Add,
    Edit,
    Delete,
}

/// An exchange that carries the header once (unless the deed is to add it), and a result that does the deed.
fn act(trigger: Trigger, name: &str, deed: Deed) -> (Sample, Vec<u8>) {
    let mut sample = Sample::at(trigger);
    let lines: &[(&str, &str)] = &[("X-Other", "o"), (name, "before"), ("X-Last", "l")];
    let sent = fields(if deed == Deed::Add { &lines[..1] } else { lines });
    match trigger.is_request() {
        true => sample.request = sent,
        false => sample.response = sent,
    }
    let mut result = sample.unchanged();
    let headers = result["headers"].as_object_mut().unwrap();
    match deed {
        Deed::Delete => {
            headers.remove(name);
        }
        _ => {
            headers.insert(name.into(), json!([{"key": name, "value": "after"}]));
        }
    }
    (sample, serde_json::to_vec(&result).unwrap())
}

/// What the message carries afterwards.
fn value(sample: &Sample, judgement: &Judgement, name: &str) -> Option<String> {
    let Verdict::Continue(change) = &judgement.verdict else { panic!("{:?}", judgement.verdict) };
    let (changed, sent) = match change.as_ref() {
        Change::Request(change) => (&change.fields, &sample.request),
        Change::Response(change) => (&change.fields, &sample.response),
    };
    let fields = changed.as_ref().unwrap_or(sent);
    fields.get(name.as_bytes()).map(|v| String::from_utf8(v.to_vec()).unwrap())
}

fn outcome(deed: Deed, taken: bool) -> Option<String> {
    let text = match (deed, taken) {
        (Deed::Add, false) | (Deed::Delete, true) => None,
        (Deed::Add | Deed::Edit, true) => Some("after"),
        (Deed::Edit | Deed::Delete, false) => Some("before"),
    };
    text.map(str::to_owned)
}

fn check(trigger: Trigger, name: &str, deed: Deed, code: Option<Code>, relaxed_takes: bool) {
    let (sample, result) = act(trigger, name, deed);
    let place = format!("{deed:?} {name} at {trigger:?}");
    let strict = sample.judge(Level::Strict, &result);
    match (code, &strict.verdict) {
        (Some(code), Verdict::Violation(v)) => {
            assert_eq!((v.code, v.about.as_str()), (code, name), "{place}")
        }
        (None, _) => assert_eq!(value(&sample, &strict, name), outcome(deed, true), "{place}"),
        (Some(_), other) => panic!("{place}: {other:?}"),
    }
    for (level, takes) in [(Level::Warn, code.is_none()), (Level::Relaxed, relaxed_takes)] {
        let judgement = sample.judge(level, &result);
        assert_eq!(value(&sample, &judgement, name), outcome(deed, takes), "{place} at {level:?}");
        assert_eq!(value(&sample, &judgement, "x-other").as_deref(), Some("o"), "{place} at {level:?}");
        let codes: Vec<Code> = judgement.findings.iter().map(|f| f.code).collect();
        assert_eq!(codes, code.into_iter().collect::<Vec<_>>(), "{place} at {level:?}");
        for finding in &judgement.findings {
            let action = match (takes, deed) {
                (true, _) => Action::Kept,
                (false, Deed::Add) => Action::Dropped,
                // what was never shown cannot have been edited: setting it is an addition that is dropped
                (false, _) if finding.code == Code::HeaderDisallowed => Action::Dropped,
                (false, _) => Action::Restored,
            };
            assert_eq!(finding.action, action, "{place} at {level:?}");
        }
    }
}

fn is_framing_name(name: &str) -> bool {
    FRAMING.split(' ').any(|f| f == name)
}

#[test]
fn disallowed_headers_are_never_seen_and_never_set() {
    for trigger in Trigger::ALL {
        for name in DISALLOWED.split_whitespace() {
            let (sample, _) = act(trigger, name, Deed::Edit);
            assert!(sample.unchanged()["headers"].get(name).is_none(), "{name} is shown at {trigger:?}");
            for deed in [Deed::Add, Deed::Edit] {
                check(trigger, name, deed, Some(Code::HeaderDisallowed), !is_framing_name(name));
            }
            // its absence in the result is no deletion
            let (sample, result) = act(trigger, name, Deed::Delete);
            let judgement = sample.judge(Level::Strict, &result);
            assert_eq!(value(&sample, &judgement, name).as_deref(), Some("before"), "{name} at {trigger:?}");
        }
    }
}

#[test]
fn read_only_headers_stay_as_they_came() {
    for trigger in Trigger::ALL {
        for name in read_only(trigger).split_whitespace() {
            for deed in [Deed::Add, Deed::Edit, Deed::Delete] {
                let stays = is_framing_name(name) || (name == "host" && deed == Deed::Delete);
                check(trigger, name, deed, Some(Code::HeaderReadOnly), !stays);
            }
        }
    }
}

#[test]
fn all_others_are_free() {
    for trigger in Trigger::ALL {
        let all =
            Trigger::ALL.iter().flat_map(|t| read_only(*t).split_whitespace()).chain(FREE.split_whitespace());
        for name in all {
            let own = read_only(trigger).split_whitespace().any(|n| n == name);
            if own || is_framing_name(name) {
                continue;
            }
            for deed in [Deed::Add, Deed::Edit, Deed::Delete] {
                check(trigger, name, deed, None, true);
            }
        }
    }
}

#[test]
fn the_viewers_country_may_be_changed_but_not_added() {
    let name = "cloudfront-viewer-country";
    check(Trigger::ViewerRequest, name, Deed::Add, Some(Code::HeaderAddRefused), true);
    check(Trigger::ViewerRequest, name, Deed::Edit, None, true);
    check(Trigger::ViewerRequest, name, Deed::Delete, None, true);
    check(Trigger::OriginRequest, name, Deed::Add, None, true);
}

#[test]
fn framing_is_not_taken_where_the_vendor_would_let_it_pass() {
    for (trigger, name) in [(Trigger::OriginResponse, "content-length"), (Trigger::ViewerRequest, "te")] {
        for deed in [Deed::Add, Deed::Edit, Deed::Delete] {
            let (sample, result) = act(trigger, name, deed);
            for level in sample::LEVELS {
                let judgement = sample.judge(level, &result);
                assert_eq!(value(&sample, &judgement, name), outcome(deed, false), "{deed:?} {name}");
                assert_eq!(judgement.findings[0].code, Code::HeaderFraming);
                assert_eq!(judgement.findings[0].weight, Weight::Note);
            }
        }
    }
}
