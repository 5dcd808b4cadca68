//! The event, byte for byte, at the four triggers.

// in a test a panic is the report
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sample;

use sample::{Sample, fields, s3_origin};
use serde_json::{Value, json};
use skerry_contract::*;

fn event(sample: &Sample) -> Value {
    let mut out = b"left over from the call before".to_vec();
    build(&sample.input(), Limits::of(Profile::Aws2026), &mut out);
    serde_json::from_slice(&out).unwrap()
}

fn headers() -> Value {
    json!({
        "host": [{"key": "Host", "value": "shop.example.com"}],
        "user-agent": [{"key": "User-Agent", "value": "curl/8"}],
        "x-two": [{"key": "X-Two", "value": "one"}, {"key": "X-Two", "value": "two"}],
        "accept-encoding": [{"key": "accept-encoding", "value": "br"}],
        "content-length": [{"key": "Content-Length", "value": "5"}],
        "via": [{"key": "Via", "value": "1.1 somewhere"}],
    })
}

fn config(trigger: &str) -> Value {
    json!({
        "distributionDomainName": "d111111abcdef8.cloudfront.net",
        "distributionId": "EDFDVBD6EXAMPLE",
        "eventType": trigger,
        "requestId": "4TyzHTaYWb1GX1qTfsHhEqV6HUDd_BzoBZnwfnvQc_1oF26ClkoUSEQ==",
    })
}

fn request() -> Value {
    json!({
        "clientIp": "203.0.113.178", "headers": headers(), "method": "POST",
        "uri": "/shop/item", "querystring": "size=large",
    })
}

fn origin() -> Value {
    json!({"custom": {
        "customHeaders": {"x-from-edge": [{"key": "X-From-Edge", "value": "yes"}]},
        "domainName": "api.example.com", "keepaliveTimeout": 5, "path": "", "port": 443,
        "protocol": "https", "readTimeout": 30, "sslProtocols": ["TLSv1.2"],
    }})
}

fn response() -> Value {
    json!({
        "status": "200", "statusDescription": "OK",
        "headers": {
            "server": [{"key": "Server", "value": "origin"}],
            "content-length": [{"key": "Content-Length", "value": "5"}],
            "set-cookie": [{"key": "Set-Cookie", "value": "a=1"}, {"key": "Set-Cookie", "value": "b=2"}],
            "via": [{"key": "Via", "value": "1.1 somewhere"}],
        },
    })
}

#[test]
fn each_trigger_shows_what_it_should_and_no_more() {
    let with_origin = |mut request: Value| {
        request["origin"] = origin();
        request
    };
    let rows = [
        (Trigger::ViewerRequest, request(), None),
        (Trigger::OriginRequest, with_origin(request()), None),
        (Trigger::OriginResponse, with_origin(request()), Some(response())),
        (Trigger::ViewerResponse, request(), Some(response())),
    ];
    for (trigger, request, response) in rows {
        let mut cf = json!({"config": config(trigger.name()), "request": request});
        if let Some(response) = response {
            cf["response"] = response;
        }
        assert_eq!(event(&Sample::at(trigger)), json!({"Records": [{"cf": cf}]}), "{trigger:?}");
    }
}

#[test]
fn headers_keep_wire_order() {
    let mut out = Vec::new();
    build(&Sample::at(Trigger::ViewerRequest).input(), Limits::of(Profile::Aws2026), &mut out);
    let text = String::from_utf8(out).unwrap();
    let at = |name: &str| text.find(name).unwrap_or_else(|| panic!("no {name}"));
    assert!(at("\"host\"") < at("\"user-agent\"") && at("\"x-two\"") < at("\"accept-encoding\""));
}

#[test]
fn bodies_are_base64_and_cut_at_the_limit() {
    let body = |trigger, bytes: &[u8], truncated| {
        let mut sample = Sample::at(trigger);
        sample.body = Some((bytes.to_vec(), truncated));
        event(&sample)["Records"][0]["cf"]["request"]["body"].clone()
    };
    let shown = |data: &str, truncated| json!({"action": "read-only", "encoding": "base64", "data": data, "inputTruncated": truncated});
    assert_eq!(body(Trigger::ViewerRequest, b"hello", false), shown("aGVsbG8=", false));
    assert_eq!(body(Trigger::ViewerRequest, b"", false), shown("", false));
    assert_eq!(body(Trigger::OriginRequest, b"\x00\xff", true), shown("AP8=", true));
    assert_eq!(body(Trigger::ViewerResponse, b"hello", false), Value::Null);
    for (trigger, max) in [(Trigger::ViewerRequest, 40 << 10), (Trigger::OriginRequest, 1 << 20)] {
        for (extra, truncated) in [(0, false), (1, true)] {
            let got = body(trigger, &vec![b'x'; max + extra], false);
            assert_eq!(got["inputTruncated"], truncated, "{trigger:?}+{extra}");
            assert_eq!(got["data"].as_str().unwrap().len(), max.div_ceil(3) * 4);
            // and what was shown passes back without a word
            let mut sample = Sample::at(trigger);
            sample.body = Some((vec![b'x'; max + extra], false));
            let judgement = sample.judge(Level::Strict, &serde_json::to_vec(&sample.unchanged()).unwrap());
            assert!(judgement.findings.is_empty(), "{:?}", judgement.findings);
            assert!(matches!(judgement.verdict, Verdict::Continue(_)), "{:?}", judgement.verdict);
        }
    }
}

#[test]
fn bytes_that_are_not_utf8_are_read_as_latin1_and_go_on_as_they_came() {
    let mut sample = Sample::at(Trigger::ViewerRequest);
    sample.uri = b"/caf\xe9".to_vec();
    sample.query = b"q=\xfc".to_vec();
    sample.request.push(b"X-Name", b"Ren\xe9");
    sample.request.push(b"X-Name", "Zoë".as_bytes());
    let got = event(&sample);
    let request = &got["Records"][0]["cf"]["request"];
    assert_eq!((&request["uri"], &request["querystring"]), (&json!("/café"), &json!("q=ü")));
    assert_eq!(request["headers"]["x-name"][0]["value"], "René");
    assert_eq!(request["headers"]["x-name"][1]["value"], "Zoë");

    let mut result = sample.unchanged();
    result["uri"] = json!("/café!");
    result["headers"]["x-name"].as_array_mut().unwrap().push(json!({"key": "X-Name", "value": "Åsa"}));
    let judgement = sample.judge(Level::Strict, &serde_json::to_vec(&result).unwrap());
    let Verdict::Continue(change) = judgement.verdict else { panic!("{judgement:?}") };
    let Change::Request(change) = *change else { panic!("a request is due") };
    assert_eq!(change.uri.as_deref(), Some("/café!".as_bytes())); // changed: UTF-8
    assert_eq!(change.query, None); // unchanged: raw
    let fields = change.fields.unwrap();
    let names: Vec<&[u8]> = fields.get_all(b"x-name").collect();
    assert_eq!(names, [&b"Ren\xe9"[..], "Zoë".as_bytes(), "Åsa".as_bytes()]);
    assert_eq!(fields.get(b"x-amz-cf-id"), Some(&b"hidden"[..])); // what was not shown is not lost
}

#[test]
fn text_that_json_must_escape() {
    let mut sample = Sample::at(Trigger::ViewerRequest);
    sample.request = fields(&[("X-Quote", "a \"b\" \\ c\t")]);
    sample.origin = Some(s3_origin());
    assert_eq!(
        event(&sample)["Records"][0]["cf"]["request"]["headers"]["x-quote"][0]["value"],
        "a \"b\" \\ c\t"
    );
}
