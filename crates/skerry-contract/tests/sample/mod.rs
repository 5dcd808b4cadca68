//! One exchange, its events and unchanged results, and judgements told in lines of text.

// each test file uses a part of this
#![allow(dead_code)]

use serde_json::Value;
use skerry_contract::event::{write_request, write_response};
use skerry_contract::*;
use skerry_http::fields::Fields;

pub const LEVELS: [Level; 3] = [Level::Strict, Level::Warn, Level::Relaxed];

#[derive(Debug)]
pub struct Sample {
    pub trigger: Trigger,
    pub method: Vec<u8>,
    pub uri: Vec<u8>,
    pub query: Vec<u8>,
    pub request: Fields,
    pub body: Option<(Vec<u8>, bool)>,
    pub origin: Option<Origin>,
    pub status: u16,
    pub response: Fields,
}

pub fn fields(lines: &[(&str, &str)]) -> Fields {
    lines.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect()
}

pub fn custom_origin() -> Origin {
    Origin::Custom(CustomOrigin {
        domain: "api.example.com".into(),
        path: String::new(),
        port: 443,
        protocol: Protocol::Https,
        keepalive_s: 5,
        read_timeout_s: 30,
        ssl_protocols: vec!["TLSv1.2".into()],
        headers: vec![("X-From-Edge".into(), "yes".into())],
    })
}

pub fn s3_origin() -> Origin {
    Origin::S3(S3Origin {
        domain: "site.s3.amazonaws.com".into(),
        path: "/site".into(),
        auth_method: AuthMethod::OriginAccessIdentity,
        region: "us-east-1".into(),
        headers: vec![],
    })
}

impl Sample {
    pub fn at(trigger: Trigger) -> Sample {
        Sample {
            trigger,
            method: b"POST".to_vec(),
            uri: b"/shop/item".to_vec(),
            query: b"size=large".to_vec(),
            request: fields(&[
                ("Host", "shop.example.com"),
                ("User-Agent", "curl/8"),
                ("X-Two", "one"),
                ("X-Amz-Cf-Id", "hidden"),
                ("accept-encoding", "br"),
                ("X-Two", "two"),
                ("Content-Length", "5"),
                ("Via", "1.1 somewhere"),
            ]),
            body: None,
            origin: Some(custom_origin()),
            status: 200,
            response: fields(&[
                ("Server", "origin"),
                ("Content-Length", "5"),
                ("X-Cache", "hidden"),
                ("Set-Cookie", "a=1"),
                ("Set-Cookie", "b=2"),
                ("Via", "1.1 somewhere"),
            ]),
        }
    }

    pub fn input(&self) -> EventInput<'_> {
        EventInput {
            trigger: self.trigger,
            distribution_id: "EDFDVBD6EXAMPLE",
            distribution_domain: "d111111abcdef8.cloudfront.net",
            request_id: "4TyzHTaYWb1GX1qTfsHhEqV6HUDd_BzoBZnwfnvQc_1oF26ClkoUSEQ==",
            client_ip: "203.0.113.178",
            request: RequestView {
                method: &self.method,
                uri: &self.uri,
                query: &self.query,
                fields: &self.request,
            },
            body: self.body.as_ref().map(|(bytes, truncated)| BodyView { bytes, truncated: *truncated }),
            origin: self.origin.as_ref(),
            response: (!self.trigger.is_request()).then_some(ResponseView {
                status: self.status,
                description: b"OK",
                fields: &self.response,
            }),
        }
    }

    /// What the handler `return request` (or `return response`) returns.
    pub fn unchanged(&self) -> Value {
        let mut out = Vec::new();
        let input = self.input();
        match &input.response {
            Some(response) => write_response(&mut out, response, self.trigger),
            None => write_request(&mut out, &input, Limits::of(Profile::Aws2026)),
        }
        serde_json::from_slice(&out).unwrap()
    }

    pub fn judge(&self, level: Level, result: &[u8]) -> Judgement {
        judge(&self.input(), result, Policy { level, limits: Limits::of(Profile::Aws2026) })
    }

    /// The judgement as lines: findings first, then what happens.
    pub fn told(&self, judgement: &Judgement) -> Vec<String> {
        let mut out: Vec<String> = judgement
            .findings
            .iter()
            .map(|f| {
                let word = |v: &dyn erased::Told| v.told();
                format!("{} {} {} {}", word(&f.weight), f.code.name(), f.about, word(&f.action))
            })
            .collect();
        match &judgement.verdict {
            Verdict::Violation(v) => out.push(format!("violation {} {}", v.code.name(), v.about)),
            Verdict::Respond(made) => {
                out.push(format!("respond {} {}", made.status, made.description.as_deref().unwrap_or("-")));
                out.extend(made.fields.iter().map(|(n, v)| format!("+ {}: {}", lossy(n), lossy(v))));
                out.push(format!("body {}", brief(&made.body)));
            }
            Verdict::Continue(change) => match change.as_ref() {
                Change::Request(change) => self.told_request(change, &mut out),
                Change::Response(change) => self.told_response(change, &mut out),
            },
        }
        out
    }

    fn told_request(&self, change: &RequestChange, out: &mut Vec<String>) {
        out.push("continue".into());
        out.extend(change.uri.iter().map(|u| format!("uri {}", lossy(u))));
        out.extend(change.query.iter().map(|q| format!("query {}", lossy(q))));
        out.extend(change.fields.iter().flat_map(|f| difference(&self.request, f)));
        out.extend(change.body.iter().map(|b| format!("body {}", brief(b))));
        for mut origin in change.origin.iter().cloned() {
            for (_, value) in origin.headers_mut() {
                *value = lossy(value.as_bytes());
            }
            out.push(format!("origin {}", serde_json::to_string(&origin).unwrap()));
        }
    }

    fn told_response(&self, change: &ResponseChange, out: &mut Vec<String>) {
        out.push("continue".into());
        out.extend(change.status.iter().map(|s| format!("status {s}")));
        out.extend(change.description.iter().map(|d| format!("description {d}")));
        out.extend(change.fields.iter().flat_map(|f| difference(&self.response, f)));
        out.extend(change.body.iter().map(|b| format!("body {}", brief(b))));
    }
}

fn lossy(bytes: &[u8]) -> String {
    if bytes.len() > 200 {
        format!("<{} bytes>", bytes.len())
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    }
}

fn brief(bytes: &[u8]) -> String {
    if bytes.len() > 40 { format!("<{} bytes>", bytes.len()) } else { format!("{:?}", lossy(bytes)) }
}

/// Lines that went and lines that came.
fn difference(before: &Fields, after: &Fields) -> Vec<String> {
    let list = |f: &Fields| f.iter().map(|(n, v)| format!("{}: {}", lossy(n), lossy(v))).collect::<Vec<_>>();
    let (before, after) = (list(before), list(after));
    let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("- {line}"));
    let come = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(come).collect()
}

/// Serialised spelling of an enum variant.
mod erased {
    pub trait Told {
        fn told(&self) -> String;
    }
    impl<T: serde::Serialize> Told for T {
        fn told(&self) -> String {
            serde_json::to_value(self).unwrap().as_str().unwrap().to_owned()
        }
    }
}

/// `"$repeat before|piece|n"` → `before` and n times `piece`: tables stay readable.
pub fn expand(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(rest) = text.strip_prefix("$repeat ") {
                let [before, piece, n] = rest.split('|').collect::<Vec<_>>()[..] else { panic!("{text}") };
                *text = format!("{before}{}", piece.repeat(n.parse().unwrap()));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(expand),
        Value::Object(members) => members.values_mut().for_each(expand),
        _ => {}
    }
}

/// JSON merge patch (RFC 7396): `null` deletes; the word `"$null"` stands for null itself.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = if patch == "$null" { Value::Null } else { patch.clone() };
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Default::default());
    }
    let Value::Object(members) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            members.remove(key);
        } else {
            merge(members.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
